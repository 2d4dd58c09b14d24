"""Timers that can be set again and always be cleared."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["Alarm", "Repeater"]


class Alarm:
    """Does one thing once, after a time that can be changed until then."""

    def __init__(self, clock: IReactorTime, act: Callable[[], object]) -> None:
        """
        @param act: what is done when the time has come.
        """
        self._clock = clock
        self._act = act
        self._call: IDelayedCall | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is something to come."""
        return self._call is not None

    def set(self, after_s: float) -> None:
        """Act after C{after_s} from now [s], and not at the time that was set before."""
        self.clear()
        self._call = self._clock.callLater(after_s, self._ring)

    def clear(self) -> None:
        """Do not act."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _ring(self) -> None:
        self._call = None
        self._act()


class Repeater:
    """Does one thing again and again."""

    def __init__(self, clock: IReactorTime, act: Callable[[], object]) -> None:
        """
        @param act: what is done each time.
        """
        self._alarm = Alarm(clock, self._again)
        self._act = act
        self._interval_s = 0.0

    def start(self, interval_s: float) -> None:
        """Act every C{interval_s} from now on [s]; 0: not at all."""
        self._interval_s = interval_s
        self._alarm.clear()
        if interval_s > 0:
            self._alarm.set(interval_s)

    def stop(self) -> None:
        """Act no more."""
        self._alarm.clear()

    def _again(self) -> None:
        # Set first: what is done may stop it, or start it with another interval.
        self._alarm.set(self._interval_s)
        self._act()
