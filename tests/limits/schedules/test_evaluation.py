"""What charging profiles allow at one instant."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.limits.schedules.evaluation import limit_at
from cfos_cm.limits.schedules.limit import Limit
from cfos_cm.limits.schedules.profile import Period, RateUnit, Schedule
from cfos_cm.limits.schedules.store import Profiles

from .builders import DAY_S, HOUR_S, at, daily, maximum, profile, running, stored, tx
from .cases import CASES, NOON, Case, Wanted
from .naive import painted


def limit(wanted: Wanted) -> Limit | None:
    """As it is written in a case, as a limit."""
    return Limit(wanted) if isinstance(wanted, int) else wanted


class HandTests(SynchronousTestCase):
    """The cases that were worked out by hand."""

    def wrong(self, case: Case) -> list[str]:
        """What differs."""
        found = []
        profiles = Profiles(stored(*case.profiles).in_order)
        for moment, wanted in case.wanted.items():
            ruling = limit_at(profiles, at(moment), case.connector, case.running)
            if ruling.limit != limit(wanted):
                found.append(f"{case.clause}: at {moment} {ruling.limit}; wanted: {wanted}")
        return found

    def test_cases(self) -> None:
        """Each comes to what the specification says."""
        self.assertEqual([], [line for case in CASES for line in self.wrong(case)])

    def test_naive(self) -> None:
        """An evaluator that is written in another way says the same of each."""
        for case in CASES:
            for moment, wanted in case.wanted.items():
                at_s = at(moment)
                if any(at_s < each.start_s for each in case.running.values()):
                    continue  # It knows no clock that was put back.
                (found,) = painted(
                    case.profiles, case.connector, case.running, range(at_s, at_s + 1)
                )
                expected = limit(wanted)
                self.assertEqual(
                    None if expected is None else (expected.current_ma, expected.phases),
                    found,
                    f"{case.clause}: at {moment}",
                )


class NextChangeTests(SynchronousTestCase):
    """Until when a limit holds."""

    def until(self, moment: str, *profiles: object, **started: str) -> int | None:
        """When it may change. [s since 1970]"""
        return limit_at(stored(*profiles), at(moment), 1, running(**started)).until_s  # type: ignore[arg-type]

    def test_never(self) -> None:
        """Nothing changes where nothing is, or all that was is over."""
        self.assertIsNone(self.until(NOON))
        self.assertIsNone(self.until(NOON, profile((0, 6))))
        self.assertIsNone(self.until(NOON, profile((0, 6), valid_to="2026-03-02 12:00")))

    def test_period(self) -> None:
        """The next period, or the end of the schedule."""
        one = profile((0, 16), (60, 6), duration=90)
        self.assertEqual(at("2026-03-01 00:01:00"), self.until("2026-03-01 00:00:00", one))
        self.assertEqual(at("2026-03-01 00:01:30"), self.until("2026-03-01 00:01:00", one))

    def test_end_before_the_next_period(self) -> None:
        """The end of the schedule, where the next period would begin after it."""
        one = profile((0, 16), (60, 6), duration=30)
        self.assertEqual(at("2026-03-01 00:00:30"), self.until("2026-03-01 00:00:00", one))

    def test_recurrence(self) -> None:
        """The next recurrence, from within a gap too."""
        night = daily((0, 6), duration=HOUR_S)
        self.assertEqual(at("2026-03-02 22:00"), self.until("2026-03-02 12:00", night))

    def test_higher_one_begins(self) -> None:
        """A profile that goes before what holds now, and begins later."""
        later = profile((0, 8), id=9, stack_level=1, start="2026-03-02 13:00")
        self.assertEqual(at("2026-03-02 13:00"), self.until(NOON, profile((0, 6)), later))

    def test_lower_one_begins(self) -> None:
        """A profile below what holds now changes nothing when it begins."""
        later = profile((0, 8), start="2026-03-02 13:00")
        over = profile((0, 6), id=9, stack_level=1)
        self.assertIsNone(self.until(NOON, over, later))

    def test_transaction_profile_begins(self) -> None:
        """A TxProfile that begins later goes before the default."""
        later = tx((0, 8), start="2026-03-02 13:00")
        self.assertEqual(
            at("2026-03-02 13:00"), self.until(NOON, profile((0, 6)), later, c1=NOON)
        )

    def test_maximum(self) -> None:
        """A maximum that begins later."""
        later = maximum((0, 8), start="2026-03-02 13:00")
        self.assertEqual(at("2026-03-02 13:00"), self.until(NOON, profile((0, 6)), later))

    def test_validity(self) -> None:
        """The beginning and the end of a validity."""
        one = profile((0, 6), valid_from="2026-03-02 10:00", valid_to="2026-03-02 11:00")
        self.assertEqual(at("2026-03-02 10:00"), self.until("2026-03-02 09:00", one))
        self.assertEqual(at("2026-03-02 11:00"), self.until("2026-03-02 10:30", one))

    def test_far_ahead(self) -> None:
        """A profile of a year long gone is found without counting its days."""
        old = daily((0, 6), start="2000-01-01 00:00", duration=HOUR_S)
        self.assertEqual(at("2100-12-31 01:00"), self.until("2100-12-31 00:30", old))


class OriginTests(SynchronousTestCase):
    """Which profile it is that limits."""

    def test_lower_current(self) -> None:
        """The one with the lower current is named."""
        own, ceiling = profile((0, 16)), maximum((0, 8), (60, 20))
        profiles = stored(own, ceiling)
        self.assertEqual(ceiling, limit_at(profiles, at("2026-03-01 00:00"), 1, {}).profile)
        self.assertEqual(own, limit_at(profiles, at("2026-03-01 00:01"), 1, {}).profile)

    def test_none(self) -> None:
        """None is where nothing is said."""
        over = profile((0, 16), duration=60)
        self.assertIsNone(limit_at(stored(over), at(NOON), 1, {}).profile)

    def test_minimum_rate(self) -> None:
        """The minChargingRate is kept for whoever wants to know it."""
        found = limit_at(stored(profile((0, 6), min_rate=10)), at(NOON), 1, {}).profile
        assert found is not None
        self.assertEqual(10_000, found.schedule.min_rate_milli)


class ScheduleTests(SynchronousTestCase):
    """A schedule by itself, as one that a Charge Point reports."""

    def test_first_period_late(self) -> None:
        """Before its first period it says nothing."""
        late = Schedule(RateUnit.A, (Period(60, 6_000),), duration_s=DAY_S)
        self.assertEqual((None, 60), late.at(59))
        self.assertEqual((Limit(6_000), DAY_S), late.at(60))

    def test_no_periods(self) -> None:
        """Without periods it says nothing."""
        self.assertEqual((None, None), Schedule(RateUnit.A, ()).at(0))


class LimitTests(SynchronousTestCase):
    """The power of a limit."""

    def test_exact_power(self) -> None:
        """Where the current is that of a power, the power is as it was said."""
        power = Limit.of_power(11_000_000, 3)
        self.assertEqual(11_000_000, power.clipped(Limit(32_000)).power_mw)
        self.assertEqual(11_000_000, Limit(32_000).clipped(power).power_mw)

    def test_other_phases(self) -> None:
        """The current of one on the phases of the other is the power of just that."""
        clipped = Limit(20_000, 3).clipped(Limit.of_power(6_900_000, 1))
        self.assertEqual(Limit(20_000, 1, 4_600_000), clipped)

    def test_none(self) -> None:
        """Nothing limits nothing."""
        self.assertEqual(Limit(6_000), Limit(6_000).clipped(None))

    def test_sum(self) -> None:
        """Together: the currents on one phase, and the power of each."""
        self.assertEqual(
            Limit(32_000, 3, 14_720_000), Limit.sum_of((Limit(16_000, 1), Limit(16_000, 3)))
        )
