"""What flowed in the last hours and days."""

from __future__ import annotations

from datetime import timedelta
from sys import getsizeof

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import PhaseCurrents
from cfos_cm.services.web.history import DAYS, HOURS, Curves, History, Ring
from cfos_cm.site.events import EvseMeasured, MeterLost, MeterMeasured, SetpointDecided
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint

from .sights import NOON, TWO_BAYS, World

NOON_S = int(NOON.timestamp())
VALUES = st.lists(st.none() | st.integers(-(2**40), 2**40), max_size=30)


def kept(value: int | None) -> int | None:
    """What a ring can keep of it."""
    return None if value is None else max(-(2**31) + 1, min(value, 2**31 - 1))


class RingTests(SynchronousTestCase):
    """The newest values of a series."""

    @given(st.integers(1, 9), VALUES, st.integers(0, 12))
    @settings(deadline=None)
    def test_newest(self, steps: int, values: list[int | None], count: int) -> None:
        """It keeps the newest in their order, however many there were."""
        ring = Ring(steps)
        for value in values:
            ring.add(value)
        expected = [kept(value) for value in values][-steps:]
        self.assertEqual(len(expected), len(ring))
        self.assertEqual(expected[max(0, len(expected) - count) :], ring.newest(count))

    @given(VALUES, st.integers(1, 12))
    @settings(deadline=None)
    def test_mean(self, values: list[int | None], count: int) -> None:
        """The mean is that of what is known."""
        ring = Ring(20)
        for value in values:
            ring.add(value)
        known = [one for one in ring.newest(count) if one is not None]
        mean = ring.mean(count)
        if not known:
            self.assertIsNone(mean)
            return
        assert mean is not None
        self.assertTrue(min(known) <= mean <= max(known))
        self.assertTrue(2 * abs(mean * len(known) - sum(known)) <= len(known))


class HistoryTests(SynchronousTestCase):
    """A site with two EVSEs, from 12:00:00 on."""

    def setUp(self) -> None:
        """Begin to note."""
        self.world = World()
        self.clock, self.loop = self.world.clock, self.world.loop
        self.begin()

    def begin(self) -> None:
        """Note from now on."""
        self.offset = timedelta()
        self.history = History(
            self.clock,
            lambda: self.world.now() + self.offset,
            lambda: self.loop.state,
            self.world.outlook.flow,
        )
        self.history.start()

    def of(self, name: str = "bay-1") -> Curves:
        """The curves of an EVSE in the last hours."""
        curves = self.history.evse(name)
        assert curves is not None
        return curves

    def measure(self, power_w: int | None, name: str = "bay-1") -> None:
        """An EVSE measures, with three times as many mA on L2."""
        currents = None if power_w is None else PhaseCurrents(power_w, 3 * power_w, 0)
        self.loop.report(EvseMeasured(name, currents, None, power_w))

    def test_nothing_yet(self) -> None:
        """Before the first step there is nothing, and a stranger has no curves."""
        self.assertEqual(
            ([], [[]] * 3),
            (list(self.of().times), [list(one) for one in self.of().series.values()]),
        )
        self.assertIsNone(self.history.evse("bay-3"))
        self.assertEqual(("bay-1", "bay-2"), self.history.names())

    def test_evse(self) -> None:
        """Every ten seconds it is noted what an EVSE draws, and what it could draw."""
        self.clock.advance(10)
        self.measure(1000)
        given = Setpoint(6000, Reason(ReasonCode.RATING, "x"))
        self.loop.report(SetpointDecided("bay-1", given))
        self.clock.advance(9.9)
        self.measure(2000)
        self.clock.pump([0.1, 10])
        curves = self.of()
        self.assertEqual(10, curves.span.step_s)
        self.assertEqual([NOON_S + 10, NOON_S + 20, NOON_S + 30], list(curves.times))
        self.assertEqual(
            {
                "power_w": [None, 2000, 2000],
                "current_ma": [None, 6000, 6000],
                "setpoint_ma": [None, 6000, 6000],
            },
            curves.series,
        )
        self.assertEqual([None] * 3, self.of("bay-2").series["power_w"])

    def test_site(self) -> None:
        """So it is where power flows; what is not known is a gap."""
        self.loop.report(MeterMeasured("grid", None, 5000))
        self.loop.report(MeterMeasured("roof", None, 1000))
        self.clock.advance(10)
        self.loop.report(MeterLost("grid", "x"))
        self.clock.advance(10)
        self.assertEqual(
            {
                "grid_w": [5000, None],
                "house_w": [6000, None],
                "generation_w": [1000, 1000],
                "chargers_w": [0, 0],
            },
            self.history.site().series,
        )

    def test_days(self) -> None:
        """A long step is the mean of its short ones, and ends where it says."""
        for power_w in range(60):
            self.measure(power_w)
            self.clock.advance(10)
        # What has begun since is no long step yet.
        self.clock.pump([10, 10, 10])
        curves = self.history.evse("bay-1", DAYS)
        assert curves is not None
        self.assertEqual(300, curves.span.step_s)
        self.assertEqual([NOON_S + 300, NOON_S + 600], list(curves.times))
        self.assertEqual([round(14.5), round(44.5)], curves.series["power_w"])

    def test_held_up(self) -> None:
        """Where the program stood still there is a gap, and the times are right."""
        self.measure(1000)
        self.clock.advance(10)
        # One timer, late by 30 s.
        self.clock.rightNow += 40
        self.clock.advance(0)
        curves = self.of()
        self.assertEqual([1000, None, None, None, 1000], curves.series["power_w"])
        self.assertEqual([NOON_S + 10 * step for step in range(1, 6)], list(curves.times))

    def test_held_up_for_long(self) -> None:
        """Who stood still for longer than anything is remembered begins anew."""
        self.clock.advance(10)
        self.clock.rightNow += 7 * 3600
        self.clock.advance(0)
        self.assertEqual([NOON_S + 7 * 3600 + 10], list(self.of().times))
        self.assertEqual(1, len(self.of().series["power_w"]))

    def test_full(self) -> None:
        """Of the hours there are six, of the days fourteen; what is older is forgotten."""
        for _ in range(HOURS.steps + 5):
            self.clock.advance(10)
        curves = self.history.site()
        self.assertEqual(HOURS.steps, len(curves.times))
        self.assertEqual(HOURS.steps, len(curves.series["grid_w"]))
        self.assertEqual(NOON_S + 60, curves.times[0])
        self.assertEqual(HOURS.steps // 30, len(self.history.site(DAYS).times))

    def test_evses_come_and_go(self) -> None:
        """One that is gone is forgotten; one that comes has what was since."""
        self.clock.advance(20)
        self.world.reconfigure(TWO_BAYS.split("[evse bay-2]")[0])
        self.clock.advance(10)
        self.assertIsNone(self.history.evse("bay-2"))
        self.world.reconfigure(TWO_BAYS)
        self.clock.advance(10)
        self.assertEqual([NOON_S + 40], list(self.of("bay-2").times))
        self.assertEqual(4, len(self.of("bay-1").times))

    def test_time_of_day(self) -> None:
        """Somebody who sets the clock moves all times; a little does not."""
        self.clock.advance(20)
        self.of()
        self.offset = timedelta(seconds=2)
        self.assertEqual([NOON_S + 10, NOON_S + 20], list(self.of().times))
        self.offset = timedelta(hours=1)
        self.assertEqual([NOON_S + 3610, NOON_S + 3620], list(self.of().times))

    def test_mistake(self) -> None:
        """A step that cannot be noted is a gap, and the next one is noted."""
        real = self.world.outlook.flow
        self.patch(self.history, "_flow", lambda: 1 / 0)
        self.clock.advance(10)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.patch(self.history, "_flow", real)
        self.measure(1000)
        self.clock.advance(10)
        self.assertEqual([None, 1000], self.of().series["power_w"])

    def test_early(self) -> None:
        """A timer that is early notes no step twice."""
        self.clock.advance(10)
        (timer,) = self.clock.getDelayedCalls()
        timer.reset(5)
        self.clock.advance(5)
        self.assertEqual([NOON_S + 10], list(self.of().times))
        self.clock.advance(5)
        self.assertEqual([NOON_S + 10, NOON_S + 20], list(self.of().times))
        self.assertEqual(2, len(self.of().series["power_w"]))

    def test_stop(self) -> None:
        """When it has stopped nothing is left."""
        self.history.stop()
        self.history.stop()
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_memory(self) -> None:
        """The series of 200 EVSEs are below 25 MB when all are full."""
        size = 0
        for span in (HOURS, DAYS):
            ring = Ring(span.steps)
            for value in range(span.steps + 10):
                ring.add(value)
            size += getsizeof(ring) + getsizeof(ring._values)
        self.assertLess(200 * 3 * size, 25_000_000)

    @given(st.lists(st.floats(0.1, 100), max_size=30))
    @settings(max_examples=50, deadline=None)
    def test_times(self, waits_s: list[float]) -> None:
        """However late it is, times are a step apart and there is a value for each."""
        self.setUp()
        for wait_s in waits_s:
            self.clock.rightNow += wait_s
            self.clock.advance(0)
        whole = int(self.clock.seconds() // 10)
        for curves in (self.of(), self.history.site()):
            times = list(curves.times)
            if whole:
                self.assertEqual([NOON_S + 10 * one for one in range(1, whole + 1)], times)
            for values in curves.series.values():
                self.assertEqual(len(times), len(values))
        self.history.stop()
