"""The constraints that an EVSE's current is under."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, Phase, PhaseCurrents
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.phase_choice import Choice, PhaseChoice
from cfos_cm.limits.surplus import Surplus
from cfos_cm.limits.wiring import Wiring
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import ChargingMode, Evse, EvseSettings, Link
from cfos_cm.site.measured import Measured
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState
from tests.limits.meters import metered
from tests.limits.sites import charging, setpoint

MAIN = CircuitSettings("main", 63_000)
GARAGE = CircuitSettings("garage", 32_000, "main")
BAY = charging(EvseSettings("bay", "main"), 16_000)
LIMIT = OutsideLimit("main", "grid operator", 4_200)
L1, L2, L3 = ALL_PHASES


def limited(state: SiteState) -> SiteState:
    """The same with a limit from outside."""
    return evolve(state, outside_limits={("main", LIMIT.by): LIMIT})


def rows(state: SiteState, evse: Evse, memory: Memory | None = None) -> dict[str, int]:
    """The constraints of an EVSE in short words, with how much of each an mA takes."""
    found = Wiring(state, memory).rows_of(evse)
    return {
        f"{one.circuit} {one.phase or one.kind}"
        + (" imbalance" if one.kind is ConstraintKind.IMBALANCE else ""): times
        for one, times in found
    }


def one_phase_learnt(evse: Evse) -> Memory:
    """What is remembered when its car has charged on L2 alone for some minutes."""
    memory = Memory()
    for second in range(120):
        meter = Measured(PhaseCurrents(0, 16_000, 0), at_s=second)
        memory = memory.after(metered([MAIN], [evse.with_meter(meter)]), second)
    return memory


class Rows(SynchronousTestCase):
    """What the current of one EVSE is under."""

    def test_phases(self) -> None:
        """A fuse has a row for each phase that it is wired to, in its own order."""
        turned = charging(EvseSettings("bay", "garage", phases=(L3, L1)))
        found = rows(metered([MAIN, GARAGE], [turned]), turned)
        self.assertEqual(["garage L3", "garage L1", "main L3", "main L1"], list(found))
        self.assertEqual({1}, set(found.values()))

    def test_power(self) -> None:
        """Of a power each mA takes as many as there are phases."""
        capped = evolve(MAIN, max_power_w=20_000)
        for phases in (ALL_PHASES, (L1, L3), (L2,)):
            evse = charging(EvseSettings("bay", "main", phases=phases))
            found = rows(limited(metered([capped], [evse])), evse)
            self.assertEqual(len(phases), found["main power"])
            self.assertEqual(len(phases), found["main outside limit"])

    def test_imbalance(self) -> None:
        """Who loads all phases makes no imbalance; any other does, on those that it loads."""
        circuit = evolve(MAIN, max_imbalance_ma=20_000)
        two = charging(EvseSettings("bay", "main", phases=(L3, L1)))
        found = rows(metered([circuit], [two]), two)
        self.assertEqual(1, found["main L3 imbalance"])
        self.assertNotIn("main L2 imbalance", found)
        self.assertEqual(
            {"main L1", "main L2", "main L3"}, set(rows(metered([circuit], [BAY]), BAY))
        )

    def test_surplus(self) -> None:
        """The sun binds those who charge by it, at the main fuse."""
        sunny = charging(EvseSettings("bay", "garage", mode=ChargingMode.SURPLUS))
        normal = charging(EvseSettings("other", "garage"))
        state = metered([MAIN, GARAGE], [sunny, normal])
        memory = evolve(Memory().after(state, 0.0), surplus=Surplus(rows_ma={"main": 9_000}))
        self.assertEqual(3, rows(state, sunny, memory)["main surplus"])
        self.assertNotIn("main surplus", rows(state, normal, memory))

    def test_unknown_circuit(self) -> None:
        """A circuit that is not there is an error."""
        lost = charging(EvseSettings("bay", "cellar"))
        with self.assertRaises(KeyError):
            Wiring(metered([MAIN], [])).rows_of(lost)


class Learnt(SynchronousTestCase):
    """Which of its phases an EVSE is reckoned with."""

    def test_used(self) -> None:
        """It is those that its car has been proved to use."""
        memory = one_phase_learnt(BAY)
        self.assertEqual({"main L2": 1}, rows(memory.state, memory.state.evses["bay"], memory))

    def test_uneven(self) -> None:
        """A car on one phase makes an imbalance, whatever its EVSE is wired to."""
        memory = one_phase_learnt(BAY)
        state = metered([evolve(MAIN, max_imbalance_ma=20_000)], [BAY])
        self.assertIn("main L2 imbalance", rows(state, BAY, memory.of(state)))

    def test_out_of_reach(self) -> None:
        """Of one that cannot be reached all that it is wired to counts."""
        memory = one_phase_learnt(BAY)
        lost = evolve(BAY, link=Link.LOST)
        state = metered([MAIN], [lost])
        found = rows(state, lost, memory.of(state))
        self.assertEqual({"main L1": 1, "main L2": 1, "main L3": 1}, found)

    def test_chosen(self) -> None:
        """One that has taken it to charge with one phase loads the first; else all."""
        settings = EvseSettings("bay", "main", phases=(L3, L1, L2), can_switch_phases=True)
        for told, expected in ((1, 1), (None, 3), (3, 3)):
            evse = evolve(charging(settings), confirmed=evolve(setpoint(6_000), phases=told))
            state = metered([MAIN], [evse])
            memory = evolve(Memory().after(state, 0.0), choice=PhaseChoice({"bay": Choice(1)}))
            found = rows(state, evse, memory)
            self.assertEqual((["main L3", "main L1", "main L2"][:expected]), list(found))


class Free(SynchronousTestCase):
    """What is left beside what some draw."""

    def test_together(self) -> None:
        """What several draw that are wired alike is missing for all of them."""
        evses = [charging(EvseSettings(name, "main", phases=(L1,))) for name in "abc"]
        wiring = Wiring(metered([evolve(MAIN, max_power_w=23_000)], evses))
        free = wiring.free_beside({"a": 6_000, "b": 7_000, "c": 0})
        self.assertEqual(50_000, free[Constraint("main", L1)])
        self.assertEqual(63_000, free[Constraint("main", L2)])
        power = Constraint("main", None, ConstraintKind.POWER)
        self.assertEqual(87_000, free[power])

    def test_not_of_the_surplus(self) -> None:
        """What is drawn is not missing in the surplus: it is what others do not draw."""
        sunny = charging(EvseSettings("bay", "main", mode=ChargingMode.SURPLUS))
        state = metered([MAIN], [sunny])
        memory = evolve(Memory().after(state, 0.0), surplus=Surplus(rows_ma={"main": 9_000}))
        free = Wiring(state, memory).free_beside({"bay": 6_000})
        self.assertEqual(9_000, free[Constraint("main", None, ConstraintKind.SURPLUS)])
        self.assertEqual(57_000, free[Constraint("main", L1)])

    def test_unknown_evse(self) -> None:
        """An EVSE that is not there is an error, if it draws something."""
        wiring = Wiring(metered([MAIN], []))
        with self.assertRaises(KeyError):
            wiring.free_beside({"bay": 1})

    def test_capacity_is_kept(self) -> None:
        """What is free without anybody is not changed by asking."""
        wiring = Wiring(metered([MAIN], [BAY]))
        wiring.free_beside({"bay": 6_000})
        self.assertEqual(63_000, wiring.capacity_ma[Constraint("main", Phase.L1)])


class OnceMore(SynchronousTestCase):
    """What was found for an earlier state."""

    def test_same_circuits(self) -> None:
        """It need not be sought again where the circuits are the same; what is left is."""
        state = metered([evolve(MAIN, assumed_load=1_000)], [BAY])
        before = Wiring(state)
        found = before.rows_of(BAY)
        again = Wiring(state.with_evses([evolve(BAY, stale=True)]), None, before)
        self.assertIs(found, again.rows_of(BAY))

    def test_other_circuits(self) -> None:
        """Nothing is kept for a circuit that has been changed."""
        before = Wiring(metered([MAIN, GARAGE], [BAY]))
        moved = charging(EvseSettings("bay", "garage"))
        before.rows_of(moved)
        changed = metered([MAIN, evolve(GARAGE, parent=None)], [moved])
        self.assertEqual(3, len(Wiring(changed, None, before).rows_of(moved)))

    def test_other_limits(self) -> None:
        """A limit from outside that has come or gone is seen."""
        state = metered([MAIN], [BAY])
        before = Wiring(state)
        self.assertEqual(3, len(before.rows_of(BAY)))
        with_limit = Wiring(limited(state), None, before)
        self.assertEqual(4, len(with_limit.rows_of(BAY)))
        self.assertEqual(3, len(Wiring(state, None, with_limit).rows_of(BAY)))
