"""What is borne for a while, and what is waited for."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.decide import decide
from cfos_cm.limits.loads import HOLD_S, PATIENCE_S, STEADY_S
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.steadiness import leeways
from cfos_cm.limits.turns import TURN_MAS
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings
from cfos_cm.site.policy import Policy
from cfos_cm.site.setpoint import ReasonCode, Setpoint
from tests.limits.meters import drawing, grid, metered, obeying
from tests.limits.sites import charging

#: 22 A of 32 A are used; the rest is there for what soon passes.
MAIN = CircuitSettings("main", 32_000, reserve_ma=10_000, meter="grid")
LEFT = charging(EvseSettings("left", "main"))
RIGHT = charging(EvseSettings("right", "main"))
NO_REST = Policy(min_pause_s=0.0, min_run_s=0.0)
#: A moment. [s]
MOMENT_S = 0.25


class House:
    """A house and its cars, by the clock; the cars draw what they have confirmed."""

    def __init__(self, *evses: Evse, circuit: CircuitSettings = MAIN) -> None:
        self.now_s = 0.0
        self._memory = Memory()
        self._evses = evses
        self.circuit = circuit

    def runs(self, house_ma: int | PhaseCurrents, seconds: float) -> House:
        """It takes so much for so long, told each second. [mA, s]"""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(self.now_s + 1.0, end_s)
            self.looks(house_ma)
        return self

    def looks(self, house_ma: int | PhaseCurrents) -> dict[str, Setpoint]:
        """What is decided when it takes so much now."""
        shown = PhaseCurrents() if isinstance(house_ma, int) else house_ma
        if isinstance(house_ma, int):
            shown = PhaseCurrents(house_ma, house_ma, house_ma)
        evses = []
        for evse in self._evses:
            current_ma = evse.granted_ma
            evses.append(drawing(evse, current_ma, self.now_s))
            shown = shown + PhaseCurrents.on(evse.settings.phases, current_ma)
        meters = [grid(shown, self.now_s)]
        state = evolve(metered([self.circuit], evses, meters), policy=NO_REST)
        self._memory = self._memory.after(state, self.now_s)
        return decide(state, self._memory)

    def gives(self, house_ma: int | PhaseCurrents) -> dict[str, int]:
        """The currents of that. [mA]"""
        self.now_s += MOMENT_S
        found = self.looks(house_ma)
        return {name: setpoint.current_ma for name, setpoint in found.items()}


class Shortage(SynchronousTestCase):
    """Two cars charge at 6 A, and the house takes more."""

    cars = (obeying(LEFT, 6_000), obeying(RIGHT, 6_000))

    def test_passes(self) -> None:
        """As far as the reserve reaches nobody is paused for what soon passes."""
        house = House(*self.cars).runs(8_000, 60)
        for _ in range(int(PATIENCE_S) - 2):
            house.now_s += 1.0 - MOMENT_S
            self.assertEqual({"left": 6_000, "right": 6_000}, house.gives(14_000))

    def test_stays(self) -> None:
        """Somebody is when it has not passed in that time."""
        house = House(*self.cars).runs(8_000, 60).runs(14_000, PATIENCE_S + 2)
        self.assertIn(0, house.gives(14_000).values())

    def test_beyond_the_reserve(self) -> None:
        """What the reserve does not reach for is answered at once."""
        house = House(*self.cars).runs(8_000, 60)
        paused_ma, going_on_ma = sorted(house.gives(20_100).values())
        self.assertEqual(0, paused_ma)
        self.assertTrue(6_000 <= going_on_ma <= 32_000 - 20_100, going_on_ma)
        self.assertEqual([0, 0], sorted(house.gives(26_100).values()))

    def test_just_within(self) -> None:
        """The last milliamp of the fuse may be used."""
        house = House(*self.cars).runs(8_000, 60)
        self.assertEqual([6_000, 6_000], sorted(house.gives(20_000).values()))

    def test_sun_is_no_reserve(self) -> None:
        """A sun that comes out lets nobody go on beyond a fuse that was made smaller."""
        four = [charging(EvseSettings(f"bay-{n}", "main"), 6_000) for n in range(4)]
        circuit = evolve(MAIN, reserve_ma=5_000)
        house = House(*four, circuit=circuit).runs(-19_000, 60).runs(-1_000, 3)
        house.circuit = evolve(circuit, max_current=20_000)
        self.assertLessEqual(sum(house.gives(-19_000).values()), 20_000)

    def test_no_more_than_the_minimum(self) -> None:
        """What is borne is the minimum: who has more gives it."""
        house = House(obeying(LEFT, 9_000), self.cars[1]).runs(7_000, 60)
        self.assertEqual({"left": 6_000, "right": 6_000}, house.gives(14_000))

    def test_without_a_reserve(self) -> None:
        """Where there is no reserve nothing is borne."""
        circuit = evolve(MAIN, max_current=22_000, reserve_ma=0)
        house = House(*self.cars, circuit=circuit).runs(8_000, 60)
        self.assertIn(0, house.gives(11_000).values())

    def test_nobody_begins_by_it(self) -> None:
        """It is for those who charge: nobody begins with it."""
        house = House(self.cars[0], RIGHT).runs(8_000, 60)
        self.assertEqual({"left": 8_000, "right": 0}, house.gives(14_000))

    def test_unmeasured(self) -> None:
        """A circuit without a meter has no load that could pass, and its reserve is kept."""
        circuit = evolve(MAIN, meter=None, assumed_load=14_000)
        state = evolve(metered([circuit], list(self.cars)), policy=NO_REST)
        found = decide(state, Memory().after(state, 0.0))
        self.assertEqual([0, 8_000], sorted(one.current_ma for one in found.values()))


class Trifles(SynchronousTestCase):
    """One car charges, and the house takes a little more."""

    def test_little(self) -> None:
        """A few hundred milliamps are not worth an order while the reserve carries them."""
        house = House(obeying(LEFT, 16_000)).runs(6_000, 60)
        self.assertEqual({"left": 16_000}, house.gives(6_500))

    def test_more(self) -> None:
        """An ampere and more than a part of the reserve are."""
        house = House(obeying(LEFT, 16_000)).runs(6_000, 60)
        found_ma = house.gives(10_000)["left"]
        self.assertLess(found_ma, 16_000)
        self.assertGreaterEqual(found_ma, 12_000)

    def test_no_increase(self) -> None:
        """It gives nobody more than he has."""
        house = House(obeying(LEFT, 14_000)).runs(8_000, 60)
        self.assertEqual({"left": 14_000}, house.gives(8_000))
        self.assertEqual({"left": 14_000}, house.gives(8_500))

    def test_without_a_reserve(self) -> None:
        """Without a reserve each milliamp is answered, and as much again while it cools."""
        circuit = evolve(MAIN, max_current=22_000, reserve_ma=0)
        house = House(obeying(LEFT, 16_000), circuit=circuit).runs(6_000, 60)
        self.assertEqual({"left": 15_000}, house.gives(6_500))


class Starts(SynchronousTestCase):
    """Cars that do not charge yet."""

    def test_no_peaks(self) -> None:
        """Where there were no peaks a car starts at once."""
        self.assertEqual({"left": 16_000}, House(LEFT).gives(5_000))
        self.assertEqual({"left": 16_000}, House(LEFT).runs(5_000, 60).gives(5_000))

    def test_after_a_peak(self) -> None:
        """After one it waits until there was enough for it for so long."""
        house = House(LEFT).runs(5_000, 60).runs(20_000, 1).runs(5_000, 60)
        self.assertEqual({"left": 0}, house.gives(5_000))
        house.runs(5_000, STEADY_S - 90)
        self.assertEqual({"left": 0}, house.gives(5_000))
        house.runs(5_000, 60)
        self.assertEqual({"left": 16_000}, house.gives(5_000))

    def test_small_peak(self) -> None:
        """A peak that leaves its minimum is none that it waits for."""
        house = House(LEFT).runs(5_000, 60).runs(16_000, 1).runs(5_000, 60)
        self.assertEqual({"left": 16_000}, house.gives(5_000))

    def test_sun(self) -> None:
        """A cloud that leaves the house without a load of its own is no peak."""
        house = House(LEFT).runs(-20_000, 60).runs(-1_000, 1).runs(-20_000, 60)
        self.assertEqual({"left": 16_000}, house.gives(-20_000))

    def test_who_charges(self) -> None:
        """Who charges already is not touched by what has been."""
        house = House(obeying(LEFT, 6_000)).runs(5_000, 60).runs(20_000, 1).runs(5_000, 60)
        self.assertEqual({"left": 16_000}, house.gives(5_000))

    def test_each_takes_its_part(self) -> None:
        """Of two that there was always enough for one of, one starts."""
        house = House(LEFT, RIGHT).runs(5_000, 60).runs(12_000, 1).runs(5_000, 60)
        self.assertEqual([0, 16_000], sorted(house.gives(5_000).values()))

    def test_other_phase(self) -> None:
        """A peak on another phase keeps nobody waiting."""
        single = charging(EvseSettings("left", "main", phases=(Phase.L2,)))
        for peak, expected_ma in (
            (PhaseCurrents(20_000, 5_000, 20_000), 16_000),
            (PhaseCurrents(5_000, 20_000, 5_000), 0),
        ):
            house = House(single).runs(5_000, 60).runs(peak, 1).runs(5_000, 60)
            self.assertEqual({"left": expected_ma}, house.gives(5_000))

    def test_words(self) -> None:
        """It is told what it waits for."""
        house = House(LEFT).runs(5_000, 60).runs(20_000, 1).runs(5_000, 60)
        reason = house.looks(5_000)["left"].reason
        self.assertEqual(
            (
                ReasonCode.CIRCUIT,
                "phase L1 of main has had less in the last 5 minutes: charging starts when "
                "there has been enough for so long",
                "main",
                Phase.L1,
            ),
            (reason.code, reason.text, reason.circuit, reason.phase),
        )

    def test_too_little_now(self) -> None:
        """Where there is too little now that is what is said."""
        house = House(LEFT).runs(5_000, 60).runs(20_000, HOLD_S)
        self.assertIn("and left needs 6 A", house.looks(20_000)["left"].reason.text)


class Leeways(SynchronousTestCase):
    """How far a constraint may be used."""

    def test_measured_ones(self) -> None:
        """There is some on each phase of the circuits that are measured, on no others."""
        yard = CircuitSettings("yard", 20_000, "main")
        state = metered([MAIN, yard], [], [grid(5_000, 0.0)])
        found = leeways(state, Memory().after(state, 0.0), is_crowd=False)
        self.assertEqual({Constraint("main", phase) for phase in Phase}, set(found))

    def test_quiet(self) -> None:
        """Where the load does not move there is nothing to be borne nor waited for."""
        state = metered([MAIN], [], [grid(5_000, 0.0)])
        found = leeways(state, Memory().after(state, 0.0), is_crowd=False)[
            Constraint("main", Phase.L1)
        ]
        self.assertEqual((0, 0), (found.for_minima, found.for_starts))
        self.assertLess(found.for_what_is, MAIN.reserve_ma)

    def test_crowd(self) -> None:
        """Where there are many, what is kept free has to be there once more for a start."""
        state = metered([MAIN], [], [grid(5_000, 0.0)])
        found = leeways(state, Memory().after(state, 0.0), is_crowd=True)
        self.assertEqual({MAIN.reserve_ma}, {one.for_others for one in found.values()})


class Crowd(SynchronousTestCase):
    """Many who share, so that nobody has to be paused for each thing in the house."""

    def house(self, cars: int, room_ma: int) -> House:
        """So many charge with 6 A, another one waits, and there is so much beyond that."""
        evses = [charging(EvseSettings(f"bay-{n}", "main"), 6_000) for n in range(cars)]
        used_ma = 6_000 * cars + room_ma + MAIN.reserve_ma
        circuit = evolve(MAIN, max_current=used_ma)
        return House(*evses, charging(EvseSettings("waits", "main"), 0), circuit=circuit)

    def test_nothing_to_spare(self) -> None:
        """Nobody starts where all would be left with their minimum."""
        setpoint = self.house(9, 15_000).looks(0)["waits"]
        self.assertEqual(0, setpoint.current_ma)
        self.assertIn("nothing to spare beyond the least that those need", setpoint.reason.text)

    def test_something_to_spare(self) -> None:
        """He starts where they can give as much as is kept free."""
        self.assertGreater(self.house(9, 16_000).looks(0)["waits"].current_ma, 0)

    def waiting(self, *charging_ma: int) -> House:
        """Ten cars, all but these have to wait, and 12 A that EVSEs may draw."""
        circuit = evolve(MAIN, max_current=22_000)
        has_ma = [*charging_ma, *[0] * (10 - len(charging_ma))]
        evses = [charging(EvseSettings(f"bay-{n}", "main"), ma) for n, ma in enumerate(has_ma)]
        return House(*evses, circuit=circuit)

    def test_nobody_charges(self) -> None:
        """The first one has nobody who could have to be paused for him."""
        found = self.waiting().looks(0)
        self.assertEqual([0] * 9 + [12_000], sorted(one.current_ma for one in found.values()))

    def test_turn_comes(self) -> None:
        """Nor does he wait for ever whose turn it is, where there is so little in all."""
        house = self.waiting(12_000).runs(0, TURN_MAS / 12_000 + 1)
        found = house.looks(0)
        self.assertEqual(6_000, found["bay-1"].current_ma)

    def test_few(self) -> None:
        """Where there are few nobody waits for that."""
        self.assertGreater(self.house(3, 6_000).looks(0)["waits"].current_ma, 0)
