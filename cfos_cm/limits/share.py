"""
Sharing what is left of the constraints of a site.

Higher classes are served first. Inside a class EVSEs are admitted at their minimum, in the
order given, as long as every constraint above them has room for it; then all rise together,
each until it has enough or one of its constraints is full (L{cfos_cm.limits.tide}).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from cfos_cm.electrical import OCPP_STEPS, CurrentSteps
from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.supply import Group, Path, Riser, Supply, obstacle, separate, take
from cfos_cm.limits.tide import MAX_WEIGHT, Tide
from cfos_cm.site.policy import Sharing

__all__ = ["MAX_WEIGHT", "Demand", "Share", "Sharing", "classes", "share"]

#: What a priority is where nothing is said of it.
_USUAL_PRIORITY = 1


@frozen
class Demand:
    """
    What one EVSE could use.

    @ivar minimum_ma: less is of no use to it. [mA per phase]
    @ivar wanted_ma: more is not allowed, or of no use. [mA per phase]
    @ivar rows: each constraint above it, and how many mA of that each of its mA takes: 1 of
        the current on a phase, the number of its phases of a power.
    @ivar priority: of each circuit above it, from the main fuse down, and its own at last; the
        first that differs decides, higher is served first. One that is missing is 1.
    @ivar weight: how many times as much as others of its class it gets; 1 to L{MAX_WEIGHT}.
    @ivar steps: the currents that it can take.
    """

    evse: str
    minimum_ma: int
    wanted_ma: int
    rows: tuple[tuple[Constraint, int], ...]
    priority: tuple[int, ...] = (_USUAL_PRIORITY,)
    weight: int = 1
    steps: CurrentSteps = OCPP_STEPS
    has_ma: int = 0


@frozen
class Share:
    """
    What one EVSE gets.

    @ivar current_ma: 0, or one of its steps, from its minimum to what it wants. [mA per phase]
    @ivar bound_by: what has no room for its next step, or its minimum; C{None}: it has all
        that it can use of what it wants.
    @ivar left_ma: what was left there, for the reason's text. [mA]
    """

    current_ma: int
    bound_by: Constraint | None
    left_ma: int = 0


def share(
    demands: Sequence[Demand],
    free_ma: Mapping[Constraint, int],
    sharing: Sharing = Sharing.STRICT,
) -> dict[str, Share]:
    """
    Divide what is free.

    @param demands: in the order in which the minimum is granted when it does not reach all.
    @param free_ma: what each constraint has left; negative counts as nothing. [mA]
    @return: a share for each demand, by EVSE.
    @raise KeyError: if nothing is known of a constraint.
    @raise ValueError: if a demand is under no constraint, or takes nothing of one, or has a
        weight that is not allowed.
    """
    paths = _Paths(free_ma)
    shares: dict[str, Share] = {}
    tides: Iterable[Tide] = (_admit(each, paths, shares) for each in classes(demands))
    if sharing is Sharing.MIN_FIRST:
        tides = list(tides)
    for tide in tides:
        tide.rise()
        for riser in tide.risers:
            shares[riser.evse] = Share(riser.current_ma, riser.bound_by, riser.left_ma)
    return shares


def classes(demands: Sequence[Demand]) -> list[list[Demand]]:
    """Those who have the same priority, the highest first."""
    longest = max((len(demand.priority) for demand in demands), default=0)
    members: dict[tuple[int, ...], list[Demand]] = {}
    for demand in demands:
        missing = longest - len(demand.priority)
        members.setdefault(demand.priority + (_USUAL_PRIORITY,) * missing, []).append(demand)
    return [members[priority] for priority in sorted(members, reverse=True)]


def _admit(members: Iterable[Demand], paths: _Paths, shares: dict[str, Share]) -> Tide:
    """Grant each its minimum if there is room for it, and say what the others get."""
    groups: dict[int, Group] = {}
    asking = []
    for demand in members:
        group = groups.get(id(demand.rows))
        if group is None:
            group = groups[id(demand.rows)] = Group(paths.of(demand))
        riser = _riser(demand, group)
        if riser is None:
            shares[demand.evse] = Share(0, None)
        else:
            group.asked_ma += riser.minimum_ma
            asking.append((riser, demand.has_ma))
    separate(groups.values())
    admitted: list[tuple[int, int, Riser]] = []
    for riser, has_ma in asking:
        group = riser.group
        full = obstacle(group.loose, riser.minimum_ma)
        if full is None:
            take(group.loose, riser.minimum_ma)
            group.taken_ma += riser.minimum_ma
            admitted.append((-has_ma, len(admitted), riser))
        else:
            shares[riser.evse] = Share(0, full.constraint, full.free_ma)
    for group in groups.values():
        take(group.wide, group.taken_ma)
        group.taken_ma = 0
    # Of equals who has more keeps it, so that no two change places for nothing.
    return Tide([riser for *_, riser in sorted(admitted)], groups.values())


def _riser(demand: Demand, group: Group) -> Riser | None:
    """C{None} where nothing that it wants is of use to it."""
    weight, steps = demand.weight, demand.steps
    if not 1 <= weight <= MAX_WEIGHT:
        raise ValueError(f"{demand.evse} has weight {weight}; allowed: 1 to {MAX_WEIGHT}")
    minimum_ma = steps.at_least(demand.minimum_ma)
    top_ma = steps.at_most(demand.wanted_ma)
    if minimum_ma is None or top_ma < minimum_ma:
        return None
    return Riser(demand.evse, group, minimum_ma, top_ma, weight, steps)


class _Paths:
    """What is left, as it lies above each EVSE."""

    def __init__(self, free_ma: Mapping[Constraint, int]) -> None:
        self._free_ma = free_ma
        self._supplies: dict[Constraint, Supply] = {}

    def of(self, demand: Demand) -> Path:
        """
        The path of what feeds it.

        @raise KeyError: if nothing is known of one of its constraints.
        @raise ValueError: if it has none, or takes nothing of one.
        """
        if not demand.rows:
            raise ValueError(f"{demand.evse} is under no constraint; at least one is needed")
        path: dict[Supply, int] = {}
        for constraint, times in demand.rows:
            if times < 1:
                raise ValueError(
                    f"{demand.evse} takes {times} mA of {constraint} for each of its mA; "
                    "allowed: 1 and more"
                )
            supply = self._supply(constraint)
            path[supply] = path.get(supply, 0) + times
        return tuple(path.items())

    def _supply(self, constraint: Constraint) -> Supply:
        supply = self._supplies.get(constraint)
        if supply is None:
            free_ma = max(0, self._free_ma[constraint])
            supply = self._supplies[constraint] = Supply(constraint, free_ma)
        return supply
