"""The decision: the current that each EVSE should have, and the constraint that binds it."""

from __future__ import annotations

from cfos_cm.electrical import amps_text
from cfos_cm.limits.catalog import ceiling
from cfos_cm.limits.ceiling import Ceiling
from cfos_cm.limits.share import GRAIN_MA, Conductor, Demand, Share, share
from cfos_cm.limits.wiring import conductors_of, free_beside
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import SiteState

__all__ = ["decide", "forbid_all"]


def decide(state: SiteState) -> dict[str, Setpoint]:
    """
    The setpoint of every EVSE: the minimum of all its ceilings and of its share.

    What EVSEs draw that cannot be reached, or do not take their orders, is not there to be
    shared by the others.
    """
    ceilings = {evse.name: ceiling(state, evse) for evse in state.evses.values()}
    online = [evse for evse in state.evses.values() if evse.link is Link.ONLINE]
    demands = {evse.name: _demand(state, evse, ceilings[evse.name]) for evse in online}
    lost = {
        evse.name: evse.may_draw_ma
        for evse in state.evses.values()
        if evse.link is not Link.ONLINE
    }
    shares = share(list(demands.values()), free_beside(state, lost))
    disobedient = {evse.name: evse.may_draw_ma for evse in online if evse.disobedient}
    if disobedient:
        # They are told what would be their share; the others live with what they may draw.
        others = [demand for name, demand in demands.items() if name not in disobedient]
        shares |= share(others, free_beside(state, lost | disobedient))
    return {
        evse.name: _setpoint(state, evse, ceilings[evse.name], shares.get(evse.name))
        for evse in state.evses.values()
    }


def _demand(state: SiteState, evse: Evse, lowest: Ceiling) -> Demand:
    return Demand(
        evse=evse.name,
        priority=evse.settings.priority,
        minimum_ma=-(-evse.settings.min_current_ma // GRAIN_MA) * GRAIN_MA,
        wanted_ma=lowest.current_ma // GRAIN_MA * GRAIN_MA,
        conductors=conductors_of(state, evse),
    )


def forbid_all(state: SiteState, why: str) -> dict[str, Setpoint]:
    """What to order when nothing could be decided."""
    reason = Reason(ReasonCode.DECISION_FAILED, why)
    return {name: Setpoint(0, reason) for name in state.evses}


def _setpoint(state: SiteState, evse: Evse, lowest: Ceiling, got: Share | None) -> Setpoint:
    if got is None or got.bound_by is None:
        current_ma = 0 if got is None else got.current_ma
        return Setpoint(current_ma, lowest.reason)
    bound = got.bound_by
    place = f"phase {bound.phase} of {bound.circuit}"
    if got.current_ma:
        return Setpoint(
            got.current_ma, Reason(ReasonCode.CIRCUIT, place, bound.circuit, bound.phase)
        )
    text = (
        f"{place} has {amps_text(got.left_ma)} left, "
        f"and {evse.name} needs {amps_text(evse.settings.min_current_ma)}"
        f"{_kept_for_others(state, bound)}"
    )
    return Setpoint(0, Reason(ReasonCode.CIRCUIT, text, bound.circuit, bound.phase))


def _kept_for_others(state: SiteState, bound: Conductor) -> str:
    """Whoever wonders why so little is left is told of the EVSEs that nobody can see."""
    kept = [
        f"{amps_text(evse.may_draw_ma)} for {evse.name}"
        for evse in state.evses.values()
        if (evse.link is not Link.ONLINE or evse.disobedient)
        and evse.may_draw_ma
        and bound in conductors_of(state, evse)
    ]
    if not kept:
        return ""
    more = f" and {len(kept) - 3} more" if len(kept) > 3 else ""
    return f"; kept: {', '.join(kept[:3])}{more}, not under control"
