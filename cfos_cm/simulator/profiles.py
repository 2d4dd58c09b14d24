"""
The charging profiles that a virtual wallbox has been given, and what they come to together.

OCPP 1.6, "Smart Charging": of the profiles of one purpose that say something the one with the
highest stack level counts; a TxProfile goes before a TxDefaultProfile; a ChargePointMaxProfile
clips both. A wallbox that nobody limits charges with all that it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil

from attrs import evolve, frozen

from cfos_cm.electrical import NOMINAL_VOLTAGE_V
from cfos_cm.simulator.schedule import Limit, Plan
from cfos_cm.v16.smart_charging import ClearChargingProfileRequest
from cfos_cm.v16.types import (
    ChargingProfile,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
)

__all__ = [
    "MAX_PERIODS",
    "MAX_PROFILES",
    "MAX_STACK_LEVEL",
    "ChargingProfiles",
    "composite_schedule",
    "fault_of",
]

#: What small wallboxes have room for.
MAX_PROFILES = 20
MAX_PERIODS = 24
MAX_STACK_LEVEL = 10

#: Nobody plans further, and a recurring profile has an end in it. [s]
MAX_COMPOSITE_S = 86_400

_MAX = ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE
_DEFAULT = ChargingProfilePurpose.TX_DEFAULT_PROFILE
_TRANSACTION = ChargingProfilePurpose.TX_PROFILE


@frozen
class _Stored:
    """A profile, and the connector that it was set for; 0 is the whole Charge Point."""

    connector: int
    plan: Plan

    @property
    def profile(self) -> ChargingProfile:
        """As it came."""
        return self.plan.profile

    def gives_way_to(self, other: _Stored) -> bool:
        """Whether it is replaced by C{other}: the same id, or the same place in the stack."""
        return self.profile.charging_profile_id == other.profile.charging_profile_id or (
            self.connector == other.connector
            and self.profile.charging_profile_purpose is other.profile.charging_profile_purpose
            and self.profile.stack_level == other.profile.stack_level
        )

    def fits(self, wanted: ClearChargingProfileRequest) -> bool:
        """Whether it is meant: by its id alone, or by all else that is named."""
        if wanted.id is not None:
            return self.profile.charging_profile_id == wanted.id
        return (
            wanted.connector_id in (None, self.connector)
            and wanted.charging_profile_purpose in (None, self.profile.charging_profile_purpose)
            and wanted.stack_level in (None, self.profile.stack_level)
        )


@frozen
class ChargingProfiles:
    """All profiles of a wallbox, at most L{MAX_PROFILES}."""

    _stored: tuple[_Stored, ...] = ()

    def __len__(self) -> int:
        return len(self._stored)

    def with_profile(self, connector: int, profile: ChargingProfile) -> ChargingProfiles | None:
        """
        With one more profile, in the place of those that it replaces.

        @param connector: 0 is the whole Charge Point.
        @return: C{None} when there is no room.
        @raise RemoteProtocolError: if a time in it cannot be read.
        """
        new = _Stored(connector, Plan.of(profile))
        kept = tuple(old for old in self._stored if not old.gives_way_to(new))
        return evolve(self, stored=(*kept, new)) if len(kept) < MAX_PROFILES else None

    def without(self, wanted: ClearChargingProfileRequest) -> ChargingProfiles:
        """Without the profiles that are meant by C{wanted}; all, when it names nothing."""
        return evolve(self, stored=tuple(old for old in self._stored if not old.fits(wanted)))

    def after_transaction(self) -> ChargingProfiles:
        """Without those that were for the transaction."""
        return self.without(ClearChargingProfileRequest(charging_profile_purpose=_TRANSACTION))

    def limit(
        self, at: datetime, connector: int, transaction_start: datetime | None, hardware: Limit
    ) -> Limit:
        """
        What may be drawn at C{connector}.

        @param transaction_start: C{None} when there is no transaction.
        @param hardware: what it is made for.
        """
        own = self._first(_TRANSACTION, at, connector, transaction_start)
        if own is None:
            own = self._first(_DEFAULT, at, connector, transaction_start)
        ceiling = self._first(_MAX, at, connector, transaction_start)
        return hardware.clipped(own).clipped(ceiling)

    def changes(
        self, after: datetime, until: datetime, transaction_start: datetime | None
    ) -> Iterator[datetime]:
        """The moments between both, in any order, when the limit may change."""
        for stored in self._stored:
            yield from stored.plan.changes(after, until, transaction_start)

    def _first(
        self,
        purpose: ChargingProfilePurpose,
        at: datetime,
        connector: int,
        transaction_start: datetime | None,
    ) -> Limit | None:
        """What the highest profile says that says anything."""
        stack = sorted(
            (
                stored
                for stored in self._stored
                if stored.profile.charging_profile_purpose is purpose
                and stored.connector in (0, connector)
            ),
            # On one level the connector's own goes before the whole Charge Point's.
            key=lambda stored: (stored.profile.stack_level, stored.connector != 0),
            reverse=True,
        )
        for stored in stack:
            limit = stored.plan.limit(at, transaction_start)
            if limit is not None:
                return limit
        return None


def fault_of(connector: int, profile: ChargingProfile, in_transaction: bool) -> str | None:
    """
    Why a wallbox refuses a profile.

    @param in_transaction: whether there is one that a TxProfile can be for.
    @return: what is wrong; C{None} when nothing is.
    """
    purpose = profile.charging_profile_purpose
    if not 0 <= profile.stack_level <= MAX_STACK_LEVEL:
        return f"stackLevel {profile.stack_level}; allowed: 0 to {MAX_STACK_LEVEL}"
    if purpose is _MAX and connector != 0:
        return "a ChargePointMaxProfile is for connector 0 only"
    if purpose is _TRANSACTION and (connector == 0 or not in_transaction):
        return "a TxProfile needs a connector with a transaction"
    return _fault_of_periods(profile.charging_schedule)


def _fault_of_periods(schedule: ChargingSchedule) -> str | None:
    periods = schedule.charging_schedule_period
    starts = [period.start_period for period in periods]
    if not 0 < len(periods) <= MAX_PERIODS:
        return f"{len(periods)} periods; allowed: 1 to {MAX_PERIODS}"
    if starts[0] != 0 or any(later <= earlier for earlier, later in pairwise(starts)):
        return "the periods do not begin with 0 and follow each other"
    if any(period.limit < 0 for period in periods):
        return "a limit is negative"
    if any(period.number_phases not in (None, 1, 2, 3) for period in periods):
        return "numberPhases; allowed: 1 to 3"
    return None


def composite_schedule(
    profiles: ChargingProfiles,
    at: datetime,
    connector: int,
    transaction_start: datetime | None,
    hardware: Limit,
    duration_s: int,
    unit: ChargingRateUnit,
) -> ChargingSchedule:
    """
    What the wallbox expects to allow from C{at} on, at most L{MAX_PERIODS} periods of it.

    @param at: a whole second.
    @param duration_s: of which at most L{MAX_COMPOSITE_S} are told. [s]
    @param unit: of the answer; rounded down to a tenth of it.
    """
    duration_s = max(0, min(duration_s, MAX_COMPOSITE_S))
    until = at + timedelta(seconds=duration_s)
    moments = sorted({at, *profiles.changes(at, until, transaction_start)})
    periods: list[ChargingSchedulePeriod] = []
    said: Limit | None = None
    for moment in moments:
        limit = profiles.limit(moment, connector, transaction_start, hardware)
        if limit == said:
            continue
        if len(periods) == MAX_PERIODS:
            duration_s = ceil((moment - at).total_seconds())
            break
        said = limit
        start_s = ceil((moment - at).total_seconds())
        if periods and periods[-1].start_period == start_s:
            # Both began within one second, which is the finest that a schedule can say.
            periods.pop()
        periods.append(_period(start_s, limit, unit))
    return ChargingSchedule(
        charging_rate_unit=unit,
        charging_schedule_period=tuple(periods),
        duration=duration_s,
    )


def _period(start_s: int, limit: Limit, unit: ChargingRateUnit) -> ChargingSchedulePeriod:
    tenths = limit.current_ma // 100
    if unit is ChargingRateUnit.W:
        tenths = limit.current_ma * limit.phases * NOMINAL_VOLTAGE_V // 100
    return ChargingSchedulePeriod(
        start_period=start_s, limit=tenths / 10, number_phases=limit.phases
    )
