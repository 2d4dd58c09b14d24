"""Heartbeats: now and then, and one at a time. OCPP 1.6, "Heartbeat"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from cfos_cm.charge_point.alarm import Repeater
from cfos_cm.v16.core import HeartbeatRequest
from cfos_cm.v16.types import Message

__all__ = ["Heartbeats"]


class Heartbeats:
    """Those of one gateway."""

    def __init__(
        self,
        clock: IReactorTime,
        may_send: Callable[[], bool],
        call: Callable[[Message], Deferred[Message]],
        failed: Callable[[Failure], Failure | None],
    ) -> None:
        """
        @param may_send: whether the backend may be told anything.
        @param call: asks it.
        @param failed: is told what has become of one that was not answered.
        """
        self._may_send = may_send
        self._call = call
        self._failed = failed
        self._is_beating = False
        self._repeater = Repeater(clock, self.send)

    def start(self, interval_s: float) -> None:
        """Send one every C{interval_s} from now on [s]; 0: none."""
        self._repeater.start(interval_s)

    def stop(self) -> None:
        """Send no more."""
        self._repeater.stop()

    def lost(self) -> None:
        """The connection is gone, and with it the one that was on its way."""
        self._is_beating = False

    def send(self) -> None:
        """Send one, unless one is on its way."""
        if self._is_beating or not self._may_send():
            return
        self._is_beating = True
        beaten = self._call(HeartbeatRequest())
        beaten.addBoth(self._beaten).addErrback(self._failed)

    def _beaten(self, result: Any) -> Any:
        self._is_beating = False
        return result
