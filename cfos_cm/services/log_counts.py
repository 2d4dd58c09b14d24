"""How much there was to complain of: events of the log, by how bad they are."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.logger import ILogObserver, LogEvent, LogLevel
from zope.interface import implementer

__all__ = ["LogCounts"]

_COUNTED = (LogLevel.warn, LogLevel.error, LogLevel.critical)


@implementer(ILogObserver)
class LogCounts:
    """Counts warnings, errors and critical events."""

    def __init__(self) -> None:
        self._counts = {level.name: 0 for level in _COUNTED}

    def __call__(self, event: LogEvent) -> None:
        """An event is logged."""
        level = event.get("log_level")
        if level in _COUNTED:
            self._counts[level.name] += 1

    def all(self) -> Mapping[str, int]:
        """How many there were, by the names of levels."""
        return dict(self._counts)
