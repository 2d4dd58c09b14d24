"""
What is done with each request of a Charge Point: one function and one row each.

OCPP 1.6, chapter 4, "Operations Initiated by Charge Point".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from twisted.logger import Logger

from cfos_cm.central_system.authorisation import NOWHERE_TO_CHARGE, judge_tag
from cfos_cm.central_system.connected import ConnectedChargePoint
from cfos_cm.central_system.transactions import (
    meter_values,
    note_charging,
    note_vacant,
    start_by_fixed_tag,
    start_transaction,
    stop_transaction,
)
from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.site.events import (
    DeviceBooted,
    OccupancyReported,
    TagJudged,
)
from cfos_cm.site.evse import DeviceIdentity, Occupancy
from cfos_cm.site.tag import Verdict
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
    GenericStatus,
    LogStatusNotificationConfirmation,
    LogStatusNotificationRequest,
    SecurityEventNotificationConfirmation,
    SecurityEventNotificationRequest,
    SignCertificateConfirmation,
    SignCertificateRequest,
    SignedFirmwareStatusNotificationConfirmation,
    SignedFirmwareStatusNotificationRequest,
)
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import Message
from cfos_cm.wire.ocppj import Call

__all__ = ["HANDLERS", "MAX_CONNECTOR"]

#: OCPP 1.6 numbers connectors from 1 on; no Charge Point has anywhere near this many.
MAX_CONNECTOR = 1000
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

_log = Logger(namespace="cfos_cm.central_system")


async def _boot_notification(
    charge_point: ConnectedChargePoint, request: BootNotificationRequest, call: Call
) -> BootNotificationConfirmation:
    environment = charge_point.roster.environment
    device = DeviceIdentity(
        request.charge_point_vendor,
        request.charge_point_model,
        request.charge_point_serial_number or request.charge_box_serial_number,
        request.firmware_version,
    )
    accepted = charge_point.registration.is_accepted()
    if accepted:
        await environment.register.seen(charge_point.identity, device, environment.now())
        for evse in charge_point.evses.values():
            charge_point.report(DeviceBooted(evse.name, device))
    heartbeat_s = charge_point.roster.settings.heartbeat_interval_s
    return BootNotificationConfirmation(
        status=RegistrationStatus.ACCEPTED if accepted else RegistrationStatus.PENDING,
        current_time=format_timestamp(environment.now()),
        interval=heartbeat_s if accepted else PENDING_INTERVAL_S,
    )


async def _heartbeat(
    charge_point: ConnectedChargePoint, request: HeartbeatRequest, call: Call
) -> HeartbeatConfirmation:
    return HeartbeatConfirmation(
        current_time=format_timestamp(charge_point.roster.environment.now())
    )


async def _authorize(
    charge_point: ConnectedChargePoint, request: AuthorizeRequest, call: Call
) -> AuthorizeConfirmation:
    evses = list(charge_point.evses.values())
    judgement = (
        await judge_tag(charge_point.roster.environment, request.id_tag, evses)
        if evses
        else NOWHERE_TO_CHARGE
    )
    place = evses[0].name if len(evses) == 1 else charge_point.identity
    charge_point.report(TagJudged(place, request.id_tag, judgement.verdict))
    if judgement.verdict is Verdict.ACCEPTED:
        charge_point.note_card()
    return AuthorizeConfirmation(id_tag_info=judgement.id_tag_info())


async def _status_notification(
    charge_point: ConnectedChargePoint, request: StatusNotificationRequest, call: Call
) -> StatusNotificationConfirmation:
    if not 0 <= request.connector_id <= MAX_CONNECTOR:
        raise RemoteProtocolError(
            f"connectorId {request.connector_id}; from 0 to {MAX_CONNECTOR}",
            CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
        )
    evse = charge_point.evse_at(request.connector_id)
    if evse is None:
        if request.connector_id > 0:
            charge_point.forbid_at(request.connector_id)
        return StatusNotificationConfirmation()
    status = request.status
    charge_point.report(
        OccupancyReported(
            evse.name,
            OCCUPANCY[status],
            status.value,
            request.error_code.value if status is ChargePointStatus.FAULTED else None,
        )
    )
    if OCCUPANCY[status] is Occupancy.FREE:
        await note_vacant(charge_point, request.connector_id)
    if status in _IN_TRANSACTION:
        note_charging(charge_point, request.connector_id)
    if status is ChargePointStatus.PREPARING:
        charge_point.roster.forget_sleeping((charge_point.identity, request.connector_id))
        start_by_fixed_tag(charge_point, request.connector_id)
    return StatusNotificationConfirmation()


async def _data_transfer(
    charge_point: ConnectedChargePoint, request: DataTransferRequest, call: Call
) -> DataTransferConfirmation:
    # OCPP 1.6, "Data Transfer": accepted is only what the receiver has an implementation for.
    return DataTransferConfirmation(status=DataTransferStatus.UNKNOWN_VENDOR_ID)


async def _diagnostics_status(
    charge_point: ConnectedChargePoint,
    request: DiagnosticsStatusNotificationRequest,
    call: Call,
) -> DiagnosticsStatusNotificationConfirmation:
    _tell(charge_point, f"diagnostics: {request.status.value}")
    return DiagnosticsStatusNotificationConfirmation()


async def _firmware_status(
    charge_point: ConnectedChargePoint, request: FirmwareStatusNotificationRequest, call: Call
) -> FirmwareStatusNotificationConfirmation:
    _tell(charge_point, f"firmware: {request.status.value}")
    return FirmwareStatusNotificationConfirmation()


async def _signed_firmware_status(
    charge_point: ConnectedChargePoint,
    request: SignedFirmwareStatusNotificationRequest,
    call: Call,
) -> SignedFirmwareStatusNotificationConfirmation:
    _tell(charge_point, f"firmware: {request.status.value}")
    return SignedFirmwareStatusNotificationConfirmation()


async def _log_status(
    charge_point: ConnectedChargePoint, request: LogStatusNotificationRequest, call: Call
) -> LogStatusNotificationConfirmation:
    _tell(charge_point, f"log: {request.status.value}")
    return LogStatusNotificationConfirmation()


async def _security_event(
    charge_point: ConnectedChargePoint, request: SecurityEventNotificationRequest, call: Call
) -> SecurityEventNotificationConfirmation:
    _tell(charge_point, f"security event {request.type!r}")
    return SecurityEventNotificationConfirmation()


async def _sign_certificate(
    charge_point: ConnectedChargePoint, request: SignCertificateRequest, call: Call
) -> SignCertificateConfirmation:
    return SignCertificateConfirmation(status=GenericStatus.REJECTED)


def _tell(charge_point: ConnectedChargePoint, what: str) -> None:
    _log.info("{identity}: {what}", identity=charge_point.identity, what=what)


Handler = Callable[[ConnectedChargePoint, Any, Call], Awaitable[Message]]

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
    SignCertificateRequest: _sign_certificate,
    SignedFirmwareStatusNotificationRequest: _signed_firmware_status,
    StartTransactionRequest: start_transaction,
    StatusNotificationRequest: _status_notification,
    StopTransactionRequest: stop_transaction,
}
