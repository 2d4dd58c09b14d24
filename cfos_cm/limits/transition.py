"""
From one division of the current to the next without a moment in which a fuse is overloaded.

Decreases are ordered at once. An increase is ordered only out of what is left beside everything
that may still be in force, so it waits until the decreases that it relies on are confirmed.
Then, for every order, delay and loss of messages, the sum of what the EVSEs may draw fits.
"""

from __future__ import annotations

from collections.abc import Mapping

from cfos_cm.limits.share import GRAIN_MA, Conductor
from cfos_cm.limits.wiring import Wiring
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.state import SiteState

__all__ = ["orders", "pauses"]


def orders(state: SiteState, targets: Mapping[str, Setpoint]) -> dict[str, Setpoint]:
    """
    What to order now on the way to C{targets}.

    @return: by EVSE; those that already obey their target, or still have an order to answer,
        or cannot be reached, are left out. Nothing at all while the site is only observed.
    """
    if state.observe_only:
        return {}
    wiring = Wiring(state)
    booked = {name: evse.may_draw_ma for name, evse in state.evses.items()}
    free = wiring.free_beside(booked)
    found: dict[str, Setpoint] = {}
    for name, target in targets.items():
        evse = state.evses[name]
        if evse.link is not Link.ONLINE or evse.ordered is not None:
            continue
        step = target
        if target.current_ma > evse.granted_ma:
            step = _increase(evse, target, wiring.conductors_of(evse), free)
        if evse.stale or evse.confirmed is None or step.current_ma != evse.confirmed.current_ma:
            found[name] = step
    return found


def _increase(
    evse: Evse,
    target: Setpoint,
    conductors: tuple[Conductor, ...],
    free: dict[Conductor, int],
) -> Setpoint:
    """The most of C{target} that is safe now; what it takes is taken from C{free}."""
    # More may be booked for it than was granted; if that is too much for a fuse, an order up to
    # what is booked could still be an increase.
    booked_ma, granted_ma = evse.may_draw_ma, evse.granted_ma
    room_ma = min(free[conductor] for conductor in conductors)
    reachable_ma = (booked_ma + room_ma) // GRAIN_MA * GRAIN_MA
    current_ma = min(target.current_ma, reachable_ma)
    if current_ma < evse.settings.min_current_ma or current_ma <= granted_ma:
        # Nothing useful is free yet: it keeps what it has.
        return Setpoint(granted_ma, target.reason)
    for conductor in conductors:
        free[conductor] -= max(0, current_ma - booked_ma)
    return Setpoint(current_ma, target.reason)


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
        and (evse.stale or evse.confirmed is None or evse.confirmed.current_ma > 0)
    }
