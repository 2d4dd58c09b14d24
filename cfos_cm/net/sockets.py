"""How many sockets there may be, and which has to go when there are too many."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.protocols.policies import ProtocolWrapper

from cfos_cm.net.limits import ServerLimits

__all__ = ["Sockets", "socket_below"]

_S = TypeVar("_S")


def socket_below(transport: Any) -> Any:
    """The TCP connection that a transport is made of: with TLS, the one below it."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport


class Sockets(Generic[_S]):
    """
    The sockets of a server.

    One that has said who it is stays. Of those that are still shaking hands the oldest has to
    go for a newcomer when there is no room: whoever means it is done long before it is the
    oldest. A source that has many of them makes room for its own newcomers, so that who dials
    without a break is in his own way first.

    How often somebody dials does not count here: behind one router, or one reverse proxy, he
    looks like those who share it with him. What his dials cost is bounded elsewhere, by the
    time that strangers have in each turn of the loop.
    """

    def __init__(self, limits: ServerLimits, clock: IReactorTime) -> None:
        self._limits = limits
        self._clock = clock
        self._here: set[_S] = set()
        # Those that came first are first in both.
        self._shaking: dict[_S, tuple[str, float]] = {}
        self._by_source: dict[str, dict[_S, None]] = {}

    def has_room(self) -> bool:
        """Whether another one can come, if need be for one that has to go."""
        return len(self._here) < self._limits.sockets or bool(self._shaking)

    def has(self, socket: _S) -> bool:
        """Whether one is here."""
        return socket in self._here

    def came(self, socket: _S, source: str) -> list[_S]:
        """
        One more is there, and begins to shake hands.

        @param source: where it comes from.
        @return: those that have to go for it; they do not count any more.
        """
        leaving = self._too_many_of(source)
        while len(self._here) >= self._limits.sockets and self._shaking:
            leaving.append(self._send_away(self._next_to_go(source)))
        self._here.add(socket)
        self._shaking[socket] = source, self._clock.seconds()
        self._by_source.setdefault(source, {})[socket] = None
        return leaving

    def settled(self, socket: _S) -> None:
        """One has said who it is, in time: it waits for us now, not we for it."""
        if socket not in self._shaking:
            return
        source, _ = self._shaking.pop(socket)
        of_source = self._by_source[source]
        del of_source[socket]
        if not of_source:
            del self._by_source[source]

    def left(self, socket: _S) -> None:
        """One is gone."""
        self.settled(socket)
        self._here.discard(socket)

    def _too_many_of(self, source: str) -> list[_S]:
        leaving: list[_S] = []
        young = self._clock.seconds() - self._limits.handshake_grace_s
        while self._has_many(source):
            oldest = next(iter(self._by_source[source]))
            if self._shaking[oldest][1] >= young:
                break
            leaving.append(self._send_away(oldest))
        return leaving

    def _next_to_go(self, source: str) -> _S:
        """@return: who makes room for a newcomer, however young it is."""
        many = self._by_source[source] if self._has_many(source) else self._shaking
        return next(iter(many))

    def _has_many(self, source: str) -> bool:
        return len(self._by_source.get(source, ())) >= self._limits.handshakes_per_source

    def _send_away(self, socket: _S) -> _S:
        self.left(socket)
        return socket
