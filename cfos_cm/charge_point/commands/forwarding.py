"""Requests that a Charge Point answers, and how others are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from cfos_cm.charge_point import policy
from cfos_cm.charge_point.policy import Treatment, plain, treatment
from cfos_cm.charge_point.settings import ConnectorSettings
from cfos_cm.errors import CallErrorCode, DeviceError, DeviceRefusal, RemoteProtocolError
from cfos_cm.quirk import EVERY_QUIRK
from cfos_cm.v16.actions import ACTIONS, read_confirmation
from cfos_cm.v16.firmware import (
    GetDiagnosticsConfirmation,
    GetDiagnosticsRequest,
    UpdateFirmwareRequest,
)
from cfos_cm.v16.security import (
    GetLogConfirmation,
    GetLogRequest,
    LogStatus,
    SignedUpdateFirmwareConfirmation,
    SignedUpdateFirmwareRequest,
    UpdateFirmwareStatus,
)
from cfos_cm.v16.types import Message, Part
from cfos_cm.v16.violations import excerpt
from cfos_cm.wire.location import objection_to_host, read_location

if TYPE_CHECKING:
    from cfos_cm.charge_point.gateway import Gateway

__all__ = [
    "charge_points",
    "forwarded",
    "is_refused",
    "misled",
    "not_there",
    "outcome",
    "read_outcome",
    "refuse_look_alikes",
    "refused",
]

_names = msgspec.json.Decoder(dict[str, msgspec.Raw])

#: How a request is refused that sends somebody to a place where he must not go.
_NOT_THERE: Final[dict[str, Message]] = {
    "GetDiagnostics": GetDiagnosticsConfirmation(),
    "GetLog": GetLogConfirmation(status=LogStatus.REJECTED),
    "SignedUpdateFirmware": SignedUpdateFirmwareConfirmation(
        status=UpdateFirmwareStatus.REJECTED
    ),
}


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


def refuse_look_alikes(payload: bytes, request: Message | Part) -> None:
    """
    What is to be forwarded may have fields that nobody knows here, but none that a Charge Point
    could take for another one: many do not look at upper and lower case, and would read
    C{ConnectorId} where C{connectorId} was put in.

    @param payload: what C{request} was read from.
    @raise RemoteProtocolError: if there is one, also in a part of it.
    """
    known = {one.encode_name for one in msgspec.structs.fields(request)}
    alike = {plain(name) for name in known}
    found = _names.decode(payload)
    for name in found:
        if name not in known and plain(name) in alike:
            raise RemoteProtocolError(
                f"the field {excerpt(name)} looks like another one",
                CallErrorCode.FORMATION_VIOLATION,
            )
    for one in msgspec.structs.fields(request):
        part = getattr(request, one.name)
        if isinstance(part, Part) and one.encode_name in found:
            refuse_look_alikes(bytes(found[one.encode_name]), part)


async def misled(gateway: Gateway, action: str, request: object) -> Message | None:
    """
    What a request is answered with that would send a Charge Point to a place where it must not
    go: it stands in the owner's network, and whoever names a place in there has it knock at his
    doors. Its own look at the name, later, may find another address; that cannot be helped.

    @return: C{None}: it may go there, or is sent nowhere.
    @raise RemoteProtocolError: if there is such a place, and the action has no word for that.
    """
    url = _location(request)
    if url is None:
        return None
    try:
        place = read_location(url)
        why = objection_to_host(place.host)
        if why is None:
            why = await gateway.environment.uploads.objection(place)
        words = None if why is None else f"{place.shown} {why}"
    except RemoteProtocolError as error:
        words = str(error)
    if words is None:
        return None
    gateway.remark(not_there(action, words))
    found = _NOT_THERE.get(action)
    return refused(action, "names a place that nobody is sent to") if found is None else found


def not_there(action: str, why: str) -> str:
    """That a backend has named a place that nobody is sent to, for people."""
    return f"the backend asks for {action}, and is refused: {why}"


def _location(request: object) -> str | None:
    """The URL that a Charge Point is to go to; C{None}: the request names none."""
    match request:
        case GetDiagnosticsRequest() | UpdateFirmwareRequest():
            return request.location
        case GetLogRequest():
            return request.log.remote_location
        case SignedUpdateFirmwareRequest():
            return request.firmware.location
        case _:
            return None


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
