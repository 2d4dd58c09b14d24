"""ChangeConfiguration and GetConfiguration: keys of ours, and those of a Charge Point."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from cfos_cm.charge_point.commands.forwarding import forwarded, read_outcome
from cfos_cm.charge_point.configuration import MAX_KEYS
from cfos_cm.charge_point.keys import charge_point_with_keys
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.v16.actions import encode
from cfos_cm.v16.core import (
    ChangeConfigurationConfirmation,
    ChangeConfigurationRequest,
    GetConfigurationConfirmation,
    GetConfigurationRequest,
    KeyValue,
)
from cfos_cm.v16.types import Message
from cfos_cm.wire.ocppj import Call

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = ["change_configuration", "get_configuration"]

#: What a Charge Point may say of itself beside the keys that everybody has.
_MAX_VENDOR_KEYS = 500

_SECRET = re.compile("passw|passphrase|secret|token|credential|authorizationkey|psk|privatekey")


def change_configuration(
    gateway: Gateway, request: ChangeConfigurationRequest, call: Call
) -> Deferred[Message | bytes]:
    """Set a key, or have the Charge Point set it whose it is."""
    return Deferred.fromCoroutine(_change_configuration(gateway, request, call))


async def _change_configuration(
    gateway: Gateway, request: ChangeConfigurationRequest, call: Call
) -> Message | bytes:
    charge_point = charge_point_with_keys(gateway.settings)
    if charge_point and gateway.configuration.belongs_to_charge_point(request.key):
        return await forwarded(gateway, charge_point, call.action, call.payload)
    status = await gateway.configuration.change(request.key, request.value)
    return ChangeConfigurationConfirmation(status=status)


def get_configuration(
    gateway: Gateway, request: GetConfigurationRequest, call: Call
) -> Deferred[Message | bytes]:
    """
    Tell the values of keys.

    Those of the Charge Point are asked for; if it does not answer, those that everybody has are
    told as they would be without it.
    """
    return Deferred.fromCoroutine(_get_configuration(gateway, request, call))


async def _get_configuration(
    gateway: Gateway, request: GetConfigurationRequest, call: Call
) -> Message | bytes:
    names = tuple(dict.fromkeys(request.key or ()))
    if len(names) > MAX_KEYS:
        raise RemoteProtocolError(
            f"{len(names)} keys; allowed: {MAX_KEYS}",
            CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
        )
    known, unknown = gateway.configuration.read(names)
    is_theirs = gateway.configuration.belongs_to_charge_point
    asked = tuple(name for name in names if is_theirs(name) and not _is_secret(name))
    theirs: dict[str, KeyValue] = {}
    charge_point = charge_point_with_keys(gateway.settings)
    if charge_point is not None and (asked or not names):
        theirs = await _asked(gateway, charge_point, asked, call)
    merged = {one.key.lower(): one for one in known}
    merged.update(theirs)
    missing = tuple(name for name in unknown if name.lower() not in merged)
    return GetConfigurationConfirmation(
        configuration_key=tuple(merged.values()) or None, unknown_key=missing or None
    )


async def _asked(
    gateway: Gateway, charge_point: ConnectorSettings, names: tuple[str, ...], call: Call
) -> dict[str, KeyValue]:
    """
    The keys of the Charge Point, by their names in lower case.

    @param names: empty: all.
    """
    payload = encode(GetConfigurationRequest(key=names or None))
    try:
        answer = await forwarded(gateway, charge_point, call.action, payload)
        confirmation = read_outcome(call.action, answer)
    except RemoteProtocolError as error:
        gateway.remark(f"the Charge Point does not tell its configuration: {error}")
        return {}
    assert isinstance(confirmation, GetConfigurationConfirmation)
    found = (confirmation.configuration_key or ())[:_MAX_VENDOR_KEYS]
    wanted = {name.lower() for name in names}
    return {
        one.key.lower(): one
        for one in found
        if gateway.configuration.belongs_to_charge_point(one.key)
        and not _is_secret(one.key)
        and (not wanted or one.key.lower() in wanted)
    }


def _is_secret(name: str) -> bool:
    """Whether a vendor's key looks like one whose value is nobody's business."""
    return _SECRET.search(re.sub("[^a-z0-9]", "", name.lower())) is not None
