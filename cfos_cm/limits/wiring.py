"""Which conductors carry an EVSE's current, and what they have left."""

from __future__ import annotations

from collections.abc import Mapping

from cfos_cm.electrical import ALL_PHASES, Phase
from cfos_cm.limits.share import Conductor
from cfos_cm.site.evse import Evse
from cfos_cm.site.state import SiteState

__all__ = ["Wiring"]


class Wiring:
    """
    The conductors of a site as it is in one state.

    What is found for one EVSE is kept for all that are wired like it.
    """

    def __init__(self, state: SiteState) -> None:
        self._state = state
        # Each conductor is one object, so that those who look it up need not compare names.
        self._of_circuit = {
            name: {phase: Conductor(name, phase) for phase in ALL_PHASES}
            for name in state.circuits
        }
        self._found: dict[tuple[str, tuple[Phase, ...]], tuple[Conductor, ...]] = {}

    def conductors_of(self, evse: Evse) -> tuple[Conductor, ...]:
        """
        Each phase that it is wired to, of each circuit from its own up to the main fuse.

        @raise KeyError: if one of these circuits is not there.
        """
        return self._conductors(evse.settings.circuit, evse.settings.phases)

    def free_beside(self, drawn_ma: Mapping[str, int]) -> dict[Conductor, int]:
        """
        What each conductor can carry beside what some EVSEs draw.

        @param drawn_ma: by EVSE. [mA per phase]
        @return: negative where it is too much already. [mA]
        @raise KeyError: if one of these EVSEs, or a circuit that feeds it, is not there.
        """
        free = {
            conductor: circuit.usable_ma
            for circuit in self._state.circuits.values()
            for conductor in self._of_circuit[circuit.name].values()
        }
        for (circuit, phases), current_ma in self._drawn_together(drawn_ma).items():
            for conductor in self._conductors(circuit, phases):
                free[conductor] -= current_ma
        return free

    def _drawn_together(
        self, drawn_ma: Mapping[str, int]
    ) -> dict[tuple[str, tuple[Phase, ...]], int]:
        """What all that are wired alike draw."""
        together: dict[tuple[str, tuple[Phase, ...]], int] = {}
        for name, current_ma in drawn_ma.items():
            settings = self._state.evses[name].settings
            wired = settings.circuit, settings.phases
            together[wired] = together.get(wired, 0) + current_ma
        return together

    def _conductors(self, circuit: str, phases: tuple[Phase, ...]) -> tuple[Conductor, ...]:
        wired = circuit, phases
        found = self._found.get(wired)
        if found is None:
            found = self._found[wired] = tuple(
                self._of_circuit[one.name][phase]
                for one in self._state.path(circuit)
                for phase in phases
            )
        return found
