"""C{/trace}: what is said on both legs."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from msgspec import Struct
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from cfos_cm.services.web.trace_view import Frame, FrameQuery, Reader, Wanted
from cfos_cm.trace import Trace
from cfos_cm.web.answer import Answer, Json, Outlet, Stream
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
                begin=_Writing(reader, self._clock, query.after or 0).begin,
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
        return Stream(begin=_Following(reader, self._clock, after).begin)


class _Writing:
    """All messages that there are, as lines of JSON, some at a time."""

    def __init__(self, reader: Reader, clock: IReactorTime, after: int) -> None:
        self._reader = reader
        self._clock = clock
        self._after = after
        self._last = reader.trace.newest
        self._outlet: Outlet | None = None
        self._timer: IDelayedCall | None = None

    def begin(self, outlet: Outlet) -> Callable[[], None]:
        """Write there; gives what ends it."""
        self._outlet = outlet
        self._go_on_in(0.0)
        return self.end

    def end(self) -> None:
        """Nobody reads it any more."""
        self._outlet = None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _go_on_in(self, seconds: float) -> None:
        if self._outlet is not None:
            self._timer = self._clock.callLater(seconds, self._write)

    def _write(self) -> None:
        outlet, frames = self._outlet, self._reader.next(AT_ONCE, self._after)
        if outlet is None or not self._tell(outlet, frames):
            return
        if self._is_over():
            outlet.end()
        else:
            # Whoever reads slowly is not sent more than he takes.
            outlet.when_room(lambda: self._go_on_in(self._pause_s()))

    def _tell(self, outlet: Outlet, frames: list[Frame]) -> bool:
        return not frames or outlet.write(
            b"".join(msgspec.json.encode(one) + b"\n" for one in frames)
        )

    def _is_over(self) -> bool:
        return self._reader.read >= self._last

    def _pause_s(self) -> float:
        return 0.0


class _Following(_Writing):
    """Messages as they come, as server-sent events."""

    _quiet_s = 0.0

    def _tell(self, outlet: Outlet, frames: list[Frame]) -> bool:
        if frames:
            self._quiet_s = 0.0
            return outlet.write(
                b"event: frames\ndata: " + msgspec.json.encode(frames) + b"\n\n"
            )
        self._quiet_s += LOOK_S
        if self._quiet_s < COMMENT_S:
            return True
        self._quiet_s = 0.0
        return outlet.write(b": \n\n")

    def _is_over(self) -> bool:
        return False

    def _pause_s(self) -> float:
        has_more = self._reader.read < self._reader.trace.newest
        return 0.0 if has_more else LOOK_S
