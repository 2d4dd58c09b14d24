"""
Everybody rises from his minimum, the lowest first.

The rule is one sentence: who has least for his weight takes his next step, of equals the one
whose step is smaller, then the first in the order; who finds no room for it has settled, for
room never comes back. Where steps are fine that is max-min fairness: nobody could get more
without taking it from somebody who has no more.

Hardly any of these steps is taken by itself. A level rises, and whoever is afloat rises with
it. Of each supply it is known up to which level there is room for everybody's next step,
because nobody is more than a step above the level. Only when the level gets there do those who
share the supply take turns, and as no more than a step for each is left then, they soon settle.
What comes of it is what comes of the rule, to the milliamp.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heappop, heappush

from cfos_cm.limits.supply import NEVER, Group, Riser, Supply, obstacle, separate, take

__all__ = ["MAX_WEIGHT", "Tide"]

#: Up to this weight, levels that differ are told apart, however little they differ.
MAX_WEIGHT = 1000

# A level is a current for each unit of weight. Two of them, x / v and y / w, differ by at least
# this part of a mA, or not at all.
_FINEST = MAX_WEIGHT**2


class Tide:
    """
    Lifts those of one priority class from their minima to where they settle.

    @param risers: those who have their minimum, in the order.
    @param groups: the same, by what feeds them.
    """

    def __init__(self, risers: Sequence[Riser], groups: Collection[Group]) -> None:
        self.risers = risers
        self._groups = groups
        self._takers: dict[Supply, list[Group]] = {}
        self._unit = 1 if {riser.weight for riser in risers} <= {1} else _FINEST
        self._level = 0
        # Who begins to rise, and who comes to his top: level and place, the next at the end.
        self._beginning: list[tuple[int, int]] = []
        self._ending: list[tuple[int, int]] = []
        # Who takes turns at which level: his step and his place.
        self._turns: dict[int, list[tuple[int, int]]] = {}
        self._levels_of_turns: list[int] = []
        # Which supply is to be looked at, at which level; equals in the order of their numbers.
        self._checks: list[tuple[int, int, Supply]] = []
        self._check_number = 0
        # Those in which something happened.
        self._changed: dict[Group, None] = {}

    def rise(self) -> None:
        """Until everybody has settled."""
        self._put_to_sea()
        while (level := self._next_level()) is not None:
            if self._tighten_below(level):
                continue
            self._level = level
            if self._beginning and self._beginning[-1][0] == level:
                self._begin()
            elif self._ending and self._ending[-1][0] == level:
                self._end()
            else:
                self._take_turns()
            self._account()
        for riser in self.risers:
            riser.group.taken_ma += riser.current_ma - riser.minimum_ma
        for group in self._groups:
            take(group.wide, group.taken_ma)

    def _put_to_sea(self) -> None:
        """Those for whom all is wide have nothing to wait for."""
        for group in self._groups:
            group.asked_ma = 0
        for place, riser in enumerate(self.risers):
            riser.place = place
            riser.group.places.append(place)
            riser.group.asked_ma += riser.top_ma - riser.minimum_ma
        separate(self._groups)
        for group in self._groups:
            for supply, _ in group.loose:
                self._takers.setdefault(supply, []).append(group)
        unit = self._unit
        for place, riser in enumerate(self.risers):
            if riser.group.loose:
                self._beginning.append((riser.minimum_ma * unit // riser.weight, place))
                self._ending.append((riser.top_ma * unit // riser.weight, place))
            else:
                riser.current_ma = riser.top_ma
        self._beginning.sort(reverse=True)
        self._ending.sort(reverse=True)

    def _next_level(self) -> int | None:
        return min(
            [events[-1][0] for events in (self._beginning, self._ending) if events]
            + self._levels_of_turns[:1],
            default=None,
        )

    def _begin(self) -> None:
        """All begin whose minimum is the level."""
        begun: dict[Group, None] = {}
        while self._beginning and self._beginning[-1][0] == self._level:
            riser = self.risers[self._beginning.pop()[1]]
            group = riser.group
            begun[group] = None
            riser.is_afloat = True
            group.weight += riser.weight
            group.room_ma += riser.minimum_ma - riser.reserve_ma
            if group.tight:
                self._wait_for_turn(riser)
        self._changed |= begun
        self._account()
        for supply in {supply: None for group in begun for supply, _ in group.loose}:
            self._plan_check(supply)

    def _end(self) -> None:
        """All settle whose top is the level, but those who get there by turns."""
        while self._ending and self._ending[-1][0] == self._level:
            riser = self.risers[self._ending.pop()[1]]
            if not riser.group.tight:
                riser.group.taken_ma += riser.top_ma - riser.current_ma
                riser.current_ma = riser.top_ma
                self._settle(riser)

    def _take_turns(self) -> None:
        """All whose turn is at the level, those with the smaller step first."""
        for step_ma, place in sorted(self._turns.pop(heappop(self._levels_of_turns))):
            riser = self.risers[place]
            group = riser.group
            full = obstacle(group.tight, step_ma)
            if full is None:
                take(group.tight, step_ma)
                group.taken_ma += step_ma
                self._changed[group] = None
                riser.current_ma += step_ma
                self._wait_for_turn(riser)
            else:
                riser.bound_by, riser.left_ma = full.constraint, full.free_ma
                self._settle(riser)

    def _wait_for_turn(self, riser: Riser) -> None:
        next_ma = riser.steps.after(riser.current_ma)
        if next_ma is None or next_ma > riser.top_ma:
            self._settle(riser)
            return
        level = riser.current_ma * self._unit // riser.weight
        turns = self._turns.get(level)
        if turns is None:
            turns = self._turns[level] = []
            heappush(self._levels_of_turns, level)
        turns.append((next_ma - riser.current_ma, riser.place))

    def _settle(self, riser: Riser) -> None:
        group = riser.group
        riser.is_afloat = False
        group.weight -= riser.weight
        group.room_ma -= riser.current_ma - riser.reserve_ma
        self._changed[group] = None

    def _account(self) -> None:
        for group in self._changed:
            group.account()
        self._changed.clear()

    def _plan_check(self, supply: Supply) -> None:
        """Look at a supply when there may be too little room in it for a step of everybody."""
        if not supply.weight:
            return  # nobody rises
        level = supply.room_ma * self._unit // supply.weight
        if level < supply.checked_at:
            supply.checked_at = level
            self._check_number += 1
            heappush(self._checks, (level, self._check_number, supply))

    def _tighten_below(self, level: int) -> bool:
        """Tighten the first supply with too little room below C{level}, if there is one."""
        while self._checks and self._checks[0][0] < level:
            checked_at, _, supply = heappop(self._checks)
            if checked_at != supply.checked_at:
                continue  # it was looked at before
            supply.checked_at = NEVER
            if supply.weight and supply.room_ma * self._unit // supply.weight <= checked_at:
                self._level = max(self._level, checked_at)
                self._tighten(supply)
                return True
            # Some have settled since, and left their room to the others.
            self._plan_check(supply)
        return False

    def _tighten(self, supply: Supply) -> None:
        for group in self._takers[supply]:
            if not group.tight:
                self._catch_up(group)
            group.tighten(supply)
        self._account()

    def _catch_up(self, group: Group) -> None:
        """All afloat take at once their steps that begin below the level."""
        taken_ma = 0
        for place in group.places:
            riser = self.risers[place]
            if riser.is_afloat:
                reached_ma = -(-self._level * riser.weight // self._unit)
                current_ma = riser.steps.at_least(reached_ma)
                if current_ma is None or current_ma > riser.top_ma:
                    current_ma = riser.top_ma
                taken_ma += current_ma - riser.current_ma
                riser.current_ma = current_ma
                self._wait_for_turn(riser)
        take(group.loose, taken_ma)
