"""Sharing what the constraints have left."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, OCPP_STEPS, CurrentSteps, Phase
from cfos_cm.limits import tide
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.share import Demand, Share, Sharing, share
from cfos_cm.limits.supply import Path, Supply, obstacle

from .problems import Row, rows

MAIN = Constraint("main", Phase.L1)
GARAGE = Constraint("garage", Phase.L1)
OTHER = Constraint("garage", Phase.L2)
POWER = Constraint("main", kind=ConstraintKind.POWER)

#: What some wallboxes can take, and nothing between.
COARSE = CurrentSteps(only_ma=(6_000, 8_000, 10_000, 13_000, 16_000))


def demand(
    name: str,
    wanted_ma: int,
    *above: Constraint | Row,
    minimum_ma: int = 6_000,
    priority: tuple[int, ...] = (1,),
    weight: int = 1,
    steps: CurrentSteps = OCPP_STEPS,
) -> Demand:
    """A demand, of 6 A at least on one phase of the main fuse unless it is said."""
    found = tuple(one if isinstance(one, tuple) else (one, 1) for one in above or (MAIN,))
    return Demand(name, minimum_ma, wanted_ma, found, priority, weight, steps)


class Table(SynchronousTestCase):
    """Cases that can be worked out by hand."""

    def check(
        self,
        free_ma: Mapping[Constraint, int],
        *table: tuple[Demand, int, Constraint | None],
        sharing: Sharing = Sharing.STRICT,
    ) -> None:
        """Each demand must get the current that stands beside it, bound by the constraint."""
        shares = share([row[0] for row in table], free_ma, sharing)
        for one, current_ma, bound_by in table:
            found = shares[one.evse]
            self.assertEqual((found.current_ma, found.bound_by), (current_ma, bound_by), one)


class FairnessTests(Table):
    """One class, in which nobody counts for more than another."""

    def test_nobody(self) -> None:
        """Without demands there is nothing to share."""
        self.assertEqual(share([], {MAIN: 16_000}), {})

    def test_enough(self) -> None:
        """Where there is enough, everybody gets what he wants, and nothing binds him."""
        self.check(
            {MAIN: 32_000},
            (demand("a", 20_000), 20_000, None),
            (demand("b", 7_000), 7_000, None),
        )

    def test_just_enough(self) -> None:
        """Who has what he wants is bound by nothing, also where nothing is left beside it."""
        self.check(
            {MAIN: 16_000},
            (demand("a", 9_000), 9_000, None),
            (demand("b", 7_000), 7_000, None),
        )

    def test_equal(self) -> None:
        """Equals share equally."""
        self.check(
            {MAIN: 32_000},
            (demand("a", 20_000), 16_000, MAIN),
            (demand("b", 32_000), 16_000, MAIN),
        )

    def test_rest(self) -> None:
        """What does not divide goes to the first in the order, a grain each."""
        self.check(
            {MAIN: 20_299},
            (demand("a", 32_000), 6_800, MAIN),
            (demand("b", 32_000), 6_700, MAIN),
            (demand("c", 32_000), 6_700, MAIN),
        )

    def test_who_wants_little_leaves_more(self) -> None:
        """What one does not want the others get."""
        self.check(
            {MAIN: 32_000},
            (demand("a", 7_000), 7_000, None),
            (demand("b", 32_000), 12_500, MAIN),
            (demand("c", 32_000), 12_500, MAIN),
        )

    def test_higher_minimum(self) -> None:
        """Who needs more to begin with waits there until the others have come up to him."""
        one, other = demand("a", 32_000, minimum_ma=10_000), demand("b", 32_000)
        for free_ma, one_ma, other_ma in (
            (16_000, 10_000, 6_000),
            (19_000, 10_000, 9_000),
            (24_000, 12_000, 12_000),
        ):
            self.check({MAIN: free_ma}, (one, one_ma, MAIN), (other, other_ma, MAIN))

    def test_minimum_does_not_reach_all(self) -> None:
        """When there is too little the first in the order charge, the others do not."""
        self.check(
            {MAIN: 15_000},
            (demand("a", 16_000, minimum_ma=8_000), 8_000, MAIN),
            (demand("b", 16_000, minimum_ma=8_000), 0, MAIN),
            (demand("c", 16_000), 7_000, MAIN),
        )

    def test_left_for_the_reason(self) -> None:
        """Who gets nothing is told how much there was, and never less than nothing."""
        for free_ma, left_ma in ((5_000, 5_000), (0, 0), (-3_000, 0)):
            found = share([demand("a", 16_000)], {MAIN: free_ma})["a"]
            self.assertEqual(found, Share(0, MAIN, left_ma))

    def test_left_beside_a_share(self) -> None:
        """Who gets less than he wants is told what was left, too."""
        self.assertEqual(
            share([demand("a", 16_000)], {MAIN: 9_030})["a"], Share(9_000, MAIN, 30)
        )

    def test_wants_nothing(self) -> None:
        """Who wants less than his minimum gets nothing, and no constraint is to blame."""
        for wanted_ma in (0, 5_900):
            self.check({MAIN: 0}, (demand("a", wanted_ma), 0, None))

    def test_tightest_phase(self) -> None:
        """Three phases are only as good as the one that has least left."""
        self.check(
            {GARAGE: 20_000, OTHER: 7_000},
            (demand("a", 16_000, GARAGE, OTHER), 7_000, OTHER),
            (demand("b", 16_000, GARAGE), 13_000, GARAGE),
        )

    def test_tightest_of_several(self) -> None:
        """Where several constraints have too little, the one with least left is named."""
        self.check(
            {GARAGE: 5_000, OTHER: 4_000}, (demand("a", 16_000, GARAGE, OTHER), 0, OTHER)
        )
        self.check(
            {GARAGE: 4_000, OTHER: 5_000}, (demand("a", 16_000, GARAGE, OTHER), 0, GARAGE)
        )

    def test_inner_circuit(self) -> None:
        """What a full circuit leaves of the main fuse goes to those outside it."""
        self.check(
            {MAIN: 40_000, GARAGE: 14_000},
            (demand("a", 32_000, GARAGE, MAIN), 7_000, GARAGE),
            (demand("b", 32_000, GARAGE, MAIN), 7_000, GARAGE),
            (demand("c", 32_000, MAIN), 26_000, MAIN),
        )

    def test_left_over_by_the_content(self) -> None:
        """Nothing is left over for the sake of those who have enough."""
        self.check(
            {MAIN: 18_200},
            (demand("a", 16_000), 6_200, MAIN),
            (demand("b", 6_000), 6_000, None),
            (demand("c", 6_000), 6_000, None),
        )

    def test_left_over_by_the_bound(self) -> None:
        """Nothing is left over for the sake of those who are bound elsewhere."""
        self.check(
            {MAIN: 18_200, GARAGE: 12_000},
            (demand("a", 16_000, GARAGE, MAIN), 6_000, GARAGE),
            (demand("b", 16_000, GARAGE, MAIN), 6_000, GARAGE),
            (demand("c", 16_000), 6_200, MAIN),
        )

    def test_power(self) -> None:
        """Of a power three phases take three times as much as one."""
        three = rows(["garage"], ALL_PHASES, powers=False)
        free_ma = {POWER: 40_000} | {each: 32_000 for each, _ in three}
        self.check(
            free_ma,
            (demand("a", 16_000, *three, (POWER, 3)), 10_000, POWER),
            (demand("b", 16_000, *three[:1], (POWER, 1)), 10_000, POWER),
        )
        self.check(
            free_ma | {POWER: 23_999},
            (demand("a", 16_000, *three, (POWER, 3)), 7_900, POWER),
            (demand("b", 16_000, *three[:1], (POWER, 1)), 0, POWER),
        )

    def test_named_twice(self) -> None:
        """A constraint that is named twice is taken from twice."""
        self.check({MAIN: 20_000}, (demand("a", 16_000, MAIN, MAIN), 10_000, MAIN))
        self.check({MAIN: 11_999}, (demand("a", 16_000, MAIN, MAIN), 0, MAIN))

    def test_false_witness(self) -> None:
        """More for one may be less for another: his neighbour no longer stands back for him."""
        phase = Constraint("floor", Phase.L3)
        for free_ma, one_ma, other_ma in ((6_000, 6_000, 6_200), (12_000, 6_100, 6_100)):
            shares = share(
                [demand("a", 6_101, phase, MAIN), demand("b", 6_201)],
                {phase: free_ma, MAIN: 12_201},
            )
            self.assertEqual([shares[each].current_ma for each in "ab"], [one_ma, other_ma])

    def test_input_is_not_changed(self) -> None:
        """What was free before is still the caller's to know."""
        free_ma = {MAIN: 20_000, GARAGE: -5}
        share([demand("a", 16_000), demand("b", 16_000, GARAGE)], free_ma)
        self.assertEqual(free_ma, {MAIN: 20_000, GARAGE: -5})


class PriorityTests(Table):
    """Classes."""

    def test_priority(self) -> None:
        """A higher priority is served to the full before a lower one gets its minimum."""
        low, high = demand("a", 16_000), demand("b", 16_000, priority=(2,))
        self.check({MAIN: 22_000}, (low, 6_000, MAIN), (high, 16_000, None))
        self.check({MAIN: 21_900}, (low, 0, MAIN), (high, 16_000, None))

    def test_minimum_first(self) -> None:
        """With minima first, a higher priority gets what the minima of all leave of it."""
        low, high = demand("a", 16_000), demand("b", 16_000, priority=(2,))
        for free_ma, low_ma, high_ma in (
            (32_000, 16_000, 16_000),
            (22_100, 6_100, 16_000),
            (21_900, 6_000, 15_900),
            (12_000, 6_000, 6_000),
            (11_900, 0, 11_900),
        ):
            shares = share([low, high], {MAIN: free_ma}, Sharing.MIN_FIRST)
            found = [shares[each].current_ma for each in "ab"]
            self.assertEqual(found, [low_ma, high_ma], free_ma)

    def test_path(self) -> None:
        """The first priority that differs decides; what is missing is 1."""
        for higher, lower in (
            ((2,), (1, 9)),
            ((1, 2), (1, 1, 9)),
            ((2, 1), (1, 3)),
            ((1,), (1, 0)),
            ((1, 2), (1,)),
            ((0, 5), (0, 4)),
        ):
            self.check(
                {MAIN: 22_000},
                (demand("a", 16_000, priority=lower), 6_000, MAIN),
                (demand("b", 16_000, priority=higher), 16_000, None),
            )

    def test_same_class(self) -> None:
        """Those whose priorities differ in nothing but the ones at their end are equals."""
        self.check(
            {MAIN: 20_000},
            (demand("a", 16_000, priority=(1,)), 10_000, MAIN),
            (demand("b", 16_000, priority=(1, 1)), 10_000, MAIN),
        )


class WeightTests(Table):
    """Shares that are larger on purpose."""

    def test_weight(self) -> None:
        """Beyond the minimum, currents are as the weights."""
        self.check(
            {MAIN: 30_000},
            (demand("a", 32_000, weight=1), 10_000, MAIN),
            (demand("b", 32_000, weight=2), 20_000, MAIN),
        )

    def test_minimum_against_weight(self) -> None:
        """A small weight costs nobody his minimum."""
        self.check(
            {MAIN: 30_000},
            (demand("a", 32_000, weight=1), 6_000, MAIN),
            (demand("b", 32_000, weight=1000), 24_000, MAIN),
        )

    def test_large_weights_are_exact(self) -> None:
        """Large weights are kept to the milliamp."""
        fine = CurrentSteps(1)
        self.check(
            {MAIN: 19_990},
            (demand("a", 32_000, weight=999, minimum_ma=1, steps=fine), 9_990, MAIN),
            (demand("b", 32_000, weight=1000, minimum_ma=1, steps=fine), 10_000, MAIN),
        )

    def test_refused(self) -> None:
        """A weight for which levels would not be exact is refused."""
        for weight in (0, -1, 1001):
            with self.assertRaisesRegex(
                ValueError, f"a has weight {weight}; allowed: 1 to 1000"
            ):
                share([demand("a", 16_000, weight=weight)], {MAIN: 16_000})


class StepTests(Table):
    """Currents that an EVSE can really take."""

    def test_only_steps(self) -> None:
        """Between two steps there is nothing, below the lowest neither, above the last."""
        for free_ma, expected, bound_by in (
            (5_999, 0, MAIN),
            (6_000, 6_000, MAIN),
            (12_999, 10_000, MAIN),
            (13_000, 13_000, MAIN),
            (40_000, 16_000, None),
        ):
            self.check({MAIN: free_ma}, (demand("a", 32_000, steps=COARSE), expected, bound_by))

    def test_minimum_and_wanted_between_steps(self) -> None:
        """A minimum counts as the step above, what is wanted as the one below."""
        one = demand("a", 12_900, minimum_ma=6_100, steps=COARSE)
        self.check({MAIN: 40_000}, (one, 10_000, None))
        self.check({MAIN: 7_900}, (one, 0, MAIN))
        self.check(
            {MAIN: 40_000}, (demand("a", 7_900, minimum_ma=6_100, steps=COARSE), 0, None)
        )
        self.check(
            {MAIN: 40_000}, (demand("a", 32_000, minimum_ma=16_001, steps=COARSE), 0, None)
        )

    def test_last_step_first(self) -> None:
        """The lower one makes his step before the others pass him, if it fits at all."""
        self.check(
            {MAIN: 31_800},
            (demand("a", 32_000), 15_800, MAIN),
            (demand("b", 32_000, steps=COARSE), 16_000, None),
        )

    def test_leftover_of_a_coarse_one(self) -> None:
        """What is too little for the step of one goes to those who can use it."""
        self.check(
            {MAIN: 28_800},
            (demand("a", 32_000), 15_800, MAIN),
            (demand("b", 32_000, steps=COARSE), 13_000, MAIN),
        )

    def test_smaller_step_first(self) -> None:
        """Of equals the one with the smaller step goes first: it keeps fewer from theirs."""
        big = CurrentSteps(only_ma=(6_000, 16_000))
        self.check(
            {MAIN: 29_000},
            (demand("a", 16_000, steps=big), 6_000, MAIN),
            (demand("b", 16_000, steps=CurrentSteps(1_000)), 12_000, MAIN),
            (demand("c", 16_000, steps=CurrentSteps(1_000)), 11_000, MAIN),
        )


class RefusalTests(SynchronousTestCase):
    """What is not known is not given."""

    def test_unknown_constraint(self) -> None:
        """A constraint of which nothing is known is never taken for a generous one."""
        for wanted_ma in (16_000, 0):
            with self.assertRaises(KeyError):
                share([demand("a", wanted_ma, MAIN, GARAGE)], {MAIN: 16_000})

    def test_no_constraint(self) -> None:
        """Nobody is without any constraint."""
        with self.assertRaisesRegex(ValueError, "a is under no constraint"):
            share([Demand("a", 6_000, 16_000, ())], {MAIN: 16_000})

    def test_takes_nothing(self) -> None:
        """Nobody takes nothing of a constraint that is above him, or gives to it."""
        for times in (0, -1):
            with self.assertRaisesRegex(ValueError, f"a takes {times} mA of .*main"):
                share([demand("a", 16_000, (MAIN, times))], {MAIN: 16_000})


class CostTests(SynchronousTestCase):
    """How much is done, counted in turns that somebody takes by himself."""

    def test_turns(self) -> None:
        """However far all rise, each takes one or two steps by himself."""
        demands = [demand(f"e{number}", 32_000) for number in range(200)]
        turns = []

        def counted(path: Path, step_ma: int) -> Supply | None:
            turns.append(step_ma)
            return obstacle(path, step_ma)

        self.patch(tide, "obstacle", counted)
        shares = share(demands, {MAIN: 200 * 20_000 + 15_050})
        self.assertEqual(shares["e0"], Share(20_100, MAIN, 50))
        self.assertEqual(shares["e199"], Share(20_000, MAIN, 50))
        self.assertLessEqual(len(turns), 3 * len(demands))
