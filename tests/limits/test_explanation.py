"""Why an EVSE gets less than it could use, in words."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.decide import decide
from cfos_cm.limits.explanation import Explanation
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.wiring import Wiring
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import ChargingMode, Evse, EvseSettings, Link
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.setpoint import Reason, ReasonCode
from cfos_cm.site.state import SiteState
from tests.limits.meters import metered
from tests.limits.sites import charging, setpoint

MAIN = CircuitSettings("main", 63_000)
BAY = charging(EvseSettings("bay", "main"))
SINGLE = charging(EvseSettings("bay", "main", phases=(Phase.L2,)))


def reason(state: SiteState) -> Reason:
    """Why the EVSE C{bay} gets what it does."""
    return decide(state, Memory().after(state, 0.0))["bay"].reason


def limited(state: SiteState, power_w: int, *parties: str) -> SiteState:
    """The same while each of C{parties} allows so much."""
    limits = [OutsideLimit("main", by, power_w) for by in parties]
    return evolve(state, outside_limits={(one.circuit, one.by): one for one in limits})


class Kinds(SynchronousTestCase):
    """Each kind of constraint, where it leaves something and where it leaves too little."""

    def check(
        self, state: SiteState, code: ReasonCode, text: str, phase: Phase | None = None
    ) -> None:
        """Compare the words and the data."""
        self.assertEqual(Reason(code, text, "main", phase), reason(state))

    def test_phase(self) -> None:
        """A phase of a fuse."""
        code = ReasonCode.CIRCUIT
        some = metered([evolve(MAIN, max_current=9_000)], [SINGLE])
        self.check(some, code, "phase L2 of main", Phase.L2)
        little = metered([evolve(MAIN, max_current=5_500)], [SINGLE])
        text = "phase L2 of main has 5.5 A left, and bay needs 6 A"
        self.check(little, code, text, Phase.L2)

    def test_power(self) -> None:
        """A power is told as one, and what is needed of it on all phases."""
        some = metered([evolve(MAIN, max_power_w=6_900)], [BAY])
        self.check(some, ReasonCode.CIRCUIT, "the power of main")
        little = metered([evolve(MAIN, max_power_w=4_000)], [BAY])
        text = "the power of main has 3.9 kW left, and bay needs 4.1 kW"
        self.check(little, ReasonCode.CIRCUIT, text)

    def test_imbalance(self) -> None:
        """An imbalance, with the phase that has more."""
        some = metered([evolve(MAIN, max_imbalance_ma=9_000)], [SINGLE])
        self.check(some, ReasonCode.CIRCUIT, "the imbalance at phase L2 of main", Phase.L2)
        little = metered([evolve(MAIN, max_imbalance_ma=4_600)], [SINGLE])
        text = "the imbalance at phase L2 of main has 4.6 A left, and bay needs 6 A"
        self.check(little, ReasonCode.CIRCUIT, text, Phase.L2)

    def test_outside(self) -> None:
        """A limit from outside, with whose it is."""
        state = metered([MAIN], [BAY])
        some = limited(state, 6_900, "grid operator")
        self.check(some, ReasonCode.OUTSIDE, "the limit of grid operator for main")
        little = limited(state, 2_300, "grid operator", "backend")
        text = (
            "the limit of backend and grid operator for main has 2.3 kW left, "
            "and bay needs 4.1 kW"
        )
        self.check(little, ReasonCode.OUTSIDE, text)

    def test_surplus(self) -> None:
        """The sun has a code of its own."""
        sunny = charging(EvseSettings("bay", "main", mode=ChargingMode.SURPLUS))
        state = metered([MAIN], [sunny])
        memory = Memory().after(state, 0.0)
        words = Explanation(state, memory, Wiring(state, memory))
        row = Constraint("main", None, ConstraintKind.SURPLUS)
        self.assertIs(ReasonCode.SURPLUS, words.full(row, sunny).code)
        text = words.not_lasting(row).text
        self.assertTrue(text.startswith("the surplus has had less"), text)

    def test_once(self) -> None:
        """What is said of a constraint is found once for all that it binds."""
        state = metered([MAIN], [BAY])
        memory = Memory().after(state, 0.0)
        words = Explanation(state, memory, Wiring(state, memory))
        row = Constraint("main", Phase.L1)
        self.assertIs(words.full(row, BAY), words.full(row, SINGLE))


class Kept(SynchronousTestCase):
    """Those that nobody can see are named where they are why there is too little."""

    def lost(self, number: int, current_ma: int, *phases: Phase) -> Evse:
        """One that is out of reach, and may draw so much on some phases."""
        settings = EvseSettings(f"lost-{number}", "main", phases=phases or tuple(Phase))
        return evolve(charging(settings), link=Link.LOST, confirmed=setpoint(current_ma))

    def text(self, fuse_ma: int, *others: Evse) -> str:
        """What C{bay} is told."""
        return reason(metered([evolve(MAIN, max_current=fuse_ma)], [BAY, *others])).text

    def test_one(self) -> None:
        """One is told with what is kept for it."""
        self.assertEqual(
            "phase L1 of main has 2 A left, and bay needs 6 A; "
            "kept: 10 A for lost-1, not under control",
            self.text(12_000, self.lost(1, 10_000)),
        )

    def test_many(self) -> None:
        """Of many some are named, and the others are counted."""
        text = self.text(50_000, *(self.lost(number, 10_000) for number in range(5)))
        self.assertTrue(
            text.endswith(
                "; kept: 10 A for lost-0, 10 A for lost-1, 10 A for lost-2 and 2 more, "
                "not under control"
            ),
            text,
        )

    def test_none(self) -> None:
        """Those who keep nothing, or keep it of another phase, are not."""
        others = self.lost(1, 0), self.lost(2, 10_000, Phase.L3)
        state = metered([evolve(MAIN, max_current=5_000)], [SINGLE, *others])
        self.assertEqual("phase L2 of main has 5 A left, and bay needs 6 A", reason(state).text)
