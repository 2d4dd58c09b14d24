"""
Charging profiles from and to the messages of OCPP 1.6.

A message says nothing here that is not in it: what is wrong with a profile as a whole is said
by L{cfos_cm.limits.schedules.objections}.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from cfos_cm.errors import CallErrorCode, LocalProtocolError, RemoteProtocolError
from cfos_cm.limits.schedules.instants import moment, whole_seconds
from cfos_cm.limits.schedules.profile import (
    Kind,
    Period,
    Profile,
    Purpose,
    RateUnit,
    Recurrency,
    Schedule,
)
from cfos_cm.limits.schedules.store import Criteria
from cfos_cm.v16.smart_charging import ClearChargingProfileRequest, SetChargingProfileRequest
from cfos_cm.v16.timestamps import format_timestamp, parse_timestamp
from cfos_cm.v16.types import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
    RecurrencyKind,
)

__all__ = [
    "criteria_of",
    "profile_of",
    "schedule_of",
    "to_charging_schedule",
    "to_request",
]


def profile_of(connector: int, profile: ChargingProfile) -> Profile:
    """
    Read a profile. What it does not use is left out: a transactionId of any but a TxProfile, a
    recurrencyKind of any but a recurring one.

    @param connector: the one that it is set for; 0 is the whole Charge Point.
    @raise RemoteProtocolError: if one of its times or numbers is none.
    """
    purpose = Purpose(profile.charging_profile_purpose.value)
    kind = Kind(profile.charging_profile_kind.value)
    recurrency = None
    if kind is Kind.RECURRING and profile.recurrency_kind is not None:
        recurrency = Recurrency(profile.recurrency_kind.value)
    return Profile(
        id=profile.charging_profile_id,
        connector=connector,
        purpose=purpose,
        kind=kind,
        schedule=schedule_of(profile.charging_schedule),
        stack_level=profile.stack_level,
        recurrency=recurrency,
        valid_from_s=_seconds(profile.valid_from),
        valid_to_s=_seconds(profile.valid_to),
        transaction_id=profile.transaction_id if purpose is Purpose.TX else None,
    )


def schedule_of(schedule: ChargingSchedule) -> Schedule:
    """
    Read a schedule: that of a profile, or one that a Charge Point reports.

    @raise RemoteProtocolError: if its time or one of its numbers is none.
    """
    minimum = schedule.min_charging_rate
    return Schedule(
        unit=RateUnit(schedule.charging_rate_unit.value),
        periods=tuple(
            Period(
                period.start_period,
                _thousandths("limit", period.limit),
                period.number_phases,
            )
            for period in schedule.charging_schedule_period
        ),
        start_s=_seconds(schedule.start_schedule),
        duration_s=schedule.duration,
        min_rate_milli=None if minimum is None else _thousandths("minChargingRate", minimum),
    )


def criteria_of(request: ClearChargingProfileRequest) -> Criteria:
    """Which profiles a ClearChargingProfile means."""
    purpose = request.charging_profile_purpose
    return Criteria(
        request.id,
        request.connector_id,
        None if purpose is None else Purpose(purpose.value),
        request.stack_level,
    )


def to_request(profile: Profile) -> SetChargingProfileRequest:
    """
    The message that sets a profile, its limits rounded down to one decimal.

    @raise LocalProtocolError: if OCPP 1.6 has no words for it.
    """
    if isinstance(profile.transaction_id, str):
        raise LocalProtocolError("the transaction's id is a text; OCPP 1.6 has numbers only")
    recurrency = profile.recurrency
    return SetChargingProfileRequest(
        connector_id=profile.connector,
        cs_charging_profiles=ChargingProfile(
            charging_profile_id=profile.id,
            stack_level=profile.stack_level,
            charging_profile_purpose=ChargingProfilePurpose(profile.purpose.value),
            charging_profile_kind=ChargingProfileKind(profile.kind.value),
            charging_schedule=to_charging_schedule(profile.schedule),
            transaction_id=profile.transaction_id,
            recurrency_kind=None if recurrency is None else RecurrencyKind(recurrency.value),
            valid_from=_timestamp(profile.valid_from_s),
            valid_to=_timestamp(profile.valid_to_s),
        ),
    )


def to_charging_schedule(schedule: Schedule) -> ChargingSchedule:
    """
    The part of a message that tells a schedule, its limits rounded down to one decimal.

    @raise LocalProtocolError: if it starts after the year 9999.
    """
    minimum = schedule.min_rate_milli
    return ChargingSchedule(
        charging_rate_unit=ChargingRateUnit(schedule.unit.value),
        charging_schedule_period=tuple(
            ChargingSchedulePeriod(
                start_period=period.start_s,
                limit=_tenths(period.limit_milli),
                number_phases=period.phases,
            )
            for period in schedule.periods
        ),
        duration=schedule.duration_s,
        start_schedule=_timestamp(schedule.start_s),
        min_charging_rate=None if minimum is None else _tenths(minimum),
    )


def _seconds(text: str | None) -> int | None:
    return None if text is None else whole_seconds(parse_timestamp(text))


def _timestamp(at_s: int | None) -> str | None:
    if at_s is None:
        return None
    try:
        return format_timestamp(moment(at_s))
    except OverflowError as error:
        raise LocalProtocolError(f"second {at_s} is after the year 9999") from error


def _thousandths(name: str, number: float) -> int:
    # By its decimal text: 16.4 has no exact binary form and is 16400 thousandths all the same.
    exact = Decimal(str(number))
    if not exact.is_finite():
        raise RemoteProtocolError(
            f"{name} is {number}; it must be a number",
            CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
        )
    return int((exact * 1000).to_integral_value(ROUND_FLOOR))


def _tenths(thousandths: int) -> float:
    return thousandths // 100 / 10
