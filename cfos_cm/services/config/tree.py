"""The tree of the circuits in a C{tap.cfg}, and what adds up in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from cfos_cm.electrical import PhaseCurrents
from cfos_cm.services.config.sections import CircuitSection, MeterSection
from cfos_cm.site.meter import MeterRole

__all__ = ["loads", "main_fuses", "parents_first"]


def parents_first(circuits: tuple[CircuitSection, ...]) -> Iterator[CircuitSection]:
    """Each circuit once, after the one that feeds it; in the order of the file otherwise."""
    by_name = {one.name: one for one in circuits}
    done: set[str] = set()
    for circuit in circuits:
        above = []
        one: CircuitSection | None = circuit
        while one is not None and one.name not in done:
            done.add(one.name)
            above.append(one)
            one = by_name.get(one.parent) if one.parent else None
        yield from reversed(above)


def main_fuses(circuits: tuple[CircuitSection, ...]) -> dict[str, CircuitSection]:
    """For each circuit, by name, the one at the top that feeds it: itself if nothing does."""
    found: dict[str, CircuitSection] = {}
    for circuit in parents_first(circuits):
        found[circuit.name] = circuit if circuit.parent is None else found[circuit.parent]
    return found


def loads(
    circuits: tuple[CircuitSection, ...],
    meters: Collection[MeterSection],
    measured: Callable[[CircuitSection], PhaseCurrents],
) -> dict[str, PhaseCurrents]:
    """
    What each circuit, by name, carries besides EVSEs. [mA]

    @param measured: what is said for a circuit where a meter would say it: for all that it
        carries if it has a meter itself, else for what is not in the circuits below it.
    """
    consumes = {one.circuit for one in meters if one.role is MeterRole.CONSUMPTION}
    found: dict[str, PhaseCurrents] = {}
    below: dict[str, PhaseCurrents] = {}
    for circuit in reversed(list(parents_first(circuits))):
        has_meter = circuit.meter is not None
        knows = has_meter or circuit.name in consumes
        load = measured(circuit) if knows else circuit.assumed_load
        if not has_meter and circuit.name in below:
            load += below[circuit.name]
        found[circuit.name] = load
        if circuit.parent is not None:
            before = below.get(circuit.parent)
            below[circuit.parent] = load if before is None else before + load
    return found
