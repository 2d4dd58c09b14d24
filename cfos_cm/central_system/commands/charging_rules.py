"""What a charging profile has to be like before it is sent; OCPP 1.6, "Smart Charging"."""

from __future__ import annotations

import math
from collections.abc import Iterator

from cfos_cm.central_system.commands.announced import SCHEDULE_PERIODS
from cfos_cm.central_system.commands.moments import objections_to_interval, objections_to_moment
from cfos_cm.central_system.commands.situation import Situation
from cfos_cm.v16.types import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingSchedule,
    ChargingSchedulePeriod,
)

__all__ = ["MAX_PHASES", "MAX_SCHEDULE_PERIODS", "profile_to_come", "profile_to_set"]

#: A day in minutes: no schedule needs more, and no Charge Point takes it.
MAX_SCHEDULE_PERIODS = 1440
MAX_PHASES = 3

_MAX_PURPOSE = ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE
_TRANSACTION = ChargingProfilePurpose.TX_PROFILE


def profile_to_set(
    profile: ChargingProfile, connector: int, situation: Situation
) -> Iterator[str]:
    """What is wrong with the profile of a SetChargingProfile."""
    purpose = profile.charging_profile_purpose
    if purpose is _MAX_PURPOSE and connector != 0:
        yield f"connectorId is {connector}; a ChargePointMaxProfile is for connector 0"
    if purpose is _TRANSACTION:
        yield from _transaction(profile, connector, situation)
    elif profile.transaction_id is not None:
        yield f"transactionId is there; only a TxProfile has one, and this is a {purpose.value}"
    yield from _any_profile(profile, situation)


def profile_to_come(profile: ChargingProfile, situation: Situation) -> Iterator[str]:
    """What is wrong with the profile of a RemoteStartTransaction."""
    if situation.managed:
        # It would be in force from the first second of a transaction, before anybody could
        # count with it.
        yield (
            "chargingProfile is there; while load management is on, that gives the transaction "
            "its limit"
        )
    purpose = profile.charging_profile_purpose
    if purpose is not _TRANSACTION:
        yield f"chargingProfilePurpose is {purpose.value}; it must be TxProfile"
    if profile.transaction_id is not None:
        yield "transactionId is there; the transaction has no id before it has started"
    yield from _any_profile(profile, situation)


def _transaction(
    profile: ChargingProfile, connector: int, situation: Situation
) -> Iterator[str]:
    if connector < 1:
        yield f"connectorId is {connector}; a TxProfile is for a connector from 1 on"
        return
    running = situation.running.get(connector)
    if running is None:
        yield f"no transaction runs at connector {connector}; a TxProfile needs one"
    elif profile.transaction_id != running:
        found = "missing" if profile.transaction_id is None else str(profile.transaction_id)
        yield f"transactionId is {found}; {running} runs at connector {connector}"


def _any_profile(profile: ChargingProfile, situation: Situation) -> Iterator[str]:
    if profile.stack_level < 0:
        yield f"stackLevel is {profile.stack_level}; it must be 0 or more"
    if (
        situation.managed
        and profile.stack_level > 0
        and profile.charging_profile_purpose is not _MAX_PURPOSE
    ):
        # Those of load management are at level 0: this one would stay in force above them.
        yield f"stackLevel is {profile.stack_level}; it must be 0 while load management is on"
    recurring = profile.charging_profile_kind is ChargingProfileKind.RECURRING
    if recurring and profile.recurrency_kind is None:
        yield "recurrencyKind is missing; a Recurring profile needs one"
    if not recurring and profile.recurrency_kind is not None:
        yield "recurrencyKind is there; only a Recurring profile has one"
    yield from objections_to_interval(
        profile.valid_from, "validFrom", profile.valid_to, "validTo"
    )
    yield from _schedule(profile.charging_schedule, profile.charging_profile_kind, situation)


def _schedule(
    schedule: ChargingSchedule, kind: ChargingProfileKind, situation: Situation
) -> Iterator[str]:
    if schedule.duration is not None and schedule.duration < 1:
        yield f"duration is {schedule.duration} s; it must be 1 or more"
    if kind is ChargingProfileKind.RECURRING and schedule.start_schedule is None:
        yield "startSchedule is missing; a Recurring profile is counted from it"
    if kind is ChargingProfileKind.RELATIVE and schedule.start_schedule is not None:
        yield "startSchedule is there; a Relative profile starts with the transaction"
    yield from objections_to_moment(schedule.start_schedule, "startSchedule")
    if schedule.min_charging_rate is not None:
        yield from _rate(schedule.min_charging_rate, "minChargingRate")
    yield from _periods(schedule.charging_schedule_period, situation)


def _periods(
    periods: tuple[ChargingSchedulePeriod, ...], situation: Situation
) -> Iterator[str]:
    most = min(
        situation.announced.get(SCHEDULE_PERIODS, MAX_SCHEDULE_PERIODS), MAX_SCHEDULE_PERIODS
    )
    if not 1 <= len(periods) <= most:
        yield f"chargingSchedulePeriod has {len(periods)} entries; it must have 1 to {most}"
        return
    if periods[0].start_period != 0:
        yield f"startPeriod of the first period is {periods[0].start_period}; it must be 0"
    before = None
    for index, period in enumerate(periods):
        name = f"of chargingSchedulePeriod[{index}]"
        if before is not None and period.start_period <= before:
            yield f"startPeriod {name} is {period.start_period}; it must be after {before}"
        before = period.start_period
        yield from _rate(period.limit, f"limit {name}")
        if period.number_phases is not None and not 1 <= period.number_phases <= MAX_PHASES:
            yield f"numberPhases {name} is {period.number_phases}; it must be 1 to {MAX_PHASES}"


def _rate(rate: float, name: str) -> Iterator[str]:
    if not math.isfinite(rate) or rate < 0:
        yield f"{name} is {rate:g}; it must be 0 or more"
    elif round(rate, 1) != rate:
        yield f"{name} is {rate!r}; it must have one decimal at most"
