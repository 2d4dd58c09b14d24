"""
OCPP-J frames: the text of a WebSocket message, and what it says.

A frame keeps the text that it came as. What was signed or is relayed is taken from that text,
never from a value that was made of it, because another spelling of the same value is another
text.

OCPP-J 1.6, "RPC framework": C{[2,id,action,payload]}, C{[3,id,payload]} and
C{[4,id,code,description,details]}.
"""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn

import msgspec
from attrs import frozen

from cfos_cm.errors import LocalProtocolError, RemoteProtocolError

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
    "decode",
    "encode",
]

#: A StopTransaction may bring all values of its transaction, 86 kB for three each 5 minutes in
#: 15 hours. Refused, it would be sent again and again, and never be billed.
MAX_FRAME_BYTES = 256 * 1024
#: The deepest message of OCPP 1.6 has 9 levels; what is far deeper wants to exhaust a stack.
MAX_DEPTH = 32
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

    @ivar payload: the JSON text of the request's object, as it stands in the message.
    @ivar text: the whole message; empty in a frame that did not come from a peer.
    """

    unique_id: str
    action: str
    payload: bytes
    text: bytes = b""


@frozen
class CallResult:
    """A confirmation; see L{Call} for its fields."""

    unique_id: str
    payload: bytes
    text: bytes = b""


@frozen
class CallError:
    """
    A refusal.

    @ivar code: as the peer spelled it.
    @ivar details: the JSON text of its object.
    """

    unique_id: str
    code: str
    description: str
    details: bytes = _EMPTY
    text: bytes = b""


Frame = Call | CallResult | CallError

_envelope = msgspec.json.Decoder(list[msgspec.Raw])
_string = msgspec.json.Decoder(str)
_integer = msgspec.json.Decoder(int)


def decode(text: bytes, limit_bytes: int = MAX_FRAME_BYTES) -> Frame | None:
    """
    Read one WebSocket text message.

    @param text: what came, without any trust in it.
    @param limit_bytes: longer ones are refused.
    @return: the frame, or C{None} for a message type that nobody specified, which is to be
        ignored (OCPP-J 1.6, "Message types").
    @raise RemoteProtocolError: if C{text} is not an OCPP-J frame. Its C{unique_id} is set when
        it was a CALL that can be answered.
    """
    if len(text) > limit_bytes:
        raise _unreadable(text, f"message of {len(text)} bytes; at most {limit_bytes}")
    _refuse_depth(text)
    if b"\\u0000" in text and _ESCAPED_NUL.search(text):
        raise _unreadable(text, "not JSON: a NUL character in a string")
    parts = _split(text)
    kind = _message_type(parts)
    if kind == _CALL:
        return _read_call(parts, text)
    if kind == _CALL_RESULT:
        return _read_result(parts, text)
    if kind == _CALL_ERROR:
        return _read_error(parts, text)
    return None


def encode(frame: Frame) -> bytes:
    """
    The message for C{frame}.

    @raise LocalProtocolError: if the frame has an id or an action that no peer would accept.
    """
    _refuse_unusable("message id", frame.unique_id, MAX_UNIQUE_ID_CHARS)
    unique_id = msgspec.json.encode(frame.unique_id)
    match frame:
        case Call(action=action, payload=payload):
            _refuse_unusable("action", action, MAX_ACTION_CHARS)
            return b"[2,%b,%b,%b]" % (unique_id, msgspec.json.encode(action), payload)
        case CallResult(payload=payload):
            return b"[3,%b,%b]" % (unique_id, payload)
    return b"[4,%b,%b,%b,%b]" % (
        unique_id,
        msgspec.json.encode(frame.code),
        msgspec.json.encode(frame.description[:MAX_DESCRIPTION_CHARS]),
        frame.details,
    )


def _refuse_unusable(name: str, text: str, limit: int) -> None:
    if not 0 < len(text) <= limit:
        raise LocalProtocolError(f"{name} of {len(text)} characters; 1 to {limit} are allowed")
    if not text.isprintable():
        raise LocalProtocolError(f"{name} with characters that cannot be printed")


def _split(text: bytes) -> list[msgspec.Raw]:
    """The elements of the outer array, each as its own text."""
    try:
        _strict.decode(text.decode("utf-8"))
        parts = _envelope.decode(text)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        reason = str(error)[:MAX_DESCRIPTION_CHARS]
        raise _unreadable(text, f"not JSON: {reason}") from error
    if not parts:
        raise RemoteProtocolError("an empty array is not a frame")
    return parts


def _unreadable(text: bytes, description: str) -> RemoteProtocolError:
    # A CALL whose payload is damaged is still a CALL: its sender waits for an answer.
    found = _CALL_HEAD.match(text)
    unique_id = found[1].decode("ascii") if found else None
    return RemoteProtocolError(description, unique_id=unique_id)


# No database and no C library keeps a NUL; a backslash that is itself escaped starts none.
_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_CALL_HEAD = re.compile(rb'\s*\[\s*2\s*,\s*"([ !#-\[\]-~]{1,36})[ !#-\[\]-~]*"\s*,')


def _message_type(parts: list[msgspec.Raw]) -> int:
    try:
        return _integer.decode(parts[0])
    except msgspec.MsgspecError as error:
        raise RemoteProtocolError("the message type is not a number") from error


def _read_call(parts: list[msgspec.Raw], text: bytes) -> Call:
    unique_id = _read_unique_id(parts)
    if len(unique_id) > MAX_UNIQUE_ID_CHARS:
        raise RemoteProtocolError(
            f"message id of {len(unique_id)} characters; at most {MAX_UNIQUE_ID_CHARS}",
            unique_id=_cut(unique_id),
        )
    if len(parts) != 4:
        raise RemoteProtocolError(f"a CALL of {len(parts)} elements", unique_id=unique_id)
    action = _read_text(parts[2], "action", MAX_ACTION_CHARS, unique_id)
    return Call(unique_id, action, _read_object(parts[3], unique_id), text)


def _read_result(parts: list[msgspec.Raw], text: bytes) -> CallResult:
    unique_id = _read_unique_id(parts)
    if len(parts) != 3:
        raise RemoteProtocolError(f"a CALLRESULT of {len(parts)} elements")
    return CallResult(_cut(unique_id), _read_object(parts[2], None), text)


def _read_error(parts: list[msgspec.Raw], text: bytes) -> CallError:
    unique_id = _read_unique_id(parts)
    if not 3 <= len(parts) <= 5:
        raise RemoteProtocolError(f"a CALLERROR of {len(parts)} elements")
    code = _read_text(parts[2], "error code", MAX_ACTION_CHARS, None)
    description = ""
    if len(parts) > 3 and bytes(parts[3]) != b"null":
        found = _read_string(parts[3], "error description", None)[:MAX_DESCRIPTION_CHARS]
        description = "".join(char if char.isprintable() else " " for char in found)
    details = _read_object(parts[4], None) if len(parts) > 4 else _EMPTY
    return CallError(_cut(unique_id), code, description, details, text)


def _read_unique_id(parts: list[msgspec.Raw]) -> str:
    if len(parts) < 2:
        raise RemoteProtocolError("a frame without a message id")
    return _read_text(parts[1], "message id", None, None)


def _read_string(part: msgspec.Raw, name: str, unique_id: str | None) -> str:
    try:
        return _string.decode(part)
    except msgspec.MsgspecError as error:
        raise RemoteProtocolError(f"the {name} is not a string", unique_id=unique_id) from error


def _read_text(part: msgspec.Raw, name: str, limit: int | None, unique_id: str | None) -> str:
    found = _read_string(part, name, unique_id)
    if not found or not found.isprintable():
        raise RemoteProtocolError(f"the {name} is empty or not printable", unique_id=unique_id)
    if limit is not None and len(found) > limit:
        raise RemoteProtocolError(
            f"the {name} has {len(found)} characters; at most {limit}", unique_id=unique_id
        )
    return found


def _read_object(part: msgspec.Raw, unique_id: str | None) -> bytes:
    payload = bytes(part)
    # Seen at charge points that have nothing to say; OCPP-J asks for an empty object.
    if payload == b"null":
        return _EMPTY
    if not payload.startswith(b"{"):
        raise RemoteProtocolError("the payload is not an object", unique_id=unique_id)
    return payload


def _cut(unique_id: str) -> str:
    return unique_id[:MAX_UNIQUE_ID_CHARS]


# A string without an end reaches to the end of the text: looked for again behind each of its
# escaped quotes, it would take minutes.
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


def _refuse_depth(text: bytes) -> None:
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise _unreadable(text, f"nested deeper than {MAX_DEPTH} levels")
        elif found[0] in (b"]", b"}"):
            depth -= 1


def _refuse_doubled(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return names


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _bounded_integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    found = float(digits)
    if not math.isfinite(found):
        raise ValueError("a number beyond all bounds")
    return found


# What a JSON reader lets pass and two readers understand differently: a name that stands
# twice, NaN, numbers without end.
_strict = json.JSONDecoder(
    object_pairs_hook=_refuse_doubled,
    parse_constant=_refuse_constant,
    parse_int=_bounded_integer,
    parse_float=_finite,
)
