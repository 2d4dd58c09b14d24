"""What a message has to be answered with, found out without the help of who answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import jsonschema_rs
from attrs import fields, frozen, has

from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.quirk import EVERY_QUIRK, Quirk
from cfos_cm.wire import ocppj
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES, Call

from ..v16.schemas import MESSAGES

__all__ = [
    "Question",
    "asked_in",
    "flaw_in_answer",
    "flaw_in_call",
    "flaw_in_event",
    "maybe_asked_in",
    "parsed",
]

_CODES = frozenset(code.value for code in CallErrorCode)
#: OCPP-J 1.6: at most 36 characters; of a longer id the beginning is repeated.
_MAX_ID_CHARS = 36
_HEAD = re.compile(rb'[ \t\r\n]*\[[ \t\r\n]*2[ \t\r\n]*,[ \t\r\n]*"([ !#-\[\]-~]+)"[ \t\r\n]*,')

#: As they were published; a peer's may be stricter than ours, which know the errata.
_OFFICIAL = {
    name: (
        jsonschema_rs.Draft6Validator
        if "draft-06" in case.official["$schema"]
        else jsonschema_rs.Draft4Validator
    )(case.official, validate_formats=False)
    for name, case in MESSAGES.items()
}


@frozen
class Question:
    """
    A CALL that somebody waits for the answer to.

    @ivar unique_id: as a JSON value.
    @ivar action: C{None} where the message is too damaged to tell.
    @ivar payload: likewise.
    """

    unique_id: str | int
    action: str | None = None
    payload: dict[str, Any] | None = None


def asked_in(text: bytes, tolerated: frozenset[Quirk]) -> Question | None:
    """The CALL in a message that has to be answered; C{None}: there is none."""
    if len(text) > MAX_FRAME_BYTES:
        # No server lets it come that far; whether it is answered is of no interest.
        return None
    try:
        frame = parsed(text)
    except (ValueError, RecursionError):
        # A CALL whose payload is damaged is still a CALL: its sender waits.
        found = _HEAD.match(text)
        return None if found is None else _damaged(text, found[1].decode())
    match frame:
        case [int() as kind, str() as unique_id, *rest] if _is_call(kind):
            if not unique_id or not unique_id.isprintable():
                return None
            return Question(unique_id[:_MAX_ID_CHARS], *_said(rest))
        case [int() as kind, int() as number, *rest] if _is_call(kind):
            short = type(number) is int and abs(number) < 10**19
            if short and Quirk.NUMERIC_IDS in tolerated:
                return Question(number, *_said(rest))
    return None


def maybe_asked_in(text: bytes) -> Question | None:
    """The CALL in a message as somebody reads it who forgives everything."""
    try:
        frame = ocppj.decode(text, tolerated=EVERY_QUIRK)
    except RemoteProtocolError as error:
        if error.unique_id is None:
            return None
        id_text = getattr(error, "id_text", b"")
        return Question(json.loads(id_text) if id_text else error.unique_id)
    if not isinstance(frame, Call):
        return None
    return Question(json.loads(frame.id_text), frame.action)


def parsed(text: bytes) -> Any:
    """
    The value of a JSON text, by the standard library.

    @raise ValueError: if it is none.
    @raise RecursionError: if it is nested too deeply.
    """
    value = json.loads(text.decode("utf-8"), parse_constant=_refused)
    # It takes halves of surrogate pairs, which no text can have.
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def flaw_in_answer(frame: list[Any], question: Question) -> str | None:
    """What is wrong with a CALLRESULT or CALLERROR; C{None}: nothing."""
    match frame:
        case [3, _, dict() as payload]:
            schema = _OFFICIAL.get(f"{question.action}Response")
            if schema is None:
                return f"a CALLRESULT to {question.action}"
            return None if schema.is_valid(payload) else f"{question.action}: wrong payload"
        case [4, _, str() as code, str() as description, dict()]:
            if code not in _CODES:
                return f"error code {code}"
            return None if len(description) <= 255 else "a long error description"
    return "not an answer"


def flaw_in_call(frame: list[Any]) -> str | None:
    """What is wrong with a CALL of ours; C{None}: nothing."""
    match frame:
        case [2, str() as unique_id, str() as action, dict() as payload]:
            if not 0 < len(unique_id) <= _MAX_ID_CHARS:
                return "message id"
            schema = _OFFICIAL.get(action)
            return None if schema and schema.is_valid(payload) else f"{action}: wrong payload"
    return "not a CALL"


def flaw_in_event(event: Any) -> str | None:
    """What is wrong with something that the site is told; C{None}: nothing."""
    for value in _values(event):
        if isinstance(value, float):
            return f"{value!r} is not whole"
        # The difference of two registers of 64 bits has one bit more.
        if isinstance(value, int) and not -(2**64) < value < 2**64:
            return "a number without bounds"
    return None


def _values(value: Any) -> Iterator[Any]:
    if has(type(value)):
        for one in fields(type(value)):
            yield from _values(getattr(value, one.name))
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _values(inner)
    else:
        yield value


def _is_call(kind: int) -> bool:
    return type(kind) is int and kind == 2


def _said(rest: list[Any]) -> tuple[str | None, dict[str, Any] | None]:
    match rest:
        case [str() as action, dict() as payload]:
            return action, payload
        case [str() as action, *_]:
            return action, None
    return None, None


def _damaged(text: bytes, unique_id: str) -> Question:
    maybe = maybe_asked_in(text)
    return Question(unique_id[:_MAX_ID_CHARS], maybe.action if maybe else None)


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
