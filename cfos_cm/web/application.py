"""Everything that is answered over HTTP: what each request goes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource

from cfos_cm.counters import Counter
from cfos_cm.errors import CfosError
from cfos_cm.web.answer import Stream
from cfos_cm.web.audited import Audited
from cfos_cm.web.body import read_body, read_query
from cfos_cm.web.channel import PageRequest
from cfos_cm.web.doorkeeper import Doorkeeper
from cfos_cm.web.forwarded import Proxies
from cfos_cm.web.guard import Guard, Own
from cfos_cm.web.headers import lines, single
from cfos_cm.web.host_names import HostNames
from cfos_cm.web.outlets import Streams
from cfos_cm.web.pace import Paces
from cfos_cm.web.problem import Problem
from cfos_cm.web.problems import UNEXPECTED, problem_of
from cfos_cm.web.replying import Reply, if_match, problem_reply, reply
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import Asked, Route
from cfos_cm.web.routing import Routing, path_values
from cfos_cm.web.settings import HttpSettings
from cfos_cm.web.static import Page, read_page, serve

__all__ = ["Application"]

#: Requests that are worked on at once.
MAX_IN_WORK = 100

_log = Logger(namespace="cfos_cm.web")


class Application:
    """
    Answers requests.

    @ivar resource: what Twisted asks.
    @ivar routes: all that there are.
    @ivar count: told what was refused.
    """

    resource: IResource

    def __init__(
        self,
        routes: Sequence[Route],
        doorkeeper: Doorkeeper,
        settings: HttpSettings,
        audit: Callable[[Audited], object],
        page: Path | None,
        clock: IReactorTime,
        count: Callable[[str], None] | None = None,
    ) -> None:
        """
        @param audit: told whatever is to be noted; must not fail. A Deferred is not waited for.
        @param page: the folder of the built page; C{None}, or without an C{index.html}: there
            is none.
        @param count: told what was refused, by the name of its metric, such as
            C{web_rate_limited}.
        @raise ValueError: if two routes are the same, or the settings cannot be understood.
        """
        self.routes = tuple(routes)
        self.count = count if count is not None else _uncounted
        self.clock = clock
        self._audit = audit
        self._doorkeeper = doorkeeper
        self._guard = Guard(doorkeeper)
        self._proxies = Proxies(settings.trusted_proxies)
        self._names = HostNames(settings.names)
        self._paces = Paces(clock)
        self._streams = Streams(self.count)
        self._page = _page(page)
        self._in_work = 0
        self._routing = Routing(self.routes, self._answer, self._serve_file, _answer_problem)
        self.resource = self._routing.resource

    def end_streams(self) -> None:
        """The server stops: nothing streams any more."""
        self._streams.end_all()

    def is_believed(self, address: str) -> bool:
        """Whether many come from this address who are not the same: it is a known proxy's."""
        return self._proxies.are_believed(address)

    def most_body_bytes(self, method: str, path: str) -> int | None:
        """How long a body may be; C{None}: nothing is there. [B]"""
        route = self._routing.route_at(method, path)
        return None if route is None else route.max_body_bytes

    def admit(self, request: PageRequest) -> None:
        """
        The header fields of a request have come: say who asks.

        @raise Problem: 400, 421 or 429.
        """
        headers = request.requestHeaders
        peer = request.asker
        request.asker = self._proxies.asker(
            peer.address,
            peer.is_secure,
            lines(headers, "X-Forwarded-For"),
            lines(headers, "X-Forwarded-Proto"),
        )
        _check_method(request.method)
        _check_path(request.path)
        self._check_host(single(headers, "Host"))
        wait_s = self._paces.wait_s(request.asker.address)
        if wait_s:
            self.count(Counter.WEB_RATE_LIMITED)
            detail = "You ask too often."
            raise Problem(429, detail, headers={"Retry-After": str(wait_s)})

    def _check_host(self, host: str | None) -> None:
        if not host:
            raise Problem(400, "A request has to say its Host.")
        if not self._names.knows(host):
            self.count(Counter.WEB_HOSTS_REFUSED)
            raise Problem(
                421,
                "This computer is not known by this name. If it is one of its own, it belongs "
                "to the option names of the section [web].",
            )

    async def _answer(
        self, route: Route, request: PageRequest, path: Mapping[str, str]
    ) -> bytes | None:
        """
        Answer a request.

        Whoever has asked may be gone before; what he has asked for is finished all the same.
        """
        if self._in_work >= MAX_IN_WORK:
            self.count(Counter.WEB_OVERLOADED)
            busy = Problem(503, "Too much is asked at once.", headers={"Retry-After": "1"})
            return request.begin_problem(busy)
        done, caller = await _unharmed(ensureDeferred(self._work(route, request, path)))
        if not isinstance(done, Stream):
            return _send(request, done)
        _send(request, reply(done, request.requestHeaders, True))
        if request.method == b"HEAD":
            return b""
        try:
            await self._streams.run(request, done, caller, self._doorkeeper.when_over)
        except Problem as problem:
            if request.startedWriting:
                raise
            request.responseHeaders.removeHeader(b"X-Accel-Buffering")
            return request.begin_problem(problem)
        return b""

    async def _work(
        self, route: Route, request: PageRequest, path: Mapping[str, str]
    ) -> tuple[Reply | Stream, Caller]:
        """What is answered to whom. It does not fail."""
        self._in_work += 1
        caller = Caller("", Role.ANYBODY, request.asker.address)
        note = ""
        try:
            caller = await self._caller(request)
            self._check(route, request, caller)
            answer = await route.handle(_asked(route, request, path, caller))
            note = answer.note
            if isinstance(answer, Stream):
                # He may have logged out since.
                caller = await self._caller(request)
                self._check(route, request, caller)
                return answer, caller
            done = reply(answer, request.requestHeaders, route.method == "GET")
        except CfosError as error:
            done = problem_reply(problem_of(error), _path(request))
        except Exception:  # noqa: BLE001 - whatever it is, who asks learns nothing of it
            self.count(Counter.WEB_REQUESTS_FAILED)
            _log.failure("{method} {path} has failed", method=route.method, path=route.path)
            done = problem_reply(UNEXPECTED, _path(request))
        finally:
            self._in_work -= 1
        self._note(route, request, caller, done.status, note)
        return done, caller

    async def _caller(self, request: PageRequest) -> Caller:
        return await self._guard.caller(request.requestHeaders, request.asker)

    def _check(self, route: Route, request: PageRequest, caller: Caller) -> None:
        headers = request.requestHeaders
        own = Own(single(headers, "Host") or "", request.asker.is_secure)
        self._guard.check(route.method, route.role, headers, caller, own)

    def _note(
        self, route: Route, request: PageRequest, caller: Caller, status: int, note: str
    ) -> None:
        if route.method == "GET" or not route.is_audited:
            return
        self._audit(
            Audited(
                who=caller.name,
                role=caller.role,
                origin=caller.origin,
                method=route.method,
                path=_path(request),
                status=status,
                note=note,
            )
        )

    def _serve_file(self, request: PageRequest) -> bytes:
        done = serve(self._page, request.path.decode("ascii"), request.requestHeaders)
        return _send(request, done)


def _asked(
    route: Route, request: PageRequest, path: Mapping[str, str], caller: Caller
) -> Asked:
    """
    What is asked.

    @raise Problem: 400, 415 or 422.
    """
    headers = request.requestHeaders
    octets = request.arriving.octets()
    request.let_go()
    return Asked(
        caller=caller,
        path=path_values(path),
        query=read_query(route, request.query),
        body=read_body(route, single(headers, "Content-Type"), octets),
        if_match=if_match(headers),
        accept=",".join(lines(headers, "Accept")),
        is_secure=request.asker.is_secure,
    )


async def _unharmed(work: Deferred[Any]) -> Any:
    """What comes of work that is not cancelled when nobody waits for it any more."""
    waiting: Deferred[Any] = Deferred()

    def pass_on(result: Any) -> None:
        # Of one that was cancelled Twisted ignores the result.
        waiting.callback(result)

    def fail(failure: Failure) -> None:
        waiting.errback(failure)

    work.addCallbacks(pass_on, fail)
    return await waiting


def _send(request: PageRequest, done: Reply) -> bytes:
    request.begin(done.status, dict(done.fields))
    if done.status in (204, 304):
        # RFC 9110, 8.3: there is nothing that it could be the type of.
        request.defaultContentType = None
    return done.body


def _answer_problem(request: PageRequest, problem: Problem) -> bytes:
    return request.begin_problem(problem)


def _uncounted(what: str) -> None:
    pass


def _check_method(method: bytes) -> None:
    if method != method.upper():
        # RFC 9110, 9.1; Werkzeug takes them for those in capital letters, and Twisted does not.
        raise Problem(501, "A method is written in capital letters.")


def _check_path(path: bytes) -> None:
    if not path.startswith(b"/") or not all(0x20 < octet < 0x7F for octet in path):
        raise Problem(400, "The path has to begin with a slash, and to be of ASCII characters.")
    if path.startswith(b"//"):
        # Klein takes one of these slashes away.
        raise Problem(404, "There is nothing of this name.")


def _path(request: PageRequest) -> str:
    return request.path.decode("ascii")


def _page(folder: Path | None) -> Page | None:
    try:
        return read_page(folder)
    except (OSError, ValueError) as error:
        _log.error("the page cannot be read: {error}", error=cast(object, error))
        return None
