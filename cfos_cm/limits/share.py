"""
Sharing what the circuits have left.

Higher priorities are served first. Inside a priority EVSEs are admitted at their minimum, in
the order given, as long as every circuit above them carries it; then all rise together, each
until it has enough or a phase of a circuit above it is full. The result is max-min fair: nobody
could get more without taking it from somebody who has no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush

from attrs import frozen

from cfos_cm.electrical import Phase

__all__ = ["GRAIN_MA", "Conductor", "Demand", "Share", "share"]

#: OCPP 1.6, ChargingSchedulePeriod: a limit has one decimal. [mA]
GRAIN_MA = 100


# Conductors are what is looked up most in a decision.
@frozen(cache_hash=True)
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
    served: dict[int, list[Demand]] = {}
    for demand in demands:
        served.setdefault(demand.priority, []).append(demand)
    for priority in sorted(served, reverse=True):
        admitted = _admit(served[priority], free, shares)
        _Tide(admitted, free, shares).rise()
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
            _take(demand.conductors, demand.minimum_ma, free)
            admitted.append(demand)
    return admitted


def _take(conductors: Iterable[Conductor], current_ma: int, free: dict[Conductor, int]) -> None:
    for conductor in conductors:
        free[conductor] -= current_ma


class _Tide:
    """
    Raises those who were admitted from their minima, the lowest first, so that they meet at one
    level.

    Whoever has been reached by the level is afloat and rises with it. In each round somebody
    settles, because he has enough or a conductor of his is full, or the level rises to where
    that happens or the next one is reached. A round looks at the conductors, not at everybody
    who is afloat, so that a thousand different wishes are as quickly heard as one.
    """

    def __init__(
        self, admitted: Sequence[Demand], free: dict[Conductor, int], shares: dict[str, Share]
    ) -> None:
        self._admitted = admitted
        self._free = free
        self._shares = shares
        self._level_ma = 0
        # Of those not reached yet, and of those afloat who has enough first: heaps of a
        # current and a place among the admitted.
        self._minima = [(one.minimum_ma, place) for place, one in enumerate(admitted)]
        self._goals: list[tuple[int, int]] = []
        self._afloat: set[int] = set()
        self._users: dict[Conductor, int] = {}
        heapify(self._minima)

    def rise(self) -> None:
        """Until everybody has settled."""
        while self._afloat or self._minima:
            self._reach()
            if not self._settle():
                step_ma = self._step()
                if step_ma:
                    self._raise(step_ma)
                else:
                    self._hand_out_the_rest()

    def _reach(self) -> None:
        """Let those rise whose minimum is the level."""
        if not self._afloat:
            self._level_ma = self._minima[0][0]
        while self._minima and self._minima[0][0] <= self._level_ma:
            _, place = heappop(self._minima)
            demand = self._admitted[place]
            self._afloat.add(place)
            heappush(self._goals, (demand.wanted_ma, place))
            for conductor in demand.conductors:
                self._users[conductor] = self._users.get(conductor, 0) + 1

    def _settle(self) -> bool:
        """Whether anybody has enough, or is held back by a conductor that is full."""
        settled = []
        while self._goals and self._goals[0][0] <= self._level_ma:
            settled.append(heappop(self._goals)[1])
        full = {one for one in self._users if self._free[one] < GRAIN_MA}
        if full:
            settled += (
                place
                for place in self._afloat
                if not full.isdisjoint(self._admitted[place].conductors)
            )
        for place in self._afloat.intersection(settled):
            self._ashore(place)
        return bool(settled)

    def _ashore(self, place: int) -> None:
        """One of those afloat has got its share."""
        demand = self._admitted[place]
        self._afloat.remove(place)
        for conductor in demand.conductors:
            self._users[conductor] -= 1
            if not self._users[conductor]:
                del self._users[conductor]
        self._shares[demand.evse] = self._share(demand)

    def _share(self, demand: Demand) -> Share:
        if demand.wanted_ma > self._level_ma:
            for conductor in demand.conductors:
                if self._free[conductor] < GRAIN_MA:
                    return Share(self._level_ma, conductor, self._free[conductor])
        return Share(self._level_ma, None)

    def _step(self) -> int:
        """How far all can rise together until something happens, in whole grains. [mA]"""
        while self._goals[0][1] not in self._afloat:
            heappop(self._goals)
        next_ma = self._goals[0][0]
        if self._minima:
            next_ma = min(next_ma, self._minima[0][0])
        fits_ma = min(self._free[one] // count for one, count in self._users.items())
        return min(next_ma - self._level_ma, fits_ma // GRAIN_MA * GRAIN_MA)

    def _raise(self, step_ma: int) -> None:
        self._level_ma += step_ma
        for conductor, count in self._users.items():
            self._free[conductor] -= step_ma * count

    def _hand_out_the_rest(self) -> None:
        """When a grain for each is too much, the first in the order get one."""
        held_back = []
        for place in sorted(self._afloat):
            conductors = self._admitted[place].conductors
            if all(self._free[conductor] >= GRAIN_MA for conductor in conductors):
                _take(conductors, GRAIN_MA, self._free)
            else:
                held_back.append(place)
        for place in held_back:
            self._ashore(place)
        self._level_ma += GRAIN_MA
