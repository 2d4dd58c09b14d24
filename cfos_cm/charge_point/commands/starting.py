"""RemoteStartTransaction and RemoteStopTransaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from twisted.internet.defer import Deferred

from cfos_cm.charge_point.cards import Judged
from cfos_cm.charge_point.commands.forwarding import forwarded, is_refused, read_outcome
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.errors import DeviceError
from cfos_cm.site.evse import Link, Occupancy
from cfos_cm.v16.core import (
    Reason,
    RemoteStartStopStatus,
    RemoteStartTransactionConfirmation,
    RemoteStartTransactionRequest,
    RemoteStopTransactionConfirmation,
    RemoteStopTransactionRequest,
)
from cfos_cm.v16.types import Message
from cfos_cm.wire.ocppj import Call
from cfos_cm.wire.splice import replaced

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["remote_start", "remote_stop"]

#: Longer than ConnectionTimeOut: the start is told some time after the plug. [s]
_GRACE_S: Final = 60.0


def remote_start(
    gateway: Gateway, request: RemoteStartTransactionRequest, call: Call
) -> Deferred[Message | bytes]:
    """
    Let somebody charge whom the backend knows.

    His charging profile stays here, and holds from the start of the transaction on.
    """
    return Deferred.fromCoroutine(_remote_start(gateway, request, call))


async def _remote_start(
    gateway: Gateway, request: RemoteStartTransactionRequest, call: Call
) -> Message | bytes:
    rejected = _start(False)
    # OCPP 1.6, "Boot Notification": not while the registration is pending.
    connector = _connector(gateway, request) if gateway.is_serving else None
    if connector is None or is_refused(gateway, call.action, connector):
        return rejected
    profile = request.charging_profile
    objection = None if profile is None else gateway.profiles.objection_to_start(profile)
    if objection is not None:
        gateway.remark(f"a remote start was refused: {objection}")
        return rejected
    if not connector.speaks_ocpp and not _is_free(gateway, connector, request.id_tag):
        return rejected
    for_s = gateway.configuration.number("ConnectionTimeOut") + _GRACE_S
    place = connector.number
    await gateway.profiles.expect(place, request.id_tag, profile, for_s)
    if connector.speaks_ocpp:
        answer = await _start_forwarded(gateway, connector, request, call, for_s)
    else:
        answer = _start(_invited(gateway, connector, request.id_tag))
    confirmation = read_outcome(call.action, answer)
    assert isinstance(confirmation, RemoteStartTransactionConfirmation)
    if confirmation.status is not RemoteStartStopStatus.ACCEPTED:
        await gateway.profiles.expect(place, request.id_tag, None, 0)
    return answer


async def _start_forwarded(
    gateway: Gateway,
    connector: ConnectorSettings,
    request: RemoteStartTransactionRequest,
    call: Call,
    for_s: float,
) -> Message | bytes:
    parts = msgspec.json.decode(call.payload, type=dict[str, msgspec.Raw])
    parts.pop("chargingProfile", None)
    parts["connectorId"] = msgspec.Raw(str(connector.connector).encode())
    must_ask = gateway.configuration.is_set("AuthorizeRemoteTxRequests")
    if not must_ask:
        # Before it is asked: it may begin before it answers.
        gateway.cards.vouch(request.id_tag, for_s)
    answer = await forwarded(gateway, connector, call.action, msgspec.json.encode(parts))
    confirmation = read_outcome(call.action, answer)
    assert isinstance(confirmation, RemoteStartTransactionConfirmation)
    if not must_ask and confirmation.status is not RemoteStartStopStatus.ACCEPTED:
        gateway.cards.vouch(request.id_tag, 0)
    return answer


def _invited(gateway: Gateway, connector: ConnectorSettings, id_tag: str) -> bool:
    """Let him charge; if he has to be asked about, that comes after the answer."""
    timeout_s = float(gateway.configuration.number("ConnectionTimeOut"))
    invite = gateway.environment.devices.invite
    if not gateway.configuration.is_set("AuthorizeRemoteTxRequests"):
        gateway.cards.vouch(id_tag, timeout_s + _GRACE_S)
        is_invited = invite(connector, id_tag, timeout_s)
        if not is_invited:
            gateway.cards.vouch(id_tag, 0)
        return is_invited

    def judged(found: Judged) -> None:
        if found.is_good and _is_free(gateway, connector, id_tag):
            invite(connector, id_tag, timeout_s)

    gateway.afterwards(lambda: gateway.cards.judge(id_tag).addCallback(judged))
    return True


def _connector(
    gateway: Gateway, request: RemoteStartTransactionRequest
) -> ConnectorSettings | None:
    """The one that is meant; where none is named, the first that can be used."""
    if request.connector_id is not None:
        return gateway.settings.connector(request.connector_id)
    connectors = gateway.settings.connectors
    if len(connectors) == 1:
        return connectors[0]
    for connector in connectors:
        if _is_free(gateway, connector, request.id_tag):
            return connector
    return None


def _is_free(gateway: Gateway, connector: ConnectorSettings, id_tag: str) -> bool:
    """Whether somebody could charge there."""
    evse = gateway.environment.site().evses.get(connector.evse)
    if evse is None or evse.link is not Link.ONLINE or evse.transaction is not None:
        return False
    if evse.occupancy in (Occupancy.FAULTED, Occupancy.UNAVAILABLE, Occupancy.UNKNOWN):
        return False
    if connector.speaks_ocpp:
        return True
    group = gateway.cards.judge_offline(id_tag).info.parent_id_tag
    claim = gateway.reservations.claim(connector.number, id_tag, group)
    return gateway.availability.is_operative(connector.number) and not claim.is_refused


def remote_stop(
    gateway: Gateway, request: RemoteStopTransactionRequest, call: Call
) -> Deferred[Message | bytes]:
    """End a transaction that the backend knows."""
    return Deferred.fromCoroutine(_remote_stop(gateway, request, call))


async def _remote_stop(
    gateway: Gateway, request: RemoteStopTransactionRequest, call: Call
) -> Message | bytes:
    meant = gateway.transactions.by_backend(request.transaction_id)
    if not gateway.is_serving or meant is None or meant.is_over:
        return _stop(False)
    connector = gateway.settings.connector(meant.connector)
    if connector is None or is_refused(gateway, call.action, connector):
        return _stop(False)
    if connector.speaks_ocpp:
        payload = replaced(call.payload, {"transactionId": meant.transaction_id})
        return await forwarded(gateway, connector, call.action, payload)
    try:
        is_done = await gateway.environment.devices.end(
            connector, meant.transaction_id, Reason.REMOTE
        )
    except DeviceError:
        is_done = False
    return _stop(is_done)


def _start(is_done: bool) -> RemoteStartTransactionConfirmation:
    return RemoteStartTransactionConfirmation(status=_status(is_done))


def _stop(is_done: bool) -> RemoteStopTransactionConfirmation:
    return RemoteStopTransactionConfirmation(status=_status(is_done))


def _status(is_done: bool) -> RemoteStartStopStatus:
    return RemoteStartStopStatus.ACCEPTED if is_done else RemoteStartStopStatus.REJECTED
