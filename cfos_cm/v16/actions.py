"""
The table of actions: what may be asked, by whom, and the classes of question and answer.

This is where bytes become messages and messages become bytes. Payloads are vetted here: what
L{read_request} and L{read_confirmation} have read is JSON that no other reader understands
differently, and may be stored and relayed as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec
from attrs import frozen

from cfos_cm.errors import CallErrorCode, LocalProtocolError, RemoteProtocolError
from cfos_cm.quirk import NO_QUIRKS, Quirk
from cfos_cm.v16 import (
    core,
    firmware,
    local_auth_list,
    remote_trigger,
    reservation,
    security,
    smart_charging,
)
from cfos_cm.v16.reading import PayloadReader, Reading
from cfos_cm.v16.types import Message
from cfos_cm.v16.violations import excerpt, violation

__all__ = [
    "ACTIONS",
    "Action",
    "FeatureProfile",
    "Reading",
    "Role",
    "action_of",
    "decode_confirmation",
    "decode_request",
    "encode",
    "read_confirmation",
    "read_request",
    "read_usual_request",
]


class Role(StrEnum):
    """The two ends of an OCPP connection."""

    CHARGE_POINT = "Charge Point"
    CENTRAL_SYSTEM = "Central System"


class FeatureProfile(StrEnum):
    """
    The groups of actions that a Charge Point supports as a whole or not at all.

    The names are those of the configuration key SupportedFeatureProfiles, except for
    C{Security}: the paper that adds those actions gives them none, so it is never announced.
    """

    CORE = "Core"
    FIRMWARE_MANAGEMENT = "FirmwareManagement"
    LOCAL_AUTH_LIST_MANAGEMENT = "LocalAuthListManagement"
    RESERVATION = "Reservation"
    SMART_CHARGING = "SmartCharging"
    REMOTE_TRIGGER = "RemoteTrigger"
    SECURITY = "Security"


@frozen
class Action:
    """
    One action of OCPP 1.6.

    @ivar name: as it is in a CALL; upper and lower case matter.
    @ivar profile: the feature profile that it belongs to.
    @ivar sent_by: who may send the request. The other end sends the confirmation.
    @ivar request: the class of the request.
    @ivar confirmation: the class of the confirmation.
    """

    name: str
    profile: FeatureProfile
    sent_by: frozenset[Role]
    request: type[Message]
    confirmation: type[Message]


_UP: Final = frozenset({Role.CHARGE_POINT})
_DOWN: Final = frozenset({Role.CENTRAL_SYSTEM})
_BOTH: Final = _UP | _DOWN

_CORE: Final = FeatureProfile.CORE
_FIRMWARE: Final = FeatureProfile.FIRMWARE_MANAGEMENT
_LOCAL_LIST: Final = FeatureProfile.LOCAL_AUTH_LIST_MANAGEMENT
_RESERVATION: Final = FeatureProfile.RESERVATION
_SMART: Final = FeatureProfile.SMART_CHARGING
_TRIGGER: Final = FeatureProfile.REMOTE_TRIGGER
_SECURITY: Final = FeatureProfile.SECURITY

# fmt: off
_ROWS: tuple[Action, ...] = (
    Action("Authorize", _CORE, _UP,
           core.AuthorizeRequest,
           core.AuthorizeConfirmation),
    Action("BootNotification", _CORE, _UP,
           core.BootNotificationRequest,
           core.BootNotificationConfirmation),
    Action("ChangeAvailability", _CORE, _DOWN,
           core.ChangeAvailabilityRequest,
           core.ChangeAvailabilityConfirmation),
    Action("ChangeConfiguration", _CORE, _DOWN,
           core.ChangeConfigurationRequest,
           core.ChangeConfigurationConfirmation),
    Action("ClearCache", _CORE, _DOWN,
           core.ClearCacheRequest,
           core.ClearCacheConfirmation),
    Action("DataTransfer", _CORE, _BOTH,
           core.DataTransferRequest,
           core.DataTransferConfirmation),
    Action("GetConfiguration", _CORE, _DOWN,
           core.GetConfigurationRequest,
           core.GetConfigurationConfirmation),
    Action("Heartbeat", _CORE, _UP,
           core.HeartbeatRequest,
           core.HeartbeatConfirmation),
    Action("MeterValues", _CORE, _UP,
           core.MeterValuesRequest,
           core.MeterValuesConfirmation),
    Action("RemoteStartTransaction", _CORE, _DOWN,
           core.RemoteStartTransactionRequest,
           core.RemoteStartTransactionConfirmation),
    Action("RemoteStopTransaction", _CORE, _DOWN,
           core.RemoteStopTransactionRequest,
           core.RemoteStopTransactionConfirmation),
    Action("Reset", _CORE, _DOWN,
           core.ResetRequest,
           core.ResetConfirmation),
    Action("StartTransaction", _CORE, _UP,
           core.StartTransactionRequest,
           core.StartTransactionConfirmation),
    Action("StatusNotification", _CORE, _UP,
           core.StatusNotificationRequest,
           core.StatusNotificationConfirmation),
    Action("StopTransaction", _CORE, _UP,
           core.StopTransactionRequest,
           core.StopTransactionConfirmation),
    Action("UnlockConnector", _CORE, _DOWN,
           core.UnlockConnectorRequest,
           core.UnlockConnectorConfirmation),
    Action("DiagnosticsStatusNotification", _FIRMWARE, _UP,
           firmware.DiagnosticsStatusNotificationRequest,
           firmware.DiagnosticsStatusNotificationConfirmation),
    Action("FirmwareStatusNotification", _FIRMWARE, _UP,
           firmware.FirmwareStatusNotificationRequest,
           firmware.FirmwareStatusNotificationConfirmation),
    Action("GetDiagnostics", _FIRMWARE, _DOWN,
           firmware.GetDiagnosticsRequest,
           firmware.GetDiagnosticsConfirmation),
    Action("UpdateFirmware", _FIRMWARE, _DOWN,
           firmware.UpdateFirmwareRequest,
           firmware.UpdateFirmwareConfirmation),
    Action("GetLocalListVersion", _LOCAL_LIST, _DOWN,
           local_auth_list.GetLocalListVersionRequest,
           local_auth_list.GetLocalListVersionConfirmation),
    Action("SendLocalList", _LOCAL_LIST, _DOWN,
           local_auth_list.SendLocalListRequest,
           local_auth_list.SendLocalListConfirmation),
    Action("CancelReservation", _RESERVATION, _DOWN,
           reservation.CancelReservationRequest,
           reservation.CancelReservationConfirmation),
    Action("ReserveNow", _RESERVATION, _DOWN,
           reservation.ReserveNowRequest,
           reservation.ReserveNowConfirmation),
    Action("ClearChargingProfile", _SMART, _DOWN,
           smart_charging.ClearChargingProfileRequest,
           smart_charging.ClearChargingProfileConfirmation),
    Action("GetCompositeSchedule", _SMART, _DOWN,
           smart_charging.GetCompositeScheduleRequest,
           smart_charging.GetCompositeScheduleConfirmation),
    Action("SetChargingProfile", _SMART, _DOWN,
           smart_charging.SetChargingProfileRequest,
           smart_charging.SetChargingProfileConfirmation),
    Action("TriggerMessage", _TRIGGER, _DOWN,
           remote_trigger.TriggerMessageRequest,
           remote_trigger.TriggerMessageConfirmation),
    Action("CertificateSigned", _SECURITY, _DOWN,
           security.CertificateSignedRequest,
           security.CertificateSignedConfirmation),
    Action("DeleteCertificate", _SECURITY, _DOWN,
           security.DeleteCertificateRequest,
           security.DeleteCertificateConfirmation),
    Action("ExtendedTriggerMessage", _SECURITY, _DOWN,
           security.ExtendedTriggerMessageRequest,
           security.ExtendedTriggerMessageConfirmation),
    Action("GetInstalledCertificateIds", _SECURITY, _DOWN,
           security.GetInstalledCertificateIdsRequest,
           security.GetInstalledCertificateIdsConfirmation),
    Action("GetLog", _SECURITY, _DOWN,
           security.GetLogRequest,
           security.GetLogConfirmation),
    Action("InstallCertificate", _SECURITY, _DOWN,
           security.InstallCertificateRequest,
           security.InstallCertificateConfirmation),
    Action("LogStatusNotification", _SECURITY, _UP,
           security.LogStatusNotificationRequest,
           security.LogStatusNotificationConfirmation),
    Action("SecurityEventNotification", _SECURITY, _UP,
           security.SecurityEventNotificationRequest,
           security.SecurityEventNotificationConfirmation),
    Action("SignCertificate", _SECURITY, _UP,
           security.SignCertificateRequest,
           security.SignCertificateConfirmation),
    Action("SignedFirmwareStatusNotification", _SECURITY, _UP,
           security.SignedFirmwareStatusNotificationRequest,
           security.SignedFirmwareStatusNotificationConfirmation),
    Action("SignedUpdateFirmware", _SECURITY, _DOWN,
           security.SignedUpdateFirmwareRequest,
           security.SignedUpdateFirmwareConfirmation),
)
# fmt: on

#: Every action by its name.
ACTIONS: Mapping[str, Action] = MappingProxyType({action.name: action for action in _ROWS})

_BY_REQUEST: Mapping[type[Message], Action] = {action.request: action for action in _ROWS}

_READERS: Mapping[type[Message], PayloadReader] = {
    kind: PayloadReader(f"{action.name}.{suffix}", kind)
    for action in _ROWS
    for kind, suffix in ((action.request, "req"), (action.confirmation, "conf"))
}

#: The classes without fields: there is nothing in them that could be wrong.
_EMPTY: Final = frozenset(kind for kind in _READERS if not kind.__struct_fields__)

_ENCODER = msgspec.json.Encoder()


def action_of(request: Message | type[Message]) -> Action:
    """
    The action that C{request} asks for.

    @param request: a request, or its class.
    @raise LocalProtocolError: if it is no request.
    """
    kind = request if isinstance(request, type) else type(request)
    action = _BY_REQUEST.get(kind)
    if action is None:
        raise LocalProtocolError(f"{kind.__name__} is no request of OCPP 1.6")
    return action


def read_request(
    name: str,
    payload: bytes,
    sender: Role,
    tolerated: frozenset[Quirk] = NO_QUIRKS,
    without: frozenset[str] = frozenset(),
) -> Reading:
    """
    Read the payload of a CALL.

    @param name: the action's name, as the peer wrote it.
    @param payload: the JSON text of the payload alone.
    @param sender: the end of the connection that it came from.
    @param tolerated: the deviations that are repaired; the reading says which of them there
        were.
    @param without: fields at the top that are not looked at, as C{transactionData}: a
        StopTransaction that is billed without them is better than none. The reading tells of
        them in its remarks. What stands in them has to be JSON, like all of the payload.
    @return: an instance of the action's class of requests, and what was tolerated.
    @raise RemoteProtocolError: if there is no such action (C{NotImplemented}), if this end may
        not send it (C{NotSupported}), or if the payload is not what the action asks for
        (C{FormationViolation} and the three constraint violations). Its C{quirk} is set when
        the payload would be read if that (and maybe some more) were tolerated, and is no longer
        than L{MAX_ADVISED_BYTES<cfos_cm.v16.reading.MAX_ADVISED_BYTES>}.
    """
    action = ACTIONS.get(name)
    if action is None:
        raise RemoteProtocolError(
            f"action {excerpt(name)} is not known", CallErrorCode.NOT_IMPLEMENTED
        )
    if sender not in action.sent_by:
        raise RemoteProtocolError(
            f"action {name} may not be sent by a {sender}", CallErrorCode.NOT_SUPPORTED
        )
    return _READERS[action.request].read(payload, tolerated, without)


def read_usual_request(name: str, payload: bytes, sender: Role) -> Message | None:
    """
    Read the payload of a CALL, if there is nothing about it that needs a second look.

    @return: C{None}: L{read_request} has to tell. Otherwise C{payload} is one JSON object, and
        L{read_request} would have read the same message, whatever is tolerated, and with no
        remark.
    """
    action = ACTIONS.get(name)
    if action is None or sender not in action.sent_by:
        return None
    return _READERS[action.request].read_usual(payload)


def read_confirmation(
    action: Action, payload: bytes, tolerated: frozenset[Quirk] = NO_QUIRKS
) -> Reading:
    """
    Read the payload of a CALLRESULT.

    @param action: what was asked.
    @param payload: the JSON text of the payload alone.
    @param tolerated: as in L{read_request}.
    @return: an instance of the action's class of confirmations, and what was tolerated.
    @raise RemoteProtocolError: if the payload is not what the action asks for.
    """
    return _READERS[action.confirmation].read(payload, tolerated)


def decode_request(name: str, payload: bytes, sender: Role) -> Message:
    """
    The message in the payload of a CALL, from a peer that is forgiven nothing.

    @raise RemoteProtocolError: as L{read_request}.
    """
    return read_request(name, payload, sender).message


def decode_confirmation(action: Action, payload: bytes) -> Message:
    """
    The message in the payload of a CALLRESULT, from a peer that is forgiven nothing.

    @raise RemoteProtocolError: as L{read_confirmation}.
    """
    return read_confirmation(action, payload).message


def encode(message: Message) -> bytes:
    """
    Write the payload of a CALL or a CALLRESULT, as compact JSON.

    What is written is read again, because a Struct does not check the values that it is built
    from: nothing leaves that a strict peer would refuse or understand as something else.

    @raise LocalProtocolError: if C{message} is no message of OCPP 1.6, or breaks a limit.
    """
    kind = type(message)
    if kind in _EMPTY:
        return b"{}"
    name = kind.__name__
    reader = _READERS.get(kind)
    if reader is None:
        raise LocalProtocolError(f"{name} is no message of OCPP 1.6")
    try:
        payload = _ENCODER.encode(message)
        understood = reader.decode(payload)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise LocalProtocolError(f"cannot be sent: {_reason(name, error)}") from error
    if understood != message:
        raise LocalProtocolError(f"cannot be sent: {name}: a field has a value of a wrong type")
    unfit = message.unfit()
    if unfit is not None:
        raise LocalProtocolError(f"cannot be sent: {name}: {unfit}")
    return payload


def _reason(name: str, error: Exception) -> str:
    """Why our own message broke, without the values that are in it."""
    if isinstance(error, msgspec.DecodeError):
        return violation(name, error).description
    return f"{name}: {type(error).__name__}, a field has a value that JSON cannot hold"
