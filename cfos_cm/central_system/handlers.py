"""
What is done with each request of a Charge Point: one function and one row each.

A function returns the confirmation, or a Deferred of it, or is a coroutine.

OCPP 1.6, chapter 4, "Operations Initiated by Charge Point".
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm import strict_json
from cfos_cm.central_system.authorisation import NOWHERE_TO_CHARGE, judge_tag
from cfos_cm.central_system.certificate_signing import sign_certificate
from cfos_cm.central_system.connected import ConnectedChargePoint
from cfos_cm.central_system.reading import device_of
from cfos_cm.central_system.roster import MAX_CONNECTOR
from cfos_cm.central_system.transactions import (
    meter_values,
    note_charging,
    note_vacant,
    start_by_fixed_tag,
    start_transaction,
    stop_transaction,
)
from cfos_cm.errors import CallErrorCode, DeviceError, DeviceRefusal, RemoteProtocolError
from cfos_cm.quirk import Quirk
from cfos_cm.site.events import (
    DeviceBooted,
    OccupancyReported,
    TagJudged,
)
from cfos_cm.site.evse import EvseSettings, Occupancy
from cfos_cm.site.tag import Verdict
from cfos_cm.strict_json import AmbiguousJson
from cfos_cm.v16.core import (
    AuthorizeConfirmation,
    AuthorizeRequest,
    BootNotificationConfirmation,
    BootNotificationRequest,
    ChargePointStatus,
    DataTransferConfirmation,
    DataTransferRequest,
    DataTransferStatus,
    HeartbeatConfirmation,
    HeartbeatRequest,
    MeterValuesRequest,
    RegistrationStatus,
    StartTransactionRequest,
    StatusNotificationConfirmation,
    StatusNotificationRequest,
    StopTransactionRequest,
)
from cfos_cm.v16.firmware import (
    DiagnosticsStatusNotificationConfirmation,
    DiagnosticsStatusNotificationRequest,
    FirmwareStatusNotificationConfirmation,
    FirmwareStatusNotificationRequest,
)
from cfos_cm.v16.security import (
    LogStatusNotificationConfirmation,
    LogStatusNotificationRequest,
    SecurityEventNotificationConfirmation,
    SecurityEventNotificationRequest,
    SignCertificateRequest,
    SignedFirmwareStatusNotificationConfirmation,
    SignedFirmwareStatusNotificationRequest,
)
from cfos_cm.v16.timestamps import format_timestamp, parse_timestamp
from cfos_cm.v16.types import Message
from cfos_cm.v16.violations import excerpt
from cfos_cm.wire.ocppj import Call

__all__ = ["HANDLERS", "ask_backend"]

#: How soon a Charge Point that waits for approval asks again. [s]
PENDING_INTERVAL_S = 60

#: What the EVSE does in each status; OCPP 1.6, "Status Notification".
OCCUPANCY: Mapping[ChargePointStatus, Occupancy] = {
    ChargePointStatus.AVAILABLE: Occupancy.FREE,
    ChargePointStatus.RESERVED: Occupancy.FREE,
    ChargePointStatus.PREPARING: Occupancy.PLUGGED,
    ChargePointStatus.SUSPENDED_EV: Occupancy.PLUGGED,
    ChargePointStatus.SUSPENDED_EVSE: Occupancy.PLUGGED,
    ChargePointStatus.FINISHING: Occupancy.PLUGGED,
    ChargePointStatus.CHARGING: Occupancy.CHARGING,
    ChargePointStatus.UNAVAILABLE: Occupancy.UNAVAILABLE,
    ChargePointStatus.FAULTED: Occupancy.FAULTED,
}

#: What a connector says only while a transaction runs.
_IN_TRANSACTION = (
    ChargePointStatus.CHARGING,
    ChargePointStatus.SUSPENDED_EV,
    ChargePointStatus.SUSPENDED_EVSE,
)

#: Better believed a second time than not at all: they end nothing.
_ALWAYS_NEWS = (Occupancy.CHARGING, Occupancy.FAULTED, Occupancy.UNAVAILABLE)

_log = Logger(namespace="cfos_cm.central_system")


async def _boot_notification(
    charge_point: ConnectedChargePoint, request: BootNotificationRequest, call: Call
) -> BootNotificationConfirmation:
    environment = charge_point.roster.environment
    device = device_of(request)
    charge_point.acquaintance.introduced(device)
    if charge_point.is_proven:
        charge_point.acquaintance.may_be_another = False
    charge_point.acquaintance.statuses.restarted()
    charge_point.restarted()
    accepted = charge_point.is_accepted
    if accepted:
        try:
            await environment.register.seen(charge_point.identity, device, environment.now())
        finally:
            # It has started, and may have forgotten its limits, also if that is not on disk.
            for evse in charge_point.evses.values():
                charge_point.report(DeviceBooted(evse.name, device))
            _pass_on(charge_point, None, call)
    heartbeat_s = charge_point.roster.settings.heartbeat_interval_s
    return BootNotificationConfirmation(
        status=RegistrationStatus.ACCEPTED if accepted else RegistrationStatus.PENDING,
        current_time=format_timestamp(environment.now()),
        interval=heartbeat_s if accepted else PENDING_INTERVAL_S,
    )


def _heartbeat(
    charge_point: ConnectedChargePoint, request: HeartbeatRequest, call: Call
) -> HeartbeatConfirmation:
    # An idle one says nothing else for hours.
    charge_point.roster.unwritten.catch_up(charge_point.identity)
    return HeartbeatConfirmation(
        current_time=format_timestamp(charge_point.roster.environment.now())
    )


async def _authorize(
    charge_point: ConnectedChargePoint, request: AuthorizeRequest, call: Call
) -> AuthorizeConfirmation:
    evses = list(charge_point.evses.values())
    judgement = (
        await judge_tag(charge_point.roster.environment, request.id_tag, evses, call.payload)
        if evses
        else NOWHERE_TO_CHARGE
    )
    place = evses[0].name if len(evses) == 1 else charge_point.identity
    charge_point.report(TagJudged(place, request.id_tag, judgement.verdict))
    if judgement.verdict is Verdict.ACCEPTED:
        charge_point.note_card()
    return AuthorizeConfirmation(id_tag_info=judgement.id_tag_info())


def _status_notification(
    charge_point: ConnectedChargePoint, request: StatusNotificationRequest, call: Call
) -> StatusNotificationConfirmation | Deferred[StatusNotificationConfirmation]:
    connector = request.connector_id
    if not 0 <= connector <= MAX_CONNECTOR:
        raise RemoteProtocolError(
            f"connectorId {connector}; from 0 to {MAX_CONNECTOR}",
            CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
        )
    evse = charge_point.evse_at(connector)
    if evse is None:
        if connector > 0:
            charge_point.forbid_at(connector)
        elif _is_news(charge_point, request):
            # It is about all of it, which is nothing to us.
            _pass_on(charge_point, None, call)
        return StatusNotificationConfirmation()
    if not _is_news(charge_point, request):
        return StatusNotificationConfirmation()
    _pass_on(charge_point, connector, call)
    roster, identity = charge_point.roster, charge_point.identity
    occupancy = OCCUPANCY[request.status]
    waits = roster.turns.is_taken(identity)
    if waits and occupancy in _ALWAYS_NEWS:
        # What flows, flows. It is told once more in its turn, for what comes before it may say
        # something else.
        charge_point.report(_occupancy_of(request, evse))
    if waits or occupancy is Occupancy.FREE:
        return roster.turns.take(identity, partial(_note_status, charge_point, request))
    _note_occupied(charge_point, request)
    if identity in roster.unwritten:
        return roster.unwritten.catch_up(identity).addCallback(_noted)
    return StatusNotificationConfirmation()


def _noted(_: None) -> StatusNotificationConfirmation:
    return StatusNotificationConfirmation()


def _occupancy_of(request: StatusNotificationRequest, evse: EvseSettings) -> OccupancyReported:
    status = request.status
    fault = request.error_code.value if status is ChargePointStatus.FAULTED else None
    return OccupancyReported(evse.name, OCCUPANCY[status], status.value, fault)


async def _note_status(
    charge_point: ConnectedChargePoint, request: StatusNotificationRequest
) -> StatusNotificationConfirmation:
    if OCCUPANCY[request.status] is Occupancy.FREE:
        await _note_free(charge_point, request)
    else:
        _note_occupied(charge_point, request)
        await charge_point.roster.unwritten.try_to_write(charge_point.identity)
    return StatusNotificationConfirmation()


async def _note_free(
    charge_point: ConnectedChargePoint, request: StatusNotificationRequest
) -> None:
    evse = charge_point.evse_at(request.connector_id)
    if evse is not None:
        # It ends a transaction, and so it is told even if the connection is gone meanwhile.
        report = charge_point.roster.environment.report
        report(_occupancy_of(request, evse))
        if charge_point.is_lost:
            # What has become of it is not known.
            report(OccupancyReported(evse.name, Occupancy.UNKNOWN, "out of sight since"))
    await note_vacant(charge_point, request.connector_id)


def _note_occupied(
    charge_point: ConnectedChargePoint, request: StatusNotificationRequest
) -> None:
    connector = request.connector_id
    evse = charge_point.evse_at(connector)
    if evse is not None and not charge_point.is_lost:
        # It may have dialled again while this waited for its turn; it is the newest all the
        # same that is known of the connector.
        charge_point.roster.environment.report(_occupancy_of(request, evse))
    if request.status in _IN_TRANSACTION:
        note_charging(charge_point, connector)
    if request.status is ChargePointStatus.PREPARING:
        charge_point.roster.forget_sleeping((charge_point.identity, connector))
        start_by_fixed_tag(charge_point, connector)


def _is_news(charge_point: ConnectedChargePoint, request: StatusNotificationRequest) -> bool:
    acquaintance = charge_point.acquaintance
    has_clock = Quirk.NO_CLOCK not in acquaintance.tolerated
    told_at = _time_or_none(request.timestamp) if request.timestamp and has_clock else None
    news = acquaintance.statuses.is_news(
        request.connector_id, told_at, charge_point.roster.environment.now()
    )
    if OCCUPANCY[request.status] in _ALWAYS_NEWS:
        return True
    if not news:
        _tell(
            charge_point,
            f"connector {request.connector_id} was {request.status.value} at {told_at}; "
            "it has told of a later state since",
        )
    return news


def _time_or_none(text: str) -> datetime | None:
    try:
        return parse_timestamp(text)
    except RemoteProtocolError:
        return None


def _data_transfer(
    charge_point: ConnectedChargePoint, request: DataTransferRequest, call: Call
) -> DataTransferConfirmation | Deferred[bytes | DataTransferConfirmation]:
    backends = charge_point.roster.environment.backends
    if backends.bills(charge_point.identity):
        asked: Deferred[Any] = backends.ask(charge_point.identity, call)
        return asked.addErrback(_not_transferred, charge_point)
    _pass_on(charge_point, None, call)
    if Quirk.ACCEPTED_DATA in charge_point.acquaintance.tolerated:
        return DataTransferConfirmation(status=DataTransferStatus.ACCEPTED)
    # OCPP 1.6, "Data Transfer": accepted is only what the receiver has an implementation for.
    return DataTransferConfirmation(status=DataTransferStatus.UNKNOWN_VENDOR_ID)


def ask_backend(charge_point: ConnectedChargePoint, call: Call) -> Deferred[bytes]:
    """
    Have a backend answer what nobody here understands.

    @return: the JSON text of the confirmation's object.
    @raise RemoteProtocolError: if there is no backend, or it is not even JSON.
    """
    backends = charge_point.roster.environment.backends
    if not backends.bills(charge_point.identity):
        raise RemoteProtocolError(
            f"action {excerpt(call.action)} is not known", CallErrorCode.NOT_IMPLEMENTED
        )
    try:
        strict_json.check(call.payload)
    except AmbiguousJson as error:
        raise RemoteProtocolError(f"{excerpt(call.action)}: {error}") from error
    return backends.ask(charge_point.identity, call).addErrback(_not_asked)


def _not_asked(failure: Failure) -> bytes:
    if isinstance(failure.value, DeviceError):
        raise _refusal_of(failure.value)
    failure.raiseException()


def _refusal_of(error: DeviceError) -> RemoteProtocolError:
    """What a Charge Point is told that a backend has refused, or that it does not answer."""
    code = error.code if isinstance(error, DeviceRefusal) else CallErrorCode.INTERNAL_ERROR
    return RemoteProtocolError(str(error), code or CallErrorCode.GENERIC_ERROR)


def _not_transferred(
    failure: Failure, charge_point: ConnectedChargePoint
) -> DataTransferConfirmation:
    # Accepted, it would be lost without anybody knowing.
    if not isinstance(failure.value, DeviceError):
        failure.raiseException()
    if isinstance(failure.value, DeviceRefusal):
        raise _refusal_of(failure.value)
    _tell(charge_point, f"DataTransfer is refused: {failure.value}")
    return DataTransferConfirmation(status=DataTransferStatus.REJECTED)


def _pass_on(charge_point: ConnectedChargePoint, connector: int | None, call: Call) -> None:
    backends = charge_point.roster.environment.backends
    backends.told(charge_point.identity, connector, call)


def _diagnostics_status(
    charge_point: ConnectedChargePoint,
    request: DiagnosticsStatusNotificationRequest,
    call: Call,
) -> DiagnosticsStatusNotificationConfirmation:
    _note_activity(charge_point, "diagnostics", request.status.value)
    _pass_on(charge_point, None, call)
    return DiagnosticsStatusNotificationConfirmation()


def _firmware_status(
    charge_point: ConnectedChargePoint, request: FirmwareStatusNotificationRequest, call: Call
) -> FirmwareStatusNotificationConfirmation:
    _note_activity(charge_point, "firmware", request.status.value)
    _pass_on(charge_point, None, call)
    return FirmwareStatusNotificationConfirmation()


def _signed_firmware_status(
    charge_point: ConnectedChargePoint,
    request: SignedFirmwareStatusNotificationRequest,
    call: Call,
) -> SignedFirmwareStatusNotificationConfirmation:
    _note_activity(charge_point, "firmware", request.status.value)
    _pass_on(charge_point, None, call)
    return SignedFirmwareStatusNotificationConfirmation()


def _log_status(
    charge_point: ConnectedChargePoint, request: LogStatusNotificationRequest, call: Call
) -> LogStatusNotificationConfirmation:
    _note_activity(charge_point, "log", request.status.value)
    _pass_on(charge_point, None, call)
    return LogStatusNotificationConfirmation()


async def _security_event(
    charge_point: ConnectedChargePoint, request: SecurityEventNotificationRequest, call: Call
) -> SecurityEventNotificationConfirmation:
    _tell(charge_point, f"security event {request.type!r}")
    environment = charge_point.roster.environment
    await environment.security_events.add(
        charge_point.identity,
        request.type,
        request.timestamp,
        request.tech_info,
        environment.now(),
    )
    _pass_on(charge_point, None, call)
    return SecurityEventNotificationConfirmation()


def _note_activity(charge_point: ConnectedChargePoint, what: str, status: str) -> None:
    charge_point.acquaintance.activities[what] = status
    _tell(charge_point, f"{what}: {status}")


def _tell(charge_point: ConnectedChargePoint, what: str) -> None:
    _log.info("{identity}: {what}", identity=charge_point.identity, what=what)


Handler = Callable[
    [ConnectedChargePoint, Any, Call],
    Message | Deferred[Any] | Coroutine[Any, Any, Message],
]

HANDLERS: Mapping[type[Message], Handler] = {
    AuthorizeRequest: _authorize,
    BootNotificationRequest: _boot_notification,
    DataTransferRequest: _data_transfer,
    DiagnosticsStatusNotificationRequest: _diagnostics_status,
    FirmwareStatusNotificationRequest: _firmware_status,
    HeartbeatRequest: _heartbeat,
    LogStatusNotificationRequest: _log_status,
    MeterValuesRequest: meter_values,
    SecurityEventNotificationRequest: _security_event,
    SignCertificateRequest: sign_certificate,
    SignedFirmwareStatusNotificationRequest: _signed_firmware_status,
    StartTransactionRequest: start_transaction,
    StatusNotificationRequest: _status_notification,
    StopTransactionRequest: stop_transaction,
}
