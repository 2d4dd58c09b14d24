"""What charging profiles come to in a time. 2 March 2026 is a Monday."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import LocalProtocolError
from cfos_cm.limits.schedules import composite
from cfos_cm.limits.schedules.composite import Outlook, Span, spans
from cfos_cm.limits.schedules.limit import Limit
from cfos_cm.limits.schedules.profile import Kind, Profile, RateUnit, Running, Schedule

from .builders import (
    DAY_S,
    HOUR_S,
    at,
    daily,
    maximum,
    profile,
    relative,
    running,
    stored,
    tx,
    weekly,
)

MONDAY = at("2026-03-02 00:00")
HARDWARE = Limit(32_000)
A, W = RateUnit.A, RateUnit.W


def composite_of(
    *profiles: Profile,
    duration_s: int = HOUR_S,
    unit: RateUnit = A,
    connector: int = 1,
    from_s: int = MONDAY,
    transactions: Mapping[int, Running] | None = None,
    made_for: Mapping[int, Limit] | None = None,
    most_periods: int = 24,
) -> Schedule:
    """What a Charge Point of one connector of 32 A answers, unless it is another."""
    outlook = Outlook(stored(*profiles), transactions or {}, made_for or {1: HARDWARE})
    return outlook.composite_schedule(connector, from_s, duration_s, unit, most_periods)


class CompositeTestCase(SynchronousTestCase):
    """The base of tests of composite schedules."""

    def assert_periods(self, schedule: Schedule, *wanted: tuple[int, float]) -> None:
        """Compare the periods: from when on [s], and how much [A or W]."""
        self.assertEqual(
            list(wanted),
            [(period.start_s, period.limit_milli / 1000) for period in schedule.periods],
        )


class HandTests(CompositeTestCase):
    """Schedules that were worked out by hand."""

    def test_without_profiles(self) -> None:
        """Without profiles it is what the connector is made for."""
        self.assert_periods(composite_of(), (0, 32))

    def test_above_the_hardware(self) -> None:
        """'Local limits might be taken into account': 63 A are no more than there are."""
        self.assert_periods(composite_of(profile((0, 63))), (0, 32))

    def test_smallest_at_each_time(self) -> None:
        """'The minimum value for each time interval', whatever the intervals are."""
        self.assert_periods(
            composite_of(
                profile((0, 16), (1800, 6), start="2026-03-02 00:00"),
                maximum((0, 10), start="2026-03-02 00:15", duration=600),
            ),
            (0, 16),
            (900, 10),
            (1500, 16),
            (1800, 6),
        )

    def test_gap(self) -> None:
        """Between two schedules it is what the connector is made for."""
        self.assert_periods(
            composite_of(
                profile((0, 6), start="2026-03-02 00:00", duration=600),
                profile((0, 8), start="2026-03-02 00:30", duration=600, id=9, stack_level=1),
            ),
            (0, 6),
            (600, 32),
            (1800, 8),
            (2400, 32),
        )

    def test_two_days(self) -> None:
        """A daily schedule is there again each day."""
        self.assert_periods(
            composite_of(daily((0, 10), (8 * HOUR_S, 16)), duration_s=2 * DAY_S),
            (0, 10),
            (6 * HOUR_S, 16),
            (22 * HOUR_S, 10),
            (30 * HOUR_S, 16),
            (46 * HOUR_S, 10),
        )

    def test_week(self) -> None:
        """A week with nights and a weekend, from Friday noon on."""
        schedule = composite_of(
            profile((0, 16)),
            daily((0, 8), stack_level=1, id=8, duration=8 * HOUR_S),
            weekly((0, 32), stack_level=2, id=9, start="2026-02-07 00:00", duration=2 * DAY_S),
            from_s=at("2026-03-06 12:00"),
            duration_s=4 * DAY_S,
        )
        self.assert_periods(
            schedule,
            (0, 16),
            (10 * HOUR_S, 8),  # Friday, 22:00
            (12 * HOUR_S, 32),  # Saturday
            (60 * HOUR_S, 8),  # Monday
            (66 * HOUR_S, 16),  # 06:00
            (82 * HOUR_S, 8),  # 22:00
            (90 * HOUR_S, 16),  # Tuesday, 06:00
        )

    def test_transaction_profile_ends(self) -> None:
        """After a TxProfile the default is told."""
        self.assert_periods(
            composite_of(
                profile((0, 6)),
                relative((0, 16), duration=1800, id=9, purpose=tx((0, 0)).purpose),
                transactions=running(c1="2026-03-01 23:50"),
            ),
            (0, 16),
            (1200, 6),
        )

    def test_equal_neighbours(self) -> None:
        """Periods that look alike are one."""
        self.assert_periods(
            composite_of(profile((0, 16), (60, 16), (120, 6), start="2026-03-02 00:00")),
            (0, 16),
            (120, 6),
        )

    def test_equal_when_rounded(self) -> None:
        """Periods that look alike when they are rounded are one, too."""
        self.assert_periods(
            composite_of(profile((0, 16.04), (60, 16.09), start="2026-03-02 00:00")), (0, 16)
        )

    def test_same_current_on_fewer_phases(self) -> None:
        """Another number of phases is another period."""
        schedule = composite_of(
            profile((0, 16)), maximum((0, 16), phases=1, start="2026-03-02 00:01")
        )
        self.assert_periods(schedule, (0, 16), (60, 16))
        self.assertEqual([3, 1], [period.phases for period in schedule.periods])

    def test_instant(self) -> None:
        """For a duration of 0, or less, it is what holds now."""
        for duration_s in (0, -5):
            schedule = composite_of(profile((0, 6)), duration_s=duration_s)
            self.assert_periods(schedule, (0, 6))
            self.assertEqual(0, schedule.duration_s)

    def test_start_and_duration(self) -> None:
        """It says from when on, and for how long."""
        schedule = composite_of(duration_s=600)
        self.assertEqual((MONDAY, 600), (schedule.start_s, schedule.duration_s))

    def test_no_such_connector(self) -> None:
        """Of a connector that there is not nothing can be said."""
        error = self.assertRaises(LocalProtocolError, composite_of, connector=2)
        self.assertIn("no connector 2; allowed: 0, 1", str(error))


class UnitTests(CompositeTestCase):
    """Amperes and watts."""

    def test_amperes_in_watts(self) -> None:
        """10 A on three phases are 6900 W, on one 2300 W."""
        self.assert_periods(composite_of(profile((0, 10)), unit=W), (0, 6_900))
        self.assert_periods(composite_of(profile((0, 10), phases=1), unit=W), (0, 2_300))

    def test_watts_in_amperes(self) -> None:
        """11 kW are 15.942 A, of which 15.9 A are told."""
        self.assert_periods(composite_of(profile((0, 11_000), unit=W)), (0, 15.9))

    def test_watts_stay_watts(self) -> None:
        """11 kW are told as 11 kW, and not as what 15.942 A come to."""
        self.assert_periods(composite_of(profile((0, 11_000), unit=W), unit=W), (0, 11_000))

    def test_rounded_down(self) -> None:
        """16.49 A are told as 16.4 A, and 1234.56 W as 1234.5 W."""
        self.assert_periods(composite_of(profile((0, 16.49))), (0, 16.4))
        self.assert_periods(composite_of(profile((0, 1_234.56), unit=W), unit=W), (0, 1_234.5))

    def test_amperes_per_phase_are_the_cap(self) -> None:
        """6900 W on one phase under 20 A per phase are 4600 W."""
        schedule = composite_of(profile((0, 6_900), unit=W, phases=1), maximum((0, 20)), unit=W)
        self.assert_periods(schedule, (0, 4_600))


class WholeTests(CompositeTestCase):
    """Connector 0: 'the total expected power or current'."""

    TWO = {1: Limit(16_000, 1), 2: Limit(32_000, 3)}

    def test_sum(self) -> None:
        """It is what all connectors may draw together, on one phase or in power."""
        for unit, total in ((A, 48), (W, 25_760)):
            schedule = composite_of(connector=0, made_for=self.TWO, unit=unit)
            self.assert_periods(schedule, (0, total))
            self.assertEqual(3, schedule.periods[0].phases)

    def test_one_connector(self) -> None:
        """Of one connector it is the same as that of the connector."""
        one = profile((0, 16), (60, 10), start="2026-03-02 00:00")
        self.assertEqual(composite_of(one), composite_of(one, connector=0))

    def test_maximum(self) -> None:
        """'The limit for all connectors combined': 40 A, though each may draw 32 A."""
        two = {1: HARDWARE, 2: HARDWARE}
        ceiling = maximum((0, 40), (600, 20), start="2026-03-02 00:00")
        self.assert_periods(
            composite_of(ceiling, connector=0, made_for=two), (0, 40), (600, 20)
        )
        self.assert_periods(
            composite_of(ceiling, connector=1, made_for=two), (0, 32), (600, 20)
        )

    def test_power_of_the_maximum(self) -> None:
        """48 A under 28 A: the power of what may be drawn, where that is less."""
        ceiling = maximum((0, 28))
        schedule = composite_of(
            ceiling,
            connector=0,
            made_for={1: Limit(16_000, 1), 2: Limit(16_000, 3)},
            unit=W,
        )
        self.assert_periods(schedule, (0, 14_720))

    def test_each_changes(self) -> None:
        """It changes when either connector's limit does."""
        schedule = composite_of(
            profile((0, 10), (600, 6), start="2026-03-02 00:00"),
            profile((0, 20), (900, 16), start="2026-03-02 00:00", connector=2, id=2),
            connector=0,
            made_for={1: HARDWARE, 2: HARDWARE},
        )
        self.assert_periods(schedule, (0, 30), (600, 26), (900, 22))


class BoundTests(CompositeTestCase):
    """Schedules that would be endless."""

    #: Another limit each second, for ever.
    FLICKER = daily(
        *((second, 6 + second % 2) for second in range(1_440)), start="2026-03-02 00:00"
    )

    def test_periods(self) -> None:
        """More periods than are allowed are cut off, and the duration with them."""
        schedule = composite_of(self.FLICKER, duration_s=10 * 365 * DAY_S)
        self.assertEqual(24, len(schedule.periods))
        self.assertEqual(24, schedule.duration_s)

    def test_unseen_changes(self) -> None:
        """Of changes that never show it looks at so many, and tells what it has seen."""
        schedule = composite_of(
            self.FLICKER, maximum((0, 6)), duration_s=10 * 365 * DAY_S, most_periods=1_440
        )
        self.assert_periods(schedule, (0, 6))
        assert schedule.duration_s is not None
        self.assertTrue(DAY_S < schedule.duration_s < 10 * DAY_S, schedule.duration_s)

    def test_at_least_one(self) -> None:
        """Where there is more than it may look at it tells the first limit all the same."""
        self.patch(composite, "MAX_LOOKS", 1)
        schedule = composite_of(self.FLICKER, maximum((0, 6)))
        self.assert_periods(schedule, (0, 6))
        self.assertEqual(1, schedule.duration_s)

    def test_quiet_decade(self) -> None:
        """Where nothing changes ten years are told to the end."""
        schedule = composite_of(profile((0, 6)), duration_s=10 * 365 * DAY_S)
        self.assertEqual(10 * 365 * DAY_S, schedule.duration_s)

    def test_tiny_and_huge(self) -> None:
        """Times at the ends of 64 bits are no trouble."""
        huge = 2**63 - 1
        one = profile((0, 6), (huge, 8), duration=huge, kind=Kind.RELATIVE)
        schedule = composite_of(
            one, duration_s=huge, transactions=running(c1="2026-03-02 00:00")
        )
        self.assert_periods(schedule, (0, 6))


class SpanTests(SynchronousTestCase):
    """The same, exact and with its gaps."""

    def test_gaps(self) -> None:
        """Where nothing is said the limit is C{None}."""
        profiles = stored(profile((0, 6.05), start="2026-03-02 00:01", duration=60))
        self.assertEqual(
            [
                Span(MONDAY, MONDAY + 60, None),
                Span(MONDAY + 60, MONDAY + 120, Limit(6_050)),
                Span(MONDAY + 120, MONDAY + 180, None),
            ],
            list(spans(profiles, 1, {}, MONDAY, MONDAY + 180)),
        )

    def test_empty(self) -> None:
        """In no time there is nothing."""
        self.assertEqual([], list(spans(stored(), 1, {}, MONDAY, MONDAY)))
