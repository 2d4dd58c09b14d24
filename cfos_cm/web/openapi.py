"""The OpenAPI document: made from the routes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from cfos_cm.web.answer import Json
from cfos_cm.web.cookies import cookie_name
from cfos_cm.web.guard import CSRF_HEADER
from cfos_cm.web.problems import MEDIA_TYPE
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route
from cfos_cm.web.routing import operation_id

__all__ = ["document", "openapi_route"]

_REFERENCE = "#/components/schemas/{name}"
_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_JSON = "application/json"

_Mapping = dict[str, Any]

_PROBLEM: Mapping[str, Any] = {
    "type": "object",
    "description": "Why something cannot be answered or done (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for a person."},
        "instance": {"type": "string", "description": "The path that was asked for."},
    },
    "required": ["type", "title", "status", "detail", "instance"],
    "additionalProperties": True,
}
_WORDS = {
    400: "The request cannot be understood.",
    401: "Nobody has said who asks, or what was said counts no more.",
    403: "Who asks may not do this.",
    404: "There is nothing of this name.",
    409: "The state does not allow it, or nobody was told.",
    412: "The state is not the one that was named.",
    413: "The body is too long.",
    415: "The body is of another kind.",
    421: "This computer is not known by the name that was asked for.",
    422: "What was said is not allowed here.",
    429: "Too much is asked.",
    431: "The head of the request is too long.",
    500: "It has failed for a reason that is in the log.",
    502: "The other end has refused it.",
    503: "The database does not answer, or too much is asked at once.",
    504: "The other end has not answered.",
}


def document(routes: Sequence[Route], title: str, version: str) -> _Mapping:
    """
    OpenAPI 3.1 of some routes.

    @raise ValueError: if a Struct is called as a schema of the document's own.
    """
    schemas, components = _schemas(routes)
    if "Problem" in components:
        raise ValueError("Problem is the name of the answers that say what is wrong")
    paths: dict[str, _Mapping] = {}
    for route in routes:
        operation = _operation(route, schemas, components)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    kept = _without_queries(components, paths, routes, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": {**kept, "Problem": dict(_PROBLEM)},
            "securitySchemes": _security_schemes(),
        },
    }


def openapi_route(routes: Sequence[Route], title: str, version: str) -> Route:
    """
    C{GET /api/v1/openapi.json}, which lists itself, too.

    @param routes: all others.
    """

    async def handle(_: Asked) -> Json:
        return Json(whole)

    own = Route(
        method="GET",
        path=f"{API}/openapi.json",
        role=Role.VIEWER,
        handle=handle,
        summary="This document.",
        tag="openapi",
        answer=dict[str, Any],
    )
    whole = msgspec.Raw(msgspec.json.encode(document((*routes, own), title, version)))
    return own


def _schemas(routes: Sequence[Route]) -> tuple[dict[Any, _Mapping], dict[str, _Mapping]]:
    """The schema of each type that a route names, and what they refer to."""
    types = list(dict.fromkeys(kind for route in routes for kind in _types(route)))
    found, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    return dict(zip(types, found, strict=True)), dict(components)


def _without_queries(
    components: Mapping[str, _Mapping],
    paths: Mapping[str, _Mapping],
    routes: Sequence[Route],
    schemas: Mapping[Any, _Mapping],
) -> dict[str, _Mapping]:
    """What is referred to: a query is listed as parameters, and seldom anywhere else."""
    queries = {_name_in(schemas[route.query]) for route in routes if route.query is not None}
    others = {name: one for name, one in components.items() if name not in queries}
    written = msgspec.json.encode([others, paths])
    return {
        name: one
        for name, one in components.items()
        if name not in queries or f'"{_REFERENCE.format(name=name)}"'.encode() in written
    }


def _types(route: Route) -> Iterator[Any]:
    for kind in (route.query, route.body, route.answer):
        if kind is not None and kind is not bytes:
            yield kind


def _operation(
    route: Route, schemas: Mapping[Any, _Mapping], components: Mapping[str, _Mapping]
) -> _Mapping:
    operation: _Mapping = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [route.tag],
        "x-role": route.role.name.lower(),
        "security": _security(route),
        "parameters": list(_parameters(route, schemas, components)),
        "responses": {**_answers(route, schemas), **_problems(route)},
    }
    if route.body is not None:
        schema = {} if route.body is bytes else schemas[route.body]
        content = {route.body_media: {"schema": schema}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(
    route: Route, schemas: Mapping[Any, _Mapping], components: Mapping[str, _Mapping]
) -> Iterator[_Mapping]:
    for name in _NAME.findall(route.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    if route.query is None:
        return
    struct = components[_name_in(schemas[route.query])]
    for name, schema in struct.get("properties", {}).items():
        parameter = {"name": name, "in": "query", "required": False, "schema": schema}
        if "description" in schema:
            parameter["description"] = schema["description"]
        yield parameter


def _answers(route: Route, schemas: Mapping[Any, _Mapping]) -> _Mapping:
    if route.answer is None and route.media == (_JSON,):
        return {"204": {"description": "It is done."}}
    content: _Mapping = {}
    for media in route.media:
        is_json = media == _JSON and route.answer is not None
        content[media] = {"schema": schemas[route.answer]} if is_json else {}
    return {str(route.done): {"description": route.summary, "content": content}}


def _problems(route: Route) -> _Mapping:
    statuses = {400, 421, 429, 431, 500, 503, *route.problems}
    if route.role > Role.ANYBODY:
        statuses |= {401, 403}
    if "{" in route.path:
        statuses.add(404)
    if route.method != "GET":
        statuses |= {403, 409, 412, 413, 415, 422, 502, 504}
    content = {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(name="Problem")}}}
    return {
        str(status): {"description": _WORDS[status], "content": content}
        for status in sorted(statuses)
    }


def _security(route: Route) -> list[_Mapping]:
    if route.role == Role.ANYBODY:
        return []
    cookie: _Mapping = {"cookie": []}
    if route.method != "GET":
        cookie["csrf"] = []
    return [cookie, {"bearer": []}]


def _security_schemes() -> _Mapping:
    return {
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie_name(False),
            "description": f"The session of a page; by TLS it is called {cookie_name(True)}.",
        },
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": CSRF_HEADER,
            "description": "What GET /api/v1/session has told the page.",
        },
        "bearer": {"type": "http", "scheme": "bearer"},
    }


def _name_in(schema: Mapping[str, Any]) -> str:
    return str(schema["$ref"]).rpartition("/")[2]
