"""
The official JSON schemas as an oracle, and payloads that try them out.

The schema files are the Open Charge Alliance's, as the C{ocpp} package carries them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache, partial
from importlib import resources
from typing import Any, TypeVar

import jsonschema_rs
from attrs import field, frozen
from hypothesis import settings
from hypothesis import strategies as st

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.v16.actions import ACTIONS, Action, decode_confirmation, decode_request
from cfos_cm.v16.types import Message

from .errata import Schema, amended

__all__ = [
    "MESSAGES",
    "PROFILE",
    "SchemaCase",
    "for_each_message",
    "full_example",
    "least_example",
    "mutants",
    "payloads",
]

settings.register_profile(
    "v16", derandomize=True, database=None, deadline=None, max_examples=25
)
#: The same examples in every run, on every machine.
PROFILE = settings.get_profile("v16")

#: Longer texts are tried at their limit only: hypothesis is slow in making them.
_LONGEST_RANDOM_TEXT = 30


@frozen
class SchemaCase:
    """
    A message, with the schema that it has to agree with.

    @ivar name: the schema file's name, without its suffix.
    @ivar action: the action that the message belongs to.
    @ivar is_request: whether it is the request.
    @ivar official: the schema as it was published, references resolved.
    @ivar schema: the same with the known errata.
    """

    name: str
    action: Action
    is_request: bool
    official: Schema
    schema: Schema = field(init=False)
    _validator: jsonschema_rs.Draft6Validator = field(init=False, repr=False, eq=False)

    @schema.default
    def _amended(self) -> Schema:
        return amended(self.official)

    @_validator.default
    def _compiled(self) -> jsonschema_rs.Draft6Validator:
        return jsonschema_rs.Draft6Validator(self.schema, validate_formats=False)

    def is_valid(self, payload: Any) -> bool:
        """Whether the amended schema accepts C{payload}."""
        return bool(self._validator.is_valid(payload))

    def is_official(self, payload: Any) -> bool:
        """Whether the published schema accepts C{payload}, by the draft that it names."""
        draft = (
            jsonschema_rs.Draft6Validator
            if "draft-06" in self.official["$schema"]
            else jsonschema_rs.Draft4Validator
        )
        return bool(draft(self.official, validate_formats=False).is_valid(payload))

    def decode(self, payload: Any) -> Message:
        """
        C{payload} as a message.

        @raise RemoteProtocolError: if it is none.
        """
        text = json.dumps(payload).encode()
        if not self.is_request:
            return decode_confirmation(self.action, text)
        return decode_request(self.action.name, text, sorted(self.action.sent_by)[0])

    def is_decoded(self, payload: Any) -> bool:
        """Whether the message class accepts C{payload}; any other error passes through."""
        try:
            self.decode(payload)
        except RemoteProtocolError:
            return False
        return True


def _load(name: str) -> Schema:
    """A schema file, with its references replaced by what they refer to."""
    path = resources.files("ocpp") / "v16" / "schemas" / f"{name}.json"
    schema: Schema = json.loads(path.read_text(encoding="utf-8-sig"))
    resolved: Schema = _resolved(schema, schema.get("definitions", {}))
    resolved.pop("definitions", None)
    return resolved


def _resolved(node: Any, definitions: Schema) -> Any:
    """C{node} without references."""
    if isinstance(node, list):
        return [_resolved(child, definitions) for child in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _resolved(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {name: _resolved(child, definitions) for name, child in node.items()}


def _cases() -> Iterator[SchemaCase]:
    """Every request and every confirmation."""
    for action in ACTIONS.values():
        yield SchemaCase(action.name, action, True, _load(action.name))
        answer = f"{action.name}Response"
        yield SchemaCase(answer, action, False, _load(answer))


#: Every message by the name of its schema file.
MESSAGES = {case.name: case for case in _cases()}


_TestCase = TypeVar("_TestCase", bound=type)


def for_each_message(test_case: _TestCase) -> _TestCase:
    """Turn each method C{each_what(self, case)} into one test method for every message."""
    for name in [name for name in vars(test_case) if name.startswith("each_")]:
        check = getattr(test_case, name)
        for case in MESSAGES.values():
            test = _test(check, case)
            test.__name__ = f"test_{name.removeprefix('each_')}_{case.name}"
            setattr(test_case, test.__name__, test)
    return test_case


def _test(check: Callable[[Any, SchemaCase], None], case: SchemaCase) -> Callable[[Any], None]:
    """C{check} for one message, as a test method."""

    def test(self: Any) -> None:
        check(self, case)

    test.__doc__ = check.__doc__
    return test


def payloads(schema: Schema) -> st.SearchStrategy[Any]:
    """JSON values that C{schema} accepts."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _STRATEGIES[schema["type"]](schema)


def _objects(schema: Schema) -> st.SearchStrategy[Any]:
    """Objects with every required property and any of the others."""
    properties = {name: payloads(part) for name, part in schema.get("properties", {}).items()}
    required = schema.get("required", [])
    return st.fixed_dictionaries(
        {name: properties[name] for name in required},
        optional={name: part for name, part in properties.items() if name not in required},
    )


def _arrays(schema: Schema) -> st.SearchStrategy[Any]:
    """Short arrays, the shortest that are allowed among them."""
    least = schema.get("minItems", 0)
    return st.lists(payloads(schema["items"]), min_size=least, max_size=least + 2)


def _texts(schema: Schema) -> st.SearchStrategy[Any]:
    """Texts of every alphabet, and some at the limit."""
    limit = schema.get("maxLength", _LONGEST_RANDOM_TEXT)
    texts = st.text(max_size=min(limit, _LONGEST_RANDOM_TEXT))
    return texts | st.just("\N{SLICE OF PIZZA}" * limit)


_STRATEGIES: dict[str, Callable[[Schema], st.SearchStrategy[Any]]] = {
    "object": _objects,
    "array": _arrays,
    "string": _texts,
    "integer": lambda schema: st.integers(schema["minimum"], schema["maximum"]),
    "number": lambda schema: st.integers(-(10**9), 10**9).map(lambda tenths: tenths / 10),
    "boolean": lambda schema: st.booleans(),
}


def full_example(schema: Schema) -> Any:
    """A payload with every property that there can be."""
    return _example(schema, lambda name: True)


def least_example(schema: Schema) -> Any:
    """A payload with nothing but what must be there."""
    required = schema.get("required", [])
    return _example(schema, lambda name: name in required)


def _example(schema: Schema, wanted: Callable[[str], bool]) -> Any:
    """A payload with those properties at the top that are C{wanted}, and all below."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        properties = schema.get("properties", {})
        return {name: full_example(part) for name, part in properties.items() if wanted(name)}
    if schema["type"] == "array":
        return [full_example(schema["items"])]
    return {"string": "text", "integer": 7, "number": 16.5, "boolean": True}[schema["type"]]


#: What is put in the place of every value, whatever its type.
_STRANGERS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.0, 1.5, 8.25, 1e300, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1,
    10**400, "", "1", "true", "Accepted", [], [[]], [None], [1], [""], {}, {"unknown": 1},
)  # fmt: skip


def mutants(schema: Schema, payload: Any) -> list[Callable[[], Any]]:
    """
    Everything that can be done to a payload at one place.

    Not every mutant is wrong: the schema has to tell.

    @return: functions that each make one changed copy.
    """
    return [
        partial(_changed, payload, path, change) for path, change in _changes(schema, payload)
    ]


_Path = tuple[str | int, ...]
_Change = Callable[[Any], Any]


def _changes(schema: Schema, value: Any) -> Iterator[tuple[_Path, _Change]]:
    """The places in C{value}, and what can be done there."""
    for stranger in (*_STRANGERS, *_neighbours(schema)):
        yield (), partial(_replaced, stranger)
    if schema["type"] == "object":
        yield (), lambda old: {**old, "unknown": 1}
        yield (), lambda old: {**old, "": None}
        for name, child in value.items():
            yield (), partial(_without, name)
            yield (), partial(_shouted, name)
            for path, change in _changes(schema["properties"][name], child):
                yield (name, *path), change
    if schema["type"] == "array":
        yield (), lambda old: old * 3
        for index, child in enumerate(value):
            for path, change in _changes(schema["items"], child):
                yield (index, *path), change


def _replaced(new: Any, old: Any) -> Any:
    """Something else in the place of C{old}."""
    return deepcopy(new)


def _without(name: str, old: Schema) -> Schema:
    """C{old} without one of its properties."""
    return {kept: value for kept, value in old.items() if kept != name}


def _shouted(name: str, old: Schema) -> Schema:
    """C{old} with one of its properties a second time, in upper case."""
    return {**old, name.upper(): old[name]}


def _neighbours(schema: Schema) -> Iterator[Any]:
    """Values just inside and just outside of what C{schema} allows."""
    if "enum" in schema:
        yield from _all_enumerated()
        for allowed in schema["enum"]:
            yield from (allowed.swapcase(), allowed + " ", allowed[:-1])
    elif "maxLength" in schema:
        limit = schema["maxLength"]
        for character in ("x", "ß", "\N{SLICE OF PIZZA}"):
            yield from (character * limit, character * (limit + 1))


@cache
def _all_enumerated() -> tuple[str, ...]:
    """Every value of every enumeration in every schema."""

    def found(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from node.get("enum", ())
            for child in node.values():
                yield from found(child)

    return tuple(sorted({value for case in MESSAGES.values() for value in found(case.schema)}))


def _changed(value: Any, path: _Path, change: _Change) -> Any:
    """A copy of C{value} with one place changed."""
    if not path:
        return change(deepcopy(value))
    copy = value.copy()
    copy[path[0]] = _changed(value[path[0]], path[1:], change)
    return copy
