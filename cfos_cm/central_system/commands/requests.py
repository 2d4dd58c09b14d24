"""
Requests that somebody writes as JSON: read as strictly as a Charge Point would.

What is wrong with one is told in a sentence: what was found, what is allowed, and where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from cfos_cm.errors import LocalProtocolError, RemoteProtocolError
from cfos_cm.v16.actions import ACTIONS, Action, Role, decode_request
from cfos_cm.v16.types import Message
from cfos_cm.v16.violations import excerpt

__all__ = ["SENDABLE", "as_json", "read_request"]

#: The actions that a Central System sends, by name.
SENDABLE: Mapping[str, Action] = {
    name: action
    for name, action in sorted(ACTIONS.items())
    if Role.CENTRAL_SYSTEM in action.sent_by
}

#: The end of a description of L{cfos_cm.v16.violations}: where in the payload it is.
_PLACE = re.compile(r" at (?P<path>\$[A-Za-z.\[\]0-9]*)$")
_STEP = re.compile(r"\.(?P<field>[A-Za-z]+)|\[[0-9.]+\]")


def read_request(name: str, payload: object) -> Message:
    """
    The request that an action and a JSON object describe.

    @param payload: as C{json.loads} gives it.
    @raise LocalProtocolError: if a Central System sends no such action, or if the action has no
        such payload.
    """
    action = SENDABLE.get(name)
    if action is None:
        raise LocalProtocolError(f"{_who_sends(name)}; it sends {', '.join(SENDABLE)}")
    if not isinstance(payload, Mapping):
        raise LocalProtocolError(f"{name}.req: the payload must be an object at $")
    try:
        text = msgspec.json.encode(dict(payload))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise LocalProtocolError(f"{name}.req: the payload is not JSON at $") from error
    try:
        return decode_request(name, text, Role.CENTRAL_SYSTEM)
    except RemoteProtocolError as error:
        allowed = _allowed(action, error.description)
        raise LocalProtocolError(f"{error.description}{allowed}") from error


def as_json(message: Message) -> dict[str, Any]:
    """The payload of a message, as C{json.loads} would give it."""
    payload: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(message))
    return payload


def _who_sends(name: str) -> str:
    if name in ACTIONS:
        return f"{name} is sent by Charge Points only, not by a Central System"
    return f"{excerpt(name)} is no action that a Central System sends"


def _allowed(action: Action, description: str) -> str:
    """What would have been allowed where C{description} says that something is wrong."""
    place = _PLACE.search(description)
    if place is None:
        return ""
    kind = _kind_at(action.request, place["path"])
    if isinstance(kind, inspect.StructType):
        return f"; its fields are {', '.join(_fields(kind)) or 'none'}"
    if isinstance(kind, inspect.EnumType):
        return f"; allowed are {', '.join(str(word.value) for word in kind.cls)}"
    return ""


def _kind_at(request: type[Message], path: str) -> inspect.Type | None:
    """The type that stands at a JSON path of a request's payload."""
    kind: inspect.Type | None = inspect.type_info(request)
    for step in _STEP.finditer(path):
        if isinstance(kind, inspect.Metadata):
            kind = kind.type
        if step["field"] is None:
            kind = kind.item_type if isinstance(kind, inspect.VarTupleType) else None
        else:
            kind = _fields(kind).get(step["field"])
    return kind


def _fields(kind: inspect.Type | None) -> dict[str, inspect.Type]:
    if not isinstance(kind, inspect.StructType):
        return {}
    return {field.encode_name: field.type for field in kind.fields}
