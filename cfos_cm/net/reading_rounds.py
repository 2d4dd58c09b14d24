"""
Reading many sockets in rounds.

Twisted's loop takes one socket after the other, each through half a dozen functions that look
for what cannot be here, and it takes all that are ready before anybody else has a turn. Here
the sockets of a server wait at an C{epoll} of their own, which itself is one thing to read for
the loop. A round reads one after the other, and ends when its time is up. Whoever is left is
first in the next round, after the loop has seen to its timers and to all others.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["CAN_READ_IN_ROUNDS", "ReadingRounds"]

#: Linux has it.
CAN_READ_IN_ROUNDS = hasattr(select, "epoll")

#: So many are asked for at once.
_AT_ONCE = 64
#: When so few were ready, nobody has become ready meanwhile that could not wait for a turn.
_FEW = 8

_log = Logger(namespace="cfos_cm.net")


@implementer(IReadDescriptor)
class ReadingRounds:
    """
    Reads transports of Twisted's for as long as they want to be read.

    Two of these on one reactor share it: each has its time in each turn of the loop.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        round_s: float,
        now_s: Callable[[], float] = perf_counter,
    ) -> None:
        """
        @param reactor: whose loop it is.
        @param round_s: when a round has taken so long, it ends. [s]
        """
        self._reactor = reactor
        self._round_s = round_s
        self._now_s = now_s
        self._members: dict[int, Any] = {}
        self._ready: deque[tuple[int, int]] = deque()
        # Only while somebody is here.
        self._poller: Any = None

    def has(self, transport: Any) -> bool:
        """Whether a transport is read here."""
        return self._members.get(transport.fileno()) is transport

    def add(self, transport: Any) -> None:
        """
        Read a transport from now on; one that is here already stays.

        @raise OSError: if the system has no handle left for that; nothing has changed then.
        """
        if self.has(transport):
            return
        handle = transport.fileno()
        poller = select.epoll() if self._poller is None else self._poller
        try:
            poller.register(handle, select.EPOLLIN)
        except OSError:
            if self._poller is None:
                poller.close()
            raise
        self._members[handle] = transport
        if self._poller is None:
            self._poller = poller
            self._reactor.addReader(self)

    def remove(self, transport: Any) -> None:
        """Do not read a transport any more; it may be one that is not here."""
        if not self.has(transport):
            return
        handle = transport.fileno()
        del self._members[handle]
        self._poller.unregister(handle)
        if not self._members:
            self._rest()

    def _rest(self) -> None:
        self._reactor.removeReader(self)
        self._poller.close()
        self._poller = None
        self._ready.clear()

    # What the loop asks for.

    def fileno(self) -> int:
        """What the loop waits for."""
        return -1 if self._poller is None else int(self._poller.fileno())

    def logPrefix(self) -> str:
        """How the loop calls this in its log."""
        return "reading"

    def doRead(self) -> None:
        """Read whoever is ready, until nobody is, or until the time is up."""
        over_s = self._now_s() + self._round_s
        ready, members = self._ready, self._members
        while self._poller is not None:
            fresh = 0
            if not ready:
                ready.extend(self._poller.poll(0, _AT_ONCE))
                fresh = len(ready)
            while ready:
                # It may have gone meanwhile; and a newcomer with its handle has nothing yet.
                transport = members.get(ready.popleft()[0])
                if transport is not None:
                    self._read(transport)
                    if self._now_s() >= over_s:
                        return
            if fresh < _FEW:
                return

    def connectionLost(self, reason: Failure) -> None:
        """The loop has come to its end."""
        for transport in tuple(self._members.values()):
            _guarded(transport.connectionLost, reason)
        if self._members:
            # Whoever has not ended all the same goes on.
            self._reactor.addReader(self)

    def _read(self, transport: Any) -> None:
        try:
            why = transport.doRead()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001
            # As the loop does it: it costs the one connection.
            _log.failure("a connection failed and is closed")
            why = error
        if why is not None:
            _guarded(_end, transport, why)


def _guarded(end: Callable[..., object], *arguments: object) -> None:
    """Have a connection end; when that fails it costs nobody else anything."""
    try:
        end(*arguments)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001
        _log.failure("a connection failed at its end")


def _end(transport: Any, why: BaseException) -> None:
    """The same that Twisted's reactors do."""
    transport.stopReading()
    if isinstance(why, ConnectionDone):
        transport.readConnectionLost(Failure(why))
    else:
        transport.stopWriting()
        transport.connectionLost(Failure(why))
