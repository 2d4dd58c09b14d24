"""The pace of work that is asked for far more often than it can be done."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["LONGEST_REST_S", "REST", "Pace"]

#: After work that took some time it rests for so many times as long: it takes at most a quarter
#: of the process, and the rest is there for whoever waits for an answer.
REST = 3

#: A clock that is set forward during the work would make it rest for hours.
LONGEST_REST_S = 5.0


class Pace:
    """
    Does a piece of work when it is due, and leaves time for others afterwards.

    However often it is asked for, there is one timer, for the earliest time of all.
    """

    def __init__(self, clock: IReactorTime, work: Callable[[], None]) -> None:
        """
        @param clock: when it works, and how long that took.
        @param work: what is done; it may ask for the next time. What it raises goes to the
            clock, and the pace is kept.
        """
        self._clock = clock
        self._work = work
        self._next: IDelayedCall | None = None
        self._rested_s = clock.seconds()

    def work_by(self, due_s: float) -> None:
        """
        Work at C{due_s}, or as soon afterwards as it has rested.

        A time that was asked for before and is earlier stays; both are done at once then.

        @param due_s: by the clock; a time that has passed means now. [s]
        """
        now_s = self._clock.seconds()
        rest_s = min(self._rested_s - now_s, LONGEST_REST_S)
        wait_s = max(0.0, due_s - now_s, rest_s)
        if self._next is None:
            self._next = self._clock.callLater(wait_s, self._run)
        elif now_s + wait_s < self._next.getTime():
            self._next.reset(wait_s)

    def stop(self) -> None:
        """Do not work any more, until it is asked for again."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _run(self) -> None:
        self._next = None
        begin_s = self._clock.seconds()
        try:
            self._work()
        finally:
            self._rest(REST * max(0.0, self._clock.seconds() - begin_s))

    def _rest(self, rest_s: float) -> None:
        rest_s = min(rest_s, LONGEST_REST_S)
        self._rested_s = self._clock.seconds() + rest_s
        # What the work itself has asked for did not know yet how long it would take.
        if self._next is not None and self._next.getTime() < self._rested_s:
            self._next.reset(rest_s)
