"""
What may still be drawn after a decrease was confirmed.

A charger's word is not the car's: IEC 61851-1 gives a car 5 s to follow its pilot. Until the
EVSE's meter says that it has followed, or that time is over, what it had before stays booked.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from cfos_cm.electrical import NOMINAL_VOLTAGE_V
from cfos_cm.site.evse import Evse, Occupancy
from cfos_cm.site.state import SiteState

__all__ = ["SETTLE_S", "Change", "Settling", "drawn_ma"]

#: How long a car may take to follow, with what the message and the meter take. [s]
SETTLE_S = 6.0
#: A meter is not exact, and a car draws a little more than it is offered. [mA]
_TOLERANCE_MA = 600
#: Nobody asks for what an EVSE obeyed longer ago. [s]
_KEPT_S = 60.0


def drawn_ma(evse: Evse) -> int | None:
    """What its meter says that it draws on the phase with most of it; C{None}: nothing. [mA]"""
    measured = evse.meter
    if measured.currents is not None:
        return measured.currents.maximum()
    if measured.power_w is not None:
        return measured.power_w * 1000 // (NOMINAL_VOLTAGE_V * len(evse.settings.phases))
    return None


@frozen
class Change:
    """
    The last change of what an EVSE obeys.

    @ivar granted_ma: what it may obey since. [mA per phase]
    @ivar since_s: when that was known. [s]
    @ivar before_ma: the highest that it may have obeyed shortly before. [mA per phase]
    @ivar lingering_ma: what it may still draw, whatever it has confirmed; 0: it has followed.
        [mA per phase]
    """

    granted_ma: int
    since_s: float
    before_ma: int = 0
    lingering_ma: int = 0


@frozen
class Settling:
    """
    Who is still on the way to what he has confirmed.

    @ivar changes: of each EVSE that is granted something, or was until a moment ago.
    """

    changes: Mapping[str, Change] = field(factory=dict)

    def after(self, state: SiteState, now_s: float) -> Settling:
        """What is known a moment later; itself if that is the same."""
        found = {}
        for evse in state.evses.values():
            before = self.changes.get(evse.name)
            granted_ma = evse.granted_ma
            if before is None and not granted_ma:
                continue
            after = _next(before, evse, granted_ma, now_s)
            if after is not None:
                found[evse.name] = after
        return self if found == self.changes else Settling(found)

    def booked_ma(self, evse: Evse) -> int:
        """The most that it may be drawing, by its orders and by its meter. [mA per phase]"""
        change = self.changes.get(evse.settings.name)
        booked_ma = evse.may_draw_ma
        return booked_ma if change is None else max(booked_ma, change.lingering_ma)

    def of(self, evse: Evse) -> Change | None:
        """The last change of what it obeys, if it is of interest any more."""
        return self.changes.get(evse.settings.name)


def _next(before: Change | None, evse: Evse, granted_ma: int, now_s: float) -> Change | None:
    if before is None:
        return Change(granted_ma, now_s)
    if granted_ma != before.granted_ma:
        lately = before.before_ma if now_s - before.since_s < SETTLE_S else 0
        before_ma = max(before.granted_ma, before.lingering_ma, lately)
        lingering_ma = max(before.granted_ma, before.lingering_ma)
        if lingering_ma <= granted_ma or _is_open(evse):
            lingering_ma = 0
        return Change(granted_ma, now_s, before_ma, lingering_ma)
    if not granted_ma and not before.lingering_ma and now_s - before.since_s > _KEPT_S:
        return None
    if not before.lingering_ma:
        return before
    lingering_ma = _lingering_ma(before, evse, now_s)
    if lingering_ma == before.lingering_ma:
        return before
    return Change(granted_ma, before.since_s, before.before_ma, lingering_ma)


def _lingering_ma(change: Change, evse: Evse, now_s: float) -> int:
    """What it still draws beyond what it was granted, as far as anybody can know."""
    if _is_open(evse):
        return 0
    drawn = drawn_ma(evse)
    if drawn is not None and evse.meter.at_s > change.since_s:
        if drawn <= change.granted_ma + _TOLERANCE_MA:
            return 0
        if now_s - change.since_s >= SETTLE_S:
            # It has had its time, and its meter says that it does not follow.
            return drawn
        return change.lingering_ma
    return change.lingering_ma if now_s - change.since_s < SETTLE_S else 0


def _is_open(evse: Evse) -> bool:
    """Whether its contactor is open, so that nothing is drawn whatever it was granted."""
    return evse.transaction is None and evse.occupancy is not Occupancy.CHARGING
