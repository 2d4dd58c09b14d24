"""
Which StatusNotification is news.

Some Charge Points send states of days ago when they connect, and such a one must not end a
charge that runs now. Others have a clock that is wrong, or is set right in between; theirs are
news all the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["OLD_AFTER", "WINDOW", "StatusOrder"]

#: A state that is older than this by the Charge Point's own clock was kept back on purpose.
OLD_AFTER = timedelta(seconds=60)
#: After so many messages a clock that was set is known to be another one.
WINDOW = 5


class StatusOrder:
    """
    Compares the times that a Charge Point tells with those at which we hear of them.

    What is heard at once shows how wrong the clock is, and what was kept back seems to make it
    slower, so that the smallest difference of the last few messages is the clock's own.
    """

    __slots__ = ("_delays", "_newest")

    def __init__(self) -> None:
        self._delays: list[timedelta] = []
        self._newest: dict[int, datetime] = {}

    def restarted(self) -> None:
        """The Charge Point has booted, and may have set its clock."""
        self._delays.clear()
        self._newest.clear()

    @property
    def clock_behind(self) -> timedelta | None:
        """How far the Charge Point's clock is behind ours; C{None}: it has not said a time."""
        return min(self._delays, default=None)

    def is_news(self, connector: int, told_at: datetime | None, heard_at: datetime) -> bool:
        """
        Whether a state is to be believed.

        @param told_at: when it began, as the Charge Point says; C{None}: it does not say.
        @param heard_at: by our clock.
        """
        if told_at is None:
            return True
        delay = heard_at - told_at
        self._delays = [*self._delays[1 - WINDOW :], delay]
        newest = self._newest.get(connector)
        kept_back = delay - min(self._delays) > OLD_AFTER
        if kept_back and newest is not None and told_at < newest:
            return False
        self._newest[connector] = told_at
        return True
