"""What is sent as it is made: server-sent events."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from zope.interface import implementer

from cfos_cm.counters import Counter
from cfos_cm.send_buffer import waiting_bytes
from cfos_cm.web.answer import Stream
from cfos_cm.web.channel import PageRequest
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Caller

__all__ = ["MAX_STREAMS", "MAX_STREAMS_OF_CALLER", "MAX_WAITING_BYTES", "Streams"]

MAX_STREAMS = 64
MAX_STREAMS_OF_CALLER = 8
#: Who lets more wait does not read. [B]
MAX_WAITING_BYTES = 1024 * 1024
#: As much as Twisted itself takes before it says that somebody has to wait. [B]
_LITTLE_BYTES = 64 * 1024
_LOOK_AGAIN_S = 0.02


@implementer(IPushProducer)
class _Running:
    """One stream: an L{cfos_cm.web.answer.Outlet}; Twisted tells it when it has to wait."""

    def __init__(self, request: PageRequest, count: Callable[[str], None]) -> None:
        self._request = request
        self._channel: Any = request.channel
        self._transport: Any = self._channel.transport
        self._count = count
        self._has_ended = False
        self._has_to_wait = False
        self._acts: list[Callable[[], None]] = []
        self._look: IDelayedCall | None = None
        self.over: Deferred[None] = Deferred(lambda _: self.stop())
        request.registerProducer(self, True)

    def write(self, octets: bytes) -> bool:
        """See L{cfos_cm.web.answer.Outlet}."""
        if self._has_ended:
            return False
        self._request.write(octets)
        if waiting_bytes(self._transport) <= MAX_WAITING_BYTES:
            return True
        self._count(Counter.WEB_READERS_TOO_SLOW)
        # What waits is not sent any more: it would take forever.
        self.abort()
        return False

    def when_room(self, act: Callable[[], None]) -> None:
        """See L{cfos_cm.web.answer.Outlet}."""
        if self._has_ended:
            return
        self._acts.append(act)
        self._look_for_room()

    def end(self) -> None:
        """See L{cfos_cm.web.answer.Outlet}."""
        if not self._has_ended:
            self.stop()
            self.over.callback(None)

    def abort(self) -> None:
        """See L{cfos_cm.web.answer.Outlet}. It is over when the connection is gone."""
        if not self._has_ended:
            self.stop()
            self._transport.abortConnection()

    def stop(self) -> None:
        """Nothing is sent any more."""
        self._has_ended = True
        self._acts.clear()
        if self._look is not None and self._look.active():
            self._look.cancel()
        if self._request.producer is self and self._request.channel is not None:
            self._request.unregisterProducer()

    def pauseProducing(self) -> None:
        """Much waits to be sent."""
        self._has_to_wait = True

    def resumeProducing(self) -> None:
        """All of it is sent."""
        self._has_to_wait = False
        self._look_for_room()

    def stopProducing(self) -> None:
        """The connection is about to be gone, which the request is told, too."""

    def _look_for_room(self) -> None:
        self._look = None
        if self._has_to_wait or not self._acts:
            return
        if waiting_bytes(self._transport) <= _LITTLE_BYTES:
            acts, self._acts = self._acts, []
            for act in acts:
                act()
        else:
            # What is to be encrypted waits where Twisted does not look for it.
            self._look = self._channel.callLater(_LOOK_AGAIN_S, self._look_for_room)


class Streams:
    """All streams that there are."""

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._running: set[_Running] = set()
        self._callers: collections.Counter[object] = collections.Counter()

    async def run(
        self,
        request: PageRequest,
        stream: Stream,
        caller: Caller,
        when_over: Callable[[Caller, Callable[[], None]], Callable[[], None]],
    ) -> None:
        """
        Have a stream run until it ends. The header fields of the answer are set.

        @param when_over: see L{cfos_cm.web.doorkeeper.Doorkeeper}.
        @raise Problem: 429, if there are too many.
        """
        key = caller.session or (caller.name, caller.origin if not caller.name else "")
        self._check(key)
        running = _Running(request, self._count)
        self._running.add(running)
        self._callers[key] += 1
        request.streams = True
        try:
            await self._run(running, request, stream, caller, when_over)
        finally:
            running.stop()
            self._running.discard(running)
            self._callers -= collections.Counter([key])

    async def _run(
        self,
        running: _Running,
        request: PageRequest,
        stream: Stream,
        caller: Caller,
        when_over: Callable[[Caller, Callable[[], None]], Callable[[], None]],
    ) -> None:
        take_back = when_over(caller, running.end) if caller.name else _nothing
        try:
            ended = stream.begin(running)
            try:
                # The other end sees that it has begun.
                running.write(b"")
                await running.over
            finally:
                ended()
        finally:
            take_back()

    def end_all(self) -> None:
        """The server stops."""
        for running in tuple(self._running):
            running.end()

    def _check(self, key: object) -> None:
        if len(self._running) >= MAX_STREAMS or self._callers[key] >= MAX_STREAMS_OF_CALLER:
            self._count(Counter.WEB_STREAMS_REFUSED)
            detail = (
                f"There may be {MAX_STREAMS_OF_CALLER} streams for one, {MAX_STREAMS} in all."
            )
            raise Problem(429, detail, headers={"Retry-After": "30"})

    def __len__(self) -> int:
        return len(self._running)


def _nothing() -> None:
    pass
