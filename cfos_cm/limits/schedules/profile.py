"""
Charging profiles as values, of no version of OCPP.

What OCPP 1.6 says about each field is in its chapter "Types".
"""

from __future__ import annotations

from bisect import bisect_right
from enum import StrEnum

from attrs import frozen

from cfos_cm.limits.schedules.instants import earliest
from cfos_cm.limits.schedules.limit import PHASES_WHEN_ABSENT, Limit

__all__ = [
    "Kind",
    "Period",
    "Profile",
    "Purpose",
    "RateUnit",
    "Recurrency",
    "Running",
    "Schedule",
    "TransactionId",
]

#: A number in OCPP 1.6; the versions after it have texts.
TransactionId = int | str


class Purpose(StrEnum):
    """What a profile limits."""

    CHARGE_POINT_MAX = "ChargePointMaxProfile"
    TX_DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"


class Kind(StrEnum):
    """What the times of a schedule are counted from."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"


class Recurrency(StrEnum):
    """How often a recurring schedule starts again."""

    DAILY = "Daily"
    WEEKLY = "Weekly"

    @property
    def cycle_s(self) -> int:
        """
        From one start to the next: "every 24 hours", "every 7 days". [s]

        In UTC a day has 24 hours, also when the clocks of a country are put forward.
        """
        return 86_400 if self is Recurrency.DAILY else 7 * 86_400


class RateUnit(StrEnum):
    """The unit of a schedule's limits."""

    A = "A"
    W = "W"


@frozen
class Period:
    """
    A limit, and from when it holds.

    @ivar start_s: from the start of the schedule. [s]
    @ivar limit_milli: in thousandths of the schedule's unit. [mA per phase, or mW on all]
    @ivar phases: how many may be used; C{None}: not said, which means 3.
    """

    start_s: int
    limit_milli: int
    phases: int | None = None

    def limit(self, unit: RateUnit) -> Limit:
        """What it allows, when its schedule is in C{unit}."""
        phases = self.phases or PHASES_WHEN_ABSENT
        if unit is RateUnit.W:
            return Limit.of_power(self.limit_milli, phases)
        return Limit(self.limit_milli, phases)


@frozen
class Schedule:
    """
    A row of limits.

    @ivar periods: at least one, the first at 0, each after the one before.
    @ivar start_s: C{None}: the start of the transaction. [s since 1970]
    @ivar duration_s: C{None}: the last period has no end. [s]
    @ivar min_rate_milli: below this the car charges badly. It is there for whoever shares
        current out; it raises no limit. [mA per phase, or mW on all]
    """

    unit: RateUnit
    periods: tuple[Period, ...]
    start_s: int | None = None
    duration_s: int | None = None
    min_rate_milli: int | None = None

    def at(self, elapsed_s: int) -> tuple[Limit | None, int | None]:
        """
        What it allows a time after its start, and until when. It may say the same after that.

        @param elapsed_s: since its start; not negative. [s]
        @return: the limit, C{None} if it has none; from when on it may be another, counted
            from the start too, C{None} if never. [s]
        """
        if self.duration_s is not None and elapsed_s >= self.duration_s:
            return None, None
        following = bisect_right(self.periods, elapsed_s, key=lambda period: period.start_s)
        until_s = self.duration_s
        if following < len(self.periods):
            until_s = earliest(until_s, self.periods[following].start_s)
        if following == 0:
            return None, until_s
        return self.periods[following - 1].limit(self.unit), until_s


@frozen
class Profile:
    """
    A schedule, and when and for what it holds.

    @ivar connector: the one that it was set for; 0 is the whole Charge Point.
    @ivar stack_level: of several profiles with one purpose the highest level goes first.
    @ivar recurrency: what a recurring one needs, and no other.
    @ivar valid_from_s: C{None}: it always was. [s since 1970]
    @ivar valid_to_s: the first second in which it is not; C{None}: for ever. [s since 1970]
    @ivar transaction_id: what a TxProfile is for; C{None}: the transaction that runs.
    """

    id: int
    connector: int
    purpose: Purpose
    kind: Kind
    schedule: Schedule
    stack_level: int = 0
    recurrency: Recurrency | None = None
    valid_from_s: int | None = None
    valid_to_s: int | None = None
    transaction_id: TransactionId | None = None


@frozen
class Running:
    """
    A transaction that runs.

    @ivar start_s: when it began. [s since 1970]
    @ivar id: C{None} while the Central System has not given it one.
    """

    start_s: int
    id: TransactionId | None = None
