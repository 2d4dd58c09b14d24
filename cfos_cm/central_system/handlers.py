"""
What is done with each request of a Charge Point: one function and one row each.

OCPP 1.6, chapter 4, "Operations Initiated by Charge Point".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from cfos_cm.central_system.authorisation import judge_tag
from cfos_cm.central_system.transactions import (
    meter_values,
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

if TYPE_CHECKING:
    from cfos_cm.central_system.session import Session

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

_log = Logger(namespace="cfos_cm.central_system")


async def _boot_notification(
    session: Session, request: BootNotificationRequest, call: Call
) -> BootNotificationConfirmation:
    environment = session.system.environment
    device = DeviceIdentity(
        request.charge_point_vendor,
        request.charge_point_model,
        request.charge_point_serial_number or request.charge_box_serial_number,
        request.firmware_version,
    )
    accepted = session.registration.is_accepted()
    if accepted:
        await environment.register.seen(session.identity, device, environment.now())
        for evse in session.evses.values():
            session.report(DeviceBooted(evse.name, device))
    return BootNotificationConfirmation(
        status=RegistrationStatus.ACCEPTED if accepted else RegistrationStatus.PENDING,
        current_time=format_timestamp(environment.now()),
        interval=(
            session.system.settings.heartbeat_interval_s if accepted else PENDING_INTERVAL_S
        ),
    )


async def _heartbeat(
    session: Session, request: HeartbeatRequest, call: Call
) -> HeartbeatConfirmation:
    return HeartbeatConfirmation(
        current_time=format_timestamp(session.system.environment.now())
    )


async def _authorize(
    session: Session, request: AuthorizeRequest, call: Call
) -> AuthorizeConfirmation:
    evses = list(session.evses.values())
    judgement = await judge_tag(session.system.environment, request.id_tag, evses)
    place = evses[0].name if len(evses) == 1 else session.identity
    session.report(TagJudged(place, request.id_tag, judgement.verdict))
    return AuthorizeConfirmation(id_tag_info=judgement.id_tag_info())


async def _status_notification(
    session: Session, request: StatusNotificationRequest, call: Call
) -> StatusNotificationConfirmation:
    if not 0 <= request.connector_id <= MAX_CONNECTOR:
        raise RemoteProtocolError(
            f"connectorId {request.connector_id}; from 0 to {MAX_CONNECTOR}",
            CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
        )
    evse = session.evse_at(request.connector_id)
    if evse is None:
        return StatusNotificationConfirmation()
    status = request.status
    session.report(
        OccupancyReported(
            evse.name,
            OCCUPANCY[status],
            status.value,
            request.error_code.value if status is ChargePointStatus.FAULTED else None,
        )
    )
    if status is ChargePointStatus.PREPARING:
        _start_by_fixed_tag(session, request.connector_id)
    return StatusNotificationConfirmation()


def _start_by_fixed_tag(session: Session, connector: int) -> None:
    # Not awaited: the Charge Point answers our call only after we have answered its own.
    started = start_by_fixed_tag(session, connector)
    if started is not None:
        started.addErrback(
            lambda failure: _log.warn(
                "{identity}: {error!s}", identity=session.identity, error=failure.value
            )
        )


async def _data_transfer(
    session: Session, request: DataTransferRequest, call: Call
) -> DataTransferConfirmation:
    # OCPP 1.6, "Data Transfer": accepted is only what the receiver has an implementation for.
    return DataTransferConfirmation(status=DataTransferStatus.UNKNOWN_VENDOR_ID)


async def _diagnostics_status(
    session: Session, request: DiagnosticsStatusNotificationRequest, call: Call
) -> DiagnosticsStatusNotificationConfirmation:
    _tell(session, f"diagnostics: {request.status.value}")
    return DiagnosticsStatusNotificationConfirmation()


async def _firmware_status(
    session: Session, request: FirmwareStatusNotificationRequest, call: Call
) -> FirmwareStatusNotificationConfirmation:
    _tell(session, f"firmware: {request.status.value}")
    return FirmwareStatusNotificationConfirmation()


async def _signed_firmware_status(
    session: Session, request: SignedFirmwareStatusNotificationRequest, call: Call
) -> SignedFirmwareStatusNotificationConfirmation:
    _tell(session, f"firmware: {request.status.value}")
    return SignedFirmwareStatusNotificationConfirmation()


async def _log_status(
    session: Session, request: LogStatusNotificationRequest, call: Call
) -> LogStatusNotificationConfirmation:
    _tell(session, f"log: {request.status.value}")
    return LogStatusNotificationConfirmation()


async def _security_event(
    session: Session, request: SecurityEventNotificationRequest, call: Call
) -> SecurityEventNotificationConfirmation:
    _tell(session, f"security event {request.type!r}")
    return SecurityEventNotificationConfirmation()


async def _sign_certificate(
    session: Session, request: SignCertificateRequest, call: Call
) -> SignCertificateConfirmation:
    return SignCertificateConfirmation(status=GenericStatus.REJECTED)


def _tell(session: Session, what: str) -> None:
    _log.info("{identity}: {what}", identity=session.identity, what=what)


Handler = Callable[["Session", Any, Call], Awaitable[Message]]

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
