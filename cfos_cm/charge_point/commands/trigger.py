"""TriggerMessage and ExtendedTriggerMessage: a message that the backend asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred

from cfos_cm.charge_point.commands.forwarding import outcome
from cfos_cm.charge_point.policy import sole_charge_point
from cfos_cm.charge_point.remembering import by_the_way
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.v16.actions import encode
from cfos_cm.v16.core import MeterValuesRequest
from cfos_cm.v16.firmware import (
    FirmwareStatus,
    FirmwareStatusNotificationRequest,
)
from cfos_cm.v16.remote_trigger import (
    MessageTrigger,
    TriggerMessageConfirmation,
    TriggerMessageRequest,
    TriggerMessageStatus,
)
from cfos_cm.v16.security import (
    ExtendedMessageTrigger,
    ExtendedTriggerMessageConfirmation,
    ExtendedTriggerMessageRequest,
    SignedFirmwareStatus,
    SignedFirmwareStatusNotificationRequest,
)
from cfos_cm.v16.types import Message, ReadingContext
from cfos_cm.wire.ocppj import Call
from cfos_cm.wire.splice import replaced

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["extended_trigger_message", "trigger_message"]

_ACCEPTED: Final = TriggerMessageStatus.ACCEPTED
_REJECTED: Final = TriggerMessageStatus.REJECTED

#: What a message is, by its name in both requests; their names are the same for the same.
_Wanted = MessageTrigger | ExtendedMessageTrigger


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


def extended_trigger_message(
    gateway: Gateway, request: ExtendedTriggerMessageRequest, call: Call
) -> Deferred[Message | bytes]:
    """As L{trigger_message}; also for a new certificate of ours, and for how a log is doing."""
    return Deferred.fromCoroutine(_extended_trigger_message(gateway, request, call))


async def _extended_trigger_message(
    gateway: Gateway, request: ExtendedTriggerMessageRequest, call: Call
) -> Message | bytes:
    return ExtendedTriggerMessageConfirmation(status=await _status(gateway, request, call))


async def _status(
    gateway: Gateway, request: TriggerMessageRequest | ExtendedTriggerMessageRequest, call: Call
) -> TriggerMessageStatus:
    number, wanted = request.connector_id, request.requested_message
    if number not in (None, 0) and gateway.settings.connector(number or 0) is None:
        return _REJECTED
    if not gateway.pace.may_trigger():
        return _REJECTED
    if wanted == MessageTrigger.BOOT_NOTIFICATION and gateway.is_serving:
        # OCPP 1.6, "Trigger Message": not when one was accepted.
        return _REJECTED
    if wanted == MessageTrigger.METER_VALUES:
        return await _meter_values(gateway, number)
    act = _acts(gateway, number).get(wanted)
    if act is None:
        return await _progress(gateway, wanted, call)
    gateway.afterwards(act)
    return _ACCEPTED


def _acts(gateway: Gateway, number: int | None) -> dict[str, Callable[[], object]]:
    """What only this program can say, by the name of the message."""
    return {
        MessageTrigger.BOOT_NOTIFICATION: gateway.boot_now,
        MessageTrigger.HEARTBEAT: gateway.send_heartbeat,
        MessageTrigger.STATUS_NOTIFICATION: lambda: gateway.send_status(number),
        # The certificate is that of our connection.
        ExtendedMessageTrigger.SIGN_CHARGE_POINT_CERTIFICATE: gateway.security.ask_certificate,
    }


async def _meter_values(gateway: Gateway, number: int | None) -> TriggerMessageStatus:
    """Those of one connector, or of all: accepted if there are any."""
    done = [
        await _readings(gateway, connector)
        for connector in gateway.settings.connectors
        if number in (None, 0, connector.number)
    ]
    return _ACCEPTED if _ACCEPTED in done else done[0]


async def _readings(gateway: Gateway, connector: ConnectorSettings) -> TriggerMessageStatus:
    if connector.speaks_ocpp:
        # Where no connector is named, one is: the Charge Point may have others. It is asked in
        # the way that every one knows.
        asked = TriggerMessageRequest(
            requested_message=MessageTrigger.METER_VALUES, connector_id=connector.connector
        )
        return _told(await outcome(gateway, connector, "TriggerMessage", encode(asked)))
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


async def _progress(gateway: Gateway, wanted: _Wanted, call: Call) -> TriggerMessageStatus:
    """How far a Charge Point, or this program, is with its firmware or with a log."""
    charge_point = sole_charge_point(gateway.settings)
    if charge_point is None:
        gateway.afterwards(lambda: gateway.tell(_own_progress(gateway, wanted)))
        return _ACCEPTED
    payload = _for_connector(call.payload, charge_point.connector)
    return _told(await outcome(gateway, charge_point, call.action, payload))


def _own_progress(gateway: Gateway, wanted: _Wanted) -> Message:
    match wanted:
        case MessageTrigger.DIAGNOSTICS_STATUS_NOTIFICATION:
            return gateway.transfers.diagnostics_status
        case ExtendedMessageTrigger.LOG_STATUS_NOTIFICATION:
            return gateway.transfers.log_status
        case ExtendedMessageTrigger():
            # No firmware is ever fetched from here.
            return SignedFirmwareStatusNotificationRequest(status=SignedFirmwareStatus.IDLE)
        case _:
            return FirmwareStatusNotificationRequest(status=FirmwareStatus.IDLE)


def _for_connector(payload: bytes, connector: int) -> bytes:
    """The same request for a connector by the Charge Point's number."""
    return replaced(payload, {"connectorId": connector})


def _told(confirmation: Message) -> TriggerMessageStatus:
    assert isinstance(
        confirmation, TriggerMessageConfirmation | ExtendedTriggerMessageConfirmation
    )
    return confirmation.status
