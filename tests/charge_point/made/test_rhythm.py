"""When meters are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.base import DelayedCall
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.made.rhythm import Grid, Spacing
from tests.charge_point.made.bay import NOON


class _Hasty(Clock):
    """A clock whose timers ring too early."""

    def callLater(
        self, when: float, what: Callable[..., object], *a: object, **kw: object
    ) -> DelayedCall:
        """See L{Clock.callLater}."""
        return super().callLater(max(0.0, when - 0.5), what, *a, **kw)


class SpacingTests(SynchronousTestCase):
    """At whole multiples of an interval."""

    def setUp(self) -> None:
        """Nothing rings yet."""
        self.clock = Clock()
        self.rang: list[float] = []
        self.spacing = Spacing(self.clock, lambda: self.rang.append(self.clock.seconds()))
        self.addCleanup(self.spacing.stop)

    def test_exact(self) -> None:
        """It does not drift, however the clock goes."""
        self.spacing.start(0.0, 10.0)
        self.clock.pump([0.7] * 101)
        wanted = [10.0 * count for count in range(1, 8)]
        for due_s, rang_s in zip(wanted, self.rang, strict=True):
            self.assertTrue(due_s <= rang_s < due_s + 0.7)

    def test_missed(self) -> None:
        """For all that was missed it rings once, and then in time again."""
        self.spacing.start(0.0, 10.0)
        self.clock.rightNow = 57.0
        self.clock.advance(0)
        self.clock.advance(3)
        self.assertEqual([57.0, 60.0], self.rang)

    def test_since(self) -> None:
        """What began earlier goes on in its own time."""
        self.clock.advance(1003)
        self.spacing.start(998.0, 10.0)
        self.clock.advance(5)
        self.assertEqual([1008.0], self.rang)

    def test_off(self) -> None:
        """0 is not at all; and when it is stopped nothing is left."""
        self.spacing.start(0.0, 0.0)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.spacing.start(0.0, 5.0)
        self.spacing.stop()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_early(self) -> None:
        """A timer that rings a hair too early does not ring twice."""
        clock = _Hasty()
        rang: list[float] = []
        spacing = Spacing(clock, lambda: rang.append(clock.seconds()))
        spacing.start(0.0, 10.0)
        clock.pump([0.25] * 130)
        self.assertEqual([10, 20, 30], [round(one_s) for one_s in rang])


class GridTests(SynchronousTestCase):
    """At even times of day."""

    def setUp(self) -> None:
        """It is a little after noon."""
        self.start_at(NOON + timedelta(seconds=100))

    def start_at(self, now: datetime) -> None:
        """The time of day at the beginning."""
        self.clock = Clock()
        self.began = now
        self.rang: list[datetime] = []
        self.grid = Grid(self.clock, self.now, self.rang.append)

    def now(self) -> datetime:
        """The time of day, which can be set."""
        return self.began + timedelta(seconds=self.clock.seconds())

    def pass_by(self, seconds: int) -> None:
        """Time passes, second by second."""
        self.clock.pump([1.0] * seconds)

    def test_even(self) -> None:
        """The times are even, whenever it was begun."""
        self.grid.start(900.0)
        self.pass_by(2000)
        self.assertEqual(
            [NOON + timedelta(minutes=15), NOON + timedelta(minutes=30)], self.rang
        )

    def test_late(self) -> None:
        """A moment late is still the even time."""
        self.grid.start(900.0)
        self.clock.advance(798)
        self.clock.advance(4.5)
        self.assertEqual([NOON + timedelta(minutes=15)], self.rang)

    def test_midnight(self) -> None:
        """It is counted from midnight, also by what does not divide the day."""
        self.start_at(datetime(2026, 3, 1, 23, 50, tzinfo=UTC))
        self.grid.start(7 * 3600.0)
        self.pass_by(1200)
        self.assertEqual([datetime(2026, 3, 2, tzinfo=UTC)], self.rang)

    def test_set_forward(self) -> None:
        """What the time of day jumps over is left out."""
        self.grid.start(900.0)
        self.began += timedelta(hours=5)
        self.pass_by(120)
        self.assertEqual([], self.rang)
        self.pass_by(900)
        self.assertEqual([NOON + timedelta(hours=5, minutes=15)], self.rang)

    def test_set_back_a_little(self) -> None:
        """A clock that is put right says no time twice, and none that was before."""
        for back_s in (10, 58, 957):
            self.setUp()
            self.grid.start(900.0)
            self.pass_by(801)
            self.began -= timedelta(seconds=back_s)
            self.pass_by(90)
            self.assertEqual([NOON + timedelta(minutes=15)], self.rang, back_s)

    def test_set_back_far(self) -> None:
        """One that went wrong is believed again when it is put right."""
        self.grid.start(900.0)
        self.began -= timedelta(hours=3)
        self.pass_by(900)
        self.assertEqual([NOON - timedelta(hours=3) + timedelta(minutes=15)], self.rang)

    def test_off(self) -> None:
        """0 is not at all."""
        self.grid.start(900.0)
        self.grid.start(0.0)
        self.assertEqual([], self.clock.getDelayedCalls())

    @given(
        st.integers(1, 4000),
        st.lists(st.tuples(st.integers(0, 400), st.integers(-9000, 9000)), max_size=8),
    )
    def test_never_in_a_burst(self, interval_s: int, jumps: list[tuple[int, int]]) -> None:
        """However the time of day jumps, it rings no more often than time passes."""
        self.start_at(NOON)
        self.grid.start(float(interval_s))
        for passed_s, jump_s in jumps:
            before, began_s = len(self.rang), self.clock.seconds()
            self.pass_by(passed_s)
            passed = self.clock.seconds() - began_s
            self.assertLessEqual(len(self.rang) - before, passed // interval_s + 1)
            self.began += timedelta(seconds=jump_s)
        for one in self.rang:
            midnight = one.replace(hour=0, minute=0, second=0)
            self.assertEqual(0, (one - midnight).total_seconds() % interval_s)
