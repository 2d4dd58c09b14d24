"""TriggerMessage: a message that the backend asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from cfos_cm.charge_point.commands.forwarding import outcome
from cfos_cm.charge_point.policy import sole_charge_point
from cfos_cm.charge_point.remembering import by_the_way
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.v16.actions import encode
from cfos_cm.v16.core import MeterValuesRequest
from cfos_cm.v16.firmware import (
    DiagnosticsStatus,
    DiagnosticsStatusNotificationRequest,
    FirmwareStatus,
    FirmwareStatusNotificationRequest,
)
from cfos_cm.v16.remote_trigger import (
    MessageTrigger,
    TriggerMessageConfirmation,
    TriggerMessageRequest,
    TriggerMessageStatus,
)
from cfos_cm.v16.types import Message, ReadingContext
from cfos_cm.wire.ocppj import Call
from cfos_cm.wire.splice import replaced

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["trigger_message"]

_ACCEPTED: Final = TriggerMessageStatus.ACCEPTED
_REJECTED: Final = TriggerMessageStatus.REJECTED

#: Nothing of the kind is ever under way in an EVSE that speaks no OCPP.
_IDLE: Final[dict[MessageTrigger, Message]] = {
    MessageTrigger.DIAGNOSTICS_STATUS_NOTIFICATION: DiagnosticsStatusNotificationRequest(
        status=DiagnosticsStatus.IDLE
    ),
    MessageTrigger.FIRMWARE_STATUS_NOTIFICATION: FirmwareStatusNotificationRequest(
        status=FirmwareStatus.IDLE
    ),
}


def trigger_message(
    gateway: Gateway, request: TriggerMessageRequest, call: Call
) -> Deferred[Message | bytes]:
    """
    Send a message, behind the answer.

    What is known here is told from here; readings of a Charge Point, and how far it is with its
    firmware, it is asked for.
    """
    return Deferred.fromCoroutine(_trigger_message(gateway, request, call))


async def _trigger_message(
    gateway: Gateway, request: TriggerMessageRequest, call: Call
) -> Message | bytes:
    return TriggerMessageConfirmation(status=await _status(gateway, request, call))


async def _status(
    gateway: Gateway, request: TriggerMessageRequest, call: Call
) -> TriggerMessageStatus:
    number, wanted = request.connector_id, request.requested_message
    if number not in (None, 0) and gateway.settings.connector(number or 0) is None:
        return _REJECTED
    if not gateway.pace.may_trigger():
        return _REJECTED
    if wanted is MessageTrigger.BOOT_NOTIFICATION:
        if gateway.is_serving:
            # OCPP 1.6, "Trigger Message": not when one was accepted.
            return _REJECTED
        gateway.afterwards(gateway.boot_now)
        return _ACCEPTED
    match wanted:
        case MessageTrigger.HEARTBEAT:
            gateway.afterwards(gateway.send_heartbeat)
            return _ACCEPTED
        case MessageTrigger.STATUS_NOTIFICATION:
            gateway.afterwards(lambda: gateway.send_status(number))
            return _ACCEPTED
        case MessageTrigger.METER_VALUES:
            return await _meter_values(gateway, number, call)
        case _:
            return await _progress(gateway, wanted, call)


async def _meter_values(
    gateway: Gateway, number: int | None, call: Call
) -> TriggerMessageStatus:
    """Those of one connector, or of all: accepted if there are any."""
    done = [
        await _readings(gateway, connector, call)
        for connector in gateway.settings.connectors
        if number in (None, 0, connector.number)
    ]
    return _ACCEPTED if _ACCEPTED in done else done[0]


async def _readings(
    gateway: Gateway, connector: ConnectorSettings, call: Call
) -> TriggerMessageStatus:
    if connector.speaks_ocpp:
        # Where no connector is named, one is: the Charge Point may have others.
        payload = _for_connector(call.payload, connector.connector)
        return _told(await outcome(gateway, connector, call.action, payload))
    readings = gateway.connectors[connector.number].readings(ReadingContext.TRIGGER)
    if readings is None:
        return _REJECTED
    gateway.afterwards(lambda: _send(gateway, readings))
    return _ACCEPTED


def _send(gateway: Gateway, readings: MeterValuesRequest) -> None:
    """Tell readings; those of a transaction have to keep their place among its messages."""
    number, transaction_id = readings.connector_id, readings.transaction_id
    payload = encode(readings)
    if transaction_id is None:
        gateway.measured_idle(number, payload)
    else:
        queued = gateway.queue("MeterValues", number, transaction_id, payload)
        by_the_way(gateway.settings.name, queued)


async def _progress(
    gateway: Gateway, wanted: MessageTrigger, call: Call
) -> TriggerMessageStatus:
    charge_point = sole_charge_point(gateway.settings)
    if charge_point is None:
        gateway.afterwards(lambda: gateway.tell(_IDLE[wanted]))
        return _ACCEPTED
    payload = _for_connector(call.payload, charge_point.connector, must_name=False)
    return _told(await outcome(gateway, charge_point, call.action, payload))


def _for_connector(payload: bytes, connector: int, must_name: bool = True) -> bytes:
    """The same request for a connector by the Charge Point's number."""
    named = replaced(payload, {"connectorId": connector})
    if named == payload and must_name and b"connectorId" not in payload:
        return named.replace(b"{", b'{"connectorId":%d,' % connector, 1)
    return named


def _told(confirmation: Message) -> TriggerMessageStatus:
    assert isinstance(confirmation, TriggerMessageConfirmation)
    return confirmation.status
