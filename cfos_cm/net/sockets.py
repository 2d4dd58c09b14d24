"""How many sockets there may be, and which has to go when there are too many."""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorTime

from cfos_cm.net.limits import ServerLimits

__all__ = ["Sockets"]

_S = TypeVar("_S")


class Sockets(Generic[_S]):
    """
    The sockets of a server.

    One that is open stays. Of those that are still shaking hands the oldest has to go for a
    newcomer: whoever means it is done long before it is the oldest.
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

    def came(self, socket: _S, source: str) -> list[_S]:
        """
        One more is there, and begins to shake hands.

        @param source: where it comes from.
        @return: those that have to go for it; they do not count any more.
        """
        leaving = self._too_many_of(source)
        while len(self._here) >= self._limits.sockets and self._shaking:
            leaving.append(self._send_away(next(iter(self._shaking))))
        self._here.add(socket)
        self._shaking[socket] = source, self._clock.seconds()
        self._by_source.setdefault(source, {})[socket] = None
        return leaving

    def settled(self, socket: _S) -> None:
        """One has said who it is, in time."""
        source, _ = self._shaking.pop(socket, ("", 0.0))
        of_source = self._by_source.get(source, {})
        of_source.pop(socket, None)
        if not of_source:
            self._by_source.pop(source, None)

    def left(self, socket: _S) -> None:
        """One is gone."""
        self.settled(socket)
        self._here.discard(socket)

    def _too_many_of(self, source: str) -> list[_S]:
        leaving: list[_S] = []
        young = self._clock.seconds() - self._limits.handshake_grace_s
        of_source = self._by_source.get(source, {})
        while len(of_source) >= self._limits.handshakes_per_source:
            oldest = next(iter(of_source))
            if self._shaking[oldest][1] >= young:
                break
            leaving.append(self._send_away(oldest))
        return leaving

    def _send_away(self, socket: _S) -> _S:
        self.left(socket)
        return socket
