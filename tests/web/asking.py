"""An application with routes of its own, and connections to it that are in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
from attrs import define, field, frozen
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from cfos_cm.web.answer import Answer, Content, Json, Outlet, Stream
from cfos_cm.web.application import Application
from cfos_cm.web.audited import Audited
from cfos_cm.web.channel import Channel
from cfos_cm.web.doors import Doors
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import Asked, Route
from cfos_cm.web.settings import HttpSettings

__all__ = [
    "ADMIN",
    "CSRF",
    "HOST",
    "SESSION",
    "TOKEN",
    "USUAL_ROUTES",
    "Heard",
    "House",
    "Keeper",
    "Peer",
    "Wish",
    "heard",
    "route",
]  # fmt: skip

HOST = "localhost:8090"
SESSION, CSRF, TOKEN = "a-session", "a-csrf-token", "a-token"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}


class Colour(StrEnum):
    """What something can look like."""

    RED = "red"
    BLUE = "blue"


class Search(msgspec.Struct, forbid_unknown_fields=True):
    """What is looked for."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    evse: str = ""
    colour: Colour | None = None


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What is wanted."""

    current_ma: Annotated[int, msgspec.Meta(ge=0, le=80_000)]
    colour: Colour = Colour.RED
    names: list[Annotated[str, msgspec.Meta(max_length=5)]] = []


class Told(msgspec.Struct):
    """What was asked, told back."""

    path: dict[str, str]
    query: Search | None = None
    body: Wish | None = None
    who: str = ""
    is_secure: bool = False
    if_match: str | None = None


async def told(asked: Asked) -> Json:
    """Tell back what was asked."""
    body = asked.body if isinstance(asked.body, Wish) else None
    return Json(
        Told(
            dict(asked.path),
            asked.query,
            body,
            asked.caller.name,
            asked.is_secure,
            asked.if_match,
        ),
        note="told",
    )


def route(
    method: str = "GET",
    path: str = "/api/v1/things",
    handle: Callable[[Asked], Any] = told,
    role: Role = Role.VIEWER,
    **further: Any,
) -> Route:
    """A route."""
    return Route(
        method=method, path=path, role=role, handle=handle, summary="It.", tag="t", **further
    )


async def _long(_: Asked) -> Json:
    return Json(["something long"] * 500, etag="one")


async def _nothing(_: Asked) -> Json:
    return Json()


async def _broken(_: Asked) -> Answer:
    raise RuntimeError("the password is hunter2")


async def _table(_: Asked) -> Content:
    return Content(b"a;b\n", "text/csv; charset=utf-8", file_name="ä b.csv")


async def _size(asked: Asked) -> Json:
    return Json(len(asked.body))


USUAL_ROUTES = (
    route(query=Search, answer=Told),
    route(path="/api/v1/things/{name}", answer=Told),
    route("POST", body=Wish, answer=Told, role=Role.OPERATOR),
    route("POST", "/api/v1/things/{name}/pause", role=Role.OPERATOR),
    route("PUT", "/api/v1/files/{name}", _size, Role.ADMIN, body=bytes, answer=int,
          body_media="application/octet-stream", max_body_bytes=3_000_000),
    route("DELETE", "/api/v1/things/{name}", _nothing, Role.ADMIN),
    route(path="/api/v1/long", handle=_long),
    route(path="/api/v1/broken", handle=_broken),
    route(path="/api/v1/table", handle=_table, media=("text/csv",)),
    route(path="/healthz", role=Role.ANYBODY, handle=_nothing),
    route("POST", "/api/v1/login", role=Role.ANYBODY, body=Wish),
)  # fmt: skip


@define
class Keeper:
    """Knows one session and one token: a L{cfos_cm.web.doorkeeper.Doorkeeper}."""

    is_set_up: bool = True
    role: Role = Role.ADMIN
    is_over: bool = False
    acts: list[Callable[[], None]] = field(factory=list)
    taken_back: int = 0

    async def caller(self, session: str | None, bearer: str | None, origin: str) -> Caller:
        """Who asks."""
        if bearer is not None:
            if bearer != TOKEN:
                raise Problem(401, "This token counts no more.")
            return Caller("a program", self.role, origin)
        if session == SESSION and not self.is_over:
            return Caller("anna", self.role, origin, SESSION, CSRF)
        return Caller("", Role.ANYBODY, origin)

    def when_over(self, caller: Caller, act: Callable[[], None]) -> Callable[[], None]:
        """Remember it."""
        self.acts.append(act)

        def take_back() -> None:
            self.taken_back += 1

        return take_back

    def end(self) -> None:
        """The session is over."""
        self.is_over = True
        for act in self.acts:
            act()


@frozen
class Heard:
    """One answer."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return msgspec.json.decode(self.body)


def heard(octets: bytes, is_head: bool = False) -> tuple[Heard, bytes]:
    """The first answer, and what comes behind it."""
    head, _, rest = octets.partition(b"\r\n\r\n")
    first, *others = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in others)}
    body = b""
    if not is_head and "content-length" in fields:
        size = int(fields["content-length"])
        body, rest = rest[:size], rest[size:]
    elif fields.get("transfer-encoding") == "chunked":
        body, rest = _dechunked(rest)
    return Heard(int(first.split()[1]), fields, body), rest


def _dechunked(rest: bytes) -> tuple[bytes, bytes]:
    body = b""
    while found := re.match(rb"([0-9a-fA-F]+)\r\n", rest):
        size, start = int(found[1], 16), found.end()
        body, rest = body + rest[start : start + size], rest[start + size + 2 :]
        if not size:
            break
    return body, rest


class Transport(StringTransport):
    """A transport that can be cut."""

    is_cut = False

    def abortConnection(self) -> None:
        """Cut it."""
        self.is_cut = self.disconnecting = True


class Peer:
    """Who asks on one connection."""

    def __init__(self, house: House, address: IAddress) -> None:
        self.transport = Transport(peerAddress=address)
        self.channel: Channel = house.doors.buildProtocol(address)
        self.channel.makeConnection(self.transport)

    def say(self, octets: bytes) -> None:
        """Send some bytes."""
        self.channel.dataReceived(octets)

    def all_heard(self) -> bytes:
        """What was answered, taken away."""
        octets: bytes = self.transport.value()
        self.transport.clear()
        return octets

    def leave(self) -> None:
        """The connection is gone."""
        self.channel.connectionLost(Failure(ConnectionLost()))

    @property
    def is_over(self) -> bool:
        """The server has ended it."""
        return bool(self.transport.disconnecting)


def request(
    method: str, path: str, fields: Mapping[str, str] | Sequence[tuple[str, str]], body: bytes
) -> bytes:
    """The bytes of a request."""
    pairs = list(fields.items() if isinstance(fields, Mapping) else fields)
    names = {name.lower() for name, _ in pairs}
    if "host" not in names:
        pairs.append(("Host", HOST))
    if body and "content-length" not in names and "transfer-encoding" not in names:
        pairs.append(("Content-Length", str(len(body))))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in pairs)]
    return "\r\n".join((*lines, "", "")).encode("utf-8") + body


class House:
    """An application in memory."""

    def __init__(
        self,
        routes: Sequence[Route] = USUAL_ROUTES,
        settings: HttpSettings | None = None,
        page: Path | None = None,
    ) -> None:
        self.clock = Clock()
        self.keeper = Keeper()
        self.audited: list[Audited] = []
        self.counted: list[str] = []
        self.application = Application(
            routes,
            self.keeper,
            settings or HttpSettings(names=("box.example",)),
            self.audited.append,
            page,
            self.clock,
            self.counted.append,
        )
        self.doors = Doors(self.application, self.clock)

    def peer(self, address: str = "192.0.2.1") -> Peer:
        """Somebody connects."""
        return Peer(self, IPv4Address("TCP", address, 50000))

    def ask(
        self,
        path: str,
        method: str = "GET",
        fields: Mapping[str, str] | Sequence[tuple[str, str]] = ADMIN,
        body: bytes = b"",
        address: str = "192.0.2.1",
    ) -> Heard:
        """Ask on a connection of its own."""
        peer = self.peer(address)
        peer.say(request(method, path, fields, body))
        answer, rest = heard(peer.all_heard(), method == "HEAD")
        assert rest == b"", rest
        peer.leave()
        return answer


class Source:
    """Begins streams, and keeps where they go."""

    def __init__(self) -> None:
        self.outlets: list[Outlet] = []
        self.ended = 0
        self.may_answer: Deferred[None] | None = None

    async def handle(self, _: Asked) -> Stream:
        """Answer with a stream."""
        if self.may_answer is not None:
            await self.may_answer
        return Stream(self.begin)

    def begin(self, outlet: Outlet) -> Callable[[], None]:
        """Keep it."""
        self.outlets.append(outlet)
        return self.end

    def end(self) -> None:
        """Count it."""
        self.ended += 1
