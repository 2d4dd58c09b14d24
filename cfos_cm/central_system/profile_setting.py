"""Setting a charging profile, in amperes or in watts, as the Charge Point wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import evolve
from twisted.internet.defer import Deferred

from cfos_cm.central_system.profiles import ProfileForm
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.quirk import Quirk
from cfos_cm.v16.core import GetConfigurationConfirmation, GetConfigurationRequest
from cfos_cm.v16.smart_charging import (
    ChargingProfileStatus,
    SetChargingProfileConfirmation,
    SetChargingProfileRequest,
)
from cfos_cm.v16.types import Message

__all__ = ["Recipient", "set_profile"]

_RATE_UNITS = "ChargingScheduleAllowedChargingRateUnit"
#: What is announced for each unit; the specification says Current and Power.
_AMPERES = frozenset({"current", "a"})
_WATTS = frozenset({"power", "w"})


class Recipient(Protocol):
    """The Charge Point that gets the profile."""

    def call(self, request: Message) -> Deferred[Message]:
        """Ask it."""

    @property
    def quirks(self) -> frozenset[Quirk]:
        """What is known of its deviations now."""

    def learn(self, quirk: Quirk) -> None:
        """It has shown one."""


async def set_profile(
    recipient: Recipient, profile: Callable[[ProfileForm], SetChargingProfileRequest]
) -> None:
    """
    Have a Charge Point obey a profile.

    @param profile: makes it, in the form that the Charge Point takes.
    @raise DeviceRefusal: if it says no.
    @raise DeviceError: if it is not known whether it obeys.
    """
    form = ProfileForm.of(recipient.quirks)
    try:
        await _send(recipient, profile(form))
    except DeviceRefusal:
        if form.in_watts or not await _wants_watts(recipient):
            raise
        await _send(recipient, profile(evolve(form, in_watts=True)))


async def _wants_watts(recipient: Recipient) -> bool:
    """
    Whether it announces that it takes no amperes; it is given watts from now on then.

    Asked only after a refusal: some restart when they are asked much (OCPP 1.6,
    "ChargingScheduleAllowedChargingRateUnit").
    """
    try:
        confirmation = await recipient.call(GetConfigurationRequest(key=(_RATE_UNITS,)))
    except DeviceError:
        return False
    assert isinstance(confirmation, GetConfigurationConfirmation)
    announced = {
        unit.strip().strip("\"'").casefold()
        for told in confirmation.configuration_key or ()
        if told.key.casefold() == _RATE_UNITS.casefold()
        for unit in (told.value or "").split(",")
    }
    if not announced & _WATTS or announced & _AMPERES:
        return False
    recipient.learn(Quirk.WATTS)
    return True


async def _send(recipient: Recipient, request: SetChargingProfileRequest) -> None:
    confirmation = await recipient.call(request)
    assert isinstance(confirmation, SetChargingProfileConfirmation)
    if confirmation.status is not ChargingProfileStatus.ACCEPTED:
        purpose = request.cs_charging_profiles.charging_profile_purpose.value
        raise DeviceRefusal(f"{purpose} was answered with {confirmation.status.value}")
