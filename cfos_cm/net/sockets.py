"""How many sockets there may be, and which has to go when there are too many."""

from __future__ import annotations

from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorTime

from cfos_cm.net.limits import ServerLimits

__all__ = ["MAX_SOURCES", "Sockets"]

#: So many that dial are remembered, and so many that a Charge Point has connected from; who was
#: not heard of for the longest goes first.
MAX_SOURCES = 10_000

_S = TypeVar("_S")
_V = TypeVar("_V")


class Sockets(Generic[_S]):
    """
    The sockets of a server.

    One that is open stays. Of those that are still shaking hands the oldest has to go for a
    newcomer: whoever means it is done long before it is the oldest.

    A source that dials too often is not let in, unless a Charge Point has connected from it:
    then it is a site, of which all may come back at once, again and again. Whoever dials from
    there without a break costs time, but keeps nobody out.
    """

    def __init__(self, limits: ServerLimits, clock: IReactorTime) -> None:
        self._limits = limits
        self._clock = clock
        self._here: set[_S] = set()
        # Those that came first are first in both.
        self._shaking: dict[_S, tuple[str, float]] = {}
        self._by_source: dict[str, dict[_S, None]] = {}
        # How many times each may dial yet, and as of when. [s]
        self._dials: dict[str, tuple[float, float]] = {}
        self._sites: dict[str, None] = {}

    def has_room(self) -> bool:
        """Whether another one can come, if need be for one that has to go."""
        return len(self._here) < self._limits.sockets or bool(self._shaking)

    def came(self, socket: _S, source: str) -> list[_S]:
        """
        One more is there, and begins to shake hands.

        @param source: where it comes from.
        @return: those that have to go for it; they do not count any more. It may be itself.
        """
        if not self._may_dial(source):
            return [socket]
        leaving = self._too_many_of(source)
        while len(self._here) >= self._limits.sockets and self._shaking:
            leaving.append(self._send_away(next(iter(self._shaking))))
        self._here.add(socket)
        self._shaking[socket] = source, self._clock.seconds()
        self._by_source.setdefault(source, {})[socket] = None
        return leaving

    def settled(self, socket: _S) -> None:
        """One has said who it is, in time, and is admitted."""
        source = self._done_shaking(socket)
        if source is not None:
            _put(self._sites, source, None)

    def left(self, socket: _S) -> None:
        """One is gone."""
        self._done_shaking(socket)
        self._here.discard(socket)

    def _done_shaking(self, socket: _S) -> str | None:
        """@return: where it comes from; C{None}: it has been done before."""
        if socket not in self._shaking:
            return None
        source, _ = self._shaking.pop(socket)
        of_source = self._by_source.get(source, {})
        of_source.pop(socket, None)
        if not of_source:
            self._by_source.pop(source, None)
        return source

    def _may_dial(self, source: str) -> bool:
        if source in self._sites:
            return True
        limits, now_s = self._limits, self._clock.seconds()
        left, at_s = self._dials.get(source, (float(limits.dial_burst), now_s))
        left = min(left + (now_s - at_s) * limits.dials_per_s, limits.dial_burst)
        may_dial = left >= 1
        _put(self._dials, source, (left - 1 if may_dial else left, now_s))
        return may_dial

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


def _put(memory: dict[str, _V], key: str, value: _V) -> None:
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > MAX_SOURCES:
        del memory[next(iter(memory))]
