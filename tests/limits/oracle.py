"""
The same question asked of an exact solver, HiGHS.

For each class: who is admitted is the best of all vectors of yes and no, by an integer program;
what they get is the fairest of all real vectors, by a linear program for each level at which
somebody can get no more.

    python -m tests.limits.oracle --count 3000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from random import Random

import numpy as np
from attrs import frozen
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from cfos_cm.electrical import ALL_PHASES, CurrentSteps
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.share import Demand, Sharing

from .problems import WIRINGS, Problem, loads, lowest, rows

#: As fine as there is, so that what is left is what rounding costs.
FINE = CurrentSteps(1)

#: What a solver takes for nothing.
_TINY = 1e-7


def drawn(random: Random, weights: Sequence[int]) -> Problem:
    """A small problem: up to eight EVSEs below up to four circuits."""
    paths = [["c0"]]
    for number in range(1, random.randint(1, 4)):
        paths.append([f"c{number}", *random.choice(paths)])
    powers = random.random() < 0.5
    free_ma: dict[Constraint, int] = {}
    for name, *_ in paths:
        for phase in ALL_PHASES:
            free_ma[Constraint(name, phase)] = random.randint(0, 60_000)
        if powers:
            power = Constraint(name, kind=ConstraintKind.POWER)
            free_ma[power] = random.randint(0, 150_000)
    demands = tuple(
        Demand(
            f"e{number}",
            random.choice([6_000, 6_000, 6_050, 8_000]),
            random.choice([8_000, 16_000, 32_000, random.randint(5_000, 32_000)]),
            rows(random.choice(paths), random.choice(WIRINGS), powers),
            random.choice([(1,), (1,), (2,), (3,)]),
            random.choice(weights),
            FINE,
        )
        for number in range(random.randint(1, 8))
    )
    return Problem(demands, free_ma, random.choice(list(Sharing)))


@frozen
class Verdict:
    """
    What the solver says of one problem.

    @ivar classes: how many it looked at.
    @ivar admissions: in how many of them others should charge.
    @ivar deviation_ma: how far a current is from the fairest one, at most.
    """

    classes: int = 0
    admissions: int = 0
    deviation_ma: float = 0.0

    def __add__(self, other: Verdict) -> Verdict:
        return Verdict(
            self.classes + other.classes,
            self.admissions + other.admissions,
            max(self.deviation_ma, other.deviation_ma),
        )


class Solver:
    """Compares the shares of one problem with the exact ones, class by class."""

    def __init__(self, problem: Problem) -> None:
        shares = problem.shares
        self._problem = problem
        self._constraints = list(problem.free_ma)
        self._free = np.array([max(0, free_ma) for free_ma in problem.free_ma.values()])
        self._currents = {name: one.current_ma for name, one in shares.items()}

    def verdict(self) -> Verdict:
        """Of all classes together."""
        found = Verdict()
        if self._problem.sharing is Sharing.MIN_FIRST:
            for members in self._problem.classes:
                found += self._admission(members)
                self._book(members, self._minima(members))
            for members in self._problem.classes:
                self._book(members, [-ma for ma in self._minima(members)])
                found += self._filling(members)
                self._book(members, [self._currents[one.evse] for one in members])
        else:
            for members in self._problem.classes:
                found += self._admission(members) + self._filling(members)
                self._book(members, [self._currents[one.evse] for one in members])
        return found

    def _minima(self, members: list[Demand]) -> list[int]:
        return [(lowest(one) or 0) if self._currents[one.evse] else 0 for one in members]

    def _book(self, members: list[Demand], currents_ma: list[int]) -> None:
        used = loads(members, currents_ma)
        self._free = self._free - np.array([used.get(each, 0) for each in self._constraints])

    def _matrix(self, members: list[Demand]) -> np.ndarray:
        """How much of each constraint each of them takes."""
        columns = [loads([one], [1]) for one in members]
        return np.array([[own.get(each, 0) for own in columns] for each in self._constraints])

    def _admission(self, members: list[Demand]) -> Verdict:
        able = [one for one in members if lowest(one) is not None]
        if not able:
            return Verdict(classes=1)
        minima = np.array([lowest(one) for one in able])
        # Whoever comes first counts for more than all that come after him.
        worth = -(2.0 ** np.arange(len(able))[::-1])
        fits = LinearConstraint(self._matrix(able) * minima, ub=self._free)
        best = milp(
            worth, integrality=np.ones(len(able)), bounds=Bounds(0, 1), constraints=fits
        )
        charging = [self._currents[one.evse] > 0 for one in able]
        differs = charging != [value > 0.5 for value in best.x]
        return Verdict(classes=1, admissions=int(differs))

    def _filling(self, members: list[Demand]) -> Verdict:
        admitted = [one for one in members if self._currents[one.evse]]
        if not admitted:
            return Verdict()
        found = np.array([self._currents[one.evse] for one in admitted])
        return Verdict(deviation_ma=float(np.abs(found - self._fairest(admitted)).max()))

    def _fairest(self, admitted: list[Demand]) -> np.ndarray:
        """Max-min fair by weight: the lowest level as high as can be, then the next one."""
        count = len(admitted)
        least = np.array([lowest(one) or 0 for one in admitted], dtype=float)
        most = np.array([one.wanted_ma for one in admitted], dtype=float)
        weights = np.array([one.weight for one in admitted], dtype=float)
        fits = np.hstack([self._matrix(admitted), np.zeros((len(self._constraints), 1))])
        objective = np.append(np.zeros(count), -1.0)
        rising = np.ones(count, dtype=bool)
        while rising.any():
            places = np.flatnonzero(rising)
            # The level is below everybody's own: weight * level - current <= 0.
            above = np.zeros((len(places), count + 1))
            above[np.arange(len(places)), places] = -1.0 / weights[places]
            above[:, -1] = 1.0
            best = linprog(
                objective,
                A_ub=np.vstack([fits, above]),
                b_ub=np.append(self._free, np.zeros(len(places))),
                bounds=[*zip(least, most, strict=True), (0, None)],
                method="highs",
            )
            # Whose wish to be above the level has a price, or whose top it is, stays there.
            held = -best.ineqlin.marginals[len(self._constraints) :] > _TINY
            level = best.x[-1]
            for place in places[held]:
                least[place] = most[place] = min(
                    max(level * weights[place], least[place]), most[place]
                )
            rising[places[held]] = False
        return most


def examined(count: int, weights: Sequence[int], seed: int = 0) -> Verdict:
    """The verdict of so many problems."""
    found = Verdict()
    for number in range(count):
        found += Solver(drawn(Random(f"{seed} {number}"), weights)).verdict()
    return found


def main() -> None:
    """Examine many, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.limits.oracle", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="problems of each kind")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for weights in ((1,), (1, 2, 3, 700)):
        verdict = examined(options.count, weights, options.seed)
        sys.stdout.write(f"weights {weights}: {verdict}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
