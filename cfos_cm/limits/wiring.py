"""Which constraints an EVSE's current is under, and what they have left."""

from __future__ import annotations

from collections.abc import Mapping

from cfos_cm.electrical import ALL_PHASES, Phase
from cfos_cm.limits.capacity import capacity_ma
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.memory import Memory
from cfos_cm.site.evse import ChargingMode, Evse
from cfos_cm.site.state import SiteState

__all__ = ["Rows", "Wiring"]

#: Each constraint that a current is under, and how many mA of it each mA takes.
Rows = tuple[tuple[Constraint, int], ...]

_WHOLE = (ConstraintKind.POWER, ConstraintKind.OUTSIDE)


class Wiring:
    """
    The constraints of a site as it is at one moment.

    What is found for one EVSE is kept for all that are wired like it.

    @ivar capacity_ma: what each constraint leaves for EVSEs, before any of them draws. [mA]
    """

    def __init__(
        self,
        state: SiteState,
        memory: Memory | None = None,
        before: Wiring | None = None,
    ) -> None:
        """
        @param memory: what is remembered of this very state; C{None}: nothing from before it.
        @param before: an earlier one; what was found then need not be sought again where the
            circuits are the same.
        """
        memory = Memory().after(state, 0.0) if memory is None else memory
        self.capacity_ma = capacity_ma(state, memory)
        self._state = state
        self._memory = memory
        # Each constraint is one object: who looks it up need not compare names.
        self._own: Mapping[Constraint, Constraint]
        self._found: dict[tuple[str, tuple[Phase, ...], bool], Rows]
        if before is not None and before._is_of(state, self.capacity_ma):
            self._own, self._found = before._own, before._found
        else:
            self._own = {constraint: constraint for constraint in self.capacity_ma}
            self._found = {}

    def _is_of(self, state: SiteState, capacity_ma: Mapping[Constraint, int]) -> bool:
        return self._state.circuits is state.circuits and self._own.keys() == capacity_ma.keys()

    def rows_of(self, evse: Evse) -> Rows:
        """
        The phases that it may load, and all else that is limited, of each circuit from its own
        up to the main fuse.

        @raise KeyError: if one of these circuits is not there.
        """
        settings, phases = evse.settings, self._memory.may_load(evse)
        wired = settings.circuit, phases, settings.mode is ChargingMode.SURPLUS
        found = self._found.get(wired)
        if found is None:
            found = self._found[wired] = self._rows(*wired)
        return found

    def free_beside(self, drawn_ma: Mapping[str, int]) -> dict[Constraint, int]:
        """
        What each constraint can carry beside what some EVSEs draw.

        Nobody's draw is missing in the surplus, which is what others do not draw anyway, and is
        no fuse.

        @param drawn_ma: by EVSE. [mA per phase]
        @return: negative where it is too much already. [mA]
        @raise KeyError: if one of these EVSEs, or a circuit that feeds it, is not there.
        """
        free = dict(self.capacity_ma)
        together: dict[Rows, int] = {}
        for name, current_ma in drawn_ma.items():
            if current_ma:
                rows = self.rows_of(self._state.evses[name])
                together[rows] = together.get(rows, 0) + current_ma
        for rows, current_ma in together.items():
            for constraint, times in rows:
                if constraint.kind is not ConstraintKind.SURPLUS:
                    free[constraint] -= times * current_ma
        return free

    def _rows(self, circuit: str, phases: tuple[Phase, ...], by_surplus: bool) -> Rows:
        found: list[tuple[Constraint, int]] = []
        path = self._state.path(circuit)
        for one in path:
            found += ((self._own[Constraint(one.name, phase)], 1) for phase in phases)
            whole = (Constraint(one.name, None, kind) for kind in _WHOLE)
            found += ((self._own[each], len(phases)) for each in whole if each in self._own)
            if len(phases) < len(ALL_PHASES):
                uneven = (
                    Constraint(one.name, phase, ConstraintKind.IMBALANCE) for phase in phases
                )
                found += ((self._own[each], 1) for each in uneven if each in self._own)
        if by_surplus:
            surplus = Constraint(path[-1].name, None, ConstraintKind.SURPLUS)
            if surplus in self._own:
                found.append((self._own[surplus], len(phases)))
        return tuple(found)
