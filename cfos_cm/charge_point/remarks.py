"""What is said about a backend's mistakes: not more than somebody would read."""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

__all__ = ["MAX_ORDERS", "MAX_REMARKS", "REMARKS_IN_S", "Remarks"]

#: So many lines about what a backend asks for are noted,
MAX_REMARKS: Final = 50
#: and so many about what it has had done,
MAX_ORDERS: Final = 200
#: in so long a time. [s]
REMARKS_IN_S: Final = 3600.0

_log = Logger(namespace="cfos_cm.gateway")


class Remarks:
    """The lines of the log that a backend can cause as often as it likes."""

    def __init__(self, name: str, clock: IReactorTime, limit: int = MAX_REMARKS) -> None:
        """
        @param name: of the gateway, for people.
        @param limit: so many lines in L{REMARKS_IN_S}.
        """
        self._name = name
        self._clock = clock
        self._limit = limit
        self._count = 0
        self._since_s = clock.seconds()

    def note(self, words: str) -> None:
        """Log what is wrong, unless there was too much of it."""
        last = self._last_words()
        if last is not None:
            _log.warn("{name}: {words}{last}", name=self._name, words=words, last=last)

    def tell(self, words: str) -> None:
        """Log what was done, unless there was too much of it."""
        last = self._last_words()
        if last is not None:
            _log.info("{name}: {words}{last}", name=self._name, words=words, last=last)

    def _last_words(self) -> str | None:
        """What is said behind a line; C{None}: there were too many."""
        now_s = self._clock.seconds()
        if now_s - self._since_s >= REMARKS_IN_S:
            self._count, self._since_s = 0, now_s
        self._count += 1
        if self._count > self._limit:
            return None
        return "; no more of such for up to an hour" if self._count == self._limit else ""
