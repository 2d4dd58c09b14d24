"""How a gateway stands, for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from cfos_cm.charge_point.queued import Depth
from cfos_cm.v16.core import RegistrationStatus

__all__ = ["Chronicle", "Standing"]


@frozen
class Standing:
    """
    How a gateway stands, for people.

    @ivar state: C{connected}, C{waiting for approval} or C{not connected: …}.
    @ivar is_serving: the backend is there, and has let us in.
    @ivar since: when that began; UTC.
    @ivar registration: what the backend said to the last BootNotification; C{None}: nothing
        yet.
    @ivar last_refusal: the last that it did not take, and why; empty: nothing.
    @ivar depth: what it is owed.
    """

    state: str
    is_serving: bool
    since: datetime
    registration: RegistrationStatus | None
    last_refusal: str
    depth: Depth


class Chronicle:
    """Notes how a gateway stands, and since when."""

    def __init__(self, now: Callable[[], datetime], changed: Callable[[], None]) -> None:
        """
        @param now: the time of day; aware.
        @param changed: is told when it stands in another way.
        """
        self._now = now
        self._changed = changed
        self._state = "not connected: not tried yet"
        self._since = now()
        self._last_refusal = ""

    def put(self, state: str) -> None:
        """It stands like this."""
        if state != self._state:
            self._state = state
            self._since = self._now()
            self._changed()

    def note_refusal(self, why: str) -> None:
        """The backend has not taken something."""
        self._last_refusal = why

    def standing(
        self, is_serving: bool, registration: RegistrationStatus | None, depth: Depth
    ) -> Standing:
        """How it stands."""
        return Standing(
            self._state, is_serving, self._since, registration, self._last_refusal, depth
        )
