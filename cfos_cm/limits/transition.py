"""
From one division of the current to the next without a moment in which a fuse is overloaded.

Decreases are ordered at once. An increase is ordered only out of what is left beside everything
that may still be in force, so it waits until the decreases that it relies on are confirmed, by
the EVSE and by its meter. Then, for every order, delay and loss of messages, the sum of what
the EVSEs may draw fits.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.settling import Change
from cfos_cm.limits.wiring import Rows, Wiring
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.state import SiteState

__all__ = ["DEAD_BAND_MA", "DEAD_BAND_S", "orders", "pauses"]

#: Less than so much more is not worth an order, [mA per phase]
DEAD_BAND_MA = 1000
#: unless nothing has changed for so long. [s]
DEAD_BAND_S = 30.0


def orders(
    state: SiteState,
    targets: Mapping[str, Setpoint],
    memory: Memory | None = None,
    wiring: Wiring | None = None,
) -> dict[str, Setpoint]:
    """
    What to order now on the way to C{targets}.

    @param memory: what is remembered of this very state; C{None}: nothing from before it.
    @param wiring: that of both; C{None}: it is made.
    @return: by EVSE; those that already obey their target, or still have an order to answer,
        or cannot be reached, are left out. Nothing at all while the site is only observed.
    """
    if state.observe_only:
        return {}
    memory = Memory().after(state, 0.0) if memory is None else memory
    wiring = Wiring(state, memory) if wiring is None else wiring
    booked = {name: memory.settling.booked_ma(evse) for name, evse in state.evses.items()}
    free = wiring.free_beside(booked)
    found: dict[str, Setpoint] = {}
    # Those who have least come first, so that nobody is passed over while decreases trickle in.
    for evse in sorted((state.evses[name] for name in targets), key=_granted_ma):
        if evse.link is not Link.ONLINE or evse.ordered is not None or evse.is_left_alone:
            continue
        step = target = targets[evse.name]
        if target.current_ma > evse.granted_ma:
            change = memory.settling.of(evse)
            if _is_worth_it(evse, target, change, memory.now_s):
                step = _increase(evse, target, booked[evse.name], wiring.rows_of(evse), free)
            else:
                step = Setpoint(evse.granted_ma, target.reason, target.phases)
        if _adds_phases(step, evse) and min(free[one] for one, _ in wiring.rows_of(evse)) < 0:
            # Others have to make room on the phases that it does not load yet.
            step = evolve(step, phases=evse.confirmed.phases if evse.confirmed else None)
        if evse.stale or not _is_same(step, evse):
            found[evse.name] = step
    return found


def _granted_ma(evse: Evse) -> int:
    return evse.granted_ma


def _is_same(step: Setpoint, evse: Evse) -> bool:
    """Whether it obeys that already, and may obey nothing above it."""
    confirmed = evse.confirmed
    return (
        confirmed is not None
        and step.current_ma == confirmed.current_ma
        and step.phases == confirmed.phases
        # Such as what it falls back to, until it is told how much its transaction may have.
        and evse.unanswered_ma <= step.current_ma
    )


def _adds_phases(step: Setpoint, evse: Evse) -> bool:
    """Whether it charges, and would do so on more phases than it was told last."""
    wired, confirmed = len(evse.settings.phases), evse.confirmed
    if confirmed is None or not confirmed.current_ma or not step.current_ma:
        return False
    return (step.phases or wired) > (confirmed.phases or wired)


def _is_worth_it(evse: Evse, target: Setpoint, change: Change | None, now_s: float) -> bool:
    """Whether an increase is not so small that it can wait for more."""
    if target.current_ma - evse.granted_ma >= DEAD_BAND_MA or change is None:
        return True
    return now_s - change.since_s >= DEAD_BAND_S


def _increase(
    evse: Evse, target: Setpoint, booked_ma: int, rows: Rows, free: dict[Constraint, int]
) -> Setpoint:
    """The most of C{target} that is safe now; what it takes is taken from C{free}."""
    # More may be booked for it than was granted; if that is too much for a fuse, an order up to
    # what is booked could still be an increase.
    granted_ma = evse.granted_ma
    room_ma = min(free[constraint] // times for constraint, times in rows)
    steps = evse.settings.steps
    current_ma = min(target.current_ma, steps.at_most(max(0, booked_ma + room_ma)))
    if current_ma < evse.settings.min_current_ma or current_ma <= granted_ma:
        # Nothing useful is free yet: it keeps what it has.
        return Setpoint(granted_ma, target.reason, target.phases)
    for constraint, times in rows:
        free[constraint] -= times * max(0, current_ma - booked_ma)
    return Setpoint(current_ma, target.reason, target.phases)


def pauses(state: SiteState, targets: Mapping[str, Setpoint]) -> dict[str, Setpoint]:
    """
    The orders that end charging, where L{orders} is not to be relied on.

    It looks at nothing but the EVSE itself, for what could not be decided may be the wiring.

    @param targets: of 0 A, for every EVSE; they say why.
    """
    return {
        evse.name: targets[evse.name]
        for evse in state.evses.values()
        if not state.observe_only
        and evse.link is Link.ONLINE
        and evse.ordered is None
        and not evse.is_left_alone
        and (evse.stale or evse.confirmed is None or evse.granted_ma > 0)
    }
