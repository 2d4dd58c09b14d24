"""Work that is asked for more often than it can be done."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.pace import LONGEST_REST_S, REST, Pace


class PaceCase(SynchronousTestCase):
    """
    Work on a clock that moves only when it is told to.

    @ivar takes_s: how long the work takes each time. [s]
    @ivar done_at_s: when each of it began. [s]
    """

    def setUp(self) -> None:
        """Make the clock and the pace."""
        self.clock = Clock()
        self.clock.advance(1000)
        self.takes_s = 0.0
        self.done_at_s: list[float] = []
        self.pace = Pace(self.clock, self.work)

    def work(self) -> None:
        """What is done."""
        self.done_at_s.append(self.clock.seconds() - 1000)
        # The clock goes on and nothing else happens, as while a program computes.
        self.clock.rightNow += self.takes_s

    def ask(self, *delays_s: float) -> None:
        """Ask for work after each of these times, now."""
        for delay_s in delays_s:
            self.pace.work_by(self.clock.seconds() + delay_s)


class Due(PaceCase):
    """Work that takes no time."""

    def test_now(self) -> None:
        """It is done in the next turn, not in the call that asks for it."""
        self.ask(0)
        self.assertEqual([], self.done_at_s)
        self.clock.advance(0)
        self.assertEqual([0], self.done_at_s)

    def test_past(self) -> None:
        """A time that has passed means now."""
        self.ask(-5)
        self.clock.advance(0)
        self.assertEqual([0], self.done_at_s)

    def test_once(self) -> None:
        """However often it is asked for, it is done once, at the earliest of all times."""
        self.ask(3, 1, 2)
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.clock.pump([0.5] * 10)
        self.assertEqual([1], self.done_at_s)

    def test_again(self) -> None:
        """Each time is done for itself when they do not lie together."""
        self.ask(1)
        self.clock.advance(1)
        self.ask(0)
        self.clock.advance(0)
        self.assertEqual([1, 1], self.done_at_s)

    def test_stop(self) -> None:
        """After the end no timer is left; it can be asked again."""
        self.pace.stop()
        self.ask(1)
        self.pace.stop()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.ask(2)
        self.clock.advance(2)
        self.assertEqual([2], self.done_at_s)


class Rest(PaceCase):
    """Work that takes time."""

    def test_rests(self) -> None:
        """After the work it rests three times as long, whenever it is asked for."""
        self.takes_s = 0.5
        self.ask(0)
        self.clock.advance(0)
        self.ask(0)
        self.clock.pump([0.25] * 5)
        self.assertEqual([0], self.done_at_s)
        self.clock.advance(0.25)
        self.assertEqual([0, 0.5 + REST * 0.5], self.done_at_s)

    def test_rested(self) -> None:
        """Work that is due after the rest is not later for it."""
        self.takes_s = 0.5
        self.ask(0)
        self.clock.advance(0)
        self.ask(10)
        self.clock.pump([0.5] * 20)
        self.assertEqual([0, 10.5], self.done_at_s)

    def test_asks_itself(self) -> None:
        """Work that asks for more of itself rests as well, for as long as it took."""
        self.takes_s = 0.5

        def work() -> None:
            self.ask(0)
            self.work()

        self.pace = Pace(self.clock, work)
        self.ask(0)
        self.clock.advance(0)
        self.clock.pump([0.25] * 14)
        self.assertEqual([0, 2, 4], self.done_at_s)

    def test_clock_forward(self) -> None:
        """A clock that is set forward meanwhile does not stop the work for hours."""
        self.takes_s = 3600.0
        self.ask(0)
        self.clock.advance(0)
        self.takes_s = 0.0
        self.ask(0)
        self.clock.advance(LONGEST_REST_S)
        self.assertEqual(2, len(self.done_at_s))

    def test_clock_forward_while_asking(self) -> None:
        """Nor where the work itself has asked for more."""
        self.takes_s = 3600.0

        def work() -> None:
            if not self.done_at_s:
                self.ask(0)
            self.work()
            self.takes_s = 0.0

        self.pace = Pace(self.clock, work)
        self.ask(0)
        self.clock.advance(0)
        self.clock.advance(LONGEST_REST_S)
        self.assertEqual(2, len(self.done_at_s))

    def test_clock_back(self) -> None:
        """Nor does one that is set back."""
        self.takes_s = 1.0
        self.ask(0)
        self.clock.advance(0)
        self.clock.rightNow -= 3600.0
        self.takes_s = -10.0
        self.ask(0)
        self.clock.advance(LONGEST_REST_S)
        self.assertEqual(2, len(self.done_at_s))
        self.ask(0)
        self.clock.advance(0)
        self.assertEqual(3, len(self.done_at_s))

    def test_failure(self) -> None:
        """Work that fails can be asked for again, after its rest."""

        def fails() -> None:
            self.work()
            raise ZeroDivisionError

        self.takes_s = 1.0
        self.pace = Pace(self.clock, fails)
        self.ask(0)
        self.assertRaises(ZeroDivisionError, self.clock.advance, 0)
        self.ask(0)
        self.clock.advance(2.9)
        self.assertEqual(1, len(self.done_at_s))
        self.assertRaises(ZeroDivisionError, self.clock.advance, 0.1)
