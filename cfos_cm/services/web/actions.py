"""What a Central System can ask a Charge Point, for those who make forms of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from cfos_cm.central_system.commands.requests import SENDABLE
from cfos_cm.services.web.ocpp_roles import least_role
from cfos_cm.v16.actions import Action
from cfos_cm.web.answer import Answer, Json
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["OcppAction", "OcppActions", "action_routes", "ocpp_actions", "request_schema"]

#: 64 bits, which no form has to tell anybody.
_ENDS = {"minimum": -(2**63), "maximum": 2**63 - 1}

#: C{@ivar name: words}, up to the next one.
_FIELD = re.compile(r"@ivar (\w+):(.*?)(?=@\w+ |\Z)", re.DOTALL)
_MARKED = re.compile(r"[CLIB]\{([^{}]*)\}")
_LAST_NAME = re.compile(r"<[^>]*>")


class OcppAction(msgspec.Struct, frozen=True, kw_only=True):
    """
    One action of OCPP 1.6.

    C{profile}: the feature profile that it belongs to. C{request}: a JSON Schema of the
    payload. C{role}: the least that whoever sends it has to have; some requests take more, such
    as a hard Reset.
    """

    action: str
    doc: str
    profile: str
    role: str
    request: dict[str, Any]


class OcppActions(msgspec.Struct, frozen=True, kw_only=True):
    """All actions that a Central System sends, by their names."""

    actions: tuple[OcppAction, ...]


def action_routes() -> tuple[Route, ...]:
    """C{GET /ocpp/actions}."""

    async def actions(asked: Asked) -> Answer:
        return Json(OcppActions(actions=ocpp_actions()))

    return (
        Route(
            method="GET",
            path=f"{API}/ocpp/actions",
            role=Role.OPERATOR,
            handle=actions,
            summary="All that a Charge Point can be asked, with the schemas of the requests.",
            tag="charge-points",
            answer=OcppActions,
        ),
    )


@cache
def ocpp_actions() -> tuple[OcppAction, ...]:
    """All of them; made once."""
    return tuple(_shown(action) for action in SENDABLE.values())


def _shown(action: Action) -> OcppAction:
    doc, _ = _docs(action.request)
    return OcppAction(
        action=action.name,
        doc=doc,
        profile=action.profile.value,
        role=least_role(action.name).name.lower(),
        request=request_schema(action.request),
    )


def request_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """
    A JSON Schema of a request, as it is on the wire, with what its fields mean.

    @return: the request itself at the top; what it is made of under C{$defs}.
    """
    schema = msgspec.json.schema(kind)
    found = _structs(kind)
    parts = {
        name: _described(part, found.get(name))
        for name, part in schema.get("$defs", {}).items()
    }
    top = parts.pop(kind.__name__)
    if parts:
        top["$defs"] = parts
    plain: dict[str, Any] = _plain(top)
    return plain


def _structs(kind: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """A Struct and all that it is made of, by their names."""
    found: dict[str, type[msgspec.Struct]] = {}
    waiting: list[msgspec.inspect.Type] = [msgspec.inspect.type_info(kind)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, msgspec.inspect.StructType):
            found[one.cls.__name__] = one.cls
            waiting += [field.type for field in one.fields]
        elif isinstance(one, msgspec.inspect.VarTupleType):
            waiting.append(one.item_type)
        elif isinstance(one, msgspec.inspect.Metadata):
            waiting.append(one.type)
    return found


def _described(part: Mapping[str, Any], kind: type[msgspec.Struct] | None) -> dict[str, Any]:
    """A part of a schema with its docstring in the places that it speaks of."""
    described = dict(part)
    if kind is None:
        if "description" in described:
            described["description"] = _unmarked(described["description"])
        return described
    doc, fields = _docs(kind)
    described["description"] = doc
    names = dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))
    properties = {name: dict(value) for name, value in part.get("properties", {}).items()}
    for field, words in fields.items():
        if field in names and names[field] in properties:
            properties[names[field]]["description"] = words
    described["properties"] = properties
    return described


def _docs(kind: type[msgspec.Struct]) -> tuple[str, dict[str, str]]:
    """What a docstring says of the whole, and of each field."""
    text = kind.__doc__ or ""
    fields = {name: _unmarked(words) for name, words in _FIELD.findall(text)}
    return _unmarked(text.partition("@")[0]), fields


def _unmarked(text: str) -> str:
    """Words of a docstring without its marks, in one line."""
    return " ".join(_MARKED.sub(lambda found: _LAST_NAME.sub("", found[1]), text).split())


def _plain(value: Any) -> Any:
    """A schema without what tells a form nothing: the ends of 64 bits, and a null default."""
    if isinstance(value, dict):
        return {
            name: _plain(one)
            for name, one in value.items()
            if _ENDS.get(name) != one and not (name == "default" and one is None)
        }
    return [_plain(one) for one in value] if isinstance(value, list) else value
