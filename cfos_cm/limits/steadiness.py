"""
What is borne for a while, so that cars are not started and paused for what soon passes.

A car that is paused takes a while to come back, and its contactor wears. So who charges goes
on with his minimum for some seconds in which the load is higher, as far as the reserve reaches;
and who does not is started when there was enough for some time. A shortage of a few hundred
milliamps is not worth an order at all while the reserve carries it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from itertools import chain

from attrs import frozen

from cfos_cm.electrical import ALL_PHASES
from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.share import Demand, Share, classes
from cfos_cm.site.state import SiteState

__all__ = [
    "NOTHING_TO_SPARE",
    "NOT_LASTING",
    "Leeway",
    "leeways",
    "starting_now",
    "with_leeway",
]

#: In the place of what is left: there is enough, but not for long enough,
NOT_LASTING = -1
#: or so little more that somebody would be paused as soon as the load rises.
NOTHING_TO_SPARE = -2

#: So much of the reserve may be used before anybody is told to take less.
_UNTOUCHED = 8


@frozen
class Leeway:
    """
    How far from its capacity a constraint may be used. [mA]

    @ivar for_minima: beyond it, by the minima of those who charge.
    @ivar for_what_is: beyond it, by what is in force.
    @ivar for_starts: short of it, by those who begin.
    @ivar for_others: short of that, so that others can give way to what comes next.
    """

    for_minima: int
    for_what_is: int
    for_starts: int
    for_others: int = 0


def leeways(state: SiteState, memory: Memory, *, is_crowd: bool) -> dict[Constraint, Leeway]:
    """
    The leeway of each phase of each circuit that is measured.

    @param is_crowd: there are many. Then who begins leaves as much as is kept free a second
        time: what a house takes more is taken from what all have beyond their minima, and
        nobody has to be paused for it. Where there are few, nobody waits for that.
    """
    found = {}
    for circuit in state.circuits.values():
        passing = memory.loads.passing(circuit.name)
        if passing is None:
            continue
        overdraft = memory.overdrafts.derating(circuit.name)
        kept = memory.kept(circuit)
        usable = circuit.usable_keeping(kept)
        for phase in ALL_PHASES:
            # What is left of the fuse at this moment, beyond what is counted on.
            cooled_ma = circuit.max_current[phase] - overdraft[phase]
            carried_ma = cooled_ma - passing.newest[phase]
            counted_on_ma = usable[phase] - passing.highest[phase]
            spare_ma = max(0, carried_ma - counted_on_ma)
            lately_ma = passing.highest[phase] - passing.lowest[phase]
            found[Constraint(circuit.name, phase)] = Leeway(
                min(spare_ma, lately_ma),
                min(spare_ma, (kept[phase] - overdraft[phase]) // _UNTOUCHED),
                passing.peak[phase] - passing.highest[phase],
                kept[phase] if is_crowd else 0,
            )
    return found


def starting_now(
    state: SiteState,
    demands: Sequence[Demand],
    free_ma: Mapping[Constraint, int],
    found: Mapping[Constraint, Leeway],
) -> dict[str, Share]:
    """
    Who is not to be started, because what there is for him may not last.

    @param demands: in the order of their turns.
    @return: by EVSE, what he has to wait for.
    """
    if not found:
        return {}
    now_ma = dict(free_ma)
    taken: set[Constraint] = set()
    waiting: dict[str, Share] = {}
    for demand in chain.from_iterable(classes(demands)):
        if demand.wanted_ma < demand.minimum_ma:
            continue
        left_ma = {one: now_ma[one] - times * demand.minimum_ma for one, times in demand.rows}
        if min(left_ma.values()) < 0:
            # There is nothing for him in the first place.
            continue
        if not state.evses[demand.evse].granted_ma:
            share = _wait(left_ma, found, taken)
            if share is not None:
                waiting[demand.evse] = share
                continue
        now_ma |= left_ma
        taken |= left_ma.keys()
    return waiting


def _wait(
    left_ma: Mapping[Constraint, int],
    found: Mapping[Constraint, Leeway],
    taken: Container[Constraint],
) -> Share | None:
    """
    What somebody has to wait for who would leave so much; C{None}: nothing. [mA]

    @param taken: what those use who come before him. Where nobody does nobody would be paused
        for him, or it is his turn.
    """
    for one, ma in left_ma.items():
        leeway = found.get(one)
        if leeway is not None and ma < leeway.for_starts:
            return Share(0, one, NOT_LASTING)
    for one, ma in left_ma.items():
        leeway = found.get(one)
        if leeway is None or one not in taken:
            continue
        if ma < leeway.for_starts + leeway.for_others:
            return Share(0, one, NOTHING_TO_SPARE)
    return None


def with_leeway(
    state: SiteState,
    demands: Sequence[Demand],
    free_ma: Mapping[Constraint, int],
    found: Mapping[Constraint, Leeway],
) -> dict[Constraint, int]:
    """
    What is free, where it is short by no more than what may be borne. [mA]

    @param demands: in the order of their turns.
    """
    borne = dict(free_ma)
    if not found:
        return borne
    left_ma = {one: free_ma[one] + leeway.for_minima for one, leeway in found.items()}
    minima, in_force = dict.fromkeys(found, 0), dict.fromkeys(found, 0)
    for demand in chain.from_iterable(classes(demands)):
        granted_ma = state.evses[demand.evse].granted_ma
        if not granted_ma or demand.wanted_ma < demand.minimum_ma:
            continue
        going_on_ma = min(granted_ma, demand.wanted_ma)
        rows = [(one, times) for one, times in demand.rows if one in found]
        for one, times in rows:
            in_force[one] += times * going_on_ma
        # Who does not fit even so is paused, and nobody gets what was borne for him.
        if all(left_ma[one] >= times * demand.minimum_ma for one, times in rows):
            for one, times in rows:
                left_ma[one] -= times * demand.minimum_ma
                minima[one] += times * demand.minimum_ma
    for one, leeway in found.items():
        what_is = min(in_force[one], free_ma[one] + leeway.for_what_is)
        borne[one] = max(free_ma[one], minima[one], what_is)
    return borne
