"""
What a Charge Point says, as far as it is forgiven its deviations.

Which ones those are is not known before it has said what it is, with BootNotification. So a
BootNotification that deviates is read with all patience, just to see who that is; it is
accepted when what it deviates in is what its make is known for.
"""

from __future__ import annotations

from typing import Final

import msgspec

from cfos_cm.central_system.acquaintance import Acquaintance
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.quirk import EVERY_QUIRK, Quirk
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.strict_json import AmbiguousJson
from cfos_cm.v16.actions import Role
from cfos_cm.v16.actions import read_request as read_as
from cfos_cm.v16.core import BootNotificationRequest
from cfos_cm.v16.reading import Reading
from cfos_cm.v16.types import Message
from cfos_cm.wire import ocppj
from cfos_cm.wire.ocppj import Call, Frame, UnreadableFrame

__all__ = ["device_of", "read_frame", "read_request"]

_BOOT = "BootNotification"
_STOP = "StopTransaction"
_READINGS_OF_A_STOP = frozenset({"transactionData"})
_OPTIONAL = frozenset({"idTag", "reason"})
#: The fields of a StopTransaction without its readings: each holds one value, and no more.
_SINGLE = frozenset({"idTag", "meterStop", "reason", "timestamp", "transactionId"})
_FORGIVEN_A_STOP = frozenset({Quirk.LOOSE_TYPES, Quirk.NULL_FIELDS})

_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_frame(acquaintance: Acquaintance, text: bytes) -> Frame | None:
    """
    The frame in a text message.

    @return: C{None} for one of a type that nobody specified.
    @raise UnreadableFrame: if it is none, or not one that this Charge Point may send.
    """
    try:
        frame = ocppj.decode(text, tolerated=acquaintance.tolerated)
    except UnreadableFrame as error:
        introduced = error.quirk is not None and _introduction(acquaintance, text)
        if not introduced or not introduced.quirks <= acquaintance.tolerated:
            raise
        frame = introduced
    if frame is not None and frame.quirks:
        acquaintance.note(frame.quirks, ())
    return frame


def read_request(acquaintance: Acquaintance, call: Call) -> Message:
    """
    The request in a CALL.

    @raise RemoteProtocolError: if it is none that this Charge Point may make.
    """
    try:
        reading = _read(acquaintance, call)
    except RemoteProtocolError as error:
        if call.action == _BOOT and error.quirk is not None:
            _look_who_it_is(acquaintance, call)
            reading = _read(acquaintance, call)
        elif call.action == _STOP and not acquaintance.policy.strict:
            reading = _read_stop(acquaintance, call, error)
        else:
            raise
    if reading.quirks or reading.remarks:
        acquaintance.note(reading.quirks, reading.remarks)
    return reading.message


def _read(acquaintance: Acquaintance, call: Call) -> Reading:
    return read_as(call.action, call.payload, Role.CHARGE_POINT, acquaintance.tolerated)


def _read_stop(acquaintance: Acquaintance, call: Call, refusal: RemoteProtocolError) -> Reading:
    """
    A StopTransaction that deviates.

    Refused it is sent again for ever, and what was charged is billed to nobody. So what need
    not be known for the bill is left out, and the rest is read with some patience.

    To read it with care takes a time that grows with its length, and is done once here.

    @param refusal: why it could not be read as it is.
    @raise RemoteProtocolError: if there is no end of a transaction in it.
    """
    if isinstance(refusal.__cause__, AmbiguousJson):
        # That does not depend on what is looked at.
        raise refusal
    tolerated, without = acquaintance.tolerated, _READINGS_OF_A_STOP
    try:
        _read_as_stop(_single_values(call.payload), tolerated, frozenset())
    except RemoteProtocolError:
        tolerated, without = tolerated | _FORGIVEN_A_STOP, without | _OPTIONAL
    return _read_as_stop(call.payload, tolerated, without)


def _read_as_stop(
    payload: bytes, tolerated: frozenset[Quirk], without: frozenset[str]
) -> Reading:
    return read_as(_STOP, payload, Role.CHARGE_POINT, tolerated, without)


def _single_values(payload: bytes) -> bytes:
    """
    A StopTransaction without its readings, and without fields that OCPP 1.6 does not know.

    However long the one is, the other is quickly read. What stands in the place of a single
    value and is none is refused whatever it holds, and so it is emptied.

    @param payload: the JSON text of an object.
    """
    single: dict[str, object] = {}
    for name, part in _fields.decode(payload).items():
        if name in _SINGLE:
            single[name] = [] if bytes(part).startswith((b"[", b"{")) else part
    return msgspec.json.encode(single)


def device_of(request: BootNotificationRequest) -> DeviceIdentity:
    """What a Charge Point says of itself."""
    return DeviceIdentity(
        request.charge_point_vendor,
        request.charge_point_model,
        request.charge_point_serial_number or request.charge_box_serial_number,
        request.firmware_version,
    )


def _introduction(acquaintance: Acquaintance, text: bytes) -> Call | None:
    """The BootNotification in C{text}, if that is one; its sender is known then."""
    try:
        frame = ocppj.decode(text, tolerated=EVERY_QUIRK)
        if not isinstance(frame, Call) or frame.action != _BOOT:
            return None
        _look_who_it_is(acquaintance, frame)
    except RemoteProtocolError:
        return None
    return frame


def _look_who_it_is(acquaintance: Acquaintance, boot: Call) -> None:
    """@raise RemoteProtocolError: if a BootNotification cannot be read with all patience."""
    if acquaintance.policy.strict or not acquaintance.policy.auto:
        return
    reading = read_as(_BOOT, boot.payload, Role.CHARGE_POINT, EVERY_QUIRK)
    assert isinstance(reading.message, BootNotificationRequest)
    acquaintance.introduced(device_of(reading.message))
