"""What is wrong with a value that somebody has sent, and what would be allowed: in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import inspect

from cfos_cm.web.problem import Problem

__all__ = ["objection"]

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<place>[^`]*)`)?$", re.DOTALL)
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<name>.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<name>.*)`$", re.DOTALL)
_NO_CHOICE = re.compile(r"^Invalid enum value (?P<found>.*)$", re.DOTALL)
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(?:\d+|\.\.\.)\]")

#: Of what was found so much is repeated.
_MOST_SHOWN = 60
#: So many allowed ones are told.
_MOST_LISTED = 60


def objection(status: int, error: msgspec.ValidationError, kind: Any) -> Problem:
    """
    What msgspec has against a value.

    @param status: of the answer.
    @param kind: the type that the value was read as.
    """
    parts = _PLACE.match(str(error))
    assert parts is not None
    place = (parts["place"] or "$").removeprefix("$").removeprefix(".")
    found = list(_at(inspect.type_info(kind), _steps(place)))
    what, place = _words(parts["what"], place, found)
    detail = f"{place}: {what}" if place else what[:1].upper() + what[1:]
    return Problem(status, f"{detail}.", {"field": place})


def _words(what: str, place: str, found: Sequence[inspect.Type]) -> tuple[str, str]:
    """What is wrong, and where."""
    if unknown := _UNKNOWN.match(what):
        names = [one.encode_name for kind in found for one in _fields(kind)]
        return f"there is nothing of this name; allowed: {_list(names)}", _below(
            place, unknown["name"]
        )
    if missing := _MISSING.match(what):
        return "it is missing", _below(place, missing["name"])
    if choice := _NO_CHOICE.match(what):
        allowed = [one for kind in found for one in _choices(kind)]
        return f"found {_short(choice['found'])}; allowed: {_list(allowed)}", place
    return what[:1].lower() + what[1:].replace("`", ""), place


def _below(place: str, name: str) -> str:
    return f"{place}.{_short(name)}" if place else _short(name)


def _short(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."


def _list(allowed: Sequence[object]) -> str:
    shown = ", ".join(str(one) for one in allowed[:_MOST_LISTED])
    return shown + (", ..." if len(allowed) > _MOST_LISTED else "") or "nothing"


def _steps(place: str) -> list[str]:
    """The names on the way to a place; an empty one is an entry of a list or a mapping."""
    return [step[1] or "" for step in _STEP.finditer(f".{place}" if place else "")]


def _at(kind: inspect.Type, steps: Sequence[str]) -> Iterator[inspect.Type]:
    """The types that a value at the end of a way can have."""
    if isinstance(kind, inspect.Metadata):
        yield from _at(kind.type, steps)
    elif isinstance(kind, inspect.UnionType):
        for one in kind.types:
            yield from _at(one, steps)
    elif not steps:
        yield kind
    else:
        for inner in _entries(kind, steps[0]):
            yield from _at(inner, steps[1:])


def _entries(kind: inspect.Type, step: str) -> Iterator[inspect.Type]:
    if step:
        yield from (one.type for one in _fields(kind) if one.encode_name == step)
    elif isinstance(kind, inspect.DictType):
        yield kind.value_type
    elif isinstance(kind, inspect.CollectionType):
        yield kind.item_type
    elif isinstance(kind, inspect.TupleType):
        yield from kind.item_types


def _fields(kind: inspect.Type) -> tuple[inspect.Field, ...]:
    return kind.fields if isinstance(kind, inspect.StructType) else ()


def _choices(kind: inspect.Type) -> Sequence[object]:
    if isinstance(kind, inspect.EnumType):
        return [member.value for member in kind.cls]
    return kind.values if isinstance(kind, inspect.LiteralType) else ()
