"""When meters are read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from math import floor

from twisted.internet.interfaces import IReactorTime

from cfos_cm.charge_point.alarm import Alarm

__all__ = ["Grid", "Spacing"]

#: The time of day may jump: it is looked at so often at least. [s]
_LOOK_S = 60.0
#: And so seldom at most. [s]
_LEAST_WAIT_S = 0.001
#: What is read so long after the grid is not what stood there. [s]
_MAX_LATE_S = 5.0


class Spacing:
    """
    Rings at whole multiples of an interval after a beginning, by a clock that does not jump.

    What could not be rung in time is left out: it is rung once for all that was missed.
    """

    def __init__(self, clock: IReactorTime, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._alarm = Alarm(clock, self._rang)
        self._begin_s = 0.0
        self._interval_s = 0.0
        self._count = 0

    def start(self, begin_s: float, interval_s: float) -> None:
        """
        Ring from now on.

        @param begin_s: by the clock; not later than now. [s]
        @param interval_s: 0: not at all. [s]
        """
        self._alarm.clear()
        if interval_s > 0:
            self._begin_s, self._interval_s, self._count = begin_s, interval_s, 0
            self._set()

    def stop(self) -> None:
        """Ring no more."""
        self._alarm.clear()

    def _set(self) -> None:
        now_s = self._clock.seconds()
        passed = floor((now_s - self._begin_s) / self._interval_s)
        # A timer may ring a hair too early: the same multiple is not meant twice.
        self._count = max(self._count, passed) + 1
        due_s = self._begin_s + self._count * self._interval_s
        self._alarm.set(max(0.0, due_s - now_s))

    def _rang(self) -> None:
        # Set first: whoever hears it may stop it.
        self._set()
        self._ring()


class Grid:
    """
    Rings at even times of day, counted from midnight, UTC.

    When the time of day is set, what it jumped over is left out, and what it comes to a second
    time is rung once unless it went back by more than an interval.
    """

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], datetime],
        ring: Callable[[datetime], None],
    ) -> None:
        """
        @param now: the time of day; aware, UTC.
        @param ring: takes the even time that it is, or was a moment ago.
        """
        self._now = now
        self._ring = ring
        self._alarm = Alarm(clock, self._rang)
        self._interval = timedelta()
        self._last = now()

    def start(self, interval_s: float) -> None:
        """Ring from now on; 0: not at all. [s]"""
        self._alarm.clear()
        self._interval = timedelta(seconds=interval_s)
        if self._interval > timedelta():
            self._last = self._line(self._now())
            self._set()

    def stop(self) -> None:
        """Ring no more."""
        self._alarm.clear()

    def _line(self, at: datetime) -> datetime:
        """The even time that was last."""
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + (at - midnight) // self._interval * self._interval

    def _set(self) -> None:
        now = self._now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        following = min(self._line(now) + self._interval, midnight + timedelta(days=1))
        wait_s = (following - now).total_seconds()
        self._alarm.set(min(_LOOK_S, max(_LEAST_WAIT_S, wait_s)))

    def _rang(self) -> None:
        now = self._now()
        line, last = self._line(now), self._last
        is_new = line > last or last - line > self._interval
        if is_new:
            self._last = line
        self._set()
        late_s = (now - line).total_seconds()
        if is_new and late_s <= min(_MAX_LATE_S, self._interval.total_seconds() / 2):
            self._ring(line)
