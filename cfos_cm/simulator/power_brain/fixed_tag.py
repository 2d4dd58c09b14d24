"""The idTag of a wallbox that has no card reader."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.simulator.driver import CARD_RETRY_S, Verdict

__all__ = ["FixedTag"]

_log = Logger(namespace="cfos_cm.simulator")


class FixedTag:
    """
    Has a tag judged for a car that has come, again and again until it is accepted.

    It cannot be judged while there is no connection, and who was refused may be known later.
    """

    def __init__(
        self,
        name: str,
        clock: IReactorTime,
        judge: Callable[[], Deferred[Verdict]],
        is_needed: Callable[[], bool],
    ) -> None:
        """
        @param name: of the wallbox, for people.
        @param judge: has the tag judged, which begins a transaction if it is good.
        @param is_needed: whether there still is a car without a transaction.
        """
        self._name = name
        self._judge = judge
        self._is_needed = is_needed
        self._next_try = Alarm(clock, self.offer)

    def offer(self) -> None:
        """A car is there."""
        if not self._is_needed():
            return
        judging = self._judge()
        judging.addCallback(self._judged)
        judging.addErrback(self._broken)

    def served(self) -> None:
        """The Central System can be asked: no reason to wait longer."""
        if self._next_try.is_set:
            self._next_try.set(0)

    def withdraw(self) -> None:
        """Offer it no more."""
        self._next_try.clear()

    def _judged(self, verdict: Verdict) -> None:
        if verdict is not Verdict.ACCEPTED and self._is_needed():
            _log.info("{name}'s fixed tag {verdict}", name=self._name, verdict=verdict.value)
            self._next_try.set(CARD_RETRY_S)

    def _broken(self, failure: Failure) -> None:
        _log.failure("{name}'s fixed tag could not be judged", failure, name=self._name)
