"""What a gateway has noted about its backend, for a log that is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final

__all__ = ["MAX_NOTES", "Notebook"]

#: So many lines are kept; not over a restart.
MAX_NOTES: Final = 200
_MAX_CHARS: Final = 500


class Notebook:
    """The newest lines that were noted, and when."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """
        @param now: the time of day; aware.
        """
        self._now = now
        self._notes: deque[tuple[datetime, str]] = deque(maxlen=MAX_NOTES)

    @property
    def notes(self) -> tuple[tuple[datetime, str], ...]:
        """When each was noted, and its words; oldest first."""
        return tuple(self._notes)

    def noting(self, note: Callable[[str], None]) -> Callable[[str], None]:
        """The same as C{note}, whose words are noted here too."""

        def noted(words: str) -> None:
            self._notes.append((self._now(), words[:_MAX_CHARS]))
            note(words)

        return noted
