"""The control pilot and the contactors between it and the car."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from twisted.internet.interfaces import IReactorTime

from cfos_cm.charge_point.alarm import Alarm

__all__ = ["DEAD_TIME_S", "ONE_PHASE", "Pilot"]

#: From one contactor to the other, with a car. [s]
DEAD_TIME_S = 120
#: What selects the contactor of one phase; 0 selects that of three.
ONE_PHASE = 1


class Pilot:
    """
    What a car sees of the wallbox: a pilot, unless it is interrupted, and some phases.

    It is interrupted for a while to wake the car, or while the contactors are changed.

    @ivar selected: the contactor that is wanted, as register 8087 says it.
    """

    def __init__(
        self, clock: IReactorTime, before: Callable[[], None], after: Callable[[], None]
    ) -> None:
        """
        @param before: is told when the pilot is about to be interrupted.
        @param after: is told when an interruption has ended; another one may go on.
        """
        self._clock = clock
        self._before = before
        self._after = after
        self._waking = Alarm(clock, after)
        self._changing = Alarm(clock, self._changed)
        self._until_s = 0.0
        self._in_use = 0
        self.selected = 0

    @property
    def is_off(self) -> bool:
        """Whether it is interrupted."""
        return self._waking.is_set or self._changing.is_set

    @property
    def remaining_s(self) -> int:
        """For how long it still is, because it was ordered; a part of a second counts. [s]"""
        left_s = self._until_s - self._clock.seconds()
        # When the program is late, its end may be over that has not come yet.
        return max(0, ceil(left_s)) if self._waking.is_set else 0

    @property
    def phases(self) -> int:
        """How many the contactor in use has."""
        return 1 if self._in_use == ONE_PHASE else 3

    def interrupt(self, duration_s: int) -> None:
        """Interrupt it from now on; 0: no longer. [s]"""
        if duration_s:
            self._begin()
            self._until_s = self._clock.seconds() + duration_s
            self._waking.set(duration_s)
        elif self._waking.is_set:
            self._waking.clear()
            self._after()

    def select(self, contactor: int, is_plugged: bool, may_change: bool) -> None:
        """
        Use another contactor: at once without a car, else after a dead time.

        @param may_change: whether that is possible with a car; else it waits until it has left.
        """
        changed, self.selected = contactor != self.selected, contactor
        if changed and is_plugged and may_change:
            self._begin()
            self._changing.set(DEAD_TIME_S)
        elif not is_plugged:
            self.unplugged()

    def unplugged(self) -> None:
        """There is no car any more."""
        self._in_use = self.selected

    def end(self) -> None:
        """It is back at once, with the contactor that is wanted."""
        self._waking.clear()
        self._changing.clear()
        self._in_use = self.selected

    def restart(self) -> None:
        """As after a start, with the contactor of three phases."""
        self.selected = 0
        self.end()

    def _begin(self) -> None:
        if not self.is_off:
            self._before()

    def _changed(self) -> None:
        self._in_use = self.selected
        self._after()
