"""SetChargingProfile, ClearChargingProfile and GetCompositeSchedule; they end here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from cfos_cm.v16.smart_charging import (
    ClearChargingProfileConfirmation,
    ClearChargingProfileRequest,
    GetCompositeScheduleConfirmation,
    GetCompositeScheduleRequest,
    SetChargingProfileConfirmation,
    SetChargingProfileRequest,
)
from cfos_cm.wire.ocppj import Call

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["clear_charging_profile", "get_composite_schedule", "set_charging_profile"]


def set_charging_profile(
    gateway: Gateway, request: SetChargingProfileRequest, _call: Call
) -> Deferred[SetChargingProfileConfirmation]:
    """Limit connectors by one more profile."""
    return gateway.profiles.set(request)


def clear_charging_profile(
    gateway: Gateway, request: ClearChargingProfileRequest, _call: Call
) -> Deferred[ClearChargingProfileConfirmation]:
    """Take profiles back."""
    return gateway.profiles.clear(request)


def get_composite_schedule(
    gateway: Gateway, request: GetCompositeScheduleRequest, _call: Call
) -> GetCompositeScheduleConfirmation:
    """Tell what the profiles come to."""
    return gateway.profiles.composite(request)
