"""Long answers, piece by piece, no faster than they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.web.answer import Outlet

__all__ = ["flowing"]

_log = Logger(namespace="cfos_cm.web")


def flowing(
    pieces: Callable[[], AsyncIterator[bytes]],
) -> Callable[[Outlet], Callable[[], None]]:
    """
    What begins a L{Stream<cfos_cm.web.answer.Stream>} that sends these pieces, and ends.

    The next piece is made when little waits to be sent. If one cannot be made, the stream is
    cut off, so that nobody takes a part for the whole.
    """

    def begin(outlet: Outlet) -> Callable[[], None]:
        sending = Deferred.fromCoroutine(_send(pieces(), outlet))
        sending.addErrback(_cut_off, outlet)
        return sending.cancel

    return begin


async def _send(pieces: AsyncIterator[bytes], outlet: Outlet) -> None:
    async for piece in pieces:
        if not outlet.write(piece):
            return
        await _room(outlet)
    outlet.end()


def _room(outlet: Outlet) -> Deferred[None]:
    has_room: Deferred[None] = Deferred()
    outlet.when_room(lambda: _fire(has_room))
    return has_room


def _fire(deferred: Deferred[None]) -> None:
    # One that was cancelled takes it, too.
    if not deferred.called:
        deferred.callback(None)


def _cut_off(failure: Failure, outlet: Outlet) -> Any:
    # Whoever has cancelled it knows.
    if failure.check(CancelledError) is None:
        _log.failure("an answer was cut off", failure)
        outlet.abort()
