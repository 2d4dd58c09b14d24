"""Time that does not jump."""

from __future__ import annotations

import time
from typing import Any

__all__ = ["make_steady"]


def make_steady(reactor: Any) -> bool:
    """
    Have a reactor count its seconds with the monotonic clock.

    Twisted's reactors ask for the time of day on POSIX. When that is set back an hour, every
    timer stands still for an hour: no time-out, no ping, no decision. When it is set forward,
    all of them expire at once.

    @param reactor: one that has not been used yet; any other is left alone, because the timers
        that it has count from another beginning.
    @return: whether it counts steadily from now on.
    """
    if reactor.running or reactor.getDelayedCalls():
        return False
    # The date is right at the beginning: some who ask a reactor for its seconds print a date.
    offset_s = reactor.seconds() - time.monotonic()
    reactor.seconds = lambda: time.monotonic() + offset_s
    return True
