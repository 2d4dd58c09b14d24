"""
What may still be drawn after a decrease was confirmed.

A charger's word is not the car's: IEC 61851-1 gives a car 5 s to follow its pilot. Until the
EVSE's meter says that it has followed, or that time is over, what it had before stays booked.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from attrs import evolve, field, frozen

from cfos_cm.electrical import NO_CURRENT, NOMINAL_VOLTAGE_V
from cfos_cm.site.evse import Evse, Occupancy
from cfos_cm.site.state import SiteState

__all__ = ["SETTLE_S", "Change", "Settling", "drawn_ma"]

#: How long a car may take to follow, with what the message and the meter take. [s]
SETTLE_S = 6.0
#: A meter is not exact, and a car draws a little more than it is offered. [mA]
_TOLERANCE_MA = 600
#: So long after it was offered more a car may rise, and a meter be late: until then, that it
#: draws little does not say that it has come down. [s]
_RISE_S = 9.0
#: Nobody asks for what an EVSE obeyed longer ago. [s]
_KEPT_S = 60.0


def drawn_ma(evse: Evse) -> int | None:
    """
    What its meter says that it draws on the phase with most of it; C{None}: nothing. [mA]

    Where it tells a power only that is the least, for it may all be on one phase.
    """
    currents, power_w = evse.meter.currents, evse.meter.power_w
    if currents is not None:
        # The sign only says which way round a transformer is mounted.
        most_ma = max(abs(currents.l1_ma), abs(currents.l2_ma), abs(currents.l3_ma))
        if most_ma or not power_w:
            return most_ma
        # It tells no currents, and what is known of them is that they once stood still.
    if power_w is not None:
        return abs(power_w) * 1000 // (NOMINAL_VOLTAGE_V * len(evse.settings.phases))
    return None


def _at_most_drawn_ma(evse: Evse, drawn: int) -> int:
    """The most that L{drawn_ma} may stand for. [mA]"""
    currents, power_w = evse.meter.currents, evse.meter.power_w
    if power_w is None or (currents is not None and currents != NO_CURRENT):
        return drawn
    return abs(power_w) * 1000 // NOMINAL_VOLTAGE_V


@frozen
class Change:
    """
    The last change of what an EVSE obeys.

    @ivar granted_ma: what it may obey since. [mA per phase]
    @ivar since_s: when that was known. [s]
    @ivar before_ma: the highest that it may have obeyed shortly before. [mA per phase]
    @ivar lingering_ma: what it may still draw, whatever it has confirmed; 0: it has followed.
        [mA per phase]
    @ivar feared_ma: what it may obey if it has forgotten what it was granted, or was never
        granted anything. [mA per phase]
    @ivar raised_s: when it might obey more than before last, and no reading has shown since
        that its car has made use of that; C{-inf}: one has. [s]
    @ivar defies: its meter has said that it does not follow, and has not said otherwise since.
    """

    granted_ma: int
    since_s: float
    before_ma: int = 0
    lingering_ma: int = 0
    feared_ma: int = 0
    raised_s: float = -inf
    defies: bool = False


@frozen
class Settling:
    """
    Who is still on the way to what he has confirmed.

    @ivar changes: of each EVSE that may draw something, or might until a moment ago.
    """

    changes: Mapping[str, Change] = field(factory=dict)

    def after(self, state: SiteState, now_s: float) -> Settling:
        """What is known a moment later; itself if that is the same."""
        found = {}
        for evse in state.evses.values():
            before = self.changes.get(evse.settings.name)
            feared_ma = evse.may_draw_ma
            if before is None and not feared_ma:
                continue
            after = _next(before, evse, feared_ma, now_s)
            if after is not None:
                found[evse.settings.name] = after
        return self if found == self.changes else Settling(found)

    def booked_ma(self, evse: Evse) -> int:
        """The most that it may be drawing, by its orders and by its meter. [mA per phase]"""
        change = self.changes.get(evse.settings.name)
        booked_ma = evse.may_draw_ma
        return booked_ma if change is None else max(booked_ma, change.lingering_ma)

    def exceeds(self, evse: Evse) -> bool:
        """Whether it has had its time to follow, and its meter says that it draws more."""
        change = self.changes.get(evse.settings.name)
        return change is not None and change.defies and change.lingering_ma > evse.may_draw_ma

    def of(self, evse: Evse) -> Change | None:
        """The last change of what it obeys, if it is of interest any more."""
        return self.changes.get(evse.settings.name)


def _next(before: Change | None, evse: Evse, feared_ma: int, now_s: float) -> Change | None:
    granted_ma = evse.granted_ma
    if before is None:
        return Change(granted_ma, now_s, feared_ma=feared_ma, raised_s=now_s)
    if granted_ma != before.granted_ma or feared_ma < before.feared_ma:
        return _changed(before, evse, feared_ma, now_s)
    if not feared_ma and not before.lingering_ma and now_s - before.since_s > _KEPT_S:
        return None
    if feared_ma > before.feared_ma:
        return evolve(before, feared_ma=feared_ma, raised_s=now_s)
    return _looked_at(before, evse, now_s)


def _changed(before: Change, evse: Evse, feared_ma: int, now_s: float) -> Change:
    """What is known when it obeys something else, or is known not to obey what was feared."""
    lately = before.before_ma if now_s - before.since_s < SETTLE_S else 0
    held_ma = max(before.granted_ma, before.feared_ma, before.lingering_ma)
    lingering_ma = 0 if held_ma <= feared_ma or _is_open(evse) else held_ma
    is_raised = feared_ma > before.feared_ma
    return Change(
        evse.granted_ma,
        now_s,
        max(held_ma, lately),
        lingering_ma,
        feared_ma,
        now_s if is_raised else before.raised_s,
        before.defies and lingering_ma > 0,
    )


def _looked_at(change: Change, evse: Evse, now_s: float) -> Change:
    """What is known after a look at its meter: what it draws beyond what it was granted."""
    heard_s, settled_s = evse.meter.at_s, change.since_s + SETTLE_S
    if not change.lingering_ma and heard_s < settled_s:
        # It has followed, and nothing says otherwise.
        return change
    drawn = None if heard_s <= change.since_s else drawn_ma(evse)
    obeyed_ma = change.granted_ma + _TOLERANCE_MA
    if not change.lingering_ma and (drawn is None or drawn <= obeyed_ma):
        # So it is with nearly all of them, nearly always.
        return change
    if _is_open(evse):
        after = evolve(change, lingering_ma=0, defies=False)
    elif drawn is not None and drawn > obeyed_ma:
        after = evolve(change, raised_s=-inf)
        if now_s >= settled_s:
            # It has had its time: it does not follow, and that is what it takes.
            after = evolve(after, lingering_ma=drawn, defies=True)
    elif _is_down(change, evse, drawn, now_s):
        after = evolve(change, lingering_ma=0, defies=False)
    else:
        after = change
    return change if after == change else after


def _is_down(change: Change, evse: Evse, drawn: int | None, now_s: float) -> bool:
    """Whether it has come down to what it was granted, where its meter does not deny it."""
    if now_s >= change.since_s + SETTLE_S:
        return drawn is not None or not change.defies
    if drawn is None or evse.meter.at_s < change.raised_s + _RISE_S:
        return False
    return _at_most_drawn_ma(evse, drawn) <= change.granted_ma + _TOLERANCE_MA


def _is_open(evse: Evse) -> bool:
    """Whether its contactor is open, so that nothing is drawn whatever it was granted."""
    return evse.transaction is None and evse.occupancy is not Occupancy.CHARGING
