"""C{/trace}: what is said on both legs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from msgspec import Struct
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from cfos_cm.services.web.flow import flowing
from cfos_cm.services.web.trace_view import Frame, FrameQuery, Reader, Wanted
from cfos_cm.trace import Trace
from cfos_cm.web.answer import Answer, Json, Stream
from cfos_cm.web.role import Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["Frames", "trace_routes"]

#: A page that follows is told so often. [s]
LOOK_S = 0.5
#: Who has heard nothing for so long is told that there is nothing. [s]
COMMENT_S = 15.0
#: So many are written to a file, or told to a page, before everybody else has a turn.
AT_ONCE = 200


class Frames(Struct, frozen=True, kw_only=True):
    """
    Messages, oldest first.

    @ivar next: what to say as C{after} for those that come.
    """

    frames: list[Frame]
    next: int


def trace_routes(trace: Trace, clock: IReactorTime) -> tuple[Route, ...]:
    """
    C{GET /trace} and C{GET /trace/live}.

    @param clock: for those who follow.
    """
    office = _Office(trace, clock)
    return (
        Route(
            method="GET",
            path=f"{API}/trace",
            role=Role.OPERATOR,
            handle=office.some,
            summary="What Charge Points, backends and this program have said to each other.",
            tag="Trace",
            query=FrameQuery,
            answer=Frames,
            media=("application/json", "application/x-ndjson"),
        ),
        Route(
            method="GET",
            path=f"{API}/trace/live",
            role=Role.OPERATOR,
            handle=office.live,
            summary="The same as it is said: server-sent events with lists of frames.",
            tag="Trace",
            query=FrameQuery,
            media=("text/event-stream",),
        ),
    )


class _Office:
    def __init__(self, trace: Trace, clock: IReactorTime) -> None:
        self._trace = trace
        self._clock = clock

    async def some(self, asked: Asked) -> Answer:
        query: FrameQuery = asked.query
        # From the oldest on, in any case: an answer is known by its call.
        reader = Reader(self._trace, Wanted.of(query))
        if query.format == "ndjson":
            return Stream(
                begin=flowing(lambda: _lines(reader, self._clock, query.after or 0)),
                media_type="application/x-ndjson",
                headers={"Content-Disposition": 'attachment; filename="trace.ndjson"'},
            )
        if query.after is None:
            frames = reader.newest(query.limit)
        else:
            frames = reader.next(query.limit, query.after)
        # What was read and not wanted need not be read again.
        return Json(value=Frames(frames=frames, next=max(reader.read, query.after or 0)))

    async def live(self, asked: Asked) -> Answer:
        query: FrameQuery = asked.query
        reader = Reader(self._trace, Wanted.of(query))
        after = self._trace.newest if query.after is None else query.after
        return Stream(begin=flowing(lambda: _events(reader, self._clock, after)))


async def _lines(reader: Reader, clock: IReactorTime, after: int) -> AsyncIterator[bytes]:
    """All messages that there are now, as lines of JSON, some at a time."""
    last = reader.trace.newest
    while reader.read < last:
        frames = reader.next(AT_ONCE, after)
        if frames:
            yield b"".join(msgspec.json.encode(one) + b"\n" for one in frames)
        await deferLater(clock, 0.0)


async def _events(reader: Reader, clock: IReactorTime, after: int) -> AsyncIterator[bytes]:
    """Messages as they come, as server-sent events."""
    quiet_s = 0.0
    while True:
        frames = reader.next(AT_ONCE, after)
        if frames:
            quiet_s = 0.0
            yield b"event: frames\ndata: " + msgspec.json.encode(frames) + b"\n\n"
        elif quiet_s >= COMMENT_S:
            quiet_s = 0.0
            yield b": \n\n"
        has_more = reader.read < reader.trace.newest
        pause_s = 0.0 if has_more else LOOK_S
        quiet_s += pause_s
        await deferLater(clock, pause_s)
