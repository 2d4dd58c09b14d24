"""Asking the handlers of routes, as whatever serves them does, without HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from cfos_cm.web.answer import Json
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["Desk"]


class Desk:
    """
    Somebody who asks.

    @ivar notes: what the audit log was told, oldest first.
    """

    def __init__(self, routes: Iterable[Route], role: Role = Role.ADMIN) -> None:
        self.routes = tuple(routes)
        self.role = role
        self.notes: list[str] = []

    async def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """
        Ask for a path below the API's.

        @return: what would be in the answer's JSON.
        @raise Problem: 403 for a role that is too low; 422 for a body that is none.
        """
        route, found = self._find(method, API + path)
        if self.role < route.role:
            raise Problem(403, f"needs {route.role.name}")
        asked = Asked(
            Caller("alice", self.role, "192.0.2.9"),
            found,
            query=_read(query or {}, route.query, strict=False),
            body=_read({} if body is None else body, route.body, strict=True),
        )
        answer = await route.handle(asked)
        assert isinstance(answer, Json)
        self.notes.append(answer.note)
        if route.answer is not None:
            # What is promised is what is answered.
            msgspec.json.decode(msgspec.json.encode(answer.value), type=route.answer)
        return msgspec.json.decode(msgspec.json.encode(answer.value))

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        said = path.split("/")
        for route in self.routes:
            wanted = route.path.split("/")
            if route.method != method or len(wanted) != len(said):
                continue
            pairs = tuple(zip(wanted, said, strict=True))
            if all(one.startswith("{") or one == other for one, other in pairs):
                return route, {
                    one[1:-1]: unquote(other) for one, other in pairs if one.startswith("{")
                }
        raise AssertionError(f"there is no {method} {path}")


def _read(value: Mapping[str, object], kind: type[Any] | None, strict: bool) -> Any:
    if kind is None:
        return None
    try:
        return msgspec.convert(dict(value), kind, strict=strict)
    except msgspec.ValidationError as error:
        raise Problem(422, str(error)) from error
