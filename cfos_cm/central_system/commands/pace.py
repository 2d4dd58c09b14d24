"""
How often the same may be asked of a Charge Point.

Wallboxes have dropped dead after days of a TriggerMessage every five seconds, and one that is
restarted while it starts may never come back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime

from cfos_cm.v16.core import ResetRequest
from cfos_cm.v16.remote_trigger import TriggerMessageRequest
from cfos_cm.v16.security import ExtendedTriggerMessageRequest
from cfos_cm.v16.types import Message

__all__ = ["MANY_PAUSES", "RESET_PAUSE_S", "TRIGGER_PAUSE_S", "CallPace"]

#: Between two triggers of the same message. [s]
TRIGGER_PAUSE_S = 5.0
#: Between two restarts. [s]
RESET_PAUSE_S = 60.0

#: Beyond so many, those that are over are looked for and forgotten.
MANY_PAUSES = 1000


def _triggered(request: Any) -> str:
    message: str = request.requested_message.value
    return message


def _restart(_request: Any) -> str:
    return "Reset"


#: The pause after a request, and what it is about: others' pauses are their own. [s]
_PAUSES: Final[dict[type[Message], tuple[float, Callable[[Any], str]]]] = {
    TriggerMessageRequest: (TRIGGER_PAUSE_S, _triggered),
    ExtendedTriggerMessageRequest: (TRIGGER_PAUSE_S, _triggered),
    ResetRequest: (RESET_PAUSE_S, _restart),
}


class CallPace:
    """Remembers what was asked a moment ago."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._over_s: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        """How many pauses are remembered."""
        return len(self._over_s)

    def wait_s(self, identity: str, request: Message) -> float:
        """How long C{request} has to wait; 0 when it may go now. [s]"""
        paced = _PAUSES.get(type(request))
        if paced is None:
            return 0.0
        over_s = self._over_s.get((identity, paced[1](request)))
        return 0.0 if over_s is None else max(0.0, over_s - self._clock.seconds())

    def asked(self, identity: str, request: Message) -> None:
        """C{request} goes out now."""
        paced = _PAUSES.get(type(request))
        if paced is None:
            return
        now_s = self._clock.seconds()
        if len(self._over_s) >= MANY_PAUSES:
            self._over_s = {
                subject: over_s for subject, over_s in self._over_s.items() if over_s > now_s
            }
        pause_s, about = paced
        self._over_s[identity, about(request)] = now_s + pause_s
