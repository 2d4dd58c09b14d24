"""Which route a request is for: Klein's, which is Werkzeug's."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource

from cfos_cm.web.channel import PageRequest
from cfos_cm.web.problem import Problem
from cfos_cm.web.problems import UNEXPECTED
from cfos_cm.web.route import Route

__all__ = ["Routing", "operation_id", "path_values"]

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_NOT_WORD = re.compile(r"[^A-Za-z0-9]+")

_log = Logger(namespace="cfos_cm.web")

#: Answers what a route is for: the body, once everything before it is set.
Answer = Callable[[Route, PageRequest, Mapping[str, str]], Awaitable[bytes | None]]


class Routing:
    """
    All routes, and the files beside them.

    @ivar resource: what Twisted asks.
    """

    resource: IResource

    def __init__(
        self,
        routes: Sequence[Route],
        answer: Answer,
        serve_file: Callable[[PageRequest], bytes],
        answer_problem: Callable[[PageRequest, Problem], bytes],
    ) -> None:
        """
        @raise ValueError: if two routes are the same.
        """
        # Klein brings a reactor with it when it is imported.
        from klein import Klein

        self._klein = Klein()
        self._answer = answer
        self._answer_problem = answer_problem
        self._by_id: dict[str, Route] = {}
        for route in routes:
            self._add(route)
        for path in ("/", "/<name>", "/assets/<name>"):
            self._add_rule(
                path, "GET", f"file {path}", lambda request, **_: serve_file(request)
            )
        on_error: Any = self._klein.handle_errors(Exception)
        on_error(self._failed)
        self.resource = self._klein.resource()

    def route_at(self, method: str, path: str) -> Route | None:
        """The route that a request is for, if there is one."""
        from werkzeug.exceptions import HTTPException

        adapter = self._klein.url_map.bind("localhost")
        try:
            endpoint, _ = adapter.match(path, method=method)
        except HTTPException:
            return None
        return self._by_id.get(endpoint)

    def _add(self, route: Route) -> None:
        name = operation_id(route)
        if route.method not in _METHODS or name in self._by_id:
            raise ValueError(f"{route.method} {route.path}: there twice, or no method of HTTP")
        self._by_id[name] = route

        async def answer(request: PageRequest, **path: str) -> bytes | None:
            return await self._answer(route, request, path)

        self._add_rule(_NAME.sub(r"<\1>", route.path), route.method, name, answer)

    def _add_rule(self, path: str, method: str, name: str, act: Callable[..., Any]) -> None:
        # A path that is nearly right is not answered with where the right one is.
        put: Any = self._klein.route
        put(path, methods=[method], endpoint=name, strict_slashes=True, merge_slashes=False)(
            act
        )

    def _failed(self, request: PageRequest, failure: Failure) -> bytes:
        from werkzeug.exceptions import MethodNotAllowed, NotFound

        error = failure.value
        if isinstance(error, Problem):
            return self._answer_problem(request, error)
        if isinstance(error, NotFound):
            return self._answer_problem(request, Problem(404, "There is nothing of this name."))
        if isinstance(error, MethodNotAllowed):
            return self._wrong_method(request, sorted(error.valid_methods or ()))
        _log.failure("a request has failed", failure)
        return self._answer_problem(request, UNEXPECTED)

    def _wrong_method(self, request: PageRequest, methods: Sequence[str]) -> bytes:
        allow = {"Allow": ", ".join(methods)}
        if request.method == b"OPTIONS":
            # Without a word of who else may: pages of others may not.
            request.begin(204, {**allow, "Cache-Control": "no-store"})
            request.defaultContentType = None
            return b""
        detail = f"Only these methods are there: {', '.join(methods)}."
        return self._answer_problem(request, Problem(405, detail, headers=allow))


def operation_id(route: Route) -> str:
    """What a route is called in the OpenAPI document; two routes never have the same name."""
    path = route.path.removeprefix("/api/v1")
    words = _NAME.sub("by", path)
    return route.method.lower() + "_" + (_NOT_WORD.sub("_", words).strip("_") or "root")


def path_values(path: Mapping[str, str]) -> dict[str, str]:
    """
    The names in a path, decoded: only now, so that a slash in one is a part of it.

    @raise Problem: 400, if one is no text.
    """
    return {name: _decoded(value) for name, value in path.items()}


def _decoded(value: str) -> str:
    try:
        text = unquote_to_bytes(value).decode("utf-8")
    except UnicodeDecodeError:
        raise Problem(400, "A name in the path is not UTF-8.") from None
    if not text.isprintable():
        raise Problem(400, "A name in the path has characters that nobody can see.")
    return text
