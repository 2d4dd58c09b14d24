"""A database with transactions in it, and somebody who asks for them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from attrs import define, field

from cfos_cm.services.web.transaction_routes import transaction_routes
from cfos_cm.storage.database import Database
from cfos_cm.storage.transactions import Ledger
from cfos_cm.web.answer import Answer, Content, Json, Stream
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import API, Asked, Route
from tests.services.web.asking import Desk
from tests.storage.cases import NOW, SqliteCase
from tests.storage.ledger_contract import start_of, stop_of

__all__ = ["HOUR", "NOW", "Reader", "RecordCase", "asked_of", "text_of"]

HOUR = timedelta(hours=1)


@define(eq=False)
class Reader:
    """
    Whoever reads a stream: an L{cfos_cm.web.answer.Outlet}.

    @ivar pieces: what has come.
    @ivar has_room: whether it reads.
    @ivar is_gone: it does not take any more.
    @ivar ended: how the stream has ended: C{"end"} or C{"abort"}; empty: it has not.
    """

    pieces: list[bytes] = field(factory=list)
    has_room: bool = True
    is_gone: bool = False
    ended: str = ""
    waiting: list[Callable[[], None]] = field(factory=list)

    def write(self, octets: bytes) -> bool:
        """Take some."""
        self.pieces.append(octets)
        return not self.is_gone

    def when_room(self, act: Callable[[], None]) -> None:
        """At once, or when it reads again."""
        if self.has_room:
            act()
        else:
            self.waiting.append(act)

    def read(self) -> None:
        """It reads what waits."""
        waiting, self.waiting = self.waiting, []
        for act in waiting:
            act()

    def end(self) -> None:
        """That was all."""
        self.ended = "end"

    def abort(self) -> None:
        """That was not all."""
        self.ended = "abort"

    @property
    def octets(self) -> bytes:
        """All that has come."""
        return b"".join(self.pieces)


def asked_of(
    routes: tuple[Route, ...],
    role: Role,
    path: str,
    query: Mapping[str, str],
    accept: str = "",
) -> tuple[Route, Asked]:
    """
    What is asked with a GET, and of which route.

    @raise Problem: 403.
    """
    route, found = Desk(routes)._find("GET", API + path)
    if role < route.role:
        raise Problem(403, f"needs {route.role.name}")
    parameters = (
        None if route.query is None else msgspec.convert(query, route.query, strict=False)
    )
    caller = Caller("alice", role, "192.0.2.9")
    return route, Asked(caller, found, query=parameters, accept=accept)


class RecordCase(SqliteCase):
    """
    Transactions over HTTP, without HTTP.

    @ivar kept: the database.
    @ivar routes: what can be asked.
    """

    async def begin(self) -> None:
        """Open the database."""
        self.kept: Database = await self.opened()
        numbers = itertools.count(1)
        self.ledger = Ledger(self.kept, lambda: next(numbers))
        self.routes = transaction_routes(self.kept, self.ledger, self.now)

    def now(self) -> datetime:
        """The time of day."""
        return NOW

    async def charge(self, at: datetime = NOW, wh: int | None = 1000, **changes: Any) -> int:
        """A transaction of so much energy; C{None}: it goes on."""
        text = f'{{"idTag":"04AABB","at":"{at}"}}'
        start = start_of(**{"started_at": at, "request_text": text, **changes})
        number = (await self.ledger.start(start)).transaction.transaction_id
        if wh is not None:
            stop = stop_of(
                number,
                charge_point=start.charge_point,
                stopped_at=at + HOUR,
                meter_stop_wh=start.meter_start_wh + wh,
            )
            await self.ledger.stop(stop)
        return number

    async def tell(self, number: int, text: str) -> None:
        """Meter values come, and are kept."""
        kept = self.ledger.add_meter_values("CP-1", 1, number, NOW, text)
        if kept is not None:
            await kept

    async def answer(
        self, path: str, role: Role = Role.OPERATOR, accept: str = "", **query: str
    ) -> Answer:
        """What is answered; C{from_} is asked for as C{from}."""
        said = {name.rstrip("_"): value for name, value in query.items()}
        route, asked = asked_of(self.routes, role, path, said, accept)
        return await route.handle(asked)

    async def json(self, path: str, role: Role = Role.OPERATOR, **query: str) -> Any:
        """What is answered as JSON."""
        answer = await self.answer(path, role, **query)
        octets = msgspec.json.encode(answer.value) if isinstance(answer, Json) else b""
        return msgspec.json.decode(octets or (await text_of(answer)).encode())

    async def problem(self, path: str, role: Role = Role.OPERATOR, **query: str) -> Problem:
        """Why nothing is answered."""
        try:
            await self.answer(path, role, **query)
        except Problem as problem:
            return problem
        raise AssertionError(f"{path} is answered")


async def text_of(answer: Answer) -> str:
    """All of an answer that is no JSON value."""
    if isinstance(answer, Content):
        return answer.content.decode()
    assert isinstance(answer, Stream), answer
    reader = Reader()
    ended = answer.begin(reader)
    while not reader.ended:
        await _a_moment()
    ended()
    assert reader.ended == "end", reader
    return reader.octets.decode()


async def _a_moment() -> None:
    from twisted.internet import reactor
    from twisted.internet.task import deferLater

    await deferLater(reactor, 0.001)
