"""The decision beside EVSEs that are connected and do not take their orders."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase
from cfos_cm.limits.decide import decide
from cfos_cm.limits.wiring import Wiring
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings, Link
from cfos_cm.site.setpoint import ReasonCode
from cfos_cm.site.state import SiteState

from .sites import charging, site, sites


def obedient(name: str, *phases: Phase) -> Evse:
    """An EVSE that charges and has confirmed 0 A."""
    settings = EvseSettings(name, "main")
    return charging(evolve(settings, phases=phases) if phases else settings)


def disobedient(name: str, confirmed_ma: int | None = 16_000) -> Evse:
    """An EVSE that has not taken its last order, and may draw what it took before."""
    return evolve(charging(EvseSettings(name, "main"), confirmed_ma), disobedient=True)


def decided(fuse_ma: int, *evses: Evse) -> dict[str, int]:
    """The current that each EVSE behind one fuse should have. [mA]"""
    found = decide(site([CircuitSettings("main", fuse_ma)], list(evses)))
    return {name: setpoint.current_ma for name, setpoint in found.items()}


@st.composite
def unruly_sites(draw: st.DrawFn) -> SiteState:
    """A site, some of whose EVSEs do not obey."""
    state = draw(sites())
    evses = {
        name: evolve(evse, disobedient=draw(st.booleans()))
        for name, evse in state.evses.items()
    }
    return evolve(state, evses=evses)


class Beside(SynchronousTestCase):
    """What is left for the others."""

    def test_kept(self) -> None:
        """Others get what is left beside all that it may draw, not beside its share."""
        self.assertEqual(
            {"left": 10_000, "right": 13_000},
            decided(26_000, obedient("left"), disobedient("right")),
        )

    def test_unknown(self) -> None:
        """Where it is not known what it obeys, its rating is kept."""
        self.assertEqual(
            {"left": 10_000, "right": 13_000},
            decided(26_000, obedient("left"), disobedient("right", None)),
        )

    def test_kept_little(self) -> None:
        """Where it may draw less than its share, the others get more than theirs."""
        self.assertEqual(
            {"left": 14_000, "right": 10_000},
            decided(20_000, obedient("left"), disobedient("right", 6_000)),
        )

    def test_too_little(self) -> None:
        """Who gets nothing because of it is told so."""
        fuse = CircuitSettings("main", 20_000)
        found = decide(site([fuse], [obedient("left"), disobedient("right")]))
        self.assertEqual((0, 10_000), (found["left"].current_ma, found["right"].current_ma))
        self.assertIs(ReasonCode.CIRCUIT, found["left"].reason.code)
        self.assertIn("has 4 A left, and left needs 6 A", found["left"].reason.text)
        self.assertIn("; kept: 16 A for right, not under control", found["left"].reason.text)

    def test_other_phase(self) -> None:
        """Where it is not wired to, nothing is kept for it."""
        right = disobedient("right")
        right = evolve(right, settings=evolve(right.settings, phases=(Phase.L1,)))
        self.assertEqual(
            {"left": 16_000, "third": 0, "right": 8_000},
            decided(16_000, obedient("left", Phase.L2), obedient("third", Phase.L1), right),
        )

    def test_two(self) -> None:
        """What both may draw is kept; each is told its share of the whole fuse."""
        evses = (obedient("left"), disobedient("right"), disobedient("third", 8_000))
        self.assertEqual(
            {"left": 6_000, "right": 10_000, "third": 10_000}, decided(30_000, *evses)
        )
        found = decide(site([CircuitSettings("main", 29_900)], list(evses)))
        self.assertEqual(0, found["left"].current_ma)
        self.assertIn(
            "kept: 16 A for right, 8 A for third, not under control",
            found["left"].reason.text,
        )

    def test_alone(self) -> None:
        """It is told its share also where there is nobody else."""
        self.assertEqual({"right": 10_000}, decided(10_000, disobedient("right")))

    def test_obeys_again(self) -> None:
        """From when it obeys, the fuse is shared as ever."""
        right = evolve(disobedient("right"), disobedient=False)
        self.assertEqual(
            {"left": 13_000, "right": 13_000}, decided(26_000, obedient("left"), right)
        )


class Invariants(SynchronousTestCase):
    """What holds whatever the site."""

    @given(unruly_sites())
    def test_fits(self, state: SiteState) -> None:
        """What the obedient get fits beside all that the others may draw, or is nothing."""
        targets = decide(state)
        obey = {
            name
            for name, evse in state.evses.items()
            if evse.link is Link.ONLINE and not evse.disobedient
        }
        others = {
            name: evse.may_draw_ma for name, evse in state.evses.items() if name not in obey
        }
        left = Wiring(state).free_beside(
            others | {name: targets[name].current_ma for name in obey}
        )
        for name in obey:
            if targets[name].current_ma:
                for constraint, _ in Wiring(state).rows_of(state.evses[name]):
                    self.assertGreaterEqual(left[constraint], 0, (name, constraint))

    @given(unruly_sites())
    def test_share(self, state: SiteState) -> None:
        """Who does not obey is told what would be his share if everybody obeyed."""
        tame = {name: evolve(one, disobedient=False) for name, one in state.evses.items()}
        shares = decide(evolve(state, evses=tame))
        targets = decide(state)
        for name, evse in state.evses.items():
            if evse.disobedient or not any(one.disobedient for one in state.evses.values()):
                self.assertEqual(shares[name].current_ma, targets[name].current_ma)
