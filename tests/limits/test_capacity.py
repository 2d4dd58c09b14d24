"""What each constraint leaves for EVSEs."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, Phase, PhaseCurrents, on_each_phase
from cfos_cm.limits.capacity import capacity_ma
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.surplus import Surplus
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState
from tests.limits.meters import drawing, grid, metered
from tests.limits.sites import charging, setpoint

MAIN = CircuitSettings("main", 63_000)
#: 11.5 kW are 50 A at 230 V, summed over the phases.
CAP_W, CAP_MA = 11_500, 50_000


def left_ma(
    state: SiteState, kind: ConstraintKind, circuit: str = "main"
) -> int | tuple[int, ...] | None:
    """What constraints of a kind leave: one for each phase, or one for all. [mA]"""
    found = capacity_ma(state, Memory().after(state, 0.0))
    whole = Constraint(circuit, None, kind)
    if whole in found:
        return found[whole]
    by_phase = [Constraint(circuit, phase, kind) for phase in ALL_PHASES]
    return tuple(found[one] for one in by_phase) if by_phase[0] in found else None


class Fuses(SynchronousTestCase):
    """What a fuse leaves on each of its phases."""

    def check(self, expected_ma: tuple[int, ...], circuit: CircuitSettings) -> None:
        """Compare what it leaves where its meter shows 5, 10 and 70 A."""
        meter = grid(PhaseCurrents(5_000, 10_000, 70_000), 0.0)
        state = metered([circuit], [], [meter])
        self.assertEqual(expected_ma, left_ma(state, ConstraintKind.PHASE))

    def test_rating(self) -> None:
        """Each phase has a rating of its own."""
        self.check((63_000,) * 3, MAIN)
        self.check((10_000, 20_000, 0), evolve(MAIN, max_current=PhaseCurrents(10_000, 20_000)))

    def test_load(self) -> None:
        """What it carries besides is not left; that it carries too much is."""
        wide = evolve(MAIN, max_current=100_000, meter="grid")
        self.check((95_000, 90_000, 30_000), wide)
        uneven = evolve(wide, max_current=PhaseCurrents(20_000, 20_000, 70_000))
        self.check((15_000, 10_000, 0), uneven)

    def test_reserve(self) -> None:
        """The reserve is kept free."""
        wide = evolve(MAIN, max_current=100_000, meter="grid", reserve_ma=10_000)
        self.check((85_000, 80_000, 20_000), wide)

    def test_overdraft(self) -> None:
        """While a fuse cools the overdraft is kept free beside the reserve."""
        for reserve_ma, left_of_l3_ma in ((0, -14_000), (3_000, -17_000), (9_000, -23_000)):
            hot = evolve(MAIN, meter="grid", reserve_ma=reserve_ma)
            others = 58_000 - reserve_ma, 53_000 - reserve_ma
            self.check((*others, left_of_l3_ma), hot)

    def test_silent_meter(self) -> None:
        """Where nobody knows what it carries nothing is left."""
        state = metered([evolve(MAIN, meter="grid")], [])
        self.assertEqual((0, 0, 0), left_ma(state, ConstraintKind.PHASE))

    def test_tree(self) -> None:
        """Each circuit of a tree leaves what it does on its own."""
        garage = CircuitSettings("garage", 20_000, "main", assumed_load=3_000)
        state = metered([MAIN, garage], [])
        self.assertEqual((60_000,) * 3, left_ma(state, ConstraintKind.PHASE))
        self.assertEqual((17_000,) * 3, left_ma(state, ConstraintKind.PHASE, "garage"))


class Powers(SynchronousTestCase):
    """What a limit of all phases together leaves."""

    def test_none(self) -> None:
        """Where there is no such limit there is no such constraint."""
        state = metered([MAIN], [])
        for kind in set(ConstraintKind) - {ConstraintKind.PHASE}:
            self.assertIsNone(left_ma(state, kind), kind)

    def test_cap(self) -> None:
        """A cap is for all that the circuit carries."""
        capped = evolve(MAIN, max_power_w=CAP_W)
        self.assertEqual(CAP_MA, left_ma(metered([capped], []), ConstraintKind.POWER))
        loaded = evolve(capped, assumed_load=PhaseCurrents(1_000, 2_000, 4_000))
        self.assertEqual(CAP_MA - 7_000, left_ma(metered([loaded], []), ConstraintKind.POWER))

    def test_rounded_down(self) -> None:
        """A power is never rounded up."""
        capped = evolve(MAIN, max_power_w=1)
        self.assertEqual(4, left_ma(metered([capped], []), ConstraintKind.POWER))

    def outside(self, *limits: OutsideLimit) -> object:
        """What limits from outside leave a circuit that carries 9 A in all."""
        state = metered([evolve(MAIN, assumed_load=3_000), CircuitSettings("yard", 1)], [])
        known = {(limit.circuit, limit.by): limit for limit in limits}
        return left_ma(evolve(state, outside_limits=known), ConstraintKind.OUTSIDE)

    def test_outside(self) -> None:
        """A limit from outside is for its EVSEs, or for all that it draws."""
        self.assertEqual(CAP_MA, self.outside(OutsideLimit("main", "grid operator", CAP_W)))
        for_all = OutsideLimit("main", "grid operator", CAP_W, evses_only=False)
        self.assertEqual(CAP_MA - 9_000, self.outside(for_all))

    def test_several_parties(self) -> None:
        """The strictest of all counts, with what the circuit carries where that is limited."""
        lower = OutsideLimit("main", "backend", CAP_W - 1_150)
        for_all = OutsideLimit("main", "grid operator", CAP_W, evses_only=False)
        self.assertEqual(CAP_MA - 9_000, self.outside(lower, for_all))
        self.assertEqual(
            CAP_MA - 10_000, self.outside(evolve(lower, max_power_w=9_200), for_all)
        )

    def test_other_circuit(self) -> None:
        """A limit of one circuit is none of another."""
        self.assertIsNone(self.outside(OutsideLimit("yard", "grid operator", CAP_W)))

    def test_surplus(self) -> None:
        """What there is of the sun is a row of its own."""
        state = metered([MAIN], [])
        memory = evolve(Memory().after(state, 0.0), surplus=Surplus(rows_ma={"main": 9_000}))
        row = Constraint("main", None, ConstraintKind.SURPLUS)
        self.assertEqual(9_000, capacity_ma(state, memory)[row])


class Imbalances(SynchronousTestCase):
    """How far the phases may differ: by 20 A here."""

    circuit = evolve(MAIN, max_imbalance_ma=20_000)

    def left(self, circuit: CircuitSettings, *evses: Evse) -> object:
        """What it leaves on each phase."""
        return left_ma(metered([circuit], list(evses)), ConstraintKind.IMBALANCE)

    def bays(self, *drawn: tuple[Sequence[Phase], int]) -> list[Evse]:
        """EVSEs on some phases that draw so much."""
        return [
            drawing(
                charging(
                    EvseSettings(f"bay-{number}", "main", phases=tuple(phases)), current_ma
                ),
                current_ma,
                0.0,
            )
            for number, (phases, current_ma) in enumerate(drawn)
        ]

    def test_nothing_drawn(self) -> None:
        """Where nothing is drawn each phase may have as much as they may differ."""
        self.assertEqual((20_000,) * 3, self.left(self.circuit))

    def test_least(self) -> None:
        """All may have more when the least loaded one carries something."""
        bays = self.bays(([Phase.L1], 16_000), ([Phase.L2], 9_000), ([Phase.L3], 7_000))
        self.assertEqual((27_000,) * 3, self.left(self.circuit, *bays))
        self.assertEqual((20_000,) * 3, self.left(self.circuit, *bays[:2]))

    def test_told_to_take_less(self) -> None:
        """Who gives way is not counted on with what he still draws."""
        l1, l2, l3 = self.bays(([Phase.L1], 16_000), ([Phase.L2], 9_000), ([Phase.L3], 7_000))
        less = evolve(l3, ordered=setpoint(6_500))
        self.assertEqual((26_500,) * 3, self.left(self.circuit, l1, l2, less))
        obeys = evolve(l3, confirmed=setpoint(0))
        self.assertEqual((20_000,) * 3, self.left(self.circuit, l1, l2, obeys))
        more = evolve(l3, ordered=setpoint(12_000))
        self.assertEqual((27_000,) * 3, self.left(self.circuit, l1, l2, more))

    def test_all_phases(self) -> None:
        """Who loads all phases makes no difference between them."""
        self.assertEqual(
            (20_000,) * 3, self.left(self.circuit, *self.bays((ALL_PHASES, 9_000)))
        )

    def test_not_measured(self) -> None:
        """Nothing is counted on that is not measured."""
        bays = self.bays(([Phase.L1], 16_000), ([Phase.L2], 9_000))
        unheard = charging(EvseSettings("bay-9", "main", phases=(Phase.L3,)), 16_000)
        self.assertEqual((20_000,) * 3, self.left(self.circuit, *bays, unheard))

    def test_house(self) -> None:
        """What else the circuit carries counts only where it is said to."""
        load = PhaseCurrents(1_000, 4_000, 12_000)
        loaded = evolve(self.circuit, assumed_load=load)
        self.assertEqual((20_000,) * 3, self.left(loaded))
        counted = evolve(loaded, imbalance_counts_load=True)
        self.assertEqual((20_000, 17_000, 9_000), self.left(counted))
        bays = self.bays(([Phase.L1], 16_000))
        # L2 carries the least now: 4 A.
        self.assertEqual((23_000, 20_000, 12_000), self.left(counted, *bays))

    def test_sun(self) -> None:
        """What one phase feeds in is as far from the others as what it would draw."""
        counted = evolve(self.circuit, meter="grid", imbalance_counts_load=True)
        meter = grid(PhaseCurrents(-15_000, 2_000, 0), 0.0)
        state = metered([counted], [], [meter])
        self.assertEqual((20_000, 3_000, 5_000), left_ma(state, ConstraintKind.IMBALANCE))
        (bay,) = self.bays(([Phase.L1], 10_000))
        seen = grid(PhaseCurrents(-5_000, 2_000, 0), 0.0)
        state = metered([counted], [bay], [seen])
        self.assertEqual((30_000, 13_000, 15_000), left_ma(state, ConstraintKind.IMBALANCE))

    def test_house_is_not_known(self) -> None:
        """A house that nobody knows is no reason for any difference."""
        silent = evolve(self.circuit, meter="grid", imbalance_counts_load=True)
        self.assertEqual((20_000,) * 3, self.left(silent))

    def test_elsewhere(self) -> None:
        """Only what is drawn in the circuit counts."""
        state = metered(
            [MAIN, CircuitSettings("yard", 32_000, "main", max_imbalance_ma=5_000)],
            self.bays(*(([phase], 9_000) for phase in ALL_PHASES)),
        )
        self.assertEqual((5_000,) * 3, left_ma(state, ConstraintKind.IMBALANCE, "yard"))

    def test_below(self) -> None:
        """What is drawn in circuits below it does."""
        below = [
            evolve(one, settings=evolve(one.settings, circuit="yard"))
            for one in self.bays(*(([phase], 9_000) for phase in ALL_PHASES))
        ]
        state = metered([self.circuit, CircuitSettings("yard", 32_000, "main")], below)
        self.assertEqual((29_000,) * 3, left_ma(state, ConstraintKind.IMBALANCE))


class Usable(SynchronousTestCase):
    """What a fuse can carry beside what is kept free of it."""

    def test_never_negative(self) -> None:
        """It is never less than nothing."""
        circuit = evolve(MAIN, reserve_ma=3_000)
        kept = PhaseCurrents(3_000, 5_000, 70_000)
        self.assertEqual(PhaseCurrents(60_000, 58_000, 0), circuit.usable_keeping(kept))
        self.assertEqual(on_each_phase(60_000), circuit.usable)
