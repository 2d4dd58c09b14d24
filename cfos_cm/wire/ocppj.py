"""
OCPP-J frames: the text of a WebSocket message, and what it says.

A frame keeps the text that it came as. What was signed or is relayed is taken from that text,
never from a value that was made of it, because another spelling of the same value is another
text.

Two look at what a peer sends. L{decode} vets the frame: that it is UTF-8 and one JSON array,
its message type, message id, action or error code, and the details of a CALLERROR. The payload
of a CALL or a CALLRESULT is one JSON object and no more is known of it: it may hold a name
twice, or a number without end. L{cfos_cm.v16.actions} vets it when it reads it into a message,
and only what that has read may be stored or relayed.

OCPP-J 1.6, "RPC framework": C{[2,id,action,payload]}, C{[3,id,payload]} and
C{[4,id,code,description,details]}.
"""

from __future__ import annotations

import re

import msgspec
from attrs import frozen

from cfos_cm import strict_json
from cfos_cm.errors import LocalProtocolError, RemoteProtocolError
from cfos_cm.quirk import NO_QUIRKS, Quirk
from cfos_cm.strict_json import MAX_DEPTH, AmbiguousJson, JsonTooDeep
from cfos_cm.wire.broken_json import mended

__all__ = [
    "MAX_ACTION_CHARS",
    "MAX_DEPTH",
    "MAX_DESCRIPTION_CHARS",
    "MAX_FRAME_BYTES",
    "MAX_UNIQUE_ID_CHARS",
    "Call",
    "CallError",
    "CallResult",
    "Frame",
    "UnreadableFrame",
    "confirm",
    "decode",
    "encode",
    "outline",
]

#: A StopTransaction may bring all values of its transaction, 86 kB for three each 5 minutes in
#: 15 hours. Refused, it would be sent again and again, and never be billed.
MAX_FRAME_BYTES = 256 * 1024
#: OCPP-J 1.6, "Message ID": at most 36 characters, to allow for GUIDs.
MAX_UNIQUE_ID_CHARS = 36
#: The longest name of an action has 33 characters; vendors have invented longer ones.
MAX_ACTION_CHARS = 64
#: OCPP-J 1.6, "CallError": errorDescription is a string of up to 255 characters.
MAX_DESCRIPTION_CHARS = 255

_CALL, _CALL_RESULT, _CALL_ERROR = 2, 3, 4
_EMPTY = b"{}"


@frozen
class Call:
    """
    A request.

    @ivar payload: the JSON text of the request's object, as it stands in the message; nobody
        has vetted it yet.
    @ivar text: the whole message; empty in a frame that did not come from a peer.
    @ivar quirks: what was tolerated to read the frame.
    @ivar id_text: the JSON text of the message id as it came, which may be a number; empty in a
        frame that did not come from a peer. An answer with the same one is written with it.
    """

    unique_id: str
    action: str
    payload: bytes
    text: bytes = b""
    quirks: frozenset[Quirk] = NO_QUIRKS
    id_text: bytes = b""


@frozen
class CallResult:
    """A confirmation; see L{Call} for its fields."""

    unique_id: str
    payload: bytes
    text: bytes = b""
    quirks: frozenset[Quirk] = NO_QUIRKS
    id_text: bytes = b""


@frozen
class CallError:
    """
    A refusal; see L{Call} for its other fields.

    @ivar code: as the peer spelled it.
    @ivar details: the JSON text of its object, vetted.
    """

    unique_id: str
    code: str
    description: str
    details: bytes = _EMPTY
    text: bytes = b""
    quirks: frozenset[Quirk] = NO_QUIRKS
    id_text: bytes = b""


Frame = Call | CallResult | CallError


class UnreadableFrame(RemoteProtocolError):
    """
    A message that is no OCPP-J frame.

    @ivar id_text: the JSON text of the message id, to answer with; empty without C{unique_id}.
    @ivar is_utf8: if not, the connection has to be closed with status 1007 (RFC 6455, section
        8.1).
    """

    def __init__(
        self,
        description: str,
        unique_id: str | None = None,
        quirk: Quirk | None = None,
        id_text: bytes = b"",
        is_utf8: bool = True,
    ) -> None:
        super().__init__(description, unique_id=unique_id, quirk=quirk)
        self.id_text = id_text
        self.is_utf8 = is_utf8


def decode(
    text: bytes,
    limit_bytes: int = MAX_FRAME_BYTES,
    tolerated: frozenset[Quirk] = NO_QUIRKS,
) -> Frame | None:
    """
    Read one WebSocket text message.

    @param text: what came, without any trust in it.
    @param limit_bytes: longer ones are refused.
    @param tolerated: the deviations that are repaired; a frame says which of them it had.
    @return: the frame, or C{None} for a message type that nobody specified, which is to be
        ignored (OCPP-J 1.6, "Message types").
    @raise UnreadableFrame: if C{text} is not an OCPP-J frame. Its C{unique_id} is set when it
        was a CALL that can be answered, and its C{quirk} when it would be read (maybe after
        some more of these) if that were tolerated.
    """
    if len(text) > limit_bytes:
        raise UnreadableFrame(
            f"message of {len(text)} bytes; at most {limit_bytes}", _answerable(text)
        )
    if not text.isascii():
        _refuse_other_encodings(text)
    frame = _read_usual(text)
    return _Reader(text, tolerated).read() if frame is None else frame


def outline(text: bytes) -> Call | None:
    """
    The CALL that a text message is, provided that its payload is one JSON object.

    For whoever reads the payload at once, and would find out there what L{decode} looks for
    before: that saves a pass over the whole message. If C{payload} turns out to be anything
    else than one object, this was no such CALL, and L{decode} has to tell what it is.

    @return: C{None} for what does not begin and end as nearly every CALL does.
    """
    head = _USUAL_HEAD.match(text)
    if head is None or not text.endswith(b"}]") or len(text) > _LONGEST_OUTLINED_BYTES:
        return None
    id_text, action = head.groups()
    return Call(
        id_text[1:-1].decode("ascii"),
        action.decode("ascii"),
        text[head.end() : -1],
        text,
        NO_QUIRKS,
        id_text,
    )


def encode(frame: Frame) -> bytes:
    """
    The message for C{frame}.

    @raise LocalProtocolError: if the frame has an id or an action that no peer would accept.
    """
    unique_id = frame.id_text
    if not unique_id:
        _refuse_unusable("message id", frame.unique_id, MAX_UNIQUE_ID_CHARS)
        unique_id = msgspec.json.encode(frame.unique_id)
    match frame:
        case CallResult(payload=payload):
            return b"[3,%b,%b]" % (unique_id, payload)
        case Call(action=action, payload=payload):
            _refuse_unusable("action", action, MAX_ACTION_CHARS)
            return b"[2,%b,%b,%b]" % (unique_id, msgspec.json.encode(action), payload)
    return b"[4,%b,%b,%b,%b]" % (
        unique_id,
        msgspec.json.encode(frame.code),
        msgspec.json.encode(frame.description[:MAX_DESCRIPTION_CHARS]),
        frame.details,
    )


def confirm(call: Call, payload: bytes) -> bytes:
    """
    The CALLRESULT that a peer's CALL is answered with, as a message.

    @param payload: the JSON text of the confirmation's object.
    """
    return b"[3,%b,%b]" % (call.id_text, payload)


def _refuse_unusable(name: str, text: str, limit: int) -> None:
    if not 0 < len(text) <= limit:
        raise LocalProtocolError(f"{name} of {len(text)} characters; 1 to {limit} are allowed")
    if not text.isprintable():
        raise LocalProtocolError(f"{name} with characters that cannot be printed")


def _refuse_other_encodings(text: bytes) -> None:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableFrame(
            f"not UTF-8 at byte {error.start}", _answerable(text), is_utf8=False
        ) from error


_usual_call = msgspec.json.Decoder(tuple[int, msgspec.Raw, str, msgspec.Raw])
_usual_result = msgspec.json.Decoder(tuple[int, msgspec.Raw, msgspec.Raw])
_envelope = msgspec.json.Decoder(list[msgspec.Raw])
_string = msgspec.json.Decoder(str)
_integer = msgspec.json.Decoder(int)


def _read_usual(text: bytes) -> Call | CallResult | None:
    """
    A frame that is as it should be; C{None} for any other, and for a few that are odd.

    What is read here L{_Reader} would read as the same frame, and take longer.
    """
    try:
        if text.startswith(b"[2,"):
            _, id_part, action, payload_part = _usual_call.decode(text)
        elif text.startswith(b"[3,"):
            _, id_part, payload_part = _usual_result.decode(text)
            action = ""
        else:
            return None
        id_text = bytes(id_part)
        unique_id = _string.decode(id_text)
    except (ValueError, RecursionError):
        return None
    payload = bytes(payload_part)
    if not payload.startswith(b"{") or not _is_usable(unique_id, MAX_UNIQUE_ID_CHARS):
        return None
    if text.startswith(b"[3"):
        return CallResult(unique_id, payload, text, NO_QUIRKS, id_text)
    if not _is_usable(action, MAX_ACTION_CHARS):
        return None
    return Call(unique_id, action, payload, text, NO_QUIRKS, id_text)


def _is_usable(text: str, limit: int) -> bool:
    return 0 < len(text) <= limit and text.isprintable()


#: An id and an action without anything that JSON would have to escape.
_USUAL_HEAD = re.compile(
    rb'\[2,("[ !#-\[\]-~]{1,%d}"),"([A-Za-z]{1,%d})",(?=\{)'
    % (MAX_UNIQUE_ID_CHARS, MAX_ACTION_CHARS)
)
#: What is longer is looked at in the usual way.
_LONGEST_OUTLINED_BYTES = 64 * 1024

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n"
_ID_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]{0,18})")
_CALL_HEAD = re.compile(
    rb'(?:%b)?\s*\[\s*2\s*,\s*"([ !#-\[\]-~]{1,36})[ !#-\[\]-~]*"\s*,' % _BYTE_ORDER_MARK
)


def _answerable(text: bytes) -> str | None:
    """The message id of what seems to be a CALL."""
    # A CALL whose payload is damaged is still a CALL: its sender waits for an answer.
    found = _CALL_HEAD.match(text)
    return found[1].decode("ascii") if found else None


class _Reader:
    """
    Reads one message with care, part by part, and tells what is wrong with it.

    @ivar _unique_id: as far as there is a CALL to answer.
    """

    def __init__(self, text: bytes, tolerated: frozenset[Quirk]) -> None:
        self._text = text
        self._tolerated = tolerated
        self._quirks: set[Quirk] = set()
        self._unique_id: str | None = None
        self._id_text = b""

    def read(self) -> Frame | None:
        self._unique_id = _answerable(self._text)
        parts = self._split(self._without_padding())
        self._unique_id = None
        if not parts:
            raise self._refusal("an empty array is not a frame")
        try:
            kind = _integer.decode(parts[0])
        except msgspec.MsgspecError as error:
            raise self._refusal("the message type is not a number") from error
        if kind == _CALL:
            return self._call(parts)
        if kind == _CALL_RESULT:
            return self._result(parts)
        if kind == _CALL_ERROR:
            return self._error(parts)
        return None

    def _refusal(self, description: str, quirk: Quirk | None = None) -> UnreadableFrame:
        return UnreadableFrame(description, self._unique_id, quirk, self._id_text)

    def _forgive(self, quirk: Quirk, description: str) -> None:
        """
        Go on in spite of a deviation.

        @raise UnreadableFrame: if it is not tolerated.
        """
        if quirk not in self._tolerated:
            raise self._refusal(description, quirk)
        self._quirks.add(quirk)

    def _without_padding(self) -> bytes:
        text = self._text
        if text.startswith(_BYTE_ORDER_MARK):
            self._forgive(Quirk.PADDED_FRAMES, "not JSON: a byte order mark at its start")
            text = text.removeprefix(_BYTE_ORDER_MARK)
        if text.endswith(b"\0"):
            text = text.rstrip(b"\0" + _BLANKS)
            # UTF-16 ends with a NUL, too, and has many more.
            if b"\0" not in text:
                self._forgive(Quirk.PADDED_FRAMES, "not JSON: a NUL character at its end")
        return text

    def _split(self, text: bytes) -> list[msgspec.Raw]:
        """The elements of the outer array, each as its own text."""
        try:
            return _envelope.decode(text)
        except RecursionError:
            error = JsonTooDeep()
            raise self._refusal(f"not JSON: {error}") from error
        except ValueError as error:
            description = f"not JSON: {str(error)[:MAX_DESCRIPTION_CHARS]}"
            parts = _split_after_mending(text)
            if parts is None:
                raise self._refusal(description) from error
            self._forgive(Quirk.BROKEN_JSON, description)
            return parts

    def _call(self, parts: list[msgspec.Raw]) -> Call:
        unique_id, id_text = self._read_unique_id(parts)
        self._unique_id, self._id_text = _cut(unique_id), id_text
        if len(unique_id) > MAX_UNIQUE_ID_CHARS:
            self._id_text = b""
            raise self._refusal(
                f"message id of {len(unique_id)} characters; at most {MAX_UNIQUE_ID_CHARS}"
            )
        if len(parts) != 4:
            raise self._refusal(f"a CALL of {len(parts)} elements")
        action = self._read_text(parts[2], "action", MAX_ACTION_CHARS)
        payload = self._read_object(parts[3])
        return Call(unique_id, action, payload, self._text, self._met(), id_text)

    def _result(self, parts: list[msgspec.Raw]) -> CallResult:
        unique_id, id_text = self._read_unique_id(parts)
        description = f"a CALLRESULT of {len(parts)} elements"
        if len(parts) == 4 and bytes(parts[2]).startswith(b'"'):
            self._forgive(Quirk.ANSWERS_WITH_ACTION, description)
        elif len(parts) != 3:
            raise self._refusal(description)
        payload = self._read_object(parts[-1])
        return CallResult(_cut(unique_id), payload, self._text, self._met(), id_text)

    def _error(self, parts: list[msgspec.Raw]) -> CallError:
        unique_id, id_text = self._read_unique_id(parts)
        if not 3 <= len(parts) <= 5:
            raise self._refusal(f"a CALLERROR of {len(parts)} elements")
        code = self._read_text(parts[2], "error code", MAX_ACTION_CHARS)
        description = ""
        if len(parts) > 3 and bytes(parts[3]) != b"null":
            found = self._read_string(parts[3], "error description")[:MAX_DESCRIPTION_CHARS]
            description = "".join(char if char.isprintable() else " " for char in found)
        details = self._read_object(parts[4]) if len(parts) > 4 else _EMPTY
        try:
            strict_json.check(details)
        except AmbiguousJson as error:
            raise self._refusal(f"the error details are not JSON: {error}") from error
        return CallError(
            _cut(unique_id), code, description, details, self._text, self._met(), id_text
        )

    def _met(self) -> frozenset[Quirk]:
        return frozenset(self._quirks)

    def _read_unique_id(self, parts: list[msgspec.Raw]) -> tuple[str, bytes]:
        """The message id, and its JSON text."""
        if len(parts) < 2:
            raise self._refusal("a frame without a message id")
        id_text = bytes(parts[1])
        if _ID_NUMBER.fullmatch(id_text) is not None:
            self._forgive(Quirk.NUMERIC_IDS, "the message id is not a string")
            return id_text.decode("ascii"), id_text
        return self._read_text(parts[1], "message id", None), id_text

    def _read_string(self, part: msgspec.Raw, name: str) -> str:
        try:
            return _string.decode(part)
        except msgspec.MsgspecError as error:
            raise self._refusal(f"the {name} is not a string") from error

    def _read_text(self, part: msgspec.Raw, name: str, limit: int | None) -> str:
        found = self._read_string(part, name)
        if not found or not found.isprintable():
            raise self._refusal(f"the {name} is empty or not printable")
        if limit is not None and len(found) > limit:
            raise self._refusal(f"the {name} has {len(found)} characters; at most {limit}")
        return found

    def _read_object(self, part: msgspec.Raw) -> bytes:
        payload = bytes(part)
        # Seen at charge points that have nothing to say; OCPP-J asks for an empty object.
        if payload == b"null":
            return _EMPTY
        if not payload.startswith(b"{"):
            raise self._refusal("the payload is not an object")
        return payload


def _split_after_mending(text: bytes) -> list[msgspec.Raw] | None:
    better = mended(text)
    if better is None:
        return None
    try:
        return _envelope.decode(better)
    except (ValueError, RecursionError):
        return None


def _cut(unique_id: str) -> str:
    return unique_id[:MAX_UNIQUE_ID_CHARS]
