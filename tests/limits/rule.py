"""The rule of sharing, followed step by step: slow, and easy to see through."""

from __future__ import annotations

from fractions import Fraction

from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.share import Demand, Sharing

from .problems import Problem, above, lowest


class Division:
    """
    Shares that grow by one step at a time.

    @ivar currents_ma: what each EVSE has so far. [mA]
    """

    def __init__(self, problem: Problem) -> None:
        self._free_ma = {one: max(0, free_ma) for one, free_ma in problem.free_ma.items()}
        self.currents_ma = {one.evse: 0 for one in problem.demands}
        if problem.sharing is Sharing.MIN_FIRST:
            for admitted in [self.admit(members) for members in problem.classes]:
                self.fill(admitted)
        else:
            for members in problem.classes:
                self.fill(self.admit(members))

    def admit(self, members: list[Demand]) -> list[Demand]:
        """Who gets his minimum, one after the other."""
        return [
            one
            for one in members
            if (current_ma := lowest(one)) is not None and self._raise(one, current_ma)
        ]

    def fill(self, admitted: list[Demand]) -> None:
        """The lowest takes his next step, until nobody can."""
        rising = dict(enumerate(admitted))
        while rising:
            turns = []
            for place, one in rising.items():
                current_ma = self.currents_ma[one.evse]
                next_ma = above(one, current_ma)
                if next_ma is None:
                    turns = [(Fraction(-1), 0, place, current_ma)]
                    break
                level = Fraction(current_ma, one.weight)
                turns.append((level, next_ma - current_ma, place, next_ma))
            _, _, place, next_ma = min(turns)
            if not self._raise(rising[place], next_ma) or turns[0][0] < 0:
                del rising[place]

    def _raise(self, one: Demand, current_ma: int) -> bool:
        """Whether there was room for it."""
        more_ma = current_ma - self.currents_ma[one.evse]
        taken: dict[Constraint, int] = {}
        for constraint, times in one.rows:
            taken[constraint] = taken.get(constraint, 0) + times * more_ma
        if any(self._free_ma[each] < taken_ma for each, taken_ma in taken.items()):
            return False
        for each, taken_ma in taken.items():
            self._free_ma[each] -= taken_ma
        self.currents_ma[one.evse] = current_ma
        return True
