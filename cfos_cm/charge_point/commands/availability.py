"""ChangeAvailability, Reset and UnlockConnector: what is done to an EVSE as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from cfos_cm.charge_point.commands.forwarding import (
    charge_points,
    forwarded,
    is_refused,
    outcome,
)
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.errors import DeviceError
from cfos_cm.v16.core import (
    AvailabilityStatus,
    ChangeAvailabilityConfirmation,
    ChangeAvailabilityRequest,
    ResetConfirmation,
    ResetRequest,
    ResetStatus,
    UnlockConnectorConfirmation,
    UnlockConnectorRequest,
    UnlockStatus,
)
from cfos_cm.v16.types import Message
from cfos_cm.wire.ocppj import Call
from cfos_cm.wire.splice import replaced

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["change_availability", "reset", "unlock_connector"]


def change_availability(
    gateway: Gateway, request: ChangeAvailabilityRequest, call: Call
) -> Deferred[Message | bytes]:
    """
    Take a connector out of service, or put it back; 0: all.

    A Charge Point is asked for each connector that is ours: it may have others.
    """
    return Deferred.fromCoroutine(_change_availability(gateway, request, call))


async def _change_availability(
    gateway: Gateway, request: ChangeAvailabilityRequest, call: Call
) -> Message | bytes:
    settings = gateway.settings
    number = request.connector_id
    meant = settings.connectors if number == 0 else (settings.connector(number),)
    found: list[AvailabilityStatus] = []
    if number == 0 and any(not one.speaks_ocpp for one in settings.connectors):
        found.append(await _made(gateway, 0, request))
    for connector in meant:
        if connector is None or is_refused(gateway, call.action, connector):
            found.append(AvailabilityStatus.REJECTED)
        elif connector.speaks_ocpp:
            found.append(await _spoken(gateway, connector, call))
        elif number != 0:
            found.append(await _made(gateway, number, request))
    # The worst of all: what the backend has to look after.
    for status in (AvailabilityStatus.REJECTED, AvailabilityStatus.SCHEDULED):
        if status in found:
            return ChangeAvailabilityConfirmation(status=status)
    return ChangeAvailabilityConfirmation(status=AvailabilityStatus.ACCEPTED)


async def _made(
    gateway: Gateway, number: int, request: ChangeAvailabilityRequest
) -> AvailabilityStatus:
    def is_busy(connector: int) -> bool:
        return gateway.transactions.running(connector) is not None

    return await gateway.availability.change(number, request.type, is_busy)


async def _spoken(
    gateway: Gateway, connector: ConnectorSettings, call: Call
) -> AvailabilityStatus:
    payload = replaced(call.payload, {"connectorId": connector.connector})
    confirmation = await outcome(gateway, connector, call.action, payload)
    assert isinstance(confirmation, ChangeAvailabilityConfirmation)
    return confirmation.status


def reset(gateway: Gateway, request: ResetRequest, call: Call) -> Deferred[Message | bytes]:
    """Start all anew, at most once a minute; BootNotification follows."""
    return Deferred.fromCoroutine(_reset(gateway, request, call))


async def _reset(gateway: Gateway, request: ResetRequest, call: Call) -> Message | bytes:
    rejected = ResetConfirmation(status=ResetStatus.REJECTED)
    if not gateway.pace.may_reset():
        return rejected
    done: list[bool] = []
    for connector in charge_points(gateway):
        confirmation = await outcome(gateway, connector, call.action, call.payload)
        assert isinstance(confirmation, ResetConfirmation)
        done.append(confirmation.status is ResetStatus.ACCEPTED)
    made = [one for one in gateway.settings.connectors if not one.speaks_ocpp]
    for connector in made:
        try:
            is_done = await gateway.environment.devices.restart(connector, request.type)
        except DeviceError:
            is_done = False
        done.append(is_done)
    if made and any(done):
        gateway.afterwards(gateway.restart)
    return ResetConfirmation(status=ResetStatus.ACCEPTED) if all(done) else rejected


def unlock_connector(
    gateway: Gateway, request: UnlockConnectorRequest, call: Call
) -> Deferred[Message | bytes]:
    """Open the lock of a plug."""
    return Deferred.fromCoroutine(_unlock_connector(gateway, request, call))


async def _unlock_connector(
    gateway: Gateway, request: UnlockConnectorRequest, call: Call
) -> Message | bytes:
    connector = gateway.settings.connector(request.connector_id)
    if connector is None or is_refused(gateway, call.action, connector):
        return UnlockConnectorConfirmation(status=UnlockStatus.NOT_SUPPORTED)
    if connector.speaks_ocpp:
        payload = replaced(call.payload, {"connectorId": connector.connector})
        return await forwarded(gateway, connector, call.action, payload)
    try:
        status = await gateway.environment.devices.unlock(connector)
    except DeviceError:
        status = UnlockStatus.UNLOCK_FAILED
    return UnlockConnectorConfirmation(status=status)
