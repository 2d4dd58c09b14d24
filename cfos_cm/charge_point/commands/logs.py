"""
GetLog and GetDiagnostics.

"Improved security for OCPP 1.6-J", N01, and OCPP 1.6, "Get Diagnostics". A Charge Point that is
all that the backend sees is asked for its own; elsewhere the gateway puts its own log where the
backend wants it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from cfos_cm.charge_point.commands.forwarding import not_there
from cfos_cm.charge_point.commands.upkeep import for_charge_point
from cfos_cm.charge_point.log_files import Period, diagnostics_log, file_name, security_log
from cfos_cm.charge_point.policy import sole_charge_point
from cfos_cm.charge_point.transfers import Transfer
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.v16.firmware import (
    DiagnosticsStatus,
    DiagnosticsStatusNotificationRequest,
    GetDiagnosticsConfirmation,
    GetDiagnosticsRequest,
)
from cfos_cm.v16.security import GetLogConfirmation, GetLogRequest, Log, LogStatus
from cfos_cm.v16.timestamps import format_timestamp, parse_timestamp
from cfos_cm.v16.types import Message
from cfos_cm.wire.location import UPLOAD_SCHEMES, Location, objection_to_host, read_location
from cfos_cm.wire.ocppj import Call

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["MAX_ATTEMPTS", "MAX_INTERVAL_S", "get_diagnostics", "get_log"]

#: However often a backend wants an upload to be tried,
MAX_ATTEMPTS: Final = 10
#: and with however much time in between. [s]
MAX_INTERVAL_S: Final = 3600
#: What a backend does not say is up to the Charge Point.
_USUAL_ATTEMPTS: Final = 3
_USUAL_INTERVAL_S: Final = 60


def get_log(
    gateway: Gateway, request: GetLogRequest, call: Call
) -> Message | Deferred[Message | bytes]:
    """Have a log uploaded: that of the Charge Point, or else the gateway's own."""
    if sole_charge_point(gateway.settings) is not None:
        return for_charge_point(gateway, request, call)
    period = _period(request.log.oldest_timestamp, request.log.latest_timestamp)
    place = _place(gateway, call.action, request.log.remote_location)
    if place is None:
        return GetLogConfirmation(status=LogStatus.REJECTED)
    name = _file_name(gateway, request.log_type)
    attempts, interval_s = _attempts(request.retries, request.retry_interval)
    was_canceled = _begin(
        gateway,
        Transfer(
            call.action,
            request.request_id,
            place.named(name, is_directory=False),
            lambda: _content(gateway, request.log_type, period),
            attempts,
            interval_s,
        ),
    )
    status = LogStatus.ACCEPTED_CANCELED if was_canceled else LogStatus.ACCEPTED
    return GetLogConfirmation(status=status, filename=name)


def get_diagnostics(
    gateway: Gateway, request: GetDiagnosticsRequest, call: Call
) -> Message | Deferred[Message | bytes]:
    """Have diagnostics uploaded: those of the Charge Point, or else the gateway's own."""
    if sole_charge_point(gateway.settings) is not None:
        return for_charge_point(gateway, request, call)
    period = _period(request.start_time, request.stop_time)
    place = _place(gateway, call.action, request.location)
    if place is None:
        # The confirmation has no word for a refusal.
        failed = DiagnosticsStatusNotificationRequest(status=DiagnosticsStatus.UPLOAD_FAILED)
        gateway.afterwards(lambda: gateway.tell(failed))
        return GetDiagnosticsConfirmation()
    name = _file_name(gateway, Log.DIAGNOSTICS_LOG)
    attempts, interval_s = _attempts(request.retries, request.retry_interval)
    _begin(
        gateway,
        Transfer(
            call.action,
            None,
            place.named(name, is_directory=True),
            lambda: _content(gateway, Log.DIAGNOSTICS_LOG, period),
            attempts,
            interval_s,
        ),
    )
    return GetDiagnosticsConfirmation(file_name=name)


def _period(oldest: str | None, latest: str | None) -> Period:
    """@raise RemoteProtocolError: if one of them is no point in time."""
    return Period(
        None if oldest is None else parse_timestamp(oldest),
        None if latest is None else parse_timestamp(latest),
    )


def _place(gateway: Gateway, action: str, url: str) -> Location | None:
    """Where a file may be put; C{None}: not there, or not so soon again."""
    try:
        place = read_location(url, UPLOAD_SCHEMES)
    except RemoteProtocolError as error:
        gateway.remark(not_there(action, str(error)))
        return None
    why = objection_to_host(place.host)
    if why is not None:
        gateway.remark(not_there(action, f"{place.shown} {why}"))
        return None
    if not gateway.pace.may_upload():
        gateway.remark(f"the backend asks for {action} too often, and is refused")
        return None
    return place


def _attempts(retries: int | None, interval_s: int | None) -> tuple[int, float]:
    attempts = _USUAL_ATTEMPTS if retries is None else retries
    wait_s = _USUAL_INTERVAL_S if interval_s is None else interval_s
    return max(1, min(attempts, MAX_ATTEMPTS)), float(max(1, min(wait_s, MAX_INTERVAL_S)))


def _begin(gateway: Gateway, transfer: Transfer) -> bool:
    """Begin behind the answer; whether another one was given up for it."""
    was_canceled = gateway.transfers.cancel(transfer.action)
    gateway.afterwards(lambda: gateway.transfers.start(transfer))
    return was_canceled


def _file_name(gateway: Gateway, kind: Log) -> str:
    return file_name(kind.value, gateway.settings.client_id, gateway.environment.now())


def _content(gateway: Gateway, kind: Log, period: Period) -> Deferred[bytes]:
    return Deferred.fromCoroutine(_made(gateway, kind, period))


async def _made(gateway: Gateway, kind: Log, period: Period) -> bytes:
    made_at = format_timestamp(gateway.environment.now())
    title = f"{kind.value} of {gateway.settings.client_id}, made at {made_at}"
    if kind is Log.SECURITY_LOG:
        records = await gateway.environment.security_log.all()
        return security_log(title, records, period)
    evses = gateway.environment.site().evses
    return diagnostics_log(
        title,
        gateway.standing,
        tuple((one, evses.get(one.evse)) for one in gateway.settings.connectors),
        gateway.configuration.read(())[0],
        gateway.notebook.notes,
        period,
    )
