"""The decision: the current that each EVSE should have, and the constraint that binds it."""

from __future__ import annotations

from collections.abc import Mapping

from cfos_cm.electrical import CurrentSteps
from cfos_cm.limits.ceiling import Ceiling
from cfos_cm.limits.explanation import Explanation
from cfos_cm.limits.habits import lowest
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.share import Demand, Share, share
from cfos_cm.limits.steadiness import (
    NOT_LASTING,
    NOTHING_TO_SPARE,
    leeways,
    starting_now,
    with_leeway,
)
from cfos_cm.limits.wiring import Wiring
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import SiteState

__all__ = ["decide", "forbid_all"]

#: More than so many share in whole amperes.
CROWD = 8
_WHOLE_AMPS = CurrentSteps(1000)

#: Below every priority that can be configured.
_LAST = (-1,)


def decide(
    state: SiteState, memory: Memory | None = None, wiring: Wiring | None = None
) -> dict[str, Setpoint]:
    """
    The setpoint of every EVSE: the minimum of all its ceilings and of its share.

    What EVSEs draw that cannot be reached, or do not take their orders, is not there to be
    shared by the others.

    @param memory: what is remembered of this very state; C{None}: nothing from before it.
    @param wiring: that of both; C{None}: it is made.
    """
    memory = Memory().after(state, 0.0) if memory is None else memory
    wiring = Wiring(state, memory) if wiring is None else wiring
    ceilings = {name: lowest(memory, evse) for name, evse in state.evses.items()}
    shares = _shares(state, memory, wiring, ceilings)
    explanation = Explanation(state, memory, wiring)
    return {
        name: _setpoint(
            evse,
            ceilings[name],
            shares.get(name),
            explanation,
            memory.choice.phases_of(evse),
        )
        for name, evse in state.evses.items()
    }


def _shares(
    state: SiteState, memory: Memory, wiring: Wiring, ceilings: Mapping[str, Ceiling]
) -> dict[str, Share]:
    """What those get that are connected and that no rule forbids to charge."""
    wanting = [
        evse
        for name, evse in state.evses.items()
        if evse.link is Link.ONLINE and ceilings[name].current_ma
    ]
    is_crowd = len(wanting) > CROWD
    demands = [
        _demand(state, memory, wiring, evse, ceilings[evse.name], is_crowd)
        for evse in memory.turns.order(wanting)
    ]
    out_of_reach = {
        name: memory.settling.booked_ma(evse)
        for name, evse in state.evses.items()
        if evse.link is not Link.ONLINE or evse.is_left_alone
    }
    sharing = state.policy.sharing
    free_ma = wiring.free_beside(out_of_reach)
    leeway = leeways(state, memory, is_crowd=is_crowd)
    waiting = starting_now(state, demands, free_ma, leeway)
    demands = [demand for demand in demands if demand.evse not in waiting]
    shares = share(demands, with_leeway(state, demands, free_ma, leeway), sharing)
    shares |= waiting
    disobedient = {
        name: memory.settling.booked_ma(evse)
        for name, evse in state.evses.items()
        if evse.link is Link.ONLINE and (evse.disobedient or memory.settling.exceeds(evse))
    }
    if disobedient:
        # They are told what would be their share; the others live with what they may draw.
        others = [demand for demand in demands if demand.evse not in disobedient]
        shares |= share(others, wiring.free_beside(out_of_reach | disobedient), sharing)
    return shares


def _demand(
    state: SiteState,
    memory: Memory,
    wiring: Wiring,
    evse: Evse,
    ceiling: Ceiling,
    is_crowd: bool,
) -> Demand:
    settings = evse.settings
    steps = settings.steps
    if is_crowd:
        steps = _in_a_crowd(steps, settings.min_current_ma, ceiling.current_ma)
    minimum_ma = steps.at_least(settings.min_current_ma)
    return Demand(
        evse=settings.name,
        minimum_ma=ceiling.current_ma + 1 if minimum_ma is None else minimum_ma,
        wanted_ma=steps.at_most(ceiling.current_ma),
        rows=wiring.rows_of(evse),
        priority=_LAST if memory.appetites.is_idle(evse) else _priority(state, evse),
        weight=settings.weight,
        steps=steps,
        has_ma=evse.granted_ma,
    )


def _in_a_crowd(steps: CurrentSteps, from_ma: int, to_ma: int) -> CurrentSteps:
    """
    What is worth an order where many share.

    When a house takes 10 A more, ten cars give 1 A each rather than a hundred 0.1 A; and they
    give it as fast. Who has no whole ampere between his least and his most takes finer steps.
    """
    if steps.only_ma or steps.grain_ma >= _WHOLE_AMPS.grain_ma:
        return steps
    least_ma = _WHOLE_AMPS.at_least(from_ma)
    return steps if least_ma is None or least_ma > to_ma else _WHOLE_AMPS


def _priority(state: SiteState, evse: Evse) -> tuple[int, ...]:
    """The priorities along its path: of the circuits below the main fuse, then its own."""
    path = state.path(evse.settings.circuit)
    return (*(one.priority for one in reversed(path[:-1])), evse.settings.priority)


def forbid_all(state: SiteState, why: str) -> dict[str, Setpoint]:
    """What to order when nothing could be decided."""
    reason = Reason(ReasonCode.DECISION_FAILED, why)
    return {name: Setpoint(0, reason) for name in state.evses}


def _setpoint(
    evse: Evse,
    ceiling: Ceiling,
    got: Share | None,
    explanation: Explanation,
    phases: int | None,
) -> Setpoint:
    if got is None:
        return Setpoint(0, ceiling.reason, phases)
    if got.bound_by is None:
        return Setpoint(got.current_ma, ceiling.reason, phases)
    if got.current_ma:
        return Setpoint(got.current_ma, explanation.full(got.bound_by, evse), phases)
    if got.left_ma == NOT_LASTING:
        return Setpoint(0, explanation.not_lasting(got.bound_by), phases)
    if got.left_ma == NOTHING_TO_SPARE:
        return Setpoint(0, explanation.nothing_to_spare(got.bound_by), phases)
    reason = explanation.too_little(got.bound_by, got.left_ma, evse)
    return Setpoint(0, reason, phases)
