"""
The charging profiles that a Charge Point gets from us.

They are as plain as can be, one period from now on, because implementations disagree on
everything else. OCPP 1.6, "Smart Charging".
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cfos_cm.v16.smart_charging import SetChargingProfileRequest
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import (
    ChargingProfile,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ChargingSchedule,
    ChargingSchedulePeriod,
)

__all__ = ["standing_profile", "transaction_profile"]

#: Ours are told apart from others' by these ids; the same id replaces the one before. Each
#: connector has two ids of its own, counted up from here.
_STANDING_PROFILE_ID = 19520
_TRANSACTION_PROFILE_ID = 19521

#: The level that every Charge Point has: several refuse what they themselves announce.
_STACK_LEVEL = 0

#: A schedule that starts in the future is not in force yet, and no two clocks agree.
_EARLIER = timedelta(days=1)


def standing_profile(connector: int, phases: int, now: datetime) -> SetChargingProfileRequest:
    """The default profile of a connector: without a transaction, charging is forbidden."""
    return SetChargingProfileRequest(
        connector_id=connector,
        cs_charging_profiles=ChargingProfile(
            charging_profile_id=_STANDING_PROFILE_ID + 2 * connector,
            stack_level=_STACK_LEVEL,
            charging_profile_purpose=ChargingProfilePurpose.TX_DEFAULT_PROFILE,
            charging_profile_kind=ChargingProfileKind.ABSOLUTE,
            charging_schedule=_schedule(0, phases, now),
        ),
    )


def transaction_profile(
    connector: int, transaction_id: int, current_ma: int, phases: int, now: datetime
) -> SetChargingProfileRequest:
    """
    The limit of a running transaction.

    A TxProfile, for only that outranks what another party may have set for the transaction.

    @param current_ma: a multiple of 100 mA; what is finer is rounded down. [mA per phase]
    """
    return SetChargingProfileRequest(
        connector_id=connector,
        cs_charging_profiles=ChargingProfile(
            charging_profile_id=_TRANSACTION_PROFILE_ID + 2 * connector,
            transaction_id=transaction_id,
            stack_level=_STACK_LEVEL,
            charging_profile_purpose=ChargingProfilePurpose.TX_PROFILE,
            charging_profile_kind=ChargingProfileKind.ABSOLUTE,
            charging_schedule=_schedule(current_ma, phases, now),
        ),
    )


def _schedule(current_ma: int, phases: int, now: datetime) -> ChargingSchedule:
    return ChargingSchedule(
        start_schedule=format_timestamp(now - _EARLIER),
        charging_rate_unit=ChargingRateUnit.A,
        charging_schedule_period=(
            ChargingSchedulePeriod(
                start_period=0, limit=current_ma // 100 / 10, number_phases=phases
            ),
        ),
    )
