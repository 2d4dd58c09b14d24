"""Which conductors carry an EVSE's current, and what they have left."""

from __future__ import annotations

from collections.abc import Mapping

from cfos_cm.electrical import ALL_PHASES
from cfos_cm.limits.share import Conductor
from cfos_cm.site.evse import Evse
from cfos_cm.site.state import SiteState

__all__ = ["conductors_of", "free_beside"]


def conductors_of(state: SiteState, evse: Evse) -> tuple[Conductor, ...]:
    """Each phase that it is wired to, of each circuit from its own up to the main fuse."""
    return tuple(
        Conductor(circuit.name, phase)
        for circuit in state.path(evse.settings.circuit)
        for phase in evse.settings.phases
    )


def free_beside(state: SiteState, drawn_ma: Mapping[str, int]) -> dict[Conductor, int]:
    """
    What each conductor can carry beside what some EVSEs draw.

    @param drawn_ma: by EVSE. [mA per phase]
    @return: negative where it is too much already. [mA]
    """
    free = {
        Conductor(circuit.name, phase): circuit.usable_ma
        for circuit in state.circuits.values()
        for phase in ALL_PHASES
    }
    for name, current_ma in drawn_ma.items():
        for conductor in conductors_of(state, state.evses[name]):
            free[conductor] -= current_ma
    return free
