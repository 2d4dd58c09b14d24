"""
From the payload of a message to the message, with nothing in it that nobody has looked at.

The usual way costs two passes in C: the decoder of the message's class, which refuses unknown
names and wrong types but takes the second of two values with one name, and writing what it has
read, to see that there was nothing else (L{strict_json.says_no_more}). Every other payload is
read with care, and repaired as far as its sender is forgiven.
"""

from __future__ import annotations

import msgspec
from attrs import frozen
from msgspec import inspect

from cfos_cm import strict_json
from cfos_cm.quirk import EVERY_QUIRK, NO_QUIRKS, Quirk
from cfos_cm.strict_json import AmbiguousJson
from cfos_cm.v16.forms import shape_of
from cfos_cm.v16.tolerance import mended
from cfos_cm.v16.types import Message
from cfos_cm.v16.violations import violation

__all__ = ["MAX_ADVISED_BYTES", "PayloadReader", "Reading"]

#: For longer payloads it is not found out what would have to be forgiven.
MAX_ADVISED_BYTES = 16 * 1024


@frozen
class Reading:
    """
    What a payload says.

    @ivar quirks: the deviations that it was forgiven.
    @ivar remarks: what was repaired, and what was not looked at: a few words each, to be told
        to a person. They hold nothing secret, and they are not many.
    """

    message: Message
    quirks: frozenset[Quirk] = NO_QUIRKS
    remarks: tuple[str, ...] = ()


class PayloadReader:
    """Reads the payloads of one kind of message."""

    def __init__(self, subject: str, kind: type[Message]) -> None:
        """
        @param subject: what an error calls the message, as C{StartTransaction.req}.
        """
        self._subject = subject
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)
        self._encoder = msgspec.json.Encoder()
        self._has_floats: bool | None = None

    def decode(self, text: bytes) -> Message:
        """
        Read what we have written ourselves.

        @raise ValueError: if it is no such message.
        """
        return self._decoder.decode(text)

    def read_usual(self, payload: bytes) -> Message | None:
        """
        Read what a peer has written, if there is nothing about it that needs a second look.

        @return: C{None}: L{read} has to tell. Otherwise C{payload} is one JSON object, and
            L{read} would have read the same, with no quirk and no remark.
        """
        message = self._as_specified(payload)
        if message is None or not self._says_no_more(payload, message):
            return None
        return message

    def read(
        self,
        payload: bytes,
        tolerated: frozenset[Quirk] = NO_QUIRKS,
        without: frozenset[str] = frozenset(),
    ) -> Reading:
        """
        Read what a peer has written.

        @param tolerated: the deviations that are repaired.
        @param without: the names of fields that are not looked at.
        @raise RemoteProtocolError: if it is no such message.
        """
        if not without:
            message = self._as_specified(payload)
            if message is not None:
                if not self._says_no_more(payload, message):
                    self._parsed(payload)
                return Reading(message)
        return self._read_carefully(payload, tolerated, without)

    def _as_specified(self, payload: bytes) -> Message | None:
        try:
            return self._decoder.decode(payload)
        # A UnicodeDecodeError and every error of msgspec is a ValueError.
        except (ValueError, RecursionError):
            return None

    def _says_no_more(self, payload: bytes, message: Message) -> bool:
        if self._has_floats is None:
            self._has_floats = _has_floats(shape_of(self._kind))
        return not self._has_floats and strict_json.says_no_more(
            payload, self._encoder.encode(message)
        )

    def _parsed(self, payload: bytes) -> object:
        try:
            return strict_json.read(payload)
        except AmbiguousJson as error:
            raise violation(self._subject, error) from error

    def _read_carefully(
        self, payload: bytes, tolerated: frozenset[Quirk], without: frozenset[str]
    ) -> Reading:
        value = self._parsed(payload)
        remarks: tuple[str, ...] = ()
        if isinstance(value, dict):
            ignored = sorted(without & value.keys())
            remarks = tuple(f"{name} not looked at" for name in ignored)
            value = {name: inner for name, inner in value.items() if name not in without}
        better = mended(value, payload, self._kind, tolerated)
        try:
            message = better.as_message(self._kind)
        except msgspec.ValidationError as error:
            quirk = better.not_tolerated
            if quirk is not None and not self._could_be_read(value, payload):
                quirk = None
            raise violation(self._subject, error, quirk) from error
        return Reading(message, better.quirks, better.remarks + remarks)

    def _could_be_read(self, value: object, payload: bytes) -> bool:
        """Whether all patience would make it a message; of a long one, nobody asks."""
        if len(payload) > MAX_ADVISED_BYTES:
            return False
        try:
            mended(value, payload, self._kind, EVERY_QUIRK).as_message(self._kind)
        except msgspec.ValidationError:
            return False
        return True


def _has_floats(shape: inspect.Type) -> bool:
    match shape:
        case inspect.FloatType():
            return True
        case inspect.StructType(fields=fields):
            return any(_has_floats(field.type) for field in fields)
        case inspect.VarTupleType(item_type=item):
            return _has_floats(item)
        case _:
            return False
