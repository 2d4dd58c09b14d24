"""A reactor without threads: what is for a thread is done at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.python.failure import Failure

__all__ = ["ThreadlessClock"]


class ThreadlessClock(Clock):
    """
    Timers that are moved by hand, and a pool of threads that has none.

    @ivar jobs: how many it has done.
    """

    def __init__(self) -> None:
        super().__init__()
        self.jobs = 0

    def getThreadPool(self) -> ThreadlessClock:
        """See C{IReactorThreads}."""
        return self

    def callInThreadWithCallback(
        self, on_result: Callable[[bool, Any], None], work: Callable[..., Any], *args: Any
    ) -> None:
        """See C{ThreadPool}."""
        self.jobs += 1
        try:
            result = work(*args)
        except Exception:
            on_result(False, Failure())
        else:
            on_result(True, result)

    def callFromThread(self, work: Callable[..., Any], *args: Any) -> None:
        """See C{IReactorThreads}."""
        work(*args)
