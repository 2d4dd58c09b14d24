"""ClearCache, GetLocalListVersion and SendLocalList: what is known of idTags."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from cfos_cm.charge_point.commands.forwarding import charge_points
from cfos_cm.v16.core import ClearCacheConfirmation, ClearCacheRequest
from cfos_cm.v16.local_auth_list import (
    GetLocalListVersionConfirmation,
    GetLocalListVersionRequest,
    SendLocalListConfirmation,
    SendLocalListRequest,
)
from cfos_cm.wire.ocppj import Call

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["clear_cache", "get_local_list_version", "send_local_list"]


def clear_cache(
    gateway: Gateway, _request: ClearCacheRequest, call: Call
) -> Deferred[ClearCacheConfirmation]:
    """Forget what the backend has said of idTags; the Charge Points are told to as well."""
    for connector in charge_points(gateway):
        if not gateway.pace.begins(connector.charge_point):
            continue
        told = gateway.environment.devices.relay(connector, call.action, call.payload)
        told.addBoth(partial(_told, gateway, connector.charge_point))
    cleared = gateway.cards.clear()
    return cleared.addCallback(lambda status: ClearCacheConfirmation(status=status))


def _told(gateway: Gateway, charge_point: str, _: object) -> None:
    """Most have no cache of their own, and say so."""
    gateway.pace.ended(charge_point)


def get_local_list_version(
    gateway: Gateway, _request: GetLocalListVersionRequest, _call: Call
) -> GetLocalListVersionConfirmation:
    """Tell the number of the list that is kept here."""
    return GetLocalListVersionConfirmation(list_version=gateway.cards.version())


def send_local_list(
    gateway: Gateway, request: SendLocalListRequest, _call: Call
) -> Deferred[SendLocalListConfirmation]:
    """Take another list, or changes to it."""
    updated = gateway.cards.update(request)
    return updated.addCallback(lambda status: SendLocalListConfirmation(status=status))
