"""SIGINT and SIGTERM: stop once, however often somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.logger import Logger

__all__ = ["stop_once"]

_Handler = Callable[[int, FrameType | None], None]

_log = Logger(namespace="cfos_cm.services")


def stop_once(reactor: Any) -> bool:
    """
    Have a reactor obey the first signal that stops it, and none of those that follow.

    Left to itself, Twisted's reactor tries to stop once more for each Ctrl-C of somebody who is
    impatient, and says with a traceback each time that it cannot. Nothing is cut off either
    way: the database is closed in order.

    @param reactor: one that does not run yet; any other has its handlers installed, and is left
        alone.
    @return: whether it stops once from now on.
    """
    if reactor.running:
        return False
    stop = _Stop(reactor)
    reactor.sigInt = stop.by(reactor.sigInt)
    reactor.sigTerm = stop.by(reactor.sigTerm)
    return True


class _Stop:
    """One stop, which either signal can ask for."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._signals = 0

    def by(self, handler: _Handler) -> _Handler:
        """A handler that passes the first signal on to C{handler}."""

        def received(number: int, frame: FrameType | None = None) -> None:
            self._signals += 1
            # Not here: the signal may have come in the middle of a line of the log, and what
            # either of them logs would be lost.
            if self._signals == 1:
                self._reactor.callFromThread(handler, number, frame)
            elif self._signals == 2:
                self._reactor.callFromThread(_log.info, "stopping already")

        return received
