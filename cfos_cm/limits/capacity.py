"""What each constraint leaves for EVSEs, before any of them draws."""

from __future__ import annotations

from collections.abc import Iterator

from cfos_cm.electrical import ALL_PHASES, NO_CURRENT, NOMINAL_VOLTAGE_V, PhaseCurrents
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.memory import Memory
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse
from cfos_cm.site.state import SiteState

__all__ = ["capacity_ma"]


def capacity_ma(state: SiteState, memory: Memory) -> dict[Constraint, int]:
    """
    What the EVSEs together may draw.

    @return: for every constraint that there is now; negative where something else draws too
        much already. [mA]
    """
    found: dict[Constraint, int] = {}
    for circuit in state.circuits.values():
        load = memory.loads.of(circuit.name)
        # Where nobody knows what it carries, nothing is left.
        load = circuit.max_current if load is None else load
        usable = circuit.usable_keeping(memory.kept(circuit)) - load
        for phase in ALL_PHASES:
            found[Constraint(circuit.name, phase)] = usable[phase]
        if circuit.max_power_w is not None:
            power = Constraint(circuit.name, None, ConstraintKind.POWER)
            found[power] = _summed_ma(circuit.max_power_w) - load.total()
        found.update(_outside(state, circuit, load))
    found.update(_imbalances(state, memory))
    for main, free_ma in memory.surplus.rows_ma.items():
        found[Constraint(main, None, ConstraintKind.SURPLUS)] = free_ma
    return found


def _summed_ma(power_w: int) -> int:
    """A power as the sum of the currents on all phases, rounded down. [mA]"""
    return power_w * 1000 // NOMINAL_VOLTAGE_V


def _outside(
    state: SiteState, circuit: CircuitSettings, load: PhaseCurrents
) -> dict[Constraint, int]:
    """What others allow it; the strictest of them counts."""
    allowed = [
        _summed_ma(limit.max_power_w) - (0 if limit.evses_only else load.total())
        for limit in state.outside_limits.values()
        if limit.circuit == circuit.name
    ]
    constraint = Constraint(circuit.name, None, ConstraintKind.OUTSIDE)
    return {constraint: min(allowed)} if allowed else {}


def _imbalances(state: SiteState, memory: Memory) -> Iterator[tuple[Constraint, int]]:
    """
    What those who do not load all phases may draw on each of them.

    No more than the permitted difference above what the least loaded phase really carries of
    such loads, so that the difference is kept whatever they do.
    """
    for circuit in state.circuits.values():
        if not circuit.max_imbalance_ma:
            continue
        drawn = _unequal(state, memory, circuit.name)
        load = memory.loads.compared(circuit.name)
        load = NO_CURRENT if load is None else load
        least_ma = min(drawn[phase] + load[phase] for phase in ALL_PHASES)
        for phase in ALL_PHASES:
            constraint = Constraint(circuit.name, phase, ConstraintKind.IMBALANCE)
            yield constraint, circuit.max_imbalance_ma + least_ma - load[phase]


def _unequal(state: SiteState, memory: Memory, circuit: str) -> PhaseCurrents:
    """
    What is measured at the EVSEs in a circuit that do not load all phases. [mA]

    Who is told to take less counts as if he did already: others need not wait for it.
    """
    total = NO_CURRENT
    for evse in state.evses.values():
        if evse.measured is None or len(memory.may_load(evse)) == len(ALL_PHASES):
            continue
        if any(one.name == circuit for one in state.path(evse.settings.circuit)):
            # The sign only says which way round a transformer is mounted.
            drawn, told_ma = evse.measured.map(abs), _least_told_ma(evse)
            total = total + PhaseCurrents(*(min(drawn[one], told_ma) for one in ALL_PHASES))
    return total


def _least_told_ma(evse: Evse) -> int:
    """The least of what it obeys and what it is being told. [mA per phase]"""
    told = [one.current_ma for one in (evse.confirmed, evse.ordered) if one is not None]
    return min(told, default=evse.settings.max_current_ma)
