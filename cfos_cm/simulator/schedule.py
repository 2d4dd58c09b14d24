"""
What one charging profile says at one moment. OCPP 1.6, "Smart Charging".

Intervals are half-open: a profile holds from C{validFrom} until just before C{validTo}, a
schedule until just before its duration is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from attrs import frozen

from cfos_cm.electrical import milliamps, watts_to_milliamps
from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.v16.timestamps import parse_timestamp
from cfos_cm.v16.types import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingRateUnit,
    ChargingSchedulePeriod,
    RecurrencyKind,
)

__all__ = ["Limit", "Plan"]

#: OCPP 1.6, ChargingSchedulePeriod: numberPhases left out means 3.
_PHASES_WHEN_ABSENT = 3

_CYCLE_S = {RecurrencyKind.DAILY: 86_400, RecurrencyKind.WEEKLY: 7 * 86_400}


@frozen
class Limit:
    """
    A current that may be drawn.

    @ivar current_ma: [mA on each phase]
    @ivar phases: how many phases may be used.
    """

    current_ma: int
    phases: int

    def clipped(self, other: Limit | None) -> Limit:
        """The smaller of both currents on the smaller number of phases."""
        if other is None:
            return self
        return Limit(min(self.current_ma, other.current_ma), min(self.phases, other.phases))


@frozen
class Plan:
    """
    A charging profile with its times read.

    @ivar profile: as it came.
    @ivar starts_at: the schedule's own start; C{None}: the start of the transaction.
    @ivar valid_from: C{None}: always was.
    @ivar valid_to: C{None}: for ever.
    """

    profile: ChargingProfile
    starts_at: datetime | None
    valid_from: datetime | None
    valid_to: datetime | None

    @classmethod
    def of(cls, profile: ChargingProfile) -> Plan:
        """
        Read the times of C{profile}.

        @raise RemoteProtocolError: if one of them is no point in time, or a recurring
            profile does not say how often it recurs.
        """
        recurring = profile.charging_profile_kind is ChargingProfileKind.RECURRING
        if recurring and profile.recurrency_kind is None:
            raise RemoteProtocolError(
                "a Recurring profile without recurrencyKind; allowed: Daily, Weekly",
                CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
            )
        starts_at = _moment(profile.charging_schedule.start_schedule)
        if profile.charging_profile_kind is ChargingProfileKind.RELATIVE:
            starts_at = None
        return cls(profile, starts_at, _moment(profile.valid_from), _moment(profile.valid_to))

    def limit(self, at: datetime, transaction_start: datetime | None) -> Limit | None:
        """
        What may be drawn.

        @param transaction_start: C{None} when there is no transaction.
        @return: C{None} when the profile says nothing about this moment.
        """
        if self.valid_from is not None and at < self.valid_from:
            return None
        if self.valid_to is not None and at >= self.valid_to:
            return None
        start = self._cycle_start(at, transaction_start)
        if start is None:
            return None
        elapsed_s = (at - start).total_seconds()
        schedule = self.profile.charging_schedule
        if schedule.duration is not None and elapsed_s >= schedule.duration:
            return None
        current = None
        for period in schedule.charging_schedule_period:
            if period.start_period <= elapsed_s:
                current = period
        return None if current is None else self._in_milliamps(current)

    def changes(
        self, after: datetime, until: datetime, transaction_start: datetime | None
    ) -> Iterator[datetime]:
        """The moments after C{after} and before C{until} when it may say something else."""
        for moment in self._all_changes(after, until, transaction_start):
            if after < moment < until:
                yield moment

    def _all_changes(
        self, after: datetime, until: datetime, transaction_start: datetime | None
    ) -> Iterator[datetime]:
        if self.valid_from is not None:
            yield self.valid_from
        if self.valid_to is not None:
            yield self.valid_to
        start = self.starts_at or transaction_start
        if start is None:
            return
        cycle = self._cycle()
        start = self._cycle_start(after, transaction_start) or start
        while start < until:
            for seconds in self._offsets_s():
                # Beyond the end of the calendar, and of everybody's patience.
                if seconds <= (until - start).total_seconds():
                    yield start + timedelta(seconds=seconds)
            if cycle is None:
                return
            start += cycle

    def _offsets_s(self) -> Iterator[int]:
        schedule = self.profile.charging_schedule
        yield from (period.start_period for period in schedule.charging_schedule_period)
        if schedule.duration is not None:
            yield schedule.duration

    def _cycle(self) -> timedelta | None:
        """How often it starts again; C{None}: never."""
        if self.profile.charging_profile_kind is not ChargingProfileKind.RECURRING:
            return None
        assert self.profile.recurrency_kind is not None
        return timedelta(seconds=_CYCLE_S[self.profile.recurrency_kind])

    def _cycle_start(self, at: datetime, transaction_start: datetime | None) -> datetime | None:
        """When the schedule has started last; C{None}: it has not."""
        start = self.starts_at or transaction_start
        if start is None or at < start:
            return None
        cycle = self._cycle()
        # In UTC, so that a day has 24 hours also when the clocks are put forward.
        return start if cycle is None else at - (at - start) % cycle

    def _in_milliamps(self, period: ChargingSchedulePeriod) -> Limit:
        phases = period.number_phases or _PHASES_WHEN_ABSENT
        limit = Decimal(str(period.limit))
        if self.profile.charging_schedule.charging_rate_unit is ChargingRateUnit.A:
            return Limit(milliamps(limit), phases)
        return Limit(watts_to_milliamps(limit, phases), phases)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_timestamp(text)
