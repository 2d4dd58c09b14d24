"""
What a virtual wallbox does when a Central System asks: one function for each action.

A request that is not in the table is answered with NotSupported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.limits.schedules.instants import moment, whole_seconds
from cfos_cm.limits.schedules.objections import objections_to_start
from cfos_cm.limits.schedules.ocpp16 import criteria_of, profile_of
from cfos_cm.limits.schedules.profile import Profile, RateUnit
from cfos_cm.limits.schedules.store import ProfileRefused
from cfos_cm.simulator.configuration import MAX_KEYS
from cfos_cm.simulator.profiles import BOUNDS, composite_schedule
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
from cfos_cm.v16.types import ChargingRateUnit, Message, ReadingContext

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
    profiles, found = wallbox.evse.profiles.without(criteria_of(request))
    wallbox.evse.put_profiles(profiles)
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
    at_s = whole_seconds(wallbox.now())
    unit = RateUnit((request.charging_rate_unit or ChargingRateUnit.A).value)
    return GetCompositeScheduleConfirmation(
        status=GetCompositeScheduleStatus.ACCEPTED,
        connector_id=request.connector_id,
        schedule_start=format_timestamp(moment(at_s)),
        charging_schedule=composite_schedule(
            wallbox.evse.outlook, request.connector_id, at_s, request.duration, unit
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
    profile = None
    if request.charging_profile is not None:
        profile = profile_of(wallbox.settings.connector, request.charging_profile)
    begun = (
        # OCPP 1.6, "Boot Notification": not while the registration is pending.
        wallbox.registration.is_accepted()
        and request.connector_id in (None, wallbox.settings.connector)
        and _is_for_a_start(wallbox, profile)
        and wallbox.evse.invite(request.id_tag, profile)
    )
    return RemoteStartTransactionConfirmation(status=_start_stop(begun))


def _is_for_a_start(wallbox: ChargePoint, profile: Profile | None) -> bool:
    """Whether a profile may come with a RemoteStartTransaction."""
    if profile is None:
        return True
    found = next(objections_to_start(profile, BOUNDS), None)
    if found is not None:
        wallbox.conversation.complain(f"charging profile refused: {found}")
        return False
    return wallbox.evse.profiles.has_room_for(profile, BOUNDS)


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
    connector, evse = request.connector_id, wallbox.evse
    if not wallbox.has_connector(connector):
        raise RemoteProtocolError(
            f"there is no connector {connector}; allowed: 0, {wallbox.settings.connector}",
            CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
        )
    profile = profile_of(connector, request.cs_charging_profiles)
    try:
        profiles = evse.profiles.with_profile(profile, BOUNDS, evse.running.get(connector))
    except ProfileRefused as refusal:
        wallbox.conversation.complain(f"charging profile refused: {refusal}")
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
