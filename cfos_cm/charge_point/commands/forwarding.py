"""Requests that a Charge Point answers, and how others are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cfos_cm.charge_point import policy
from cfos_cm.charge_point.policy import Treatment, plain, treatment
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.errors import CallErrorCode, DeviceError, DeviceRefusal, RemoteProtocolError
from cfos_cm.quirk import EVERY_QUIRK
from cfos_cm.v16.actions import ACTIONS, read_confirmation
from cfos_cm.v16.types import Message
from cfos_cm.v16.violations import excerpt

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = [
    "charge_points",
    "forwarded",
    "is_refused",
    "outcome",
    "read_outcome",
    "refuse_look_alikes",
    "refused",
]

_names = msgspec.json.Decoder(dict[str, msgspec.Raw])


def is_refused(gateway: Gateway, action: str, connector: ConnectorSettings) -> bool:
    """Whether the backend may not have this done to an EVSE."""
    wanted = treatment(gateway.settings, action, connector.speaks_ocpp)
    return wanted is Treatment.REFUSE


def refused(action: str, why: str) -> Message:
    """
    The confirmation that refuses C{action}.

    @param why: for the description of a CALLERROR.
    @raise RemoteProtocolError: if the action has no word for it.
    """
    found = policy.refusal(action)
    if isinstance(found, CallErrorCode):
        raise RemoteProtocolError(f"{excerpt(action)} {why}", found)
    return found


def refuse_look_alikes(payload: bytes, request: Message) -> None:
    """
    What is to be forwarded may have fields that nobody knows here, but none that a Charge Point
    could take for another one: many do not look at upper and lower case, and would read
    C{ConnectorId} where C{connectorId} was put in.

    @param payload: what C{request} was read from.
    @raise RemoteProtocolError: if there is one.
    """
    known = {one.encode_name for one in msgspec.structs.fields(request)}
    alike = {plain(name) for name in known}
    for name in _names.decode(payload):
        if name not in known and plain(name) in alike:
            raise RemoteProtocolError(
                f"the field {excerpt(name)} looks like another one",
                CallErrorCode.FORMATION_VIOLATION,
            )


def charge_points(gateway: Gateway) -> tuple[ConnectorSettings, ...]:
    """A connector of each Charge Point behind the gateway."""
    found: dict[str, ConnectorSettings] = {}
    for connector in gateway.settings.connectors:
        if connector.speaks_ocpp:
            found.setdefault(connector.charge_point, connector)
    return tuple(found.values())


async def forwarded(
    gateway: Gateway, connector: ConnectorSettings, action: str, payload: bytes
) -> Message | bytes:
    """
    What a Charge Point answers.

    @param payload: with the numbers that the Charge Point knows.
    @return: the JSON text of its confirmation; where there is no answer, the refusal.
    @raise RemoteProtocolError: if it answers with a CALLERROR, or there is no answer, and the
        action has no word for that.
    """
    try:
        return await gateway.environment.devices.relay(connector, action, payload)
    except DeviceRefusal as error:
        code = error.code or CallErrorCode.GENERIC_ERROR
        raise RemoteProtocolError("the Charge Point has refused it", code) from error
    except DeviceError as error:
        gateway.remark(f"{excerpt(action)} was not forwarded: {error}")
        found = policy.refusal(action)
        if isinstance(found, CallErrorCode):
            raise RemoteProtocolError(
                "the Charge Point does not answer", CallErrorCode.GENERIC_ERROR
            ) from error
        return found


async def outcome(
    gateway: Gateway, connector: ConnectorSettings, action: str, payload: bytes
) -> Message:
    """
    As L{forwarded}, for those who have to know what the answer says.

    @return: the confirmation; the refusal, where the answer makes no sense or is a CALLERROR.
    @raise RemoteProtocolError: if the action has no word for that.
    """
    try:
        answer = await forwarded(gateway, connector, action, payload)
    except RemoteProtocolError:
        return refused(action, "was refused by the Charge Point")
    return read_outcome(action, answer)


def read_outcome(action: str, answer: Message | bytes) -> Message:
    """
    What an answer says.

    @return: the refusal, where it makes no sense.
    @raise RemoteProtocolError: if the action has no word for that.
    """
    if isinstance(answer, Message):
        return answer
    try:
        return read_confirmation(ACTIONS[action], answer, EVERY_QUIRK).message
    except RemoteProtocolError:
        return refused(action, "was answered with nonsense by the Charge Point")
