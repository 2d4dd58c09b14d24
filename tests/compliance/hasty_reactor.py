"""A reactor whose time can be made to pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as running_reactor
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock, LoopingCall
from twisted.python.failure import Failure
from zope.interface import directlyProvides, providedBy

__all__ = ["HastyReactor"]

reactor: Any = running_reactor

#: How often the clock is set. [s]
_BEAT_S = 0.005


class HastyReactor:
    """The reactor, with a time of its own that can jump forward."""

    def __init__(self) -> None:
        self._clock = Clock()
        self._set_at_s = reactor.seconds()
        self._beat = LoopingCall(self._run)
        # Whoever looks for a name asks a reactor first what it can do.
        directlyProvides(self, providedBy(reactor))

    def __getattr__(self, name: str) -> Any:
        return getattr(reactor, name)

    def start(self) -> None:
        """Have the time run."""
        self._beat.start(_BEAT_S, now=True).addErrback(_show)

    def stop(self) -> None:
        """Have it stand still."""
        self._beat.stop()

    def jump(self, seconds: float) -> None:
        """Have so much time passed."""
        self._clock.advance(seconds)

    def seconds(self) -> float:
        """See L{twisted.internet.interfaces.IReactorTime}."""
        return float(self._clock.seconds())

    def callLater(
        self, delay: float, function: Callable[..., Any], *args: Any, **more: Any
    ) -> IDelayedCall:
        """See L{twisted.internet.interfaces.IReactorTime}."""
        return self._clock.callLater(delay, function, *args, **more)

    def getDelayedCalls(self) -> list[IDelayedCall]:
        """See L{twisted.internet.interfaces.IReactorTime}."""
        return list(self._clock.getDelayedCalls())

    def _run(self) -> None:
        now_s = reactor.seconds()
        passed_s, self._set_at_s = now_s - self._set_at_s, now_s
        self._clock.advance(max(0.0, passed_s))


def _show(failure: Failure) -> None:
    # A timer of the site went wrong: its clock stands still, and the case fails by that.
    failure.printTraceback()
