"""Telling of what anybody can bring about as often as he likes."""

from __future__ import annotations

from collections.abc import Hashable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel

__all__ = ["MAX_FIRSTS", "MAX_KNOWN", "QUIET_S", "QuietLog"]

#: How long nothing more is said of a kind, after one line of it. [s]
QUIET_S = 60.0
#: So many who bring it about for the first time are told of meanwhile.
MAX_FIRSTS = 20
#: So many are remembered as told of, for each kind.
MAX_KNOWN = 1000

_log = Logger(namespace="cfos_cm.net")


@define
class _Kind:
    """
    What was said of one kind.

    @ivar since_s: when the quiet time has begun. [s]
    @ivar firsts: how many were told of in it for the first time.
    @ivar left_out: how often nothing was said since the last line.
    """

    since_s: float
    firsts: int = 0
    left_out: int = 0
    _known: dict[str, None] = field(factory=dict)

    def is_due(self, now_s: float, who: str) -> bool:
        """Whether there is to be a line now."""
        if now_s - self.since_s >= QUIET_S:
            self.since_s, self.firsts = now_s, 0
        elif who in self._known or self.firsts >= MAX_FIRSTS:
            self.left_out += 1
            return False
        else:
            self.firsts += 1
        self._known[who] = None
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        return True


class QuietLog:
    """
    A log that cannot be filled from outside.

    Of each kind of line the first is written at once, and the first about everybody, up to a
    bound; all others at most once in L{QUIET_S}, with the number of those that were left out.
    That number waits for the next line: the counters have what has happened by then.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._kinds: dict[Hashable, _Kind] = {}

    def info(self, kind: Hashable, who: str, line: str, /, **fields: object) -> None:
        """See L{warn}; for what only somebody wants to know who looks for it."""
        self._tell(LogLevel.info, kind, who, line, fields)

    def warn(self, kind: Hashable, who: str, line: str, /, **fields: object) -> None:
        """
        Write a line, or leave it out.

        @param kind: of a few that the program knows, never a peer's own words.
        @param who: has brought it about.
        @param line: a format, as L{Logger} takes it, for C{fields}.
        """
        self._tell(LogLevel.warn, kind, who, line, fields)

    def _tell(
        self, level: LogLevel, kind: Hashable, who: str, line: str, fields: dict[str, object]
    ) -> None:
        now_s = self._clock.seconds()
        told = self._kinds.get(kind)
        if told is None:
            told = self._kinds[kind] = _Kind(now_s - QUIET_S)
        if not told.is_due(now_s, who):
            return
        left_out, told.left_out = told.left_out, 0
        more = f" (and {left_out} like this that were not told)" if left_out else ""
        _log.emit(level, line + "{more}", more=more, **fields)
