"""
From one division of the current to the next without a moment in which a fuse is overloaded.

Decreases are ordered at once. An increase is ordered only out of what is left beside everything
that may still be in force, so it waits until the decreases that it relies on are confirmed.
Then, for every order, delay and loss of messages, the sum of what the EVSEs may draw fits.
"""

from __future__ import annotations

from collections.abc import Mapping

from cfos_cm.limits.share import GRAIN_MA, Conductor
from cfos_cm.limits.wiring import conductors_of, free_beside
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.state import SiteState

__all__ = ["orders"]


def orders(state: SiteState, targets: Mapping[str, Setpoint]) -> dict[str, Setpoint]:
    """
    What to order now on the way to C{targets}.

    @return: by EVSE; those that already obey their target, or still have an order to answer,
        or cannot be reached, are left out. Nothing at all while the site is only observed.
    """
    if state.observe_only:
        return {}
    free = free_beside(state, {evse.name: evse.may_draw_ma for evse in state.evses.values()})
    found: dict[str, Setpoint] = {}
    for name, target in targets.items():
        evse = state.evses[name]
        if evse.link is not Link.ONLINE or evse.ordered is not None:
            continue
        step = _step(evse, target, conductors_of(state, evse), free)
        if evse.stale or evse.confirmed is None or step.current_ma != evse.confirmed.current_ma:
            found[name] = step
    return found


def _step(
    evse: Evse,
    target: Setpoint,
    conductors: tuple[Conductor, ...],
    free: dict[Conductor, int],
) -> Setpoint:
    """The most of C{target} that is safe now; what an increase takes is taken from C{free}."""
    # More may be booked for it than was granted; if that is too much for a fuse, an order up to
    # what is booked could still be an increase.
    booked_ma, granted_ma = evse.may_draw_ma, evse.granted_ma
    if target.current_ma <= granted_ma:
        return target
    room_ma = min(free[conductor] for conductor in conductors)
    reachable_ma = (booked_ma + room_ma) // GRAIN_MA * GRAIN_MA
    current_ma = min(target.current_ma, reachable_ma)
    if current_ma < evse.settings.min_current_ma or current_ma <= granted_ma:
        # Nothing useful is free yet: it keeps what it has.
        return Setpoint(granted_ma, target.reason)
    for conductor in conductors:
        free[conductor] -= max(0, current_ma - booked_ma)
    return Setpoint(current_ma, target.reason)
