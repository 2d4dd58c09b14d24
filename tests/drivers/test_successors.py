"""An EVSE that gets another name while it is told something: both names are one connector."""

from __future__ import annotations

from cfos_cm.errors import DeviceError
from cfos_cm.site.setpoint import Setpoint
from tests.central_system.world import World

from .picky import Picky, PickyPeer
from .test_forms import WHY, PickyCase, limit


class SlowPeer(PickyPeer):
    """
    It answers when it is told to.

    @ivar is_slow: whether what comes is answered later.
    """

    def __init__(self, world: World) -> None:
        self.is_slow = False
        self._waiting: list[bytes] = []
        super().__init__(world)

    def _receive(self, text: bytes) -> None:
        if self.is_slow:
            self._waiting.append(text)
        else:
            super()._receive(text)

    def answer(self) -> None:
        """Answer what has come, and from then on at once."""
        self.is_slow = False
        waiting, self._waiting = self._waiting, []
        for text in waiting:
            super()._receive(text)


class Successors(PickyCase):
    """Who takes the EVSE's place has the last word."""

    def setUp(self) -> None:
        """A transaction runs, and the Charge Point is slow from then on."""
        super().setUp()
        self.peer: SlowPeer = SlowPeer(self.world)
        self.obeys(0)
        self.peer.charge()
        self.obeys(10_000)
        self.peer.is_slow = True
        self.successor = self.make()

    def test_released(self) -> None:
        """What the other one was released with does not replace what is ordered since."""
        self.peer.picky = Picky(clears=("Unknown", False), says=None)
        releasing = self.evse.release()
        ordered = self.successor.apply(Setpoint(6000, WHY), self.peer.transaction, True)
        self.peer.answer()
        self.successResultOf(releasing)
        self.successResultOf(ordered)
        self.assertEqual(6, self.peer.limit_a())

    def test_ordered(self) -> None:
        """Nor does what the other one was ordered in a form that is found later."""
        self.world.system.roster.acquaintance("CP-2").profile_habits.forget_forms()
        self.peer.picky = Picky(
            takes=lambda one: limit(one) <= 6 or one["chargingProfileKind"] == "Relative"
        )
        earlier = self.evse.apply(Setpoint(13_000, WHY), self.peer.transaction, False)
        ordered = self.successor.apply(Setpoint(6000, WHY), self.peer.transaction, True)
        self.peer.answer()
        self.successResultOf(earlier)
        self.successResultOf(ordered)
        self.assertEqual(6, self.peer.limit_a())

    def test_lost(self) -> None:
        """Nobody waits for who was not answered."""
        earlier = self.evse.apply(Setpoint(13_000, WHY), self.peer.transaction, False)
        ordered = self.successor.apply(Setpoint(6000, WHY), self.peer.transaction, True)
        self.world.clock.advance(30)
        self.failureResultOf(earlier, DeviceError)
        self.assertNoResult(ordered)
        self.peer.answer()
        self.successResultOf(ordered)
        self.assertEqual(6, self.peer.limit_a())
