"""The decision: the current that each EVSE should have, and the constraint that binds it."""

from __future__ import annotations

from cfos_cm.limits.catalog import ceiling
from cfos_cm.limits.ceiling import Ceiling
from cfos_cm.limits.explanation import Explanation
from cfos_cm.limits.share import GRAIN_MA, Demand, Share, share
from cfos_cm.limits.wiring import Wiring
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
    wiring = Wiring(state)
    ceilings = {evse.name: ceiling(state, evse) for evse in state.evses.values()}
    shares = _shares(state, wiring, ceilings)
    explanation = Explanation(state, wiring)
    return {
        name: _setpoint(evse, ceilings[name], shares.get(name), explanation)
        for name, evse in state.evses.items()
    }


def _shares(state: SiteState, wiring: Wiring, ceilings: dict[str, Ceiling]) -> dict[str, Share]:
    """What those get that are connected and that no rule forbids to charge."""
    demands = [
        _demand(wiring, evse, ceilings[name])
        for name, evse in state.evses.items()
        if evse.link is Link.ONLINE and ceilings[name].current_ma
    ]
    out_of_reach = {
        name: evse.may_draw_ma
        for name, evse in state.evses.items()
        if evse.link is not Link.ONLINE
    }
    shares = share(demands, wiring.free_beside(out_of_reach))
    disobedient = {
        name: evse.may_draw_ma
        for name, evse in state.evses.items()
        if evse.disobedient and evse.link is Link.ONLINE
    }
    if disobedient:
        # They are told what would be their share; the others live with what they may draw.
        others = [demand for demand in demands if demand.evse not in disobedient]
        shares |= share(others, wiring.free_beside(out_of_reach | disobedient))
    return shares


def _demand(wiring: Wiring, evse: Evse, lowest: Ceiling) -> Demand:
    settings = evse.settings
    return Demand(
        evse=settings.name,
        priority=settings.priority,
        minimum_ma=-(-settings.min_current_ma // GRAIN_MA) * GRAIN_MA,
        wanted_ma=lowest.current_ma // GRAIN_MA * GRAIN_MA,
        conductors=wiring.conductors_of(evse),
    )


def forbid_all(state: SiteState, why: str) -> dict[str, Setpoint]:
    """What to order when nothing could be decided."""
    reason = Reason(ReasonCode.DECISION_FAILED, why)
    return {name: Setpoint(0, reason) for name in state.evses}


def _setpoint(
    evse: Evse, lowest: Ceiling, got: Share | None, explanation: Explanation
) -> Setpoint:
    if got is None:
        return Setpoint(0, lowest.reason)
    if got.bound_by is None:
        return Setpoint(got.current_ma, lowest.reason)
    if got.current_ma:
        return Setpoint(got.current_ma, explanation.full(got.bound_by))
    return Setpoint(0, explanation.too_little(got.bound_by, got.left_ma, evse))
