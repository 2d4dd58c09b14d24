"""Whether somebody has seen that a car has left."""

from __future__ import annotations

from math import inf

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from cfos_cm.charge_point.alarm import Alarm

__all__ = ["WATCHED_S", "Farewell"]

#: Who has not looked for so long does not watch any more. [s]
WATCHED_S = 5.0


class Farewell:
    """Waits until whoever watches a box has seen that no car is there any more."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._looked_s = -inf
        self._saw_car = False
        self._late = Alarm(clock, self.end)
        self._waiting: list[Deferred[None]] = []

    def looked(self, saw_car: bool) -> None:
        """Somebody has asked for the state, and is told that there is a car, or that not."""
        self._looked_s, self._saw_car = self._clock.seconds(), saw_car
        if self._waiting and not saw_car:
            # The answer is not on its way yet.
            self._late.set(0)

    def seen(self, longest_s: float) -> Deferred[None]:
        """
        @param longest_s: it is not waited for longer. [s]
        @return: fires when it was seen, or nobody is there to see it.
        """
        is_watched = self._clock.seconds() - self._looked_s <= WATCHED_S
        if not (is_watched and self._saw_car):
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        self._late.set(longest_s)
        return waiting

    def end(self) -> None:
        """Wait no longer."""
        self._late.clear()
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(None)
