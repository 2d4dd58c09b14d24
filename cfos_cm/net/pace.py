"""How fast a Charge Point may send."""

from __future__ import annotations

from enum import Enum, auto

from cfos_cm.net.limits import ServerLimits

__all__ = ["Pace", "Step"]


class Step(Enum):
    """What follows from one more message."""

    GO_ON = auto()
    PAUSE = auto()
    """Nothing more is to be read for a moment."""
    HANG_UP = auto()
    """It has been too fast for too long."""


class Pace:
    """
    A bucket of tokens: each message takes one, a long one more, and they come back with time.

    Whoever takes more than there are owes them. Times are those of any one clock. [s]
    """

    __slots__ = ("_at_s", "_limits", "_paused_s", "_since_s", "_tokens")

    def __init__(self, limits: ServerLimits, now_s: float) -> None:
        self._limits = limits
        self._tokens = float(limits.message_burst)
        self._at_s = now_s
        # When it was too fast last, and since when it has been without a break.
        self._paused_s: float | None = None
        self._since_s = now_s

    def spend(self, now_s: float, size_bytes: int = 0) -> Step:
        """
        One more message was read.

        @param size_bytes: its length; reading it takes about so much time. [B]
        """
        limits = self._limits
        earned = self._tokens + (now_s - self._at_s) * limits.messages_per_s
        self._at_s = now_s
        cost = 1.0 + size_bytes // limits.message_unit_bytes
        self._tokens = tokens = min(earned, limits.message_burst) - cost
        if tokens >= 1.0:
            return Step.GO_ON
        return self._too_fast(now_s)

    def pause_s(self) -> float:
        """How long a pause has to be, from the last message on, until all is paid. [s]"""
        owed_s = (1.0 - self._tokens) / self._limits.messages_per_s
        return max(owed_s, self._limits.pause_s)

    def _too_fast(self, now_s: float) -> Step:
        # Who has saved up a whole bucket since has stopped being too fast.
        break_s = self._limits.message_burst / self._limits.messages_per_s
        if self._paused_s is None or now_s - self._paused_s > break_s:
            self._since_s = now_s
        self._paused_s = now_s
        if now_s - self._since_s >= self._limits.patience_s:
            return Step.HANG_UP
        return Step.PAUSE
