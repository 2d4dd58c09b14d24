"""When a status is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from twisted.internet.interfaces import IReactorTime

from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.charge_point.made.status import NOT_KNOWN_YET, MadeStatus
from cfos_cm.charge_point.made.transitions import route
from cfos_cm.v16.core import StatusNotificationRequest

__all__ = ["StatusTeller"]


class StatusTeller:
    """
    Tells what has lasted for MinimumStatusDuration, and when it began; what was over before is
    never told.
    """

    def __init__(
        self,
        connector: int,
        clock: IReactorTime,
        now: Callable[[], datetime],
        wait_s: Callable[[], float],
        tell: Callable[[StatusNotificationRequest], None],
    ) -> None:
        """
        @param connector: its number at the backend.
        @param wait_s: for so long it has to last. [s]
        """
        self._connector = connector
        self._now = now
        self._wait_s = wait_s
        self._tell = tell
        self._found = self._told = NOT_KNOWN_YET
        self._since = now()
        self._alarm = Alarm(clock, self._say)

    def begin(self, found: MadeStatus) -> None:
        """It is so at the start; whoever is told will ask."""
        self._found = self._told = found
        self._since = self._now()

    def found(self, found: MadeStatus) -> None:
        """It is so now."""
        is_same = found.mark == self._found.mark
        self._found = found
        if is_same:
            return
        self._since = self._now()
        self._alarm.clear()
        if found.mark == self._told.mark:
            return
        wait_s = self._wait_s()
        if wait_s > 0:
            self._alarm.set(wait_s)
        else:
            self._say()

    def request(self) -> StatusNotificationRequest:
        """As it is now; it is told with this."""
        self._alarm.clear()
        self._told = self._found
        return self._found.request(self._connector, self._since)

    def close(self) -> None:
        """Tell nothing any more."""
        self._alarm.clear()

    def _say(self) -> None:
        *between, _ = route(self._told.status, self._found.status)
        self._told = self._found
        for status in between:
            self._tell(MadeStatus(status).request(self._connector, self._since))
        self._tell(self._found.request(self._connector, self._since))
