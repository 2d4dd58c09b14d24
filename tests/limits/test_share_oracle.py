"""The same division, found by others: a solver, all possible divisions, the rule itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

from attrs import evolve, frozen
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, CurrentSteps, Phase
from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.share import Demand, Sharing

from .certificate import violations
from .oracle import examined
from .problems import STEPS, Problem, rows
from .rule import Division

UNIT = CurrentSteps(1)


class SolverTests(SynchronousTestCase):
    """An integer program for admission, linear programs for fairness, both by HiGHS."""

    def test_alike(self) -> None:
        """The right ones are admitted, and nobody is more than 3 mA from the fairest share."""
        found = examined(100, (1,))
        self.assertGreater(found.classes, 150)
        self.assertEqual(found.admissions, 0)
        self.assertLessEqual(found.deviation_ma, 3)

    def test_weights(self) -> None:
        """So it is with weights, however far they are apart."""
        found = examined(100, (1, 2, 3, 700), seed=1)
        self.assertGreater(found.classes, 150)
        self.assertEqual(found.admissions, 0)
        self.assertLessEqual(found.deviation_ma, 3)


def tiny(random: Random) -> Problem:
    """Up to four EVSEs that take a few units each, so that every division can be tried."""
    free_ma = {
        Constraint(name, phase): random.randint(0, 12) for name in "ab" for phase in Phase
    }
    demands = []
    for number in range(random.randint(1, 4)):
        minimum = random.randint(1, 3)
        phases = random.choice([ALL_PHASES, *((phase,) for phase in ALL_PHASES)])
        above = rows(random.choice(["a", "ab"]), phases, powers=False)
        demands.append(
            Demand(f"e{number}", minimum, minimum + random.randint(-1, 3), above, steps=UNIT)
        )
    return Problem(tuple(demands), free_ma)


def divisions(problem: Problem) -> Iterator[tuple[int, ...]]:
    """All that fit."""
    choices = [(0, *range(one.minimum_ma, one.wanted_ma + 1)) for one in problem.demands]
    for division in product(*choices):
        left = dict(problem.free_ma)
        for one, current_ma in zip(problem.demands, division, strict=True):
            for constraint, times in one.rows:
                left[constraint] -= times * current_ma
        if min(left.values()) >= 0:
            yield division


class BruteForceTests(SynchronousTestCase):
    """All possible divisions."""

    def test_tiny(self) -> None:
        """Of all divisions it is the fairest, but for a unit that could not be divided."""
        exactly = 0
        for number in range(300):
            problem = tiny(Random(number))
            best = max(
                divisions(problem), key=lambda each: ([x > 0 for x in each], sorted(each))
            )
            found = problem.currents
            self.assertEqual([x > 0 for x in found], [x > 0 for x in best], problem)
            for one, other in zip(sorted(found), sorted(best), strict=True):
                self.assertLessEqual(abs(one - other), 1, (found, best))
            exactly += sorted(found) == sorted(best)
        self.assertGreater(exactly, 290)


@frozen
class Garage:
    """A building of three levels, of so many EVSEs."""

    evses: int
    weights: tuple[int, ...] = (1,)
    steps: tuple[CurrentSteps, ...] = STEPS[:1]

    def problem(self, seed: int) -> Problem:
        """On some circuits there is too little for all minima, on others enough for all."""
        random = Random(seed)
        demands = []
        free_ma: dict[Constraint, int] = {}
        wired = {}
        for number in range(self.evses):
            board = f"board {number % (self.evses // 10)}"
            path = [board, f"floor {len(board) % 2}", "main"]
            phases = random.choice([ALL_PHASES, (ALL_PHASES[number % 3],)])
            found = rows(path, phases, powers=True)
            above = wired.setdefault(found, found)
            for constraint, times in above:
                used_ma = times * random.choice([4_000, 8_000, 12_000])
                free_ma[constraint] = free_ma.get(constraint, 0) + used_ma
            demands.append(
                Demand(
                    f"e{number}",
                    6_000,
                    random.choice([16_000, 32_000]),
                    above,
                    random.choice([(1,), (1,), (2,)]),
                    random.choice(self.weights),
                    random.choice(self.steps),
                )
            )
        return Problem(tuple(demands), free_ma, random.choice(list(Sharing)))


class GarageTests(SynchronousTestCase):
    """The rule itself, in buildings that are too large for the others."""

    def check(self, garage: Garage, seed: int) -> None:
        """It must be what the rule gives, and be provably right."""
        problem = garage.problem(seed)
        shares = problem.shares
        self.assertEqual(
            {name: one.current_ma for name, one in shares.items()},
            Division(problem).currents_ma,
        )
        self.assertEqual(violations(problem, shares), [])

    def test_alike(self) -> None:
        """All take the same steps."""
        for seed in range(3):
            self.check(Garage(60), seed)

    def test_everything(self) -> None:
        """All weights and steps, mixed."""
        steps = tuple(one for one in STEPS if one != UNIT)
        for seed in range(3):
            self.check(Garage(40, tuple(range(1, 1001)), steps), seed)

    def test_large(self) -> None:
        """The proof alone, for the rule would take long."""
        for sharing in Sharing:
            problem = evolve(Garage(200, (1, 5)).problem(0), sharing=sharing)
            self.assertEqual(violations(problem, problem.shares), [])
