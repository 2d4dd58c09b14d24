"""The newest messages of both legs, chosen and without their secrets."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Literal

from attrs import define, field, frozen
from msgspec import Meta, Struct

from cfos_cm.services.redaction import without_secrets_in_frame
from cfos_cm.trace import Direction, Leg, Trace, TracedFrame

__all__ = ["MAX_AT_ONCE", "MAX_BYTES_AT_ONCE", "Frame", "FrameQuery", "Reader", "Wanted"]

#: So many messages are shown at once.
MAX_AT_ONCE = 1000
#: Nor are there more when they are so long together: to look for secrets in them takes time,
#: and everybody waits for it. [B]
MAX_BYTES_AT_ONCE = 256 * 1024

#: The beginning of a frame of OCPP-J: its type, its message id, and the action of a CALL.
_HEAD = re.compile(rb'\s*\[\s*(-?\d{1,3})\s*,\s*"([^"\\]{1,60})"\s*(?:,\s*"([^"\\]{0,60}))?')
_KINDS: dict[bytes, Literal["call", "result", "error"]] = {
    b"2": "call",
    b"3": "result",
    b"4": "error",
}
#: Calls whose answers may still come. OCPP-J has one in flight on each connection and way.
_MAX_OPEN = 2000


class Frame(Struct, frozen=True, kw_only=True):
    """
    A message as it went over the wire.

    @ivar number: counts up from the start of the program.
    @ivar leg: between a Charge Point and us, or between us and a backend.
    @ivar who: the Charge Point's identity, or the gateway's name.
    @ivar direction: to us, or from us.
    @ivar kind: CALL, CALLRESULT, CALLERROR, or what is none of them.
    @ivar action: of the call, also where this is its answer; null: not known.
    @ivar text: all of it, with secrets hidden.
    @ivar size_bytes: how long it was.
    """

    number: int
    at: datetime
    leg: Literal["charger", "backend"]
    who: str
    direction: Literal["in", "out"]
    kind: Literal["call", "result", "error", "other"]
    action: str | None
    unique_id: str | None
    text: str
    size_bytes: int


class FrameQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """
    Which messages.

    @ivar who: a part of the Charge Point's identity or of the gateway's name.
    @ivar action: of the call; its answers are found as well.
    @ivar after: those with a higher number, oldest first; without it the newest.
    @ivar limit: how many.
    @ivar format: ndjson: a file with one in each line, and then all of them.
    """

    leg: Literal["charger", "backend"] | None = None
    who: Annotated[str, Meta(max_length=100)] | None = None
    action: Annotated[str, Meta(max_length=60)] | None = None
    after: Annotated[int, Meta(ge=0)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_AT_ONCE)] = 200
    format: Literal["json", "ndjson"] = "json"


@frozen
class Wanted:
    """Which messages somebody wants to see; C{None}: all."""

    leg: Leg | None = None
    who: str | None = None
    action: str | None = None

    @classmethod
    def of(cls, query: FrameQuery) -> Wanted:
        """What a query asks for."""
        leg = None if query.leg is None else Leg(query.leg)
        return cls(leg, query.who and query.who.casefold(), query.action)

    def takes(self, frame: TracedFrame, action: str | None) -> bool:
        """Whether a message is one of them."""
        return (
            (self.leg is None or frame.leg is self.leg)
            and (self.who is None or self.who in frame.who.casefold())
            and (self.action is None or self.action == action)
        )


@frozen
class _Head:
    kind: Literal["call", "result", "error", "other"]
    unique_id: str | None
    action: str | None


@define
class Reader:
    """
    Reads on in a trace, from one look to the next; an answer is known by its call.

    @ivar read: the number of the last message that was looked at.
    """

    trace: Trace
    wanted: Wanted
    read: int = 0
    _open: dict[tuple[Leg, str, Direction, str], str] = field(factory=dict)

    def newest(self, limit: int) -> list[Frame]:
        """
        The last of them: C{limit}, or about L{MAX_BYTES_AT_ONCE}, or all. Nothing but these is
        looked at closely.
        """
        last = deque(self._chosen(), maxlen=limit)
        kept = list(_first_bytes(reversed(last)))
        return [_shown(*one) for one in reversed(kept)]

    def next(self, limit: int, after: int = 0) -> list[Frame]:
        """
        The first of them, of those with a higher number: C{limit}, or about
        L{MAX_BYTES_AT_ONCE}, or all. What is not there yet is behind C{read}.
        """
        wanted = _first_bytes(one for one in self._chosen() if one[0].number > after)
        return [_shown(*one) for one in islice(wanted, limit)]

    def _chosen(self) -> Iterator[tuple[TracedFrame, _Head]]:
        for frame in list(self.trace.after(self.read)):
            self.read = frame.number
            head = self._head(frame)
            if self.wanted.takes(frame, head.action):
                yield frame, head

    def _head(self, frame: TracedFrame) -> _Head:
        found = _HEAD.match(frame.text)
        if found is None:
            return _Head("other", None, None)
        kind = _KINDS.get(found[1])
        unique_id = found[2].decode("utf-8", "replace")
        if kind is None:
            return _Head("other", unique_id, None)
        if kind == "call":
            action = (found[3] or b"").decode("utf-8", "replace")
            self._note(frame, unique_id, action)
            return _Head(kind, unique_id, action)
        asked = Direction.OUT if frame.direction is Direction.IN else Direction.IN
        return _Head(kind, unique_id, self._open.pop((*frame[2:4], asked, unique_id), None))

    def _note(self, frame: TracedFrame, unique_id: str, action: str) -> None:
        while len(self._open) >= _MAX_OPEN:
            del self._open[next(iter(self._open))]
        self._open[frame.leg, frame.who, frame.direction, unique_id] = action


def _first_bytes(
    found: Iterable[tuple[TracedFrame, _Head]],
) -> Iterator[tuple[TracedFrame, _Head]]:
    """As many of them as may be looked at closely, and at least one."""
    size = 0
    for one in found:
        yield one
        size += len(one[0].text)
        if size >= MAX_BYTES_AT_ONCE:
            return


def _shown(frame: TracedFrame, head: _Head) -> Frame:
    return Frame(
        number=frame.number,
        at=datetime.fromtimestamp(frame.at_s, UTC),
        leg=frame.leg.value,
        who=frame.who,
        direction=frame.direction.value,
        kind=head.kind,
        action=head.action,
        unique_id=head.unique_id,
        text=without_secrets_in_frame(frame.text),
        size_bytes=len(frame.text),
    )
