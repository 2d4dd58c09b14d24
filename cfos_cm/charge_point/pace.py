"""How often a backend may have some things done."""

from __future__ import annotations

from collections import deque
from typing import Final

from twisted.internet.interfaces import IReactorTime

__all__ = ["RESET_INTERVAL_S", "Pace"]

#: A backend that resets in a loop keeps everybody from charging. [s]
RESET_INTERVAL_S: Final = 60.0
#: Messages that it may have sent to itself, in so many seconds.
_TRIGGERS: Final = 20
_TRIGGERS_IN_S: Final = 10.0
#: Files that it may have put somewhere, in so many seconds: else it has us knock at doors.
_UPLOADS: Final = 20
_UPLOADS_IN_S: Final = 3600.0


class Pace:
    """What one backend had done lately."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._reset_at_s: float | None = None
        self._triggers: deque[float] = deque()
        self._uploads: deque[float] = deque()
        self._busy: set[str] = set()

    def may_reset(self) -> bool:
        """Whether a Reset may be carried out; it counts as one if so."""
        now_s = self._clock.seconds()
        if self._reset_at_s is not None and now_s - self._reset_at_s < RESET_INTERVAL_S:
            return False
        self._reset_at_s = now_s
        return True

    def begins(self, charge_point: str) -> bool:
        """
        Whether a Charge Point may be told something that nobody waits for: not as long as it
        has not L{ended} with what it was told before. Its limits wait in the same queue.
        """
        is_free = charge_point not in self._busy
        self._busy.add(charge_point)
        return is_free

    def ended(self, charge_point: str) -> None:
        """It has answered, or will not."""
        self._busy.discard(charge_point)

    def may_trigger(self) -> bool:
        """Whether a TriggerMessage may be carried out; it counts as one if so."""
        return self._may(self._triggers, _TRIGGERS, _TRIGGERS_IN_S)

    def may_upload(self) -> bool:
        """Whether a GetLog or GetDiagnostics may be carried out; it counts as one if so."""
        return self._may(self._uploads, _UPLOADS, _UPLOADS_IN_S)

    def _may(self, before: deque[float], limit: int, in_s: float) -> bool:
        now_s = self._clock.seconds()
        while before and now_s - before[0] >= in_s:
            before.popleft()
        if len(before) >= limit:
            return False
        before.append(now_s)
        return True
