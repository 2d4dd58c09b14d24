"""An EVSE that speaks OCPP 1.6: it obeys charging profiles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.profiles import (
    ProfileForm,
    standing_profile,
    transaction_profile,
)
from cfos_cm.drivers.interfaces import IEvse
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.quirk import Quirk
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.v16.core import GetConfigurationConfirmation, GetConfigurationRequest
from cfos_cm.v16.smart_charging import (
    ChargingProfileStatus,
    SetChargingProfileConfirmation,
    SetChargingProfileRequest,
)

__all__ = ["Ocpp16Evse"]

_RATE_UNITS = "ChargingScheduleAllowedChargingRateUnit"
#: What is announced for each unit; the specification says Current and Power.
_AMPERES = frozenset({"current", "a"})
_WATTS = frozenset({"power", "w"})

_log = Logger(namespace="cfos_cm.drivers")


@implementer(IEvse)
class Ocpp16Evse:
    """
    A connector of a Charge Point.

    Outside a transaction its default profile forbids charging; in a transaction a profile of
    that transaction says how much.
    """

    def __init__(
        self,
        name: str,
        phases: int,
        address: tuple[str, int],
        central_system: CentralSystem,
        now: Callable[[], datetime],
    ) -> None:
        """
        @param phases: how many it is wired to.
        @param address: the Charge Point's identity, and the connector.
        """
        self.name = name
        self._phases = phases
        self._identity, self._connector = address
        self._central_system = central_system
        self._now = now

    def apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[None]:
        """See L{IEvse.apply}."""
        return Deferred.fromCoroutine(self._apply(setpoint, transaction_id, from_scratch))

    async def _apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> None:
        if from_scratch or transaction_id is None:
            try:
                await self._set(self._standing)
            except DeviceRefusal as refusal:
                if transaction_id is None:
                    raise
                # The transaction's own limit is what holds now, and outranks the default.
                _log.warn("{evse}: {refusal!s}", evse=self.name, refusal=refusal)
        if transaction_id is not None:
            number = transaction_id
            await self._set(lambda form: self._limit(number, setpoint.current_ma, form))

    def _standing(self, form: ProfileForm) -> SetChargingProfileRequest:
        return standing_profile(self._connector, self._phases, self._now(), form)

    def _limit(
        self, transaction_id: int, current_ma: int, form: ProfileForm
    ) -> SetChargingProfileRequest:
        return transaction_profile(
            self._connector, transaction_id, current_ma, self._phases, self._now(), form
        )

    async def _set(self, profile: Callable[[ProfileForm], SetChargingProfileRequest]) -> None:
        form = ProfileForm.of(self._central_system.quirks_of(self._identity))
        try:
            await self._send(profile(form))
        except DeviceRefusal:
            if form.in_watts or not await self._wants_watts():
                raise
            await self._send(profile(evolve(form, in_watts=True)))

    async def _wants_watts(self) -> bool:
        """
        Whether it announces that it takes no amperes; it is given watts from now on then.

        Asked only after a refusal: some restart when they are asked much (OCPP 1.6,
        "ChargingScheduleAllowedChargingRateUnit").
        """
        request = GetConfigurationRequest(key=(_RATE_UNITS,))
        try:
            confirmation = await self._central_system.call(self._identity, request)
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
        self._central_system.learn(self._identity, Quirk.WATTS)
        return True

    async def _send(self, request: SetChargingProfileRequest) -> None:
        confirmation = await self._central_system.call(self._identity, request)
        assert isinstance(confirmation, SetChargingProfileConfirmation)
        if confirmation.status is not ChargingProfileStatus.ACCEPTED:
            purpose = request.cs_charging_profiles.charging_profile_purpose.value
            raise DeviceRefusal(f"{purpose} was answered with {confirmation.status.value}")
