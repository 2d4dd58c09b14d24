"""
What charging profiles come to, worked out by hand from OCPP 1.6.

Each case begins with the words of the specification that decide it, or with what we decide
where it says nothing (docs/charging-profiles.md). 2 March 2026 is a Monday.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from cfos_cm.limits.schedules.limit import Limit
from cfos_cm.limits.schedules.profile import Kind, Profile, Purpose, RateUnit, Running

from .builders import DAY_S, HOUR_S, daily, maximum, profile, relative, running, tx, weekly

__all__ = ["CASES", "Case"]

W = RateUnit.W

#: [mA on each of three phases], with phases, or nothing at all.
Wanted = int | Limit | None

NOON = "2026-03-02 12:00"


@frozen
class Case:
    """
    Profiles, and what they come to.

    @ivar clause: what decides it.
    @ivar wanted: the limit at points in time.
    @ivar running: the transactions.
    @ivar connector: the one that is asked about.
    """

    clause: str
    profiles: tuple[Profile, ...]
    wanted: Mapping[str, Wanted]
    running: Mapping[int, Running] = field(factory=dict)
    connector: int = 1


ONE_SCHEDULE = (
    Case("nothing is set: nothing is said", (), {NOON: None}),
    Case(
        "startPeriod: 'the value also defines the stop time of the previous period'",
        (profile((0, 16), (60, 10), (120, 6)),),
        {
            "2026-03-01 00:00:00": 16_000,
            "2026-03-01 00:00:59": 16_000,
            "2026-03-01 00:01:00": 10_000,
            "2026-03-01 00:01:59": 10_000,
            "2026-03-01 00:02:00": 6_000,
        },
    ),
    Case(
        "duration: 'if left empty, the last period will continue indefinitely'",
        (profile((0, 16), (60, 6)),),
        {"2026-03-01 00:01:00": 6_000, "2099-12-31 23:59:59": 6_000},
    ),
    Case(
        "duration: 'of the charging schedule in seconds'; the second after is not in it",
        (profile((0, 6), duration=HOUR_S),),
        {"2026-03-01 00:59:59": 6_000, "2026-03-01 01:00:00": None},
    ),
    Case(
        "duration ends a schedule also before its last period has begun",
        (profile((0, 6), (60, 16), duration=60),),
        {"2026-03-01 00:00:59": 6_000, "2026-03-01 00:01:00": None},
    ),
    Case(
        "startSchedule: 'starting point of an absolute schedule'",
        (profile((0, 6)),),
        {"2026-02-28 23:59:59": None, "2026-03-01 00:00:00": 6_000},
    ),
    Case(
        "validFrom: 'at which the profile starts to be valid'; validTo: 'stops to be valid'",
        (profile((0, 6), valid_from="2026-03-02 10:00", valid_to="2026-03-02 11:00"),),
        {
            "2026-03-02 09:59:59": None,
            "2026-03-02 10:00:00": 6_000,
            "2026-03-02 10:59:59": 6_000,
            "2026-03-02 11:00:00": None,
        },
    ),
    Case(
        "validFrom moves no period: they are counted 'from the start of schedule'",
        (profile((0, 16), (HOUR_S, 6), valid_from="2026-03-01 00:30"),),
        {
            "2026-03-01 00:29:59": None,
            "2026-03-01 00:30:00": 16_000,
            "2026-03-01 01:00:00": 6_000,
        },
    ),
    Case(
        "validTo ends a schedule also within its duration",
        (profile((0, 6), duration=DAY_S, valid_to="2026-03-01 12:00"),),
        {"2026-03-01 11:59:59": 6_000, "2026-03-01 12:00:00": None},
    ),
    Case(
        "Absolute in a leap year: 29 February is a day",
        (profile((0, 16), (2 * DAY_S, 6), start="2028-02-28 00:00"),),
        {"2028-02-29 23:59:59": 16_000, "2028-03-01 00:00:00": 6_000},
    ),
    Case(
        "minChargingRate: 'to optimize the power allocation', so that it raises no limit",
        (profile((0, 6), min_rate=10),),
        {NOON: 6_000},
    ),
    Case("a limit of 0 is a limit", (profile((0, 0)),), {NOON: 0}),
)

RELATIVE = (
    Case(
        "Relative: 'to a situation-specific start point (such as the start of a session)'",
        (relative((0, 16), (600, 8)),),
        {"2026-03-02 12:09:59": 16_000, "2026-03-02 12:10:00": 8_000},
        running(c1=NOON),
    ),
    Case(
        "Relative without a transaction: nothing has started",
        (relative((0, 16)),),
        {NOON: None},
    ),
    Case(
        "Relative, while another connector's transaction runs",
        (relative((0, 16)),),
        {NOON: None},
        running(c2="2026-03-02 11:00"),
    ),
    Case(
        "Relative: a startSchedule is of 'an absolute schedule' and not looked at",
        (relative((0, 16), (600, 8), start="2026-03-02 11:50"),),
        {"2026-03-02 12:09:59": 16_000},
        running(c1=NOON),
    ),
    Case(
        "startSchedule: 'if absent the schedule will be relative to start of charging'",
        (profile((0, 16), (600, 8), start=None),),
        {"2026-03-02 12:09:59": 16_000, "2026-03-02 12:11:40": 8_000},
        running(c1=NOON),
    ),
    Case(
        "startSchedule absent, and no charging has started",
        (profile((0, 16), start=None),),
        {NOON: None},
    ),
    Case(
        "Recurring with startSchedule absent: every 24 hours from the transaction's start on",
        (daily((0, 16), (HOUR_S, 6), start=None),),
        {
            "2026-03-02 12:59:59": 16_000,
            "2026-03-02 13:00:00": 6_000,
            "2026-03-03 11:59:59": 6_000,
            "2026-03-03 12:00:00": 16_000,
        },
        running(c1=NOON),
    ),
    Case(
        "a transaction that runs has begun, also when the clock was put back since",
        (relative((0, 6), (600, 16), duration=HOUR_S),),
        {"2026-03-02 11:00": 6_000, "2026-03-02 12:10:00": 16_000, "2026-03-02 13:00": None},
        running(c1=NOON),
    ),
)

RECURRING = (
    Case(
        "Daily: 'restarts every 24 hours, at the same time as in the startSchedule'",
        (daily((0, 16), duration=8 * HOUR_S),),
        {
            "2026-03-05 02:00": 16_000,
            "2026-03-05 05:59:59": 16_000,
            "2026-03-05 06:00": None,
            "2026-03-05 12:00": None,
            "2026-03-05 21:59:59": None,
            "2026-03-05 22:00": 16_000,
        },
    ),
    Case(
        "Daily: the last period continues until the schedule restarts",
        (daily((0, 16), (8 * HOUR_S, 6)),),
        {
            "2026-03-05 05:59:59": 16_000,
            "2026-03-05 06:00": 6_000,
            "2026-03-05 12:00": 6_000,
            "2026-03-05 21:59:59": 6_000,
            "2026-03-05 22:00": 16_000,
        },
    ),
    Case(
        "Recurring: 'restarts periodically at the first schedule period'",
        (daily((0, 16), (HOUR_S, 8), (2 * HOUR_S, 6), start="2026-03-01 00:00"),),
        {"2026-03-02 02:30": 6_000, "2026-03-03 00:10": 16_000, "2026-03-03 01:00": 8_000},
    ),
    Case(
        "Weekly: 'every 7 days, at the same time and day-of-the-week'",
        (weekly((0, 16), duration=5 * DAY_S),),
        {
            "2026-03-02 00:00": 16_000,
            "2026-03-04 12:00": 16_000,
            "2026-03-06 23:59:59": 16_000,
            "2026-03-07 00:00": None,
            "2026-03-08 23:59:59": None,
            "2026-03-09 00:00": 16_000,
        },
    ),
    Case(
        "Weekly over the end of the week: Saturday at 20:00 for 48 hours",
        (weekly((0, 16), start="2026-02-28 20:00", duration=2 * DAY_S),),
        {
            "2026-03-08 12:00": 16_000,
            "2026-03-09 19:59:59": 16_000,
            "2026-03-09 20:00": None,
            "2026-03-14 19:59:59": None,
            "2026-03-14 20:00": 16_000,
        },
    ),
    Case(
        "Recurring before its first startSchedule: it has not started",
        (daily((0, 16), start="2026-04-01 22:00"),),
        {"2026-03-02 23:00": None, "2026-04-01 21:59:59": None, "2026-04-01 22:00": 16_000},
    ),
    Case(
        "Weekly before its first startSchedule, on the same day of the week",
        (weekly((0, 16), start="2026-03-09 00:00"),),
        {"2026-03-02 01:00": None, "2026-03-09 01:00": 16_000},
    ),
    Case(
        "Daily, with a duration longer than 24 hours: it 'restarts every 24 hours'",
        (daily((0, 16), (HOUR_S, 6), duration=30 * HOUR_S),),
        {"2026-03-05 21:59:59": 6_000, "2026-03-05 22:30": 16_000},
    ),
    Case(
        "Daily, with a period that begins after 24 hours: it restarts before that",
        (daily((0, 16), (25 * HOUR_S, 6)),),
        {"2026-03-05 23:30": 16_000},
    ),
    Case(
        "Daily over the end of a year",
        (daily((0, 6), start="2026-03-01 23:30", duration=HOUR_S),),
        {
            "2026-12-31 23:29:59": None,
            "2026-12-31 23:30:00": 6_000,
            "2027-01-01 00:29:59": 6_000,
            "2027-01-01 00:30:00": None,
        },
    ),
    Case(
        "Daily over 29 February, which 2028 has",
        (daily((0, 6), start="2026-03-01 23:30", duration=HOUR_S),),
        {"2028-02-29 00:15": 6_000, "2028-02-29 23:45": 6_000, "2028-03-01 00:15": 6_000},
    ),
    Case(
        "Daily from 28 February to 1 March 2100, which is no leap year",
        (daily((0, 6), start="2026-03-01 23:30", duration=HOUR_S),),
        {"2100-02-28 23:45": 6_000, "2100-03-01 00:15": 6_000, "2100-03-01 00:30": None},
    ),
    Case(
        "Weekly over 29 February 2028, a Tuesday",
        (weekly((0, 6), start="2028-02-28 12:00", duration=HOUR_S),),
        {"2028-02-28 12:30": 6_000, "2028-03-06 12:30": 6_000, "2028-03-05 12:30": None},
    ),
    Case(
        "'every 24 hours', also when summer time begins, as on 29 March 2026 in Europe",
        (daily((0, 6), start="2026-03-01 21:00", duration=HOUR_S),),
        {"2026-03-28 21:30": 6_000, "2026-03-30 20:30": None, "2026-03-30 21:30": 6_000},
    ),
    Case(
        "validFrom within a recurrence: what holds then is counted from its start",
        (daily((0, 16), (8 * HOUR_S, 6), valid_from="2026-03-05 04:00"),),
        {
            "2026-03-05 03:59:59": None,
            "2026-03-05 04:00": 16_000,
            "2026-03-05 06:00": 6_000,
        },
    ),
)

STACKS = (
    Case(
        "'the charging profile with the highest stackLevel' counts, also when it allows more",
        (profile((0, 6), stack_level=1), profile((0, 10), stack_level=2, id=9)),
        {NOON: 10_000},
    ),
    Case(
        "'among the profiles that are valid at that point in time'",
        (
            profile((0, 6), stack_level=1),
            profile((0, 10), stack_level=2, id=9, valid_to="2026-03-02 12:00"),
        ),
        {"2026-03-02 11:59:59": 10_000, "2026-03-02 12:00": 6_000},
    ),
    Case(
        "the highest level is over: the one below counts ('without a duration, on the highest "
        "stack level, the Charge Point will never fall back to a lower stack level profile')",
        (profile((0, 6), stack_level=1), profile((0, 10), stack_level=2, id=9, duration=60)),
        {"2026-03-01 00:00:59": 10_000, "2026-03-01 00:01:00": 6_000},
    ),
    Case(
        "'to describe complex calendars': a weekend over a night over a day",
        (
            profile((0, 16), stack_level=0),
            daily((0, 8), stack_level=3, id=8, duration=8 * HOUR_S),
            weekly((0, 32), stack_level=7, id=9, start="2026-02-07 00:00", duration=2 * DAY_S),
        ),
        {
            "2026-03-06 21:59:59": 16_000,
            "2026-03-06 22:00": 8_000,
            "2026-03-06 23:59:59": 8_000,
            "2026-03-07 00:00": 32_000,
            "2026-03-08 23:00": 32_000,
            "2026-03-09 00:00": 8_000,
            "2026-03-09 06:00": 16_000,
        },
    ),
    Case(
        "a gap on every level: nothing is said",
        (
            profile((0, 16), duration=60),
            profile((0, 8), stack_level=3, id=8, start="2026-03-01 00:02:00", duration=60),
        ),
        {
            "2026-03-01 00:00:59": 16_000,
            "2026-03-01 00:01:00": None,
            "2026-03-01 00:02:00": 8_000,
            "2026-03-01 00:03:00": None,
        },
    ),
    Case(
        "on one level the connector's own default goes before that of all connectors",
        (profile((0, 10)), profile((0, 6), id=9, connector=0)),
        {NOON: 10_000},
    ),
    Case(
        "the same, set the other way round",
        (profile((0, 6), id=9, connector=0), profile((0, 10))),
        {NOON: 10_000},
    ),
    Case(
        "a default of all connectors goes before the connector's own of a lower level",
        (profile((0, 10)), profile((0, 6), id=9, connector=0, stack_level=1)),
        {NOON: 6_000},
    ),
    Case(
        "the connector's own default is over: that of all connectors counts",
        (profile((0, 10), duration=60), profile((0, 6), id=9, connector=0)),
        {"2026-03-01 00:00:59": 10_000, NOON: 6_000},
    ),
    Case(
        "a default of another connector says nothing here",
        (profile((0, 6), connector=2),),
        {NOON: None},
    ),
    Case(
        "a default of all connectors counts where no own one is",
        (profile((0, 6), connector=0), profile((0, 10), id=9, connector=1)),
        {NOON: 6_000},
        connector=2,
    ),
)

PURPOSES = (
    Case(
        "TxProfile 'overrules the TxDefaultProfile', whatever the levels are",
        (profile((0, 6), stack_level=9), tx((0, 10))),
        {NOON: 10_000},
        running(c1="2026-03-02 11:00"),
    ),
    Case(
        "'for the duration of the current transaction only'",
        (profile((0, 6)), tx((0, 10))),
        {NOON: 6_000},
    ),
    Case(
        "a TxProfile is over: the TxDefaultProfile counts again",
        (profile((0, 6)), tx((0, 10), duration=60)),
        {"2026-03-01 00:00:59": 10_000, "2026-03-01 00:01:00": 6_000},
        running(c1="2026-02-28 11:00"),
    ),
    Case(
        "a TxProfile has not begun: the TxDefaultProfile still counts",
        (profile((0, 6)), tx((0, 10), start="2026-03-02 13:00")),
        {"2026-03-02 12:59:59": 6_000, "2026-03-02 13:00:00": 10_000},
        running(c1=NOON),
    ),
    Case(
        "several TxProfiles are stacked like others",
        (tx((0, 10)), tx((0, 20), id=9, stack_level=1, duration=60, start=NOON)),
        {"2026-03-02 12:00:59": 20_000, "2026-03-02 12:01:00": 10_000},
        running(c1=NOON),
    ),
    Case(
        "the profile of a RemoteStartTransaction: a TxProfile from the start on",
        (
            profile((0, 6), stack_level=9),
            relative((0, 32), (900, 8), purpose=Purpose.TX, id=2),
        ),
        {"2026-03-02 12:00:00": 32_000, "2026-03-02 12:15:00": 8_000},
        running(c1=NOON),
    ),
    Case(
        "a TxProfile of another connector's transaction says nothing here",
        (tx((0, 10), connector=2),),
        {NOON: None},
        running(c1="2026-03-02 11:00", c2="2026-03-02 11:00"),
    ),
    Case(
        "transactionId: 'to match the profile to a specific transaction'",
        (
            profile((0, 6)),
            tx((0, 10), transaction_id=1001),
            tx((0, 8), connector=2, id=9, transaction_id=7),
        ),
        {NOON: 10_000},
        running(c1="2026-03-02 11:00", c2="2026-03-02 11:00"),
    ),
    Case(
        "a transactionId that is not that of the transaction: no match",
        (profile((0, 6)), tx((0, 10), transaction_id=7)),
        {NOON: 6_000},
        running(c1="2026-03-02 11:00"),
    ),
    Case(
        "'SHALL be less than or equal to lowest value' of the merged schedules: clipped",
        (profile((0, 16)), maximum((0, 8))),
        {NOON: 8_000},
    ),
    Case(
        "a ChargePointMaxProfile raises nothing",
        (profile((0, 6)), maximum((0, 8))),
        {NOON: 6_000},
    ),
    Case(
        "a ChargePointMaxProfile clips a TxProfile too",
        (profile((0, 6)), tx((0, 32)), maximum((0, 20))),
        {NOON: 20_000},
        running(c1="2026-03-02 11:00"),
    ),
    Case("a ChargePointMaxProfile alone is a limit", (maximum((0, 8)),), {NOON: 8_000}),
    Case(
        "'for each time interval': a maximum of ten minutes over a default of two periods",
        (
            profile((0, 16), (1800, 6)),
            maximum((0, 10), start="2026-03-01 00:15", duration=600),
        ),
        {
            "2026-03-01 00:14:59": 16_000,
            "2026-03-01 00:15:00": 10_000,
            "2026-03-01 00:24:59": 10_000,
            "2026-03-01 00:25:00": 16_000,
            "2026-03-01 00:30:00": 6_000,
        },
    ),
    Case(
        "ChargePointMaxProfiles are stacked like others",
        (maximum((0, 8)), maximum((0, 20), id=9, stack_level=1, duration=60)),
        {"2026-03-01 00:00:59": 20_000, "2026-03-01 00:01:00": 8_000},
    ),
    Case(
        "a ChargePointMaxProfile that is Relative counts from the first transaction on",
        (maximum((0, 20), (600, 8), kind=Kind.RELATIVE),),
        {"2026-03-02 12:04:59": 20_000, "2026-03-02 12:05:00": 8_000},
        running(c1=NOON, c2="2026-03-02 11:55"),
    ),
)

UNITS = (
    Case(
        "A: 'the amount of Ampere per phase, not the sum of all phases'",
        (profile((0, 16), phases=1),),
        {NOON: Limit(16_000, 1)},
    ),
    Case(
        "numberPhases: '3 will be assumed unless another number is given'",
        (profile((0, 16)),),
        {NOON: Limit(16_000, 3)},
    ),
    Case(
        "W: 'Current per phase = Power / (Line Voltage * Number of Phases)': 11000 / 690",
        (profile((0, 11_000), unit=W),),
        {NOON: Limit(15_942, 3, 11_000_000)},
    ),
    Case(
        "W on one phase: 2300 / 230",
        (profile((0, 2_300), unit=W, phases=1),),
        {NOON: Limit(10_000, 1)},
    ),
    Case(
        "W on two phases: 11000 / 460",
        (profile((0, 11_000), unit=W, phases=2),),
        {NOON: Limit(23_913, 2, 11_000_000)},
    ),
    Case(
        "W: a tenth below 4140 W is less than 6 A on three phases",
        (profile((0, 4_140), (60, 4_139.9), unit=W),),
        {"2026-03-01 00:00": Limit(6_000, 3), NOON: Limit(5_999, 3, 4_139_900)},
    ),
    Case(
        "units are mixed: 6900 W on one phase are 30 A, of which 20 A per phase are left",
        (profile((0, 6_900), unit=W, phases=1), maximum((0, 20))),
        {NOON: Limit(20_000, 1)},
    ),
    Case(
        "units are mixed: 11 kW on three phases under 32 A on one are 15.942 A on one",
        (profile((0, 11_000), unit=W), maximum((0, 32), phases=1)),
        {NOON: Limit(15_942, 1)},
    ),
    Case(
        "units are mixed: 10 A on three phases under 3680 W on one are 10 A on one",
        (profile((0, 10)), maximum((0, 3_680), unit=W, phases=1)),
        {NOON: Limit(10_000, 1)},
    ),
    Case(
        "both in W: 6900 W on one phase under 11 kW on three, 15.942 A on each",
        (profile((0, 6_900), unit=W, phases=1), maximum((0, 11_000), unit=W)),
        {NOON: Limit(15_942, 1)},
    ),
    Case(
        "units are mixed in a stack: the level decides, not the power",
        (profile((0, 32)), profile((0, 4_140), unit=W, id=9, stack_level=1, duration=60)),
        {"2026-03-01 00:00:59": 6_000, "2026-03-01 00:01:00": 32_000},
    ),
)

#: All of them.
CASES = (*ONE_SCHEDULE, *RELATIVE, *RECURRING, *STACKS, *PURPOSES, *UNITS)
