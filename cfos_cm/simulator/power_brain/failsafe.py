"""What a Power Brain does when nobody steers it any more."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from cfos_cm.charge_point.alarm import Alarm

__all__ = ["Failsafe"]


class Failsafe:
    """
    Waits for a silence.

    @ivar is_assumed: whether it has lasted for as long as it may.
    """

    def __init__(
        self, clock: IReactorTime, duration_s: Callable[[], int], assumed: Callable[[], None]
    ) -> None:
        """
        @param duration_s: how long it may last; 0: for ever. [s]
        @param assumed: is told when it has.
        """
        self._duration_s = duration_s
        self._assumed = assumed
        self._alarm = Alarm(clock, self._ring)
        self.is_assumed = False

    def contact(self) -> None:
        """Somebody is there: wait from now on."""
        self.is_assumed = False
        duration_s = self._duration_s()
        if duration_s:
            self._alarm.set(duration_s)
        else:
            self._alarm.clear()

    def stop(self) -> None:
        """Wait no more."""
        self.is_assumed = False
        self._alarm.clear()

    def _ring(self) -> None:
        self.is_assumed = True
        self._assumed()
