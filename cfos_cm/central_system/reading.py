"""
What a Charge Point says, as far as it is forgiven its deviations.

Which ones those are is not known before it has said what it is, with BootNotification. So a
BootNotification that deviates is read with all patience, just to see who that is; it is
accepted when what it deviates in is what its make is known for.
"""

from __future__ import annotations

from cfos_cm.central_system.acquaintance import Acquaintance
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.quirk import EVERY_QUIRK, Quirk
from cfos_cm.site.evse import DeviceIdentity
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
_FORGIVEN_A_STOP = frozenset({Quirk.LOOSE_TYPES, Quirk.NULL_FIELDS})


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
            reading = _read_stop(acquaintance, call)
        else:
            raise
    if reading.quirks or reading.remarks:
        acquaintance.note(reading.quirks, reading.remarks)
    return reading.message


def _read(acquaintance: Acquaintance, call: Call) -> Reading:
    return read_as(call.action, call.payload, Role.CHARGE_POINT, acquaintance.tolerated)


def _read_stop(acquaintance: Acquaintance, call: Call) -> Reading:
    """
    A StopTransaction that deviates.

    Refused it is sent again for ever, and what was charged is billed to nobody. So what need
    not be known for the bill is left out, and the rest is read with some patience.

    @raise RemoteProtocolError: if there is no end of a transaction in it.
    """
    try:
        return read_as(
            _STOP, call.payload, Role.CHARGE_POINT, acquaintance.tolerated, _READINGS_OF_A_STOP
        )
    except RemoteProtocolError:
        patient = acquaintance.tolerated | _FORGIVEN_A_STOP
        return read_as(
            _STOP, call.payload, Role.CHARGE_POINT, patient, _READINGS_OF_A_STOP | _OPTIONAL
        )


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
