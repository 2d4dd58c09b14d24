"""The decision about a whole site."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, GRAIN_MA, Phase
from cfos_cm.limits.catalog import ceiling
from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.decide import decide, forbid_all
from cfos_cm.limits.wiring import Wiring
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings, Link
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.state import SiteState

from .sites import charging, setpoint, site, sites

MAIN = CircuitSettings("main", 63_000, reserve_ma=3_000)
GARAGE = CircuitSettings("garage", 26_000, "main")


def evse(name: str, *phases: Phase, circuit: str = "garage", rating_ma: int = 16_000) -> Evse:
    """An EVSE that charges, on C{phases} of the garage unless it is said."""
    return charging(
        EvseSettings(name, circuit, phases=phases or ALL_PHASES, max_current_ma=rating_ma)
    )


class WiringTests(SynchronousTestCase):
    """Constraints, and what they have left."""

    def test_rows(self) -> None:
        """An EVSE loads its own phases of each circuit up to the main fuse, in their order."""
        one = evse("a", Phase.L3, Phase.L1)
        self.assertEqual(
            Wiring(site([MAIN, GARAGE], [one])).rows_of(one),
            (
                (Constraint("garage", Phase.L3), 1),
                (Constraint("garage", Phase.L1), 1),
                (Constraint("main", Phase.L3), 1),
                (Constraint("main", Phase.L1), 1),
            ),
        )

    def test_free(self) -> None:
        """What is drawn is missing on its own phases only, and may be missing twice over."""
        one, other = evse("a", Phase.L1), evse("b", circuit="main")
        state = site([MAIN, GARAGE], [one, other])
        free_ma = Wiring(state).free_beside({"a": 30_000, "b": 10_000})
        self.assertEqual(
            {
                f"{each.circuit} {each.phase}": current_ma
                for each, current_ma in free_ma.items()
            },
            {
                "main L1": 20_000,
                "main L2": 50_000,
                "main L3": 50_000,
                "garage L1": -4_000,
                "garage L2": 26_000,
                "garage L3": 26_000,
            },
        )


class DecideTests(SynchronousTestCase):
    """Setpoints and their reasons."""

    def check(self, state: SiteState, **expected: tuple[int, str]) -> dict[str, Setpoint]:
        """The current and the words of each EVSE's setpoint must be the expected ones."""
        found = decide(state)
        shown = {name: (one.current_ma, one.reason.text) for name, one in found.items()}
        self.assertEqual(shown, expected)
        return found

    def test_nobody(self) -> None:
        """A site without EVSEs needs no decision."""
        self.assertEqual(decide(SiteState()), {})

    def test_enough(self) -> None:
        """Who has all that it can give is bound by its rating."""
        found = self.check(site([MAIN, GARAGE], [evse("a")]), a=(16_000, "all that a can give"))
        self.assertIs(found["a"].reason.code, ReasonCode.RATING)

    def test_bound_by_a_phase(self) -> None:
        """Who is bound by a circuit is told which one and which phase."""
        state = site([MAIN, evolve(GARAGE, max_current=14_000)], [
            evse("a", Phase.L1, Phase.L2), evse("b", Phase.L2), evse("c", Phase.L1),
            evse("d", Phase.L3),
        ])  # fmt: skip
        found = self.check(
            state,
            a=(7_000, "phase L1 of garage"),
            b=(7_000, "phase L2 of garage"),
            c=(7_000, "phase L1 of garage"),
            d=(14_000, "phase L3 of garage"),
        )
        self.assertEqual(str(found["b"]), "7 A: phase L2 of garage")
        self.assertEqual(
            found["b"].reason,
            Reason(ReasonCode.CIRCUIT, "phase L2 of garage", "garage", Phase.L2),
        )

    def test_bound_by_the_main_fuse(self) -> None:
        """The circuit that is named need not be the EVSE's own."""
        state = site([evolve(MAIN, max_current=15_000), GARAGE], [evse("a")])
        self.check(state, a=(12_000, "phase L1 of main"))

    def test_too_little(self) -> None:
        """Who gets nothing is told what is left and what it needs."""
        state = site([MAIN, evolve(GARAGE, max_current=9_950)], [evse("a"), evse("b")])
        found = self.check(
            state,
            a=(9_900, "phase L1 of garage"),
            b=(0, "phase L1 of garage has 3.9 A left, and b needs 6 A"),
        )
        self.assertEqual(found["b"].reason.circuit, "garage")

    def test_forbidden(self) -> None:
        """Who may not charge gets nothing, is told why, and leaves it to the others."""
        waiting = evolve(evse("a"), transaction=None)
        self.check(
            site([MAIN, GARAGE], [waiting, evse("b")]),
            a=(0, "nobody has started to charge"),
            b=(16_000, "all that b can give"),
        )

    def test_unreachable(self) -> None:
        """What an EVSE draws that cannot be reached is not there to be shared."""
        lost = evolve(evse("a"), link=Link.LOST, confirmed=setpoint(10_000))
        for gone, left_ma in (
            (lost, 16_000),
            (evolve(lost, unanswered_ma=16_000), 10_000),
            (evolve(lost, settings=evolve(lost.settings, failsafe_current_ma=13_000)), 13_000),
            (Evse(lost.settings), 10_000),
        ):
            found = decide(site([MAIN, GARAGE], [gone, evse("b")]))
            self.assertEqual(found["b"].current_ma, left_ma)
            self.assertEqual(found["a"].current_ma, 0)
            self.assertIs(found["a"].reason.code, ReasonCode.NOT_CONNECTED)

    def test_minimum_finer_than_a_grain(self) -> None:
        """A minimum that cannot be ordered exactly is exceeded, never missed."""
        one = evse("a")
        fine = evolve(one, settings=evolve(one.settings, min_current_ma=6_050))
        for fuse_ma, expected in ((6_200, 6_200), (6_100, 6_100), (6_099, 0)):
            circuits = [MAIN, evolve(GARAGE, max_current=fuse_ma)]
            self.assertEqual(decide(site(circuits, [fine]))["a"].current_ma, expected)

    def test_no_whole_ampere(self) -> None:
        """Many share in whole amperes, but nobody is left out who cannot take any of them."""
        settings = EvseSettings("odd", "main", min_current_ma=13_500, max_current_ma=13_500)
        others = [evse(f"bay-{number}", circuit="main") for number in range(9)]
        main = CircuitSettings("main", 250_000)
        found = decide(site([main], [charging(settings), *others]))
        self.assertEqual(13_500, found["odd"].current_ma)

    def test_forbid_all(self) -> None:
        """When nothing could be decided, nobody charges, and everybody is told why."""
        state = site([MAIN, GARAGE], [evse("a"), Evse(EvseSettings("b", "main"))])
        expected = Setpoint(0, Reason(ReasonCode.DECISION_FAILED, "see the log"))
        self.assertEqual(forbid_all(state, "see the log"), {"a": expected, "b": expected})


class InvariantTests(SynchronousTestCase):
    """What holds for every site."""

    @given(sites())
    def test_safe(self, state: SiteState) -> None:
        """What is decided fits beside what the unreachable ones may be drawing."""
        found = decide(state)
        self.assertEqual(list(found), list(state.evses))
        unreachable = {
            name: one.may_draw_ma
            for name, one in state.evses.items()
            if one.link is not Link.ONLINE
        }
        given_ma = {name: one.current_ma for name, one in found.items()}
        left = Wiring(state).free_beside(unreachable | {n: c for n, c in given_ma.items() if c})
        for name, current_ma in given_ma.items():
            if current_ma:
                for constraint, _ in Wiring(state).rows_of(state.evses[name]):
                    self.assertGreaterEqual(left[constraint], 0)

    @given(sites())
    def test_range(self, state: SiteState) -> None:
        """A setpoint is nothing, or from the minimum to the ceiling, in whole grains."""
        for name, found in decide(state).items():
            one = state.evses[name]
            self.assertEqual(found.current_ma % GRAIN_MA, 0)
            self.assertLessEqual(found.current_ma, ceiling(state, one).current_ma)
            if found.current_ma:
                self.assertGreaterEqual(found.current_ma, one.settings.min_current_ma)
                self.assertIs(one.link, Link.ONLINE)

    @given(sites(), st.integers(0, 7), st.integers(0, 40_000))
    def test_lower_ceiling(self, state: SiteState, place: int, rating_ma: int) -> None:
        """Lowering an EVSE's own ceiling never raises its own setpoint."""
        name = list(state.evses)[place % len(state.evses)]
        one = state.evses[name]
        rating_ma = min(rating_ma, one.settings.max_current_ma)
        lower = evolve(one, settings=evolve(one.settings, max_current_ma=rating_ma))
        after = decide(evolve(state, evses={**state.evses, name: lower}))
        self.assertLessEqual(after[name].current_ma, decide(state)[name].current_ma)

    @given(sites())
    def test_reasons(self, state: SiteState) -> None:
        """Who has less than his ceiling is told which constraint binds: one of his own."""
        for name, found in decide(state).items():
            one = state.evses[name]
            self.assertTrue(found.reason.text)
            useful_ma = ceiling(state, one).current_ma // GRAIN_MA * GRAIN_MA
            if useful_ma < one.settings.min_current_ma:
                continue  # the ceiling itself leaves nothing that could be shared
            if found.current_ma < useful_ma:
                self.assertIs(found.reason.code, ReasonCode.CIRCUIT)
                assert found.reason.circuit is not None
                assert found.reason.phase is not None
                bound = Constraint(found.reason.circuit, found.reason.phase)
                self.assertIn(bound, dict(Wiring(state).rows_of(one)))
                self.assertIn(f"phase {bound.phase} of {bound.circuit}", found.reason.text)

    @given(sites())
    def test_pure(self, state: SiteState) -> None:
        """The same state is decided in the same way again."""
        self.assertEqual(decide(state), decide(state))
