"""What an operator orders about charging: start, stop, limits, connectors in and out of use."""

from __future__ import annotations

from cfos_cm.central_system.commands.availability import (
    AvailabilityChange,
    change_availability,
)
from cfos_cm.central_system.commands.checked_calls import CheckedCalls
from cfos_cm.errors import LocalProtocolError
from cfos_cm.v16.core import (
    ClearCacheConfirmation,
    ClearCacheRequest,
    ClearCacheStatus,
    RemoteStartStopStatus,
    RemoteStartTransactionConfirmation,
    RemoteStartTransactionRequest,
    RemoteStopTransactionConfirmation,
    RemoteStopTransactionRequest,
    UnlockConnectorConfirmation,
    UnlockConnectorRequest,
    UnlockStatus,
)
from cfos_cm.v16.smart_charging import (
    ChargingProfileStatus,
    ClearChargingProfileConfirmation,
    ClearChargingProfileRequest,
    ClearChargingProfileStatus,
    GetCompositeScheduleConfirmation,
    GetCompositeScheduleRequest,
    SetChargingProfileConfirmation,
    SetChargingProfileRequest,
)
from cfos_cm.v16.types import ChargingProfile, ChargingProfilePurpose, ChargingRateUnit

__all__ = ["ChargingOrders"]


class ChargingOrders:
    """
    Orders about charging.

    Each fails with L{LocalProtocolError} when it may not be given, with
    L{cfos_cm.errors.DeviceRefusal} when the Charge Point answers with a CALLERROR, and with
    L{cfos_cm.errors.DeviceError} when it is not connected or does not answer in time.
    """

    def __init__(self, calls: CheckedCalls) -> None:
        self._calls = calls

    async def start(self, evse: str, id_tag: str) -> RemoteStartStopStatus:
        """
        Have charging begin at an EVSE. "Remote Start Transaction".

        @param evse: its name in the settings.
        """
        identity, connector = self._place_of(evse)
        return await self.remote_start(identity, id_tag, connector)

    async def stop(self, evse: str) -> RemoteStartStopStatus:
        """
        End the transaction that runs at an EVSE. "Remote Stop Transaction".

        @param evse: its name in the settings.
        @raise LocalProtocolError: also when none runs there.
        """
        place = self._place_of(evse)
        transaction_id = self._calls.central_system.roster.running.get(place)
        if transaction_id is None:
            raise LocalProtocolError(f"no transaction runs at {evse}")
        return await self.remote_stop(place[0], transaction_id)

    async def remote_start(
        self,
        identity: str,
        id_tag: str,
        connector: int | None = None,
        profile: ChargingProfile | None = None,
    ) -> RemoteStartStopStatus:
        """
        Have a transaction begin. "Remote Start Transaction".

        @param connector: from 1 on; C{None}: the Charge Point chooses.
        @param profile: of the transaction to come: a TxProfile without a transactionId.
        @return: whether it will try.
        """
        request = RemoteStartTransactionRequest(
            id_tag=id_tag, connector_id=connector, charging_profile=profile
        )
        answer = await self._calls.ask(identity, request, RemoteStartTransactionConfirmation)
        return answer.status

    async def remote_stop(self, identity: str, transaction_id: int) -> RemoteStartStopStatus:
        """
        End a transaction. "Remote Stop Transaction".

        @return: whether it will try; rejected: it knows no such transaction.
        """
        request = RemoteStopTransactionRequest(transaction_id=transaction_id)
        answer = await self._calls.ask(identity, request, RemoteStopTransactionConfirmation)
        return answer.status

    async def change_availability(
        self, identity: str, connector: int, operative: bool
    ) -> AvailabilityChange:
        """
        Take a connector out of use, or back. "Change Availability".

        @param connector: 0: the whole Charge Point. One that does not bear being asked so is
            asked for each of its connectors instead.
        """
        return await change_availability(self._calls, identity, connector, operative)

    async def unlock(self, identity: str, connector: int) -> UnlockStatus:
        """
        Open the lock of a connector's plug. "Unlock Connector".

        @param connector: from 1 on.
        @return: open; still locked; or there is no such lock.
        """
        request = UnlockConnectorRequest(connector_id=connector)
        answer = await self._calls.ask(identity, request, UnlockConnectorConfirmation)
        return answer.status

    async def clear_cache(self, identity: str) -> ClearCacheStatus:
        """Have a Charge Point forget the idTags that it has asked about. "Clear Cache"."""
        answer = await self._calls.ask(identity, ClearCacheRequest(), ClearCacheConfirmation)
        return answer.status

    async def set_charging_profile(
        self, identity: str, connector: int, profile: ChargingProfile
    ) -> ChargingProfileStatus:
        """
        Set a charging profile. "Set Charging Profile".

        Load management sets its own again at once, so what stays in force is the lower of both
        only for a ChargePointMaxProfile.

        @param connector: 0: the whole Charge Point.
        """
        request = SetChargingProfileRequest(
            connector_id=connector, cs_charging_profiles=profile
        )
        answer = await self._calls.ask(identity, request, SetChargingProfileConfirmation)
        return answer.status

    async def clear_charging_profiles(
        self,
        identity: str,
        profile_id: int | None = None,
        connector: int | None = None,
        purpose: ChargingProfilePurpose | None = None,
        stack_level: int | None = None,
    ) -> ClearChargingProfileStatus:
        """
        Take charging profiles back: the one with an id, else those that fit all else that is
        given; with nothing given all. "Clear Charging Profile".

        Load management sets its own again at once.
        """
        request = ClearChargingProfileRequest(
            id=profile_id,
            connector_id=connector,
            charging_profile_purpose=purpose,
            stack_level=stack_level,
        )
        answer = await self._calls.ask(identity, request, ClearChargingProfileConfirmation)
        return answer.status

    async def composite_schedule(
        self,
        identity: str,
        connector: int,
        duration_s: int,
        unit: ChargingRateUnit | None = None,
    ) -> GetCompositeScheduleConfirmation:
        """
        Ask what all limits together come to. "Get Composite Schedule".

        @param connector: 0: the whole Charge Point.
        @param duration_s: from now on; 1 or more. [s]
        @param unit: C{None}: the Charge Point chooses.
        """
        request = GetCompositeScheduleRequest(
            connector_id=connector, duration=duration_s, charging_rate_unit=unit
        )
        return await self._calls.ask(identity, request, GetCompositeScheduleConfirmation)

    def _place_of(self, evse: str) -> tuple[str, int]:
        """
        The Charge Point and the connector that an EVSE is.

        @raise LocalProtocolError: if there is no such EVSE.
        """
        place = self._calls.central_system.settings.place_of(evse)
        if place is None:
            raise LocalProtocolError(f"there is no EVSE {evse!r} that speaks OCPP")
        return place
