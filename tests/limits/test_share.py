"""Sharing what the circuits have left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from random import Random

from attrs import evolve
from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase
from cfos_cm.limits.share import GRAIN_MA, Conductor, Demand, Share, share

from .sites import problems

Problem = tuple[list[Demand], dict[Conductor, int]]

MAIN = Conductor("main", Phase.L1)
GARAGE = Conductor("garage", Phase.L1)
OTHER = Conductor("garage", Phase.L2)


def demand(
    name: str,
    wanted_ma: int,
    *conductors: Conductor,
    minimum_ma: int = 6_000,
    priority: int = 1,
) -> Demand:
    """A demand, of 6 A at least on one phase of the main fuse unless it is said."""
    return Demand(name, priority, minimum_ma, wanted_ma, conductors or (MAIN,))


def currents(demands: Sequence[Demand], free_ma: Mapping[Conductor, int]) -> list[int]:
    """What each demand gets, in their order. [mA]"""
    shares = share(demands, free_ma)
    return [shares[one.evse].current_ma for one in demands]


def loads(demands: Sequence[Demand], currents_ma: Sequence[int]) -> dict[Conductor, int]:
    """What flows in each conductor. [mA]"""
    found: dict[Conductor, int] = {}
    for one, current_ma in zip(demands, currents_ma, strict=True):
        for conductor in one.conductors:
            found[conductor] = found.get(conductor, 0) + current_ma
    return found


def left(problem: Problem) -> dict[Conductor, int]:
    """What each conductor has left when everybody has his share. [mA]"""
    demands, free_ma = problem
    used = loads(demands, currents(demands, free_ma))
    return {conductor: free_ma[conductor] - used.get(conductor, 0) for conductor in free_ma}


#: Two have enough and the third could take all that is left: more than one grain.
ENOUGH_BESIDE: Problem = (
    [demand("a", 16_000), demand("b", 6_000), demand("c", 6_000)],
    {MAIN: 18_200},
)
#: Two are held back elsewhere, and the third could take all that is left.
HELD_BESIDE: Problem = (
    [
        demand("a", 16_000, GARAGE, MAIN),
        demand("b", 16_000, GARAGE, MAIN),
        demand("c", 16_000, MAIN),
    ],
    {MAIN: 18_200, GARAGE: 12_000},
)


class TableTests(SynchronousTestCase):
    """Cases that can be worked out by hand."""

    def check(
        self, free_ma: Mapping[Conductor, int], *rows: tuple[Demand, int, Conductor | None]
    ) -> None:
        """Each demand must get the current that stands beside it, bound by the conductor."""
        shares = share([row[0] for row in rows], free_ma)
        for one, current_ma, bound_by in rows:
            found = shares[one.evse]
            self.assertEqual((found.current_ma, found.bound_by), (current_ma, bound_by), one)

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
        rows = (demand("a", 32_000, minimum_ma=10_000), demand("b", 32_000))
        for free_ma, one_ma, other_ma in (
            (16_000, 10_000, 6_000),
            (19_000, 10_000, 9_000),
            (24_000, 12_000, 12_000),
        ):
            self.check({MAIN: free_ma}, (rows[0], one_ma, MAIN), (rows[1], other_ma, MAIN))

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
            self.assertEqual(
                share([demand("a", 16_000)], {MAIN: free_ma})["a"], Share(0, MAIN, left_ma)
            )

    def test_wants_nothing(self) -> None:
        """Who wants less than his minimum gets nothing, and no conductor is to blame."""
        for wanted_ma in (0, 5_900):
            self.check({MAIN: 0}, (demand("a", wanted_ma), 0, None))

    def test_priority(self) -> None:
        """A higher priority is served to the full before a lower one gets its minimum."""
        low, high = demand("a", 16_000), demand("b", 16_000, priority=2)
        self.check({MAIN: 22_000}, (low, 6_000, MAIN), (high, 16_000, None))
        self.check({MAIN: 21_900}, (low, 0, MAIN), (high, 16_000, None))

    def test_tightest_phase(self) -> None:
        """Three phases are only as good as the one that has least left."""
        self.check(
            {GARAGE: 20_000, OTHER: 7_000},
            (demand("a", 16_000, GARAGE, OTHER), 7_000, OTHER),
            (demand("b", 16_000, GARAGE), 13_000, GARAGE),
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
        demands, free_ma = ENOUGH_BESIDE
        self.assertEqual(currents(demands, free_ma), [6_200, 6_000, 6_000])

    def test_left_over_by_the_bound(self) -> None:
        """Nothing is left over for the sake of those who are bound elsewhere."""
        demands, free_ma = HELD_BESIDE
        self.assertEqual(currents(demands, free_ma), [6_000, 6_000, 6_200])

    def test_input_is_not_changed(self) -> None:
        """What was free before is still the caller's to know."""
        free_ma = {MAIN: 32_000}
        share([demand("a", 16_000)], free_ma)
        self.assertEqual(free_ma, {MAIN: 32_000})


class InvariantTests(SynchronousTestCase):
    """What holds for every tree and every demand."""

    @given(problems())
    def test_no_conductor_exceeded(self, problem: Problem) -> None:
        """What is given out fits every conductor; one that has nothing left gives nothing."""
        demands, free_ma = problem
        for conductor, used_ma in loads(demands, currents(demands, free_ma)).items():
            self.assertLessEqual(used_ma, max(0, free_ma[conductor]))

    @given(problems())
    def test_range(self, problem: Problem) -> None:
        """Each current is nothing, or from the minimum to what is wanted, in whole grains."""
        demands, free_ma = problem
        for one, current_ma in zip(demands, currents(demands, free_ma), strict=True):
            self.assertEqual(current_ma % GRAIN_MA, 0)
            if current_ma:
                self.assertLessEqual(one.minimum_ma, current_ma)
                self.assertLessEqual(current_ma, one.wanted_ma)

    @given(problems())
    @example(ENOUGH_BESIDE)
    @example(HELD_BESIDE)
    def test_nothing_left_over(self, problem: Problem) -> None:
        """Nobody who charges could take one grain more."""
        demands, free_ma = problem
        left_ma = left(problem)
        for one, current_ma in zip(demands, currents(demands, free_ma), strict=True):
            if 0 < current_ma < one.wanted_ma:
                self.assertLess(min(left_ma[each] for each in one.conductors), GRAIN_MA)

    @given(problems())
    @example(ENOUGH_BESIDE)
    @example(HELD_BESIDE)
    def test_bound(self, problem: Problem) -> None:
        """
        Who has less than he wants has a full conductor, on which nobody of his class who is
        above his own minimum has more; but for the grain that could not be divided.
        """
        demands, free_ma = problem
        shares, left_ma = share(demands, free_ma), left(problem)
        for one in demands:
            found = shares[one.evse]
            if not 0 < found.current_ma < one.wanted_ma:
                continue
            bound_by = found.bound_by
            assert bound_by is not None
            self.assertIn(bound_by, one.conductors)
            self.assertLess(left_ma[bound_by], GRAIN_MA)
            for other in demands:
                current_ma = shares[other.evse].current_ma
                if (
                    other.priority == one.priority
                    and bound_by in other.conductors
                    and current_ma > other.minimum_ma
                ):
                    self.assertLessEqual(current_ma, found.current_ma + GRAIN_MA)

    @given(problems())
    def test_unbound(self, problem: Problem) -> None:
        """Who has what he wants, or wants nothing useful, is bound by nothing."""
        demands, free_ma = problem
        shares = share(demands, free_ma)
        for one in demands:
            content = shares[one.evse].current_ma >= one.wanted_ma
            useless = one.wanted_ma < one.minimum_ma
            self.assertIs(shares[one.evse].bound_by is None, content or useless)

    @given(problems())
    def test_admission(self, problem: Problem) -> None:
        """
        Who gets nothing has a conductor that cannot carry his minimum beside what higher
        classes have and the minima of those before him.
        """
        demands, free_ma = problem
        shares = share(demands, free_ma)
        for place, one in enumerate(demands):
            booked = dict.fromkeys(one.conductors, 0)
            for other_place, other in enumerate(demands):
                current_ma = shares[other.evse].current_ma
                if other.priority == one.priority:
                    current_ma = other.minimum_ma if current_ma and other_place < place else 0
                elif other.priority < one.priority:
                    current_ma = 0
                for conductor in set(other.conductors) & set(booked):
                    booked[conductor] += current_ma
            fits = all(
                free_ma[conductor] - booked_ma >= one.minimum_ma
                for conductor, booked_ma in booked.items()
            )
            useful = one.wanted_ma >= one.minimum_ma
            self.assertIs(shares[one.evse].current_ma > 0, fits and useful)

    @given(problems())
    def test_lower_classes(self, problem: Problem) -> None:
        """Lower classes change nothing for the higher ones."""
        demands, free_ma = problem
        shares = share(demands, free_ma)
        for priority in {one.priority for one in demands}:
            upper = [one for one in demands if one.priority >= priority]
            for name, found in share(upper, free_ma).items():
                self.assertEqual(found, shares[name])

    @given(problems(), st.randoms(use_true_random=False))
    def test_order_of_classes(self, problem: Problem, random: Random) -> None:
        """Only the order inside each class matters, not how the classes are mixed."""
        demands, free_ma = problem
        priorities = [one.priority for one in demands]
        random.shuffle(priorities)
        queues = {each: iter([d for d in demands if d.priority == each]) for each in priorities}
        mixed = [next(queues[priority]) for priority in priorities]
        self.assertEqual(share(mixed, free_ma), share(demands, free_ma))

    @given(problems(most=5), st.randoms(use_true_random=False))
    def test_order_of_equals(self, problem: Problem, random: Random) -> None:
        """Those who differ in nothing but their names get the same currents in any order."""
        demands, free_ma = problem
        doubled = [
            evolve(one, evse=f"{one.evse} {number}") for one in demands for number in range(3)
        ]
        names = [one.evse for one in doubled]
        for start in range(0, len(names), 3):
            names[start : start + 3] = random.sample(names[start : start + 3], 3)
        renamed = [evolve(one, evse=name) for one, name in zip(doubled, names, strict=True)]
        self.assertEqual(currents(renamed, free_ma), currents(doubled, free_ma))

    @given(problems())
    def test_order_when_all_are_admitted(self, problem: Problem) -> None:
        """When there is enough for all minima, the order is worth a few grains at most."""
        demands, free_ma = problem
        if len({one.priority for one in demands}) > 1 or 0 in currents(demands, free_ma):
            return
        found = sorted(currents(demands, free_ma))
        turned = sorted(currents(demands[::-1], free_ma))
        for one_ma, other_ma in zip(found, turned, strict=True):
            self.assertLessEqual(abs(one_ma - other_ma), 2 * GRAIN_MA)

    @given(problems())
    def test_determinism(self, problem: Problem) -> None:
        """The same question has the same answer, in whatever order the conductors are known."""
        demands, free_ma = problem
        turned = dict(reversed(free_ma.items()))
        self.assertEqual(share(demands, turned), share(demands, free_ma))

    @given(problems())
    @example(ENOUGH_BESIDE)
    def test_idempotence(self, problem: Problem) -> None:
        """Who wants just what he has got gets it."""
        demands, free_ma = problem
        found = currents(demands, free_ma)
        content = [
            evolve(one, wanted_ma=current_ma)
            for one, current_ma in zip(demands, found, strict=True)
        ]
        self.assertEqual(currents(content, free_ma), found)

    @given(problems(), st.integers(0, 11), st.integers(0, 320))
    def test_wanting_more(self, problem: Problem, place: int, more: int) -> None:
        """Who wants more does not get less for it."""
        demands, free_ma = problem
        place %= len(demands)
        greedy = list(demands)
        greedy[place] = evolve(
            demands[place], wanted_ma=demands[place].wanted_ma + more * GRAIN_MA
        )
        self.assertGreaterEqual(
            currents(greedy, free_ma)[place], currents(demands, free_ma)[place]
        )

    @given(problems())
    def test_phases_renamed(self, problem: Problem) -> None:
        """The phases' names mean nothing."""
        demands, free_ma = problem
        turn = {Phase.L1: Phase.L2, Phase.L2: Phase.L3, Phase.L3: Phase.L1}
        renamed = [
            evolve(
                one, conductors=tuple(evolve(c, phase=turn[c.phase]) for c in one.conductors)
            )
            for one in demands
        ]
        turned = {evolve(c, phase=turn[c.phase]): ma for c, ma in free_ma.items()}
        self.assertEqual(currents(renamed, turned), currents(demands, free_ma))

    @given(problems())
    def test_more_capacity_admits_no_worse(self, problem: Problem) -> None:
        """With more to give, nobody of the highest class loses his place to a later one."""
        demands, free_ma = problem
        highest = max(one.priority for one in demands)
        upper = [one for one in demands if one.priority == highest]
        more = {conductor: ma + 5_000 for conductor, ma in free_ma.items()}
        before = [current_ma > 0 for current_ma in currents(upper, free_ma)]
        after = [current_ma > 0 for current_ma in currents(upper, more)]
        self.assertGreaterEqual(after, before)


#: Up to three EVSEs on up to three conductors, counted in grains so small that every possible
#: division can be tried.
TINY = st.tuples(
    st.lists(
        st.builds(
            lambda minimum, more, carried: (minimum, minimum + more, carried),
            st.integers(1, 3),
            st.integers(-1, 4),
            st.sampled_from([(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)]),
        ),
        min_size=1,
        max_size=3,
    ),
    st.tuples(*[st.integers(0, 12)] * 3),
)


class OracleTests(SynchronousTestCase):
    """The same division, found by trying all of them."""

    @settings(max_examples=300)
    @given(TINY)
    def test_tiny(
        self, tiny: tuple[list[tuple[int, int, tuple[int, ...]]], tuple[int, int, int]]
    ) -> None:
        """Of all divisions, it is the fairest, but for a grain that could not be divided."""
        rows, free = tiny
        conductors = (MAIN, GARAGE, OTHER)
        demands = [
            demand(
                f"e{number}",
                wanted * GRAIN_MA,
                *(conductors[each] for each in carried),
                minimum_ma=minimum * GRAIN_MA,
            )
            for number, (minimum, wanted, carried) in enumerate(rows)
        ]
        free_ma = {c: grains * GRAIN_MA for c, grains in zip(conductors, free, strict=True)}
        possible = [
            division
            for division in product(*([0, *range(row[0], row[1] + 1)] for row in rows))
            if all(
                sum(x for x, row in zip(division, rows, strict=True) if each in row[2]) <= most
                for each, most in enumerate(free)
            )
        ]
        best = max(possible, key=lambda each: ([x > 0 for x in each], sorted(each)))
        found = [current_ma // GRAIN_MA for current_ma in currents(demands, free_ma)]
        self.assertEqual([x > 0 for x in found], [x > 0 for x in best])
        for one, other in zip(sorted(found), sorted(best), strict=True):
            self.assertLessEqual(abs(one - other), 1, (found, best))
