"""Which events a decision looks at, and how soon."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from cfos_cm.site.events import (
    CircuitLimitMet,
    CircuitOverdrawn,
    EvseMeasured,
    MeterMeasured,
    SetpointDecided,
    SetpointOrdered,
    SiteEvent,
    TagJudged,
)
from cfos_cm.site.meter import MeterRole
from cfos_cm.site.state import SiteState

__all__ = ["Urgency", "urgency"]


class Urgency(Enum):
    """How soon the site is decided again after an event that has changed something."""

    AT_ONCE = "at once"
    NEXT_CYCLE = "in the next cycle"
    NEVER = "never"
    """No rule looks at what it changes."""


#: Whatever is not named here matters at once: not knowing is no reason to wait.
_NOT_AT_ONCE: Mapping[type, Urgency] = {
    # What follows from these is remembered first, see L{cfos_cm.limits.memory}.
    EvseMeasured: Urgency.NEVER,
    CircuitLimitMet: Urgency.NEVER,
    CircuitOverdrawn: Urgency.NEVER,
    TagJudged: Urgency.NEVER,
    SetpointDecided: Urgency.NEVER,
    # It was decided just before, with all that it books; but of an EVSE that does not obey
    # more is booked from now on, and the others have to live with what is left.
    SetpointOrdered: Urgency.NEXT_CYCLE,
}


#: What these meters say is as what an EVSE's own says: nothing waits for it.
_SEEN_IN_EACH_CYCLE = (MeterRole.EVSE, MeterRole.DISPLAY)


def urgency(event: SiteEvent, state: SiteState) -> Urgency:
    """
    How soon the site is decided again after C{event}, if it has changed anything.

    @param state: that after it.
    """
    if isinstance(event, MeterMeasured):
        meter = state.meters.get(event.meter)
        if meter is not None and meter.settings.role in _SEEN_IN_EACH_CYCLE:
            return Urgency.NEVER
    return _NOT_AT_ONCE.get(type(event), Urgency.AT_ONCE)
