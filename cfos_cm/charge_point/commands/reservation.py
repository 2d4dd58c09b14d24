"""ReserveNow and CancelReservation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from cfos_cm.charge_point.commands.forwarding import (
    charge_points,
    forwarded,
    is_refused,
    outcome,
)
from cfos_cm.charge_point.policy import sole_charge_point
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.v16.reservation import (
    CancelReservationConfirmation,
    CancelReservationRequest,
    CancelReservationStatus,
    ReservationStatus,
    ReserveNowConfirmation,
    ReserveNowRequest,
)
from cfos_cm.v16.types import Message
from cfos_cm.wire.ocppj import Call
from cfos_cm.wire.splice import replaced

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["cancel_reservation", "reserve_now"]


def reserve_now(
    gateway: Gateway, request: ReserveNowRequest, call: Call
) -> Deferred[Message | bytes]:
    """Keep a connector free for somebody."""
    return Deferred.fromCoroutine(_reserve_now(gateway, request, call))


async def _reserve_now(
    gateway: Gateway, request: ReserveNowRequest, call: Call
) -> Message | bytes:
    number = request.connector_id
    connector = _whole(gateway) if number == 0 else gateway.settings.connector(number)
    if connector is not None and is_refused(gateway, call.action, connector):
        return ReserveNowConfirmation(status=ReservationStatus.REJECTED)
    if connector is not None and connector.speaks_ocpp:
        is_for_all = number == 0 and len(gateway.settings.connectors) > 1
        theirs = 0 if is_for_all else connector.connector
        payload = replaced(call.payload, {"connectorId": theirs})
        return await forwarded(gateway, connector, call.action, payload)
    status = await gateway.reservations.reserve(request)
    return ReserveNowConfirmation(status=status)


def _whole(gateway: Gateway) -> ConnectorSettings | None:
    """Who is asked for connector 0, if it is not the gateway itself."""
    return sole_charge_point(gateway.settings)


def cancel_reservation(
    gateway: Gateway, request: CancelReservationRequest, call: Call
) -> Deferred[Message | bytes]:
    """Take a reservation back, wherever it is kept."""
    return Deferred.fromCoroutine(_cancel_reservation(gateway, request, call))


async def _cancel_reservation(
    gateway: Gateway, request: CancelReservationRequest, call: Call
) -> Message | bytes:
    status = await gateway.reservations.cancel(request.reservation_id)
    if status is CancelReservationStatus.ACCEPTED:
        return CancelReservationConfirmation(status=status)
    for connector in charge_points(gateway):
        if is_refused(gateway, call.action, connector):
            continue
        confirmation = await outcome(gateway, connector, call.action, call.payload)
        assert isinstance(confirmation, CancelReservationConfirmation)
        if confirmation.status is CancelReservationStatus.ACCEPTED:
            return confirmation
    return CancelReservationConfirmation(status=CancelReservationStatus.REJECTED)
