"""How many sockets there may be."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.sockets import Sockets

LIMITS = ServerLimits(sockets=5, handshakes_per_source=3, handshake_grace_s=1)


class SocketsTests(SynchronousTestCase):
    """Numbers for sockets."""

    def setUp(self) -> None:
        """Nobody is there."""
        self.clock = Clock()
        self.sockets: Sockets[int] = Sockets(LIMITS, self.clock)

    def come(self, *numbers: int, source: str | None = None) -> list[int]:
        """Those that have to go for some newcomers, each of its own source or all of one."""
        return [
            leaving
            for number in numbers
            for leaving in self.sockets.came(number, source or f"source {number}")
        ]

    def test_room(self) -> None:
        """As many as are allowed come, and nobody has to go."""
        self.assertEqual([], self.come(1, 2, 3, 4, 5))
        self.assertTrue(self.sockets.has_room())

    def test_has(self) -> None:
        """Those that have come are here until they have left or had to go."""
        self.come(1, 2, 3, 4, 5, 6)
        self.sockets.settled(2)
        self.sockets.left(3)
        self.assertEqual([2, 4, 5, 6], [one for one in range(1, 8) if self.sockets.has(one)])

    def test_oldest_goes(self) -> None:
        """Then the oldest of those that are still shaking hands has to."""
        self.come(1, 2, 3, 4, 5)
        self.sockets.settled(1)
        self.assertEqual([2, 3], self.come(6, 7))

    def test_open_ones_stay(self) -> None:
        """When all are open, there is no room until one has left."""
        self.come(1, 2, 3, 4, 5)
        for number in range(1, 6):
            self.sockets.settled(number)
        self.assertFalse(self.sockets.has_room())
        self.sockets.left(3)
        self.assertTrue(self.sockets.has_room())
        self.assertEqual([], self.come(6))

    def test_gone_while_shaking(self) -> None:
        """One that has left has not to go any more."""
        self.come(1, 2, 3, 4, 5)
        self.sockets.left(1)
        self.assertEqual([], self.come(6))
        self.assertEqual([2], self.come(7))

    def test_one_source(self) -> None:
        """Of one source the oldest go, when they have had their time."""
        self.come(1, 2, 3, source="a")
        self.come(4, source="b")
        self.clock.advance(1.01)
        self.assertEqual([1], self.come(5, source="a"))

    def test_grace(self) -> None:
        """Who has only just come stays, however many its source has."""
        self.sockets = Sockets(ServerLimits(), self.clock)
        self.assertEqual([], self.come(*range(1000), source="one router"))
        for number in range(1000):
            self.sockets.settled(number)
        self.clock.advance(60)
        self.assertEqual([], self.come(1000, source="one router"))

    def test_down_to_the_bound(self) -> None:
        """All that are too many and too old go at once."""
        self.sockets = Sockets(ServerLimits(), self.clock)
        self.come(*range(120), source="a")
        self.clock.advance(2)
        self.assertEqual(list(range(71)), self.come(120, source="a"))

    def test_many_dials(self) -> None:
        """As long as there is room nobody has to go, however often somebody dials."""
        for number in range(5000):
            self.assertEqual([], self.come(number, source="one router"))
            self.sockets.left(number)
        self.assertEqual([], self.come(5000, source="one router"))

    def test_many_make_room_for_their_own(self) -> None:
        """A source that has many makes room for its own newcomers, also for young ones."""
        self.come(1, source="a")
        self.come(2, 3, 4, 5, source="b")
        self.assertEqual([2, 3], self.come(6, 7, source="b"))
        self.assertEqual([1], self.come(8, source="c"))

    def test_nothing_kept(self) -> None:
        """When all have left, nothing of them is kept."""
        self.come(1, 2, source="a")
        self.come(3, source="b")
        self.sockets.settled(2)
        for number in (1, 2, 3, 3):
            self.sockets.left(number)
        kept = (self.sockets._here, self.sockets._shaking, self.sockets._by_source)
        self.assertEqual((set(), {}, {}), kept)
