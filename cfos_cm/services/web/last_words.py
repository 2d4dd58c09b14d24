"""What EVSEs have said last that is no part of the site's state."""

from __future__ import annotations

from cfos_cm.site.events import (
    DeviceBooted,
    EvseConnected,
    EvseLost,
    LimitsCancelled,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
)
from cfos_cm.site.state import SiteState

__all__ = ["LastWords"]


class LastWords:
    """
    Remembers a word of each EVSE for what its car does, and why it was not released.

    C{loop.observe(words.note)} before the settings are reported.
    """

    def __init__(self) -> None:
        self._details: dict[str, str] = {}
        self._refusals: dict[str, str] = {}

    def note(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop."""
        match event:
            case OccupancyReported(evse=evse, detail=detail) if evse in after.evses:
                self._details[evse] = detail
            case LimitsCancelled(evse=evse, why=str(why)) if evse in after.evses:
                self._refusals[evse] = why
            case LimitsCancelled(evse=evse) | DeviceBooted(evse=evse):
                self._refusals.pop(evse, None)
            case EvseConnected(evse=evse) | EvseLost(evse=evse):
                # What it does now is not known, and it is asked anew.
                self._details.pop(evse, None)
                self._refusals.pop(evse, None)
            case SettingsChanged():
                self._keep(after)

    def detail(self, evse: str) -> str | None:
        """Its own word for what its car does; C{None}: it has said none."""
        return self._details.get(evse)

    def refusal(self, evse: str) -> str | None:
        """Why it has not dropped its limits when it was told to; C{None}: nothing is known."""
        return self._refusals.get(evse)

    def _keep(self, state: SiteState) -> None:
        evses = state.evses
        self._details = {name: one for name, one in self._details.items() if name in evses}
        self._refusals = {
            name: one
            for name, one in self._refusals.items()
            if name in evses and evses[name].is_left_alone
        }
