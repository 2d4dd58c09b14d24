"""
What proves that shares are right, without asking how they were found.

Each statement is about one EVSE and what is above it; who reads that none is violated need not
trust the way on which the shares came about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.share import Demand, Share, Sharing

from .problems import Problem, above, loads, lowest


def violations(problem: Problem, shares: Mapping[str, Share]) -> list[str]:
    """What is wrong with C{shares}; nothing where they are what the rule gives."""
    return [*_unsafe(problem, shares), *_Classes(problem, shares).violations()]


def _unsafe(problem: Problem, shares: Mapping[str, Share]) -> Iterator[str]:
    currents = [shares[one.evse].current_ma for one in problem.demands]
    for constraint, used_ma in loads(problem.demands, currents).items():
        if used_ma > max(0, problem.free_ma[constraint]):
            yield f"{constraint} carries {used_ma} of {problem.free_ma[constraint]} mA"
    for one, current_ma in zip(problem.demands, currents, strict=True):
        if current_ma and not (
            one.minimum_ma <= current_ma <= one.wanted_ma
            and one.steps.at_most(current_ma) == current_ma
        ):
            yield f"{one.evse} cannot use {current_ma} mA"


class _Classes:
    """The classes one after the other, with what the others take of each constraint."""

    def __init__(self, problem: Problem, shares: Mapping[str, Share]) -> None:
        self._problem = problem
        self._shares = shares
        self._beside: dict[Constraint, int] = {}

    def violations(self) -> Iterator[str]:
        classes = self._problem.classes
        if self._problem.sharing is Sharing.MIN_FIRST:
            for members in classes:
                yield from self._admission(members)
                self._book(members, [self._minimum_of(one) for one in members])
            for members in classes:
                self._book(members, [-self._minimum_of(one) for one in members])
                yield from self._filling(members)
                self._book(members, [self._current_of(one) for one in members])
        else:
            for members in classes:
                yield from self._admission(members)
                yield from self._filling(members)
                self._book(members, [self._current_of(one) for one in members])

    def _current_of(self, one: Demand) -> int:
        return self._shares[one.evse].current_ma

    def _minimum_of(self, one: Demand) -> int:
        return (lowest(one) or 0) if self._current_of(one) else 0

    def _book(self, members: list[Demand], currents_ma: list[int]) -> None:
        for constraint, used_ma in loads(members, currents_ma).items():
            self._beside[constraint] = self._beside.get(constraint, 0) + used_ma

    def _left(self, constraint: Constraint) -> int:
        """What the other classes leave of it. [mA]"""
        return max(0, self._problem.free_ma[constraint]) - self._beside.get(constraint, 0)

    def _admission(self, members: list[Demand]) -> Iterator[str]:
        """Who waits has no room for his minimum beside the minima of those before him."""
        before: dict[Constraint, int] = {}
        for one in members:
            minimum_ma = lowest(one)
            found = self._shares[one.evse]
            if minimum_ma is None:
                if found != Share(0, None):
                    yield f"{one.evse} has no use for {found}"
                continue
            own = loads([one], [minimum_ma])
            full = [
                each
                for each, used_ma in own.items()
                if before.get(each, 0) + used_ma > self._left(each)
            ]
            if bool(full) is bool(found.current_ma):
                yield f"{one.evse} gets {found.current_ma} mA; full: {full}"
            if full:
                if found.bound_by not in full:
                    yield f"{one.evse} does not wait for {found.bound_by}"
            else:
                for each, used_ma in own.items():
                    before[each] = before.get(each, 0) + used_ma

    def _filling(self, members: list[Demand]) -> Iterator[str]:
        """
        Who has less than he wants is bound by something that has no room for his next step,
        even if all others of his class were at most a step above his level.
        """
        admitted = [one for one in members if self._current_of(one)]
        for one in admitted:
            current_ma, bound_by = self._current_of(one), self._shares[one.evse].bound_by
            next_ma = above(one, current_ma)
            if next_ma is None:
                if bound_by is not None:
                    yield f"{one.evse} has all, and is not bound by {bound_by}"
            elif bound_by is None or bound_by not in dict(one.rows):
                yield f"{one.evse} is not bound by {bound_by}"
            else:
                currents = [
                    next_ma if other is one else self._beside_level(other, one)
                    for other in admitted
                ]
                if loads(admitted, currents)[bound_by] <= self._left(bound_by):
                    yield f"{one.evse} could have {next_ma} mA, for all of {bound_by}"

    def _beside_level(self, other: Demand, one: Demand) -> int:
        """What C{other} has, but no more than a step above the level of C{one}. [mA]"""
        reached_ma = self._current_of(one) * other.weight // one.weight
        most_ma = lowest(other) or 0
        if reached_ma >= most_ma:
            begun_ma = other.steps.at_most(reached_ma)
            most_ma = other.steps.after(begun_ma) or begun_ma
        return min(self._current_of(other), most_ma)
