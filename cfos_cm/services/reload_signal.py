"""SIGHUP: read the configuration again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["ReloadSignal"]


class ReloadSignal:
    """
    Calls something in the reactor when the process gets a SIGHUP.

    Only where nobody else wants the signal: in a program of somebody else's, which has its own
    use for it, it leaves it alone. One that is ignored, as with C{nohup}, nobody wants.
    """

    def __init__(self, reactor: Any, call: Callable[[], object]) -> None:
        self._reactor = reactor
        self._call = call
        self._installed = False
        self._before: Any = signal.SIG_DFL

    def install(self) -> None:
        """Listen for the signal from now on."""
        if threading.current_thread() is not threading.main_thread():
            return
        before = signal.getsignal(signal.SIGHUP)
        if before in (signal.SIG_DFL, signal.SIG_IGN):
            signal.signal(signal.SIGHUP, self._received)
            self._before = before
            self._installed = True

    def remove(self) -> None:
        """Listen no longer."""
        # Somebody who came later and took it over keeps it.
        if self._installed and signal.getsignal(signal.SIGHUP) == self._received:
            signal.signal(signal.SIGHUP, self._before)
        self._installed = False

    def _received(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._call)
