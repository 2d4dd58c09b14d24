"""
Looking at a device again and again, and knowing whether it is there.

The states: it is there, or it is away. A device that is away is looked for less often, because
on a shared line each request that is not answered costs all others a second.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.errors import CfosError, NotSent

__all__ = ["LONGEST_AWAY_S", "MISSES", "Rounds"]

#: A device that has not answered in so many rounds in a row is away.
MISSES = 3
#: One that is away is looked for after twice as long each time, and at least as often as this.
#: [s]
LONGEST_AWAY_S = 30.0

_log = Logger(namespace="cfos_cm.drivers")


class Rounds:
    """
    Rounds that never overlap: the next one begins an interval after the last one did, and not
    before that is over.

    @ivar is_there: whether the last round was a good one, or the device is only thought to
        have missed some.
    """

    def __init__(
        self,
        clock: IReactorTime,
        interval_s: float,
        look: Callable[[], Coroutine[Any, Any, None]],
        came: Callable[[], None],
        went: Callable[[str], None],
    ) -> None:
        """
        @param look: one round; raises L{CfosError} if the device does not play its part.
        @param came: is told when the first round has gone well, at the start and after the
            device was away.
        @param went: is told, with the reason, when it is away; not if it never was there.
        """
        self.is_there = False
        self._clock = clock
        self._interval_s = interval_s
        self._look = look
        self._came = came
        self._went = went
        self._misses = 0
        self._due_s = 0.0
        self._next: IDelayedCall | None = None
        self._looking: Deferred[None] | None = None
        self._runs = False

    def start(self) -> None:
        """Look now, and again and again."""
        self._runs = True
        self._begin_now()

    def stop(self) -> None:
        """Look no more; nobody is told anything any more."""
        self._runs, self.is_there, self._misses = False, False, 0
        self._clear()
        if self._looking is not None:
            self._looking.cancel()

    def at_once(self) -> None:
        """Look now, if no round is under way: something has changed."""
        if self._runs and self._looking is None:
            self._clear()
            self._begin_now()

    def gone(self, why: str) -> None:
        """It cannot be asked any more, which is known without asking."""
        if self._runs:
            self._misses = max(self._misses, MISSES)
            self._leave(why)

    def _begin_now(self) -> None:
        self._due_s = self._clock.seconds()
        self._begin()

    def _begin(self) -> None:
        self._next = None
        looking = self._looking = Deferred.fromCoroutine(self._look())
        looking.addCallbacks(lambda _: self._well(), self._badly)
        looking.addErrback(lambda failure: _log.failure("a round could not end", failure))
        looking.addBoth(lambda _: self._ended())

    def _well(self) -> None:
        self._misses = 0
        if self._runs and not self.is_there:
            self.is_there = True
            self._came()

    def _badly(self, failure: Failure) -> None:
        if not self._runs and failure.check(CancelledError):
            return
        if not failure.check(CfosError):
            # Whatever is wrong with the program, the device is not looked after.
            _log.failure("a round has failed", failure)
        self._misses += 1
        if self._misses >= MISSES or failure.check(NotSent):
            self._leave(failure.getErrorMessage())

    def _leave(self, why: str) -> None:
        if self._runs and self.is_there:
            self.is_there = False
            self._went(why)

    def _ended(self) -> None:
        self._looking = None
        if self._runs:
            # Counted from when it was due, or each round would be a little later.
            now_s = self._clock.seconds()
            self._due_s = max(now_s, self._due_s + self._wait_s())
            self._next = self._clock.callLater(self._due_s - now_s, self._begin)

    def _wait_s(self) -> float:
        doublings = min(max(0, self._misses - MISSES), 10)
        wait_s: float = self._interval_s * 2**doublings
        return min(wait_s, max(self._interval_s, LONGEST_AWAY_S))

    def _clear(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
