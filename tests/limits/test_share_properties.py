"""What holds for every division of what is free, whoever asks for how much."""

from __future__ import annotations

from random import Random

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import GRAIN_MA, OCPP_STEPS, CurrentSteps, Phase
from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.share import Demand, Sharing

from .certificate import violations
from .problems import ANY, FINE, Problem, above, loads, problems
from .rule import Division

NEXT_PHASE = {Phase.L1: Phase.L2, Phase.L2: Phase.L3, Phase.L3: Phase.L1, None: None}


def often(examples: int = 50) -> settings:
    """So many examples, the same ones each time."""
    return settings(max_examples=examples, deadline=None, derandomize=True)


def scaled(one: Demand, times: int) -> Demand:
    """The same with every current multiplied."""
    steps = CurrentSteps(
        one.steps.grain_ma * times, tuple(each * times for each in one.steps.only_ma)
    )
    return evolve(
        one, minimum_ma=one.minimum_ma * times, wanted_ma=one.wanted_ma * times, steps=steps
    )


class CertificateTests(SynchronousTestCase):
    """What can be seen of the shares themselves."""

    @often(150)
    @given(ANY)
    def test_certificate(self, problem: Problem) -> None:
        """Safe, in steps, admitted in the order, and bound by what is full."""
        self.assertEqual(violations(problem, problem.shares), [])

    @often()
    @given(ANY)
    def test_nothing_left_over(self, problem: Problem) -> None:
        """Nobody who charges could take one step more."""
        currents = problem.currents
        used = loads(problem.demands, currents)
        for one, current_ma in zip(problem.demands, currents, strict=True):
            next_ma = above(one, current_ma)
            if current_ma and next_ma is not None:
                more = loads([one], [next_ma - current_ma])
                self.assertTrue(
                    any(problem.free_ma[each] - used[each] < more[each] for each in more)
                )

    @often(150)
    @given(ANY)
    def test_rule(self, problem: Problem) -> None:
        """What is found all at once is what the rule gives, one step after the other."""
        expected = Division(problem).currents_ma
        found = {name: one.current_ma for name, one in problem.shares.items()}
        self.assertEqual(found, expected)

    @often(40)
    @given(problems(weights=range(1, 1001), priorities=((1,),)))
    def test_rule_with_any_weight(self, problem: Problem) -> None:
        """Levels that differ by as little as weights can make them are told apart."""
        expected = Division(problem).currents_ma
        found = {name: one.current_ma for name, one in problem.shares.items()}
        self.assertEqual(found, expected)

    @often()
    @given(FINE)
    def test_fair(self, problem: Problem) -> None:
        """
        Where all can take the same steps, nobody on what binds somebody has more than he, but
        for the grain that could not be divided and for minima.
        """
        shares = problem.shares
        for one in problem.demands:
            bound_by, current_ma = shares[one.evse].bound_by, shares[one.evse].current_ma
            if bound_by is None or bound_by.phase is None or not current_ma:
                continue
            for other in problem.demands:
                least_ma = other.steps.at_least(other.minimum_ma) or 0
                if bound_by in dict(other.rows) and shares[other.evse].current_ma > least_ma:
                    self.assertLessEqual(shares[other.evse].current_ma, current_ma + GRAIN_MA)


class ClassTests(SynchronousTestCase):
    """Who is served first."""

    @often()
    @given(ANY)
    def test_lower_classes(self, problem: Problem) -> None:
        """Strictly, lower classes change nothing for the higher ones."""
        strict = evolve(problem, sharing=Sharing.STRICT)
        shares = strict.shares
        for last in strict.demands:
            upper = [one for one in strict.demands if strict.rank(one) >= strict.rank(last)]
            for name, found in evolve(strict, demands=tuple(upper)).shares.items():
                self.assertEqual(found, shares[name])

    @often()
    @given(ANY)
    def test_sharing_of_one_class(self, problem: Problem) -> None:
        """Where there is one class it does not matter how classes see each other."""
        alike = tuple(evolve(one, priority=(1,)) for one in problem.demands)
        shares = [evolve(problem, demands=alike, sharing=sharing).shares for sharing in Sharing]
        self.assertEqual(shares[0], shares[1])

    @often()
    @given(ANY)
    def test_minima_first(self, problem: Problem) -> None:
        """With minima first, nobody waits who could charge beside all minima before him."""
        first = evolve(problem, sharing=Sharing.MIN_FIRST)
        least = tuple(
            evolve(one, wanted_ma=min(one.wanted_ma, one.steps.at_least(one.minimum_ma) or 0))
            for one in first.demands
        )
        minima = evolve(first, demands=least, sharing=Sharing.STRICT).currents
        self.assertEqual([ma > 0 for ma in first.currents], [ma > 0 for ma in minima])

    @often()
    @given(ANY, st.randoms(use_true_random=False))
    def test_order_of_classes(self, problem: Problem, random: Random) -> None:
        """Only the order inside each class matters, not how the classes are mixed."""
        queues = [iter(members) for members in problem.classes]
        turns = [each for each, members in enumerate(problem.classes) for _ in members]
        random.shuffle(turns)
        mixed = tuple(next(queues[each]) for each in turns)
        self.assertEqual(evolve(problem, demands=mixed).shares, problem.shares)

    @often()
    @given(ANY)
    def test_missing_priorities(self, problem: Problem) -> None:
        """A priority that is missing at the end is 1."""
        longer = tuple(evolve(one, priority=(*one.priority, 1)) for one in problem.demands)
        self.assertEqual(evolve(problem, demands=longer).shares, problem.shares)


class SymmetryTests(SynchronousTestCase):
    """What makes no difference."""

    @often()
    @given(ANY)
    def test_determinism(self, problem: Problem) -> None:
        """The same question has the same answer, however it is written down."""
        turned = evolve(problem, free_ma=dict(reversed(list(problem.free_ma.items()))))
        self.assertEqual(turned.shares, problem.shares)
        copied = tuple(evolve(one, rows=one.rows[:1] + one.rows[1:]) for one in problem.demands)
        self.assertEqual(evolve(problem, demands=copied).shares, problem.shares)

    @often()
    @given(ANY)
    def test_phases_renamed(self, problem: Problem) -> None:
        """The phases' names mean nothing."""

        def turned(one: Constraint) -> Constraint:
            return evolve(one, phase=NEXT_PHASE[one.phase])

        renamed = Problem(
            tuple(
                evolve(one, rows=tuple((turned(each), times) for each, times in one.rows))
                for one in problem.demands
            ),
            {turned(each): free_ma for each, free_ma in problem.free_ma.items()},
            problem.sharing,
        )
        self.assertEqual(renamed.currents, problem.currents)

    @often()
    @given(ANY, st.integers(2, 9))
    def test_scale(self, problem: Problem, times: int) -> None:
        """With every current so many times as large, every share is."""
        larger = Problem(
            tuple(scaled(one, times) for one in problem.demands),
            {each: free_ma * times for each, free_ma in problem.free_ma.items()},
            problem.sharing,
        )
        self.assertEqual(larger.currents, [ma * times for ma in problem.currents])

    @often()
    @given(ANY)
    def test_idempotence(self, problem: Problem) -> None:
        """Who wants just what he has got gets it."""
        found = problem.currents
        content = tuple(
            evolve(one, wanted_ma=current_ma)
            for one, current_ma in zip(problem.demands, found, strict=True)
        )
        self.assertEqual(evolve(problem, demands=content).currents, found)

    @often()
    @given(problems(most=4, steps=(OCPP_STEPS, CurrentSteps(1_000))), st.data())
    def test_order_of_equals(self, problem: Problem, data: st.DataObject) -> None:
        """Those who differ in nothing but their names get the same currents in any order."""
        tripled = [
            evolve(one, evse=f"{one.evse} {number}")
            for one in problem.demands
            for number in range(3)
        ]
        names = [one.evse for one in tripled]
        for start in range(0, len(names), 3):
            names[start : start + 3] = data.draw(st.permutations(names[start : start + 3]))
        renamed = [evolve(one, evse=name) for one, name in zip(tripled, names, strict=True)]
        self.assertEqual(
            evolve(problem, demands=tuple(renamed)).currents,
            evolve(problem, demands=tuple(tripled)).currents,
        )


class ComparisonTests(SynchronousTestCase):
    """What more is good for."""

    @often()
    @given(ANY, st.integers(0, 7), st.integers(0, 32_000))
    def test_wanting_more(self, problem: Problem, place: int, more_ma: int) -> None:
        """Who wants more does not get less for it."""
        demands = list(problem.demands)
        place %= len(demands)
        before_ma = problem.currents[place]
        demands[place] = evolve(demands[place], wanted_ma=demands[place].wanted_ma + more_ma)
        after_ma = evolve(problem, demands=tuple(demands)).currents[place]
        if demands[place].minimum_ma <= problem.demands[place].wanted_ma:
            self.assertGreaterEqual(after_ma, before_ma)

    @often(100)
    @given(FINE, st.data())
    def test_more_capacity(self, problem: Problem, data: st.DataObject) -> None:
        """
        With more to give nobody loses his place to a later one; and where the same ones charge,
        the lowest are not lower, but for the grain that could not be divided.
        """
        more = {
            each: max(0, free_ma) + data.draw(st.sampled_from([0, 0, 700, 5_000]))
            for each, free_ma in problem.free_ma.items()
        }
        before, after = problem.currents, evolve(problem, free_ma=more).currents
        self.assertGreaterEqual([ma > 0 for ma in after], [ma > 0 for ma in before])
        if [ma > 0 for ma in after] == [ma > 0 for ma in before]:
            for less_ma, more_ma in zip(sorted(before), sorted(after), strict=True):
                if abs(more_ma - less_ma) > GRAIN_MA:
                    self.assertGreater(more_ma, less_ma)
                    break
