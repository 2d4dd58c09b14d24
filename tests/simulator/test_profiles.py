"""
What charging profiles come to: worked out by hand from OCPP 1.6, "Smart Charging".

The cases are those where implementations disagree. 2 March 2026 is a Monday.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.simulator.profiles import (
    MAX_PERIODS,
    MAX_PROFILES,
    ChargingProfiles,
    composite_schedule,
    fault_of,
)
from cfos_cm.simulator.schedule import Limit
from cfos_cm.v16.smart_charging import ClearChargingProfileRequest
from cfos_cm.v16.types import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
    RecurrencyKind,
)

DEFAULT = ChargingProfilePurpose.TX_DEFAULT_PROFILE
TX = ChargingProfilePurpose.TX_PROFILE
MAX = ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE
ABSOLUTE = ChargingProfileKind.ABSOLUTE
RECURRING = ChargingProfileKind.RECURRING
RELATIVE = ChargingProfileKind.RELATIVE
W = ChargingRateUnit.W
A = ChargingRateUnit.A

HARDWARE = Limit(32_000, 3)
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def at(text: str) -> datetime:
    """A point in time, as C{2026-03-02 22:00}."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def profile(
    *periods: tuple[int, float],
    unit: ChargingRateUnit = A,
    phases: int | None = None,
    duration: int | None = None,
    start: str | None = "2026-03-01T00:00:00Z",
    **changed: Any,
) -> ChargingProfile:
    """A profile; absolute from 1 March on, and for every transaction, unless changed."""
    given: dict[str, Any] = {
        "charging_profile_id": 1,
        "stack_level": 0,
        "charging_profile_purpose": DEFAULT,
        "charging_profile_kind": ABSOLUTE,
    }
    return ChargingProfile(
        **{**given, **changed},
        charging_schedule=ChargingSchedule(
            charging_rate_unit=unit,
            charging_schedule_period=tuple(
                ChargingSchedulePeriod(start_period=begin, limit=limit, number_phases=phases)
                for begin, limit in periods
            ),
            duration=duration,
            start_schedule=start,
        ),
    )


def daily(*periods: tuple[int, float], **changed: Any) -> ChargingProfile:
    """A profile that begins every day at 22:00."""
    given: dict[str, Any] = {
        "charging_profile_kind": RECURRING,
        "recurrency_kind": RecurrencyKind.DAILY,
        "start": "2026-03-01T22:00:00Z",
    }
    return profile(*periods, **{**given, **changed})


def stored(*profiles: tuple[int, ChargingProfile]) -> ChargingProfiles:
    """The profiles that a wallbox has that was given these, one after the other."""
    result = ChargingProfiles()
    for connector, each in profiles:
        following = result.with_profile(connector, each)
        assert following is not None
        result = following
    return result


class LimitTestCase(SynchronousTestCase):
    """The base of tests that ask for the limit at connector 1."""

    def assert_limit(
        self,
        profiles: ChargingProfiles,
        moment: str,
        current_ma: int | None,
        started: str | None = None,
    ) -> None:
        """
        Compare the current.

        @param current_ma: C{None}: what the hardware can.
        @param started: when a transaction began.
        """
        limit = profiles.limit(at(moment), 1, at(started) if started else None, HARDWARE)
        wanted = HARDWARE.current_ma if current_ma is None else current_ma
        self.assertEqual(limit.current_ma, wanted)


class ScheduleTests(LimitTestCase):
    """What one profile says."""

    def test_none_at_all(self) -> None:
        """Without profiles a wallbox charges with all that it has."""
        self.assertEqual(ChargingProfiles().limit(MONDAY, 1, None, HARDWARE), HARDWARE)

    def test_hardware(self) -> None:
        """A limit above what the wallbox is made for changes nothing."""
        self.assert_limit(stored((1, profile((0, 63.0)))), "2026-03-02 12:00", None)

    def test_periods(self) -> None:
        """Of several periods the last one that has begun counts."""
        profiles = stored((1, profile((0, 16), (60, 10), (120, 6))))
        for moment, current_ma in (
            ("2026-03-01 00:00:59", 16_000),
            ("2026-03-01 00:01:00", 10_000),
            ("2026-03-05 00:00:00", 6_000),
        ):
            self.assert_limit(profiles, moment, current_ma)

    def test_before_start(self) -> None:
        """An absolute schedule says nothing before it starts."""
        self.assert_limit(stored((1, profile((0, 6)))), "2026-02-28 23:59:59", None)

    def test_exactly_at_the_end(self) -> None:
        """A schedule says nothing from its start plus its duration on."""
        profiles = stored((1, profile((0, 6), duration=3600)))
        self.assert_limit(profiles, "2026-03-01 00:59:59", 6_000)
        self.assert_limit(profiles, "2026-03-01 01:00:00", None)

    def test_validity(self) -> None:
        """A profile holds from validFrom until just before validTo."""
        profiles = stored(
            (
                1,
                profile(
                    (0, 6), valid_from="2026-03-02T10:00:00Z", valid_to="2026-03-02T11:00:00Z"
                ),
            )
        )
        for moment, current_ma in (
            ("2026-03-02 09:59:59", None),
            ("2026-03-02 10:00:00", 6_000),
            ("2026-03-02 10:59:59", 6_000),
            ("2026-03-02 11:00:00", None),
        ):
            self.assert_limit(profiles, moment, current_ma)

    def test_relative(self) -> None:
        """A relative schedule starts with the transaction."""
        profiles = stored((1, profile((0, 16), (600, 8), charging_profile_kind=RELATIVE)))
        self.assert_limit(profiles, "2026-03-02 12:09:59", 16_000, "2026-03-02 12:00")
        self.assert_limit(profiles, "2026-03-02 12:10:00", 8_000, "2026-03-02 12:00")

    def test_relative_without_transaction(self) -> None:
        """A relative schedule says nothing where no transaction runs."""
        profiles = stored((1, profile((0, 16), charging_profile_kind=RELATIVE)))
        self.assert_limit(profiles, "2026-03-02 12:00", None)

    def test_absolute_without_start(self) -> None:
        """An absolute schedule without startSchedule starts with the transaction."""
        profiles = stored((1, profile((0, 16), (600, 8), start=None)))
        self.assert_limit(profiles, "2026-03-02 12:11:40", 8_000, "2026-03-02 12:00")

    def test_min_charging_rate(self) -> None:
        """A minChargingRate raises no limit."""
        raised = profile((0, 6))
        schedule = ChargingSchedule(
            charging_rate_unit=A,
            charging_schedule_period=raised.charging_schedule.charging_schedule_period,
            start_schedule=raised.charging_schedule.start_schedule,
            min_charging_rate=10,
        )
        profiles = stored(
            (
                1,
                ChargingProfile(
                    charging_profile_id=1,
                    stack_level=0,
                    charging_profile_purpose=DEFAULT,
                    charging_profile_kind=ABSOLUTE,
                    charging_schedule=schedule,
                ),
            )
        )
        self.assert_limit(profiles, "2026-03-02 12:00", 6_000)

    def test_watts(self) -> None:
        """11 kW without numberPhases are 11000 / (3 * 230) A, rounded down."""
        self.assert_limit(stored((1, profile((0, 11_000), unit=W))), "2026-03-02 12:00", 15_942)

    def test_watts_on_one_phase(self) -> None:
        """2300 W on one phase are 10 A, on that phase only."""
        profiles = stored((1, profile((0, 2_300), unit=W, phases=1)))
        self.assertEqual(profiles.limit(MONDAY, 1, None, HARDWARE), Limit(10_000, 1))

    def test_binary_fractions(self) -> None:
        """16.4 A, which has no exact binary form, are 16400 mA and not one less."""
        self.assert_limit(stored((1, profile((0, 16.4)))), "2026-03-02 12:00", 16_400)

    def test_bad_time(self) -> None:
        """A time that is none is refused."""
        bad = profile((0, 6), start="yesterday")
        self.assertRaises(RemoteProtocolError, ChargingProfiles().with_profile, 1, bad)

    def test_recurring_without_kind(self) -> None:
        """A recurring profile has to say how often it recurs."""
        bad = daily((0, 6), recurrency_kind=None)
        self.assertRaises(RemoteProtocolError, ChargingProfiles().with_profile, 1, bad)


class RecurringTests(LimitTestCase):
    """What a profile says that comes again."""

    def test_over_midnight(self) -> None:
        """Daily at 22:00 for 8 hours: it holds at 02:00, and not at noon."""
        profiles = stored((1, daily((0, 16), duration=8 * 3600)))
        self.assert_limit(profiles, "2026-03-05 02:00", 16_000)
        self.assert_limit(profiles, "2026-03-05 12:00", None)

    def test_second_period(self) -> None:
        """Daily at 22:00 with 16 A, after 8 hours with 6 A: at noon it is 6 A."""
        profiles = stored((1, daily((0, 16), (8 * 3600, 6))))
        self.assert_limit(profiles, "2026-03-05 12:00", 6_000)

    def test_every_day_anew(self) -> None:
        """16, 8 and 6 A by day, asked at 02:30 and the day after at 00:10."""
        profiles = stored(
            (1, daily((0, 16), (3600, 8), (7200, 6), start="2026-03-01T00:00:00Z"))
        )
        self.assert_limit(profiles, "2026-03-02 02:30", 6_000)
        self.assert_limit(profiles, "2026-03-03 00:10", 16_000)

    def test_weekly(self) -> None:
        """Weekly from Monday for five days: on Wednesday it holds, on Saturday it does not."""
        profiles = stored(
            (
                1,
                daily(
                    (0, 16),
                    recurrency_kind=RecurrencyKind.WEEKLY,
                    start="2026-02-02T00:00:00Z",
                    duration=5 * 86_400,
                ),
            )
        )
        self.assert_limit(profiles, "2026-03-04 12:00", 16_000)
        self.assert_limit(profiles, "2026-03-07 12:00", None)

    def test_before_the_first_time(self) -> None:
        """A daily profile that starts in thirty days says nothing today."""
        profiles = stored((1, daily((0, 16), start="2026-04-01T22:00:00Z")))
        self.assert_limit(profiles, "2026-03-02 23:00", None)


class StackTests(LimitTestCase):
    """What several profiles say together."""

    def test_highest_level(self) -> None:
        """The highest stack level counts, also when it allows more."""
        profiles = stored(
            (1, profile((0, 6), stack_level=1)),
            (1, profile((0, 10), stack_level=2, charging_profile_id=2)),
        )
        self.assert_limit(profiles, "2026-03-02 12:00", 10_000)

    def test_falls_through(self) -> None:
        """Where the highest level says nothing any more, the one below counts."""
        profiles = stored(
            (1, profile((0, 6), stack_level=1)),
            (1, profile((0, 10), stack_level=2, charging_profile_id=2, duration=60)),
        )
        self.assert_limit(profiles, "2026-03-02 12:00", 6_000)

    def test_transaction_first(self) -> None:
        """A TxProfile goes before a TxDefaultProfile of any level."""
        profiles = stored(
            (1, profile((0, 6), stack_level=9)),
            (1, profile((0, 10), charging_profile_id=2, charging_profile_purpose=TX)),
        )
        self.assert_limit(profiles, "2026-03-02 12:00", 10_000, "2026-03-02 11:00")

    def test_transaction_profile_is_over(self) -> None:
        """When the TxProfile says nothing any more, the TxDefaultProfile counts again."""
        profiles = stored(
            (1, profile((0, 6))),
            (
                1,
                profile(
                    (0, 10), charging_profile_id=2, charging_profile_purpose=TX, duration=60
                ),
            ),
        )
        self.assert_limit(profiles, "2026-03-02 12:00", 6_000, "2026-03-02 11:00")

    def test_own_before_all(self) -> None:
        """On one level the connector's own default goes before that of all connectors."""
        own = (1, profile((0, 10)))
        everybody = (0, profile((0, 6), charging_profile_id=2))
        for order in ((own, everybody), (everybody, own)):
            self.assert_limit(stored(*order), "2026-03-02 12:00", 10_000)

    def test_level_before_own(self) -> None:
        """A default of all connectors on a higher level goes before the connector's own."""
        profiles = stored(
            (1, profile((0, 10))), (0, profile((0, 6), charging_profile_id=2, stack_level=1))
        )
        self.assert_limit(profiles, "2026-03-02 12:00", 6_000)

    def test_other_connector(self) -> None:
        """What was set for another connector says nothing here."""
        self.assert_limit(stored((2, profile((0, 6)))), "2026-03-02 12:00", None)

    def test_maximum_clips(self) -> None:
        """A ChargePointMaxProfile lowers what the others allow, and raises nothing."""
        maximum = profile((0, 8), charging_profile_id=2, charging_profile_purpose=MAX)
        for amps, current_ma in ((16, 8_000), (6, 6_000)):
            profiles = stored((1, profile((0, amps))), (0, maximum))
            self.assert_limit(profiles, "2026-03-02 12:00", current_ma)

    def test_maximum_of_another_unit(self) -> None:
        """
        6900 W on one phase are 30 A; a ChargePointMaxProfile of 20 A per phase stays 20 A.
        """
        profiles = stored(
            (1, profile((0, 6_900), unit=W, phases=1)),
            (0, profile((0, 20), charging_profile_id=2, charging_profile_purpose=MAX)),
        )
        self.assertEqual(profiles.limit(MONDAY, 1, None, HARDWARE), Limit(20_000, 1))


class ReplacementTests(LimitTestCase):
    """Which profiles are replaced and cleared."""

    def test_same_id(self) -> None:
        """A profile with the same id replaces the one before, wherever it was."""
        profiles = stored(
            (1, profile((0, 6), stack_level=2)), (0, profile((0, 10), stack_level=1))
        )
        self.assertEqual(len(profiles), 1)

    def test_same_place(self) -> None:
        """A profile of the same purpose, level and connector replaces the one before."""
        profiles = stored((1, profile((0, 6))), (1, profile((0, 10), charging_profile_id=2)))
        self.assertEqual(len(profiles), 1)
        self.assert_limit(profiles, "2026-03-02 12:00", 10_000)

    def test_other_purpose(self) -> None:
        """A profile of another purpose replaces none."""
        other = profile((0, 10), charging_profile_id=2, charging_profile_purpose=TX)
        self.assertEqual(len(stored((1, profile((0, 6))), (1, other))), 2)

    def test_no_room(self) -> None:
        """More than the wallbox has room for are refused; a replacement has room."""
        profiles = ChargingProfiles()
        for number in range(MAX_PROFILES):
            following = profiles.with_profile(
                number + 1, profile((0, 6), charging_profile_id=number)
            )
            assert following is not None
            profiles = following
        self.assertIsNone(profiles.with_profile(99, profile((0, 6), charging_profile_id=99)))
        self.assertIsNotNone(profiles.with_profile(1, profile((0, 8), charging_profile_id=0)))

    def test_clear(self) -> None:
        """By id alone; else by all that is named; all when nothing is."""
        profiles = stored(
            (1, profile((0, 6), charging_profile_id=1)),
            (0, profile((0, 6), charging_profile_id=2)),
            (1, profile((0, 6), charging_profile_id=3, stack_level=1)),
        )
        for wanted, left in (
            (ClearChargingProfileRequest(id=2), 2),
            (ClearChargingProfileRequest(id=2, connector_id=1, stack_level=9), 2),
            (ClearChargingProfileRequest(id=4), 3),
            (ClearChargingProfileRequest(connector_id=1), 1),
            (ClearChargingProfileRequest(connector_id=1, stack_level=1), 2),
            (ClearChargingProfileRequest(connector_id=0, stack_level=1), 3),
            (ClearChargingProfileRequest(charging_profile_purpose=TX), 3),
            (ClearChargingProfileRequest(), 0),
        ):
            self.assertEqual(len(profiles.without(wanted)), left, wanted)


class FaultTests(SynchronousTestCase):
    """Which profiles are refused."""

    def test_good(self) -> None:
        """A default, a maximum and one for the transaction are taken."""
        for connector, purpose in ((0, DEFAULT), (1, DEFAULT), (0, MAX), (1, TX)):
            good = profile((0, 6), charging_profile_purpose=purpose)
            self.assertIsNone(fault_of(connector, good, in_transaction=True), purpose)

    def test_bad(self) -> None:
        """What the specification does not allow is refused."""
        for connector, bad in (
            (1, profile((0, 6), charging_profile_purpose=MAX)),
            (0, profile((0, 6), charging_profile_purpose=TX)),
            (1, profile((0, 6), charging_profile_purpose=TX)),
            (1, profile((0, 6), stack_level=-1)),
            (1, profile((0, 6), stack_level=11)),
            (1, profile()),
            (1, profile((1, 6))),
            (1, profile((0, 6), (0, 7))),
            (1, profile((0, -1))),
            (1, profile((0, 6), phases=4)),
            (1, profile(*((second, 6) for second in range(MAX_PERIODS + 1)))),
        ):
            self.assertIsNotNone(fault_of(connector, bad, in_transaction=False), bad)


class CompositeTests(SynchronousTestCase):
    """What GetCompositeSchedule is answered with."""

    def composite(
        self,
        profiles: ChargingProfiles,
        duration_s: int,
        unit: ChargingRateUnit = A,
        moment: datetime = MONDAY,
    ) -> list[tuple[int, float]]:
        """The periods, as seconds and limits."""
        schedule = composite_schedule(profiles, moment, 1, None, HARDWARE, duration_s, unit)
        self.assertIsNone(schedule.unfit())
        return [
            (period.start_period, period.limit) for period in schedule.charging_schedule_period
        ]

    def test_without_profiles(self) -> None:
        """Without profiles it is what the hardware can."""
        self.assertEqual(self.composite(ChargingProfiles(), 3600), [(0, 32.0)])

    def test_smallest_at_each_time(self) -> None:
        """A default of two periods under a maximum of an hour."""
        profiles = stored(
            (1, profile((0, 16), (1800, 6), start="2026-03-02T00:00:00Z")),
            (
                0,
                profile(
                    (0, 10),
                    charging_profile_id=2,
                    charging_profile_purpose=MAX,
                    start="2026-03-02T00:15:00Z",
                    duration=600,
                ),
            ),
        )
        self.assertEqual(
            self.composite(profiles, 3600), [(0, 16.0), (900, 10.0), (1500, 16.0), (1800, 6.0)]
        )

    def test_next_day(self) -> None:
        """A daily profile is there again the next day."""
        profiles = stored((1, daily((0, 10), (3600, 16), start="2026-03-01T12:00:00Z")))
        self.assertEqual(
            self.composite(profiles, 86_400), [(0, 16.0), (43_200, 10.0), (46_800, 16.0)]
        )

    def test_instant(self) -> None:
        """For a duration of 0 it is what holds now."""
        self.assertEqual(self.composite(stored((1, profile((0, 6)))), 0), [(0, 6.0)])

    def test_watts(self) -> None:
        """Asked for watts, 10 A on three phases are 6900 W."""
        self.assertEqual(self.composite(stored((1, profile((0, 10)))), 60, W), [(0, 6_900.0)])

    def test_no_more_periods_than_announced(self) -> None:
        """More periods than the wallbox announces are cut off, and the duration with them."""
        several = [
            (
                1,
                profile(
                    *((600 * step, 6 + step % 2) for step in range(MAX_PERIODS)),
                    charging_profile_id=level,
                    stack_level=level,
                    start=(MONDAY + timedelta(hours=4 * level)).isoformat(),
                    duration=4 * 3600,
                ),
            )
            for level in (0, 1)
        ]
        schedule = composite_schedule(stored(*several), MONDAY, 1, None, HARDWARE, 36_000, A)
        self.assertEqual(len(schedule.charging_schedule_period), MAX_PERIODS)
        self.assertEqual(schedule.duration, 600 * MAX_PERIODS)
