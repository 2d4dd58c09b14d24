"""
What a virtual wallbox does when a Central System asks: one function for each action.

A request that is not in the table is answered with NotSupported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.simulator.configuration import MAX_KEYS
from cfos_cm.simulator.profiles import composite_schedule, fault_of
from cfos_cm.v16.core import (
    AvailabilityStatus,
    ChangeAvailabilityConfirmation,
    ChangeAvailabilityRequest,
    ChangeConfigurationConfirmation,
    ChangeConfigurationRequest,
    ClearCacheConfirmation,
    ClearCacheRequest,
    ClearCacheStatus,
    ConfigurationStatus,
    DataTransferConfirmation,
    DataTransferRequest,
    DataTransferStatus,
    GetConfigurationConfirmation,
    GetConfigurationRequest,
    Reason,
    RemoteStartStopStatus,
    RemoteStartTransactionConfirmation,
    RemoteStartTransactionRequest,
    RemoteStopTransactionConfirmation,
    RemoteStopTransactionRequest,
    ResetConfirmation,
    ResetRequest,
    ResetStatus,
    UnlockConnectorConfirmation,
    UnlockConnectorRequest,
    UnlockStatus,
)
from cfos_cm.v16.remote_trigger import (
    MessageTrigger,
    TriggerMessageConfirmation,
    TriggerMessageRequest,
    TriggerMessageStatus,
)
from cfos_cm.v16.smart_charging import (
    ChargingProfileStatus,
    ClearChargingProfileConfirmation,
    ClearChargingProfileRequest,
    ClearChargingProfileStatus,
    GetCompositeScheduleConfirmation,
    GetCompositeScheduleRequest,
    GetCompositeScheduleStatus,
    SetChargingProfileConfirmation,
    SetChargingProfileRequest,
)
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import (
    ChargingProfile,
    ChargingProfilePurpose,
    ChargingRateUnit,
    Message,
    ReadingContext,
)

if TYPE_CHECKING:
    from cfos_cm.simulator.charge_point import ChargePoint

__all__ = ["COMMANDS", "Command"]

#: Carries a request out; its confirmation. What the wallbox sends meanwhile goes after it.
Command = Callable[["ChargePoint", Any], Message]


def _change_availability(
    wallbox: ChargePoint, request: ChangeAvailabilityRequest
) -> ChangeAvailabilityConfirmation:
    if not wallbox.has_connector(request.connector_id):
        return ChangeAvailabilityConfirmation(status=AvailabilityStatus.REJECTED)
    at_once = wallbox.put_availability(request.connector_id, request.type)
    return ChangeAvailabilityConfirmation(
        status=AvailabilityStatus.ACCEPTED if at_once else AvailabilityStatus.SCHEDULED
    )


def _change_configuration(
    wallbox: ChargePoint, request: ChangeConfigurationRequest
) -> ChangeConfigurationConfirmation:
    status = wallbox.configuration.change(request.key, request.value)
    if status is ConfigurationStatus.ACCEPTED:
        wallbox.configuration_changed(request.key)
    return ChangeConfigurationConfirmation(status=status)


def _clear_cache(wallbox: ChargePoint, _request: ClearCacheRequest) -> ClearCacheConfirmation:
    wallbox.clear_cache()
    return ClearCacheConfirmation(status=ClearCacheStatus.ACCEPTED)


def _clear_charging_profile(
    wallbox: ChargePoint, request: ClearChargingProfileRequest
) -> ClearChargingProfileConfirmation:
    before = wallbox.evse.profiles
    after = before.without(request)
    wallbox.evse.put_profiles(after)
    found = len(after) < len(before)
    return ClearChargingProfileConfirmation(
        status=(
            ClearChargingProfileStatus.ACCEPTED if found else ClearChargingProfileStatus.UNKNOWN
        )
    )


def _data_transfer(
    _wallbox: ChargePoint, _request: DataTransferRequest
) -> DataTransferConfirmation:
    return DataTransferConfirmation(status=DataTransferStatus.UNKNOWN_VENDOR_ID)


def _get_composite_schedule(
    wallbox: ChargePoint, request: GetCompositeScheduleRequest
) -> GetCompositeScheduleConfirmation:
    if not wallbox.has_connector(request.connector_id):
        return GetCompositeScheduleConfirmation(status=GetCompositeScheduleStatus.REJECTED)
    at = wallbox.now().replace(microsecond=0)
    return GetCompositeScheduleConfirmation(
        status=GetCompositeScheduleStatus.ACCEPTED,
        connector_id=request.connector_id,
        schedule_start=format_timestamp(at),
        charging_schedule=composite_schedule(
            wallbox.evse.profiles,
            at,
            # One connector charges, so that it is also what the whole Charge Point comes to.
            wallbox.settings.connector,
            wallbox.evse.transaction_start,
            wallbox.evse.hardware,
            request.duration,
            request.charging_rate_unit or ChargingRateUnit.A,
        ),
    )


def _get_configuration(
    wallbox: ChargePoint, request: GetConfigurationRequest
) -> GetConfigurationConfirmation:
    names = request.key or ()
    if len(names) > MAX_KEYS:
        raise RemoteProtocolError(
            f"{len(names)} keys; allowed: {MAX_KEYS}",
            CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
        )
    known, unknown = wallbox.configuration.read(names)
    return GetConfigurationConfirmation(
        configuration_key=known or None, unknown_key=unknown or None
    )


def _remote_start(
    wallbox: ChargePoint, request: RemoteStartTransactionRequest
) -> RemoteStartTransactionConfirmation:
    begun = (
        # OCPP 1.6, "Boot Notification": not while the registration is pending.
        wallbox.registration.is_accepted()
        and request.connector_id in (None, wallbox.settings.connector)
        and _is_for_a_start(wallbox, request.charging_profile)
        and wallbox.evse.invite(request.id_tag, request.charging_profile)
    )
    return RemoteStartTransactionConfirmation(status=_start_stop(begun))


def _is_for_a_start(wallbox: ChargePoint, profile: ChargingProfile | None) -> bool:
    """Whether a profile may come with a RemoteStartTransaction."""
    if profile is None:
        return True
    return (
        profile.charging_profile_purpose is ChargingProfilePurpose.TX_PROFILE
        and profile.transaction_id is None
        and fault_of(wallbox.settings.connector, profile, in_transaction=True) is None
        # Tried, so that it fits later.
        and wallbox.evse.profiles.with_profile(wallbox.settings.connector, profile) is not None
    )


def _remote_stop(
    wallbox: ChargePoint, request: RemoteStopTransactionRequest
) -> RemoteStopTransactionConfirmation:
    runs = (
        wallbox.registration.is_accepted()
        and wallbox.evse.transaction_id == request.transaction_id
    )
    if runs:
        wallbox.evse.end(Reason.REMOTE)
    return RemoteStopTransactionConfirmation(status=_start_stop(runs))


def _start_stop(done: bool) -> RemoteStartStopStatus:
    return RemoteStartStopStatus.ACCEPTED if done else RemoteStartStopStatus.REJECTED


def _reset(wallbox: ChargePoint, request: ResetRequest) -> ResetConfirmation:
    wallbox.reset(request.type)
    return ResetConfirmation(status=ResetStatus.ACCEPTED)


def _set_charging_profile(
    wallbox: ChargePoint, request: SetChargingProfileRequest
) -> SetChargingProfileConfirmation:
    connector, profile = request.connector_id, request.cs_charging_profiles
    if not wallbox.has_connector(connector):
        raise RemoteProtocolError(
            f"there is no connector {connector}; allowed: 0, {wallbox.settings.connector}",
            CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
        )
    evse = wallbox.evse
    fault = fault_of(connector, profile, evse.transaction is not None)
    of_another = (
        profile.charging_profile_purpose is ChargingProfilePurpose.TX_PROFILE
        and profile.transaction_id not in (None, evse.transaction_id)
    )
    profiles = None
    if fault is None and not of_another:
        profiles = evse.profiles.with_profile(connector, profile)
    if profiles is None:
        wallbox.conversation.complain(
            f"charging profile refused: {fault or 'not of this transaction'}"
        )
        return SetChargingProfileConfirmation(status=ChargingProfileStatus.REJECTED)
    evse.put_profiles(profiles)
    return SetChargingProfileConfirmation(status=ChargingProfileStatus.ACCEPTED)


def _trigger_message(
    wallbox: ChargePoint, request: TriggerMessageRequest
) -> TriggerMessageConfirmation:
    return TriggerMessageConfirmation(status=_trigger_status(wallbox, request))


def _trigger_status(
    wallbox: ChargePoint, request: TriggerMessageRequest
) -> TriggerMessageStatus:
    wanted, connector = request.requested_message, request.connector_id
    if connector is not None and not wallbox.has_connector(connector):
        return TriggerMessageStatus.REJECTED
    match wanted:
        case MessageTrigger.BOOT_NOTIFICATION:
            if wallbox.registration.is_accepted():
                return TriggerMessageStatus.REJECTED
            wallbox.boot_now()
        case MessageTrigger.HEARTBEAT:
            wallbox.send_heartbeat()
        case MessageTrigger.METER_VALUES:
            wallbox.conversation.tell(wallbox.evse.readings(ReadingContext.TRIGGER))
        case MessageTrigger.STATUS_NOTIFICATION:
            wallbox.send_status(connector)
        case _:
            return TriggerMessageStatus.NOT_IMPLEMENTED
    return TriggerMessageStatus.ACCEPTED


def _unlock_connector(
    wallbox: ChargePoint, request: UnlockConnectorRequest
) -> UnlockConnectorConfirmation:
    if request.connector_id != wallbox.settings.connector:
        return UnlockConnectorConfirmation(status=UnlockStatus.NOT_SUPPORTED)
    wallbox.evse.end(Reason.UNLOCK_COMMAND)
    return UnlockConnectorConfirmation(status=UnlockStatus.UNLOCKED)


#: What is done for each class of request.
COMMANDS: Final[Mapping[type[Message], Command]] = MappingProxyType(
    {
        ChangeAvailabilityRequest: _change_availability,
        ChangeConfigurationRequest: _change_configuration,
        ClearCacheRequest: _clear_cache,
        ClearChargingProfileRequest: _clear_charging_profile,
        DataTransferRequest: _data_transfer,
        GetCompositeScheduleRequest: _get_composite_schedule,
        GetConfigurationRequest: _get_configuration,
        RemoteStartTransactionRequest: _remote_start,
        RemoteStopTransactionRequest: _remote_stop,
        ResetRequest: _reset,
        SetChargingProfileRequest: _set_charging_profile,
        TriggerMessageRequest: _trigger_message,
        UnlockConnectorRequest: _unlock_connector,
    }
)
