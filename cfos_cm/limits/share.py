"""
Sharing what the circuits have left.

Higher priorities are served first. Inside a priority EVSEs are admitted at their minimum, in
the order given, as long as every circuit above them carries it; then all rise together, each
until it has enough or a phase of a circuit above it is full. The result is max-min fair: nobody
could get more without taking it from somebody who has no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from cfos_cm.electrical import Phase

__all__ = ["GRAIN_MA", "Conductor", "Demand", "Share", "share"]

#: OCPP 1.6, ChargingSchedulePeriod: a limit has one decimal. [mA]
GRAIN_MA = 100


@frozen
class Conductor:
    """One phase of one circuit."""

    circuit: str
    phase: Phase


@frozen
class Demand:
    """
    What one EVSE could use.

    @ivar minimum_ma: less is of no use to it; whole grains. [mA per phase]
    @ivar wanted_ma: more is not allowed, or of no use; whole grains. [mA per phase]
    @ivar conductors: all that carry its current.
    """

    evse: str
    priority: int
    minimum_ma: int
    wanted_ma: int
    conductors: tuple[Conductor, ...]


@frozen
class Share:
    """
    What one EVSE gets.

    @ivar current_ma: 0, or from the demand's minimum to what is wanted. [mA per phase]
    @ivar bound_by: the conductor that is full; C{None} when the EVSE has all that it wanted.
    @ivar left_ma: what that conductor has left, for the reason's text. [mA]
    """

    current_ma: int
    bound_by: Conductor | None
    left_ma: int = 0


def share(demands: Sequence[Demand], free_ma: Mapping[Conductor, int]) -> dict[str, Share]:
    """
    Divide what is free.

    @param demands: in the order in which the minimum is granted when it does not reach all.
    @param free_ma: what each conductor can still carry; negative counts as nothing. [mA]
    @return: a share for each demand, by EVSE.
    """
    free = dict(free_ma)
    shares: dict[str, Share] = {}
    for priority in sorted({demand.priority for demand in demands}, reverse=True):
        served = [demand for demand in demands if demand.priority == priority]
        admitted = _admit(served, free, shares)
        _raise_together(admitted, free, shares)
    return shares


def _admit(
    demands: Iterable[Demand], free: dict[Conductor, int], shares: dict[str, Share]
) -> list[Demand]:
    admitted = []
    for demand in demands:
        tightest = min(demand.conductors, key=free.__getitem__)
        if demand.wanted_ma < demand.minimum_ma:
            shares[demand.evse] = Share(0, None)
        elif free[tightest] < demand.minimum_ma:
            shares[demand.evse] = Share(0, tightest, max(0, free[tightest]))
        else:
            shares[demand.evse] = Share(demand.minimum_ma, None)
            _take(demand, demand.minimum_ma, free)
            admitted.append(demand)
    return admitted


def _raise_together(
    admitted: list[Demand], free: dict[Conductor, int], shares: dict[str, Share]
) -> None:
    """
    Raise all from their minima, the lowest first, so that they meet at one level.

    Each round ends when somebody has enough, reaches the level of the next one, or fills a
    conductor; so there are at most a few rounds for each EVSE.
    """
    rising = list(admitted)
    while rising:
        level_ma = min(shares[demand.evse].current_ma for demand in rising)
        lowest = [demand for demand in rising if shares[demand.evse].current_ma == level_ma]
        ended = {demand.evse for demand in lowest if _has_ended(demand, free, shares)}
        if ended:
            # Who is left may share what these would have been counted for.
            rising = [demand for demand in rising if demand.evse not in ended]
            continue
        step_ma = _step(_room_above(level_ma, lowest, rising, shares), lowest, free)
        for demand in lowest:
            # When a grain for each is too much, the first in the order get one.
            if step_ma or all(free[conductor] >= GRAIN_MA for conductor in demand.conductors):
                _take(demand, step_ma or GRAIN_MA, free)
                shares[demand.evse] = Share(level_ma + (step_ma or GRAIN_MA), None)


def _has_ended(demand: Demand, free: dict[Conductor, int], shares: dict[str, Share]) -> bool:
    """Whether it has enough, or one of its conductors is full; its share says which."""
    current_ma = shares[demand.evse].current_ma
    if current_ma >= demand.wanted_ma:
        return True
    for conductor in demand.conductors:
        if free[conductor] < GRAIN_MA:
            shares[demand.evse] = Share(current_ma, conductor, free[conductor])
            return True
    return False


def _room_above(
    level_ma: int, lowest: list[Demand], rising: list[Demand], shares: dict[str, Share]
) -> int:
    """How far it is until somebody has enough, or the next one is met. [mA]"""
    goals = [demand.wanted_ma for demand in lowest]
    others = (shares[demand.evse].current_ma for demand in rising)
    goals += [other_ma for other_ma in others if other_ma > level_ma]
    return min(goals) - level_ma


def _step(highest_ma: int, lowest: list[Demand], free: dict[Conductor, int]) -> int:
    """How far all of the lowest can rise together, in whole grains. [mA]"""
    fits_ma = min(free[conductor] // count for conductor, count in _users(lowest).items())
    return min(highest_ma, fits_ma // GRAIN_MA * GRAIN_MA)


def _users(demands: Iterable[Demand]) -> dict[Conductor, int]:
    users: dict[Conductor, int] = {}
    for demand in demands:
        for conductor in demand.conductors:
            users[conductor] = users.get(conductor, 0) + 1
    return users


def _take(demand: Demand, current_ma: int, free: dict[Conductor, int]) -> None:
    for conductor in demand.conductors:
        free[conductor] -= current_ma
