"""What circuits carry besides EVSEs."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import NO_CURRENT, Phase, PhaseCurrents, on_each_phase
from cfos_cm.limits.loads import HOLD_S, METER_PATIENCE_S, PATIENCE_S, STEADY_S, Passing
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import EvseSettings, Link, Occupancy
from cfos_cm.site.measured import Measured
from cfos_cm.site.meter import Meter
from tests.limits.meters import Course, consumer, drawing, generator, grid, metered, obeying
from tests.limits.sites import charging

MAIN = CircuitSettings("main", 63_000, meter="grid")
GARAGE = CircuitSettings("garage", 32_000, "main")
BAY = charging(EvseSettings("bay", "main"), 16_000)
#: What the house takes in these tests, where nothing else is said. [mA]
HOUSE_MA = 10_000
#: So near a load has to be found. [mA]
NEAR_MA = 1_000
#: A moment. [s]
MOMENT_S = 0.25


def power_only(power_w: int, at_s: float = 0.0) -> Meter:
    """A grid meter that tells no currents."""
    return evolve(grid(0, at_s), currents=None, power_w=power_w)


class ClosedLoop(SynchronousTestCase):
    """A house that never changes, and a car whose current is changed all the time."""

    def errors_ma(
        self, *, every_s: int = 1, late_s: int = 0, grid_late_s: int = 0, seconds: int = 900
    ) -> list[int]:
        """
        By how much the load is mistaken in each second. [mA]

        @param every_s: how often the EVSE's meter speaks. [s]
        @param late_s: how old is then what it says; nobody is told that. [s]
        @param grid_late_s: how old is what the circuit's meter says. [s]
        """
        course = Course()
        found: list[int] = []
        drawn_ma: list[int] = []
        evse = BAY
        for second in range(seconds):
            orders_ma = (16_000, 6_000, 11_000, 8_000)
            evse = obeying(evse, orders_ma[second // 25 % 4])
            # The car follows in two seconds.
            drawn_ma.append(orders_ma[max(0, second - 2) // 25 % 4])
            if second % every_s == 0:
                evse = drawing(evse, drawn_ma[max(0, second - late_s)], second)
            then_s = max(0, second - grid_late_s)
            meter = grid(HOUSE_MA + drawn_ma[then_s], then_s)
            course.look(metered([MAIN], [evse], [meter]), second)
            passing = course.loads.passing("main")
            assert passing is not None
            found.append(abs(passing.newest.l1_ma - HOUSE_MA))
        return found

    def test_exact(self) -> None:
        """Where both meters speak at once the load is exact, from the first moment on."""
        self.assertEqual(0, max(self.errors_ma()))

    def test_read_in_turns(self) -> None:
        """
        Both meters are read once a second, the EVSE's some time before the circuit's: a car
        that follows at once, in between, is no load of the house.
        """
        for before_s in (0.1, 0.5, 0.9):
            course, evse, drawn_ma = Course(), BAY, 16_000
            for step in range(120):
                at_s = float(step)
                evse = drawing(evse, drawn_ma, at_s)
                course.look(metered([MAIN], [evse], [grid(HOUSE_MA + drawn_ma, at_s)]), at_s)
                if step % 20 == 10:
                    drawn_ma = 22_000 - drawn_ma
                    evse = obeying(evse, drawn_ma)
                now_s = at_s + before_s
                course.look(metered([MAIN], [evse], [grid(HOUSE_MA + drawn_ma, now_s)]), now_s)
                passing = course.loads.passing("main")
                assert passing is not None
                self.assertLessEqual(abs(passing.newest.l1_ma - HOUSE_MA), NEAR_MA, at_s)

    def test_seldom(self) -> None:
        """A meter that speaks seldom moves no load by what it does not know."""
        for every_s in (10, 60):
            for grid_late_s in (0, 3):
                errors_ma = self.errors_ma(every_s=every_s, grid_late_s=grid_late_s)
                self.assertLessEqual(max(errors_ma[300:]), NEAR_MA, (every_s, grid_late_s))

    def test_late(self) -> None:
        """How late a meter is, is learnt in some minutes."""
        for grid_late_s, late_s in ((6, 0), (6, 1), (3, 2), (3, 3), (4, 4), (5, 5), (6, 6)):
            errors_ma = self.errors_ma(late_s=late_s, grid_late_s=grid_late_s)
            self.assertLessEqual(max(errors_ma[300:]), NEAR_MA, (grid_late_s, late_s))

    def test_has_to_be_learnt(self) -> None:
        """Before that it is mistaken: there is something to be learnt."""
        self.assertGreater(max(self.errors_ma(late_s=4, grid_late_s=4)[:300]), NEAR_MA)

    def test_later_than_the_circuit(self) -> None:
        """One that is later than the circuit's meter mistakes it for as long as it is later."""
        errors_ma = self.errors_ma(late_s=3, grid_late_s=1)[300:]
        mistaken = sum(error_ma > NEAR_MA for error_ma in errors_ma)
        changes = len(errors_ma) // 25
        self.assertLessEqual(mistaken, 2 * changes)


class Estimate(SynchronousTestCase):
    """What is made of single readings of a circuit's meter."""

    def after(self, *readings_ma: int, spacing_s: float = 1.0) -> int | None:
        """The load of L1 after these readings, without EVSEs. [mA]"""
        course = Course()
        for number, current_ma in enumerate(readings_ma):
            at_s = number * spacing_s
            course.look(metered([MAIN], [], [grid(current_ma, at_s)]), at_s)
        load = course.loads.of("main")
        return None if load is None else load.l1_ma

    def test_rises_at_once(self) -> None:
        """A load that rises is believed at once."""
        self.assertEqual(30_000, self.after(10_000, 30_000))

    def test_falls_slowly(self) -> None:
        """One that has fallen is believed when it has stayed so."""
        for later_s, expected_ma in ((HOLD_S - MOMENT_S, 30_000), (HOLD_S, 10_000)):
            self.assertEqual(expected_ma, self.after(30_000, 10_000, spacing_s=later_s))

    def test_without_another_reading(self) -> None:
        """It takes no further reading for that."""
        course = Course()
        for at_s, current_ma in ((0.0, 30_000), (1.0, 10_000)):
            state = metered([MAIN], [], [grid(current_ma, at_s)])
            course.look(state, at_s)
        self.assertEqual(on_each_phase(30_000), course.loads.of("main"))
        course.look(state, HOLD_S)
        self.assertEqual(on_each_phase(10_000), course.loads.of("main"))

    def test_feeding_in(self) -> None:
        """Generation makes no fuse stronger: no load is ever negative."""
        self.assertEqual(0, self.after(-20_000, -20_000, -20_000, spacing_s=HOLD_S))

    def test_sign_flips(self) -> None:
        """When the sun goes the load is there at once, and gone when it has come back."""
        self.assertEqual(8_000, self.after(-20_000, 8_000))
        self.assertEqual(0, self.after(8_000, -20_000, -20_000, spacing_s=HOLD_S))

    def test_sun_and_a_car(self) -> None:
        """What a car draws of the sun's current is no load."""
        course = Course()
        evse = drawing(BAY, 16_000, 0.0)
        course.look(metered([MAIN], [evse], [grid(-2_000, 0.0)]), 0.0)
        self.assertEqual(NO_CURRENT, course.loads.of("main"))

    def test_each_phase(self) -> None:
        """Each phase is looked at on its own."""
        course = Course()
        evse = charging(EvseSettings("bay", "main", phases=(Phase.L2,)), 16_000)
        meter = grid(PhaseCurrents(1_000, 18_000, 3_000), 0.0)
        course.look(metered([MAIN], [drawing(evse, 16_000, 0.0)], [meter]), 0.0)
        self.assertEqual(PhaseCurrents(1_000, 2_000, 3_000), course.loads.of("main"))

    def test_power_only(self) -> None:
        """A meter that tells a power only may see all of it on one phase."""
        course = Course().look(metered([MAIN], [], [power_only(2_300)]), 0.0)
        self.assertEqual(on_each_phase(10_000), course.loads.of("main"))

    def test_power_only_with_a_car(self) -> None:
        """What EVSEs draw on all their phases is no part of that."""
        evse = drawing(BAY, 16_000, 0.0)
        meter = power_only(3 * 16 * 230 + 2_300)
        course = Course().look(metered([MAIN], [evse], [meter]), 0.0)
        self.assertEqual(on_each_phase(10_000), course.loads.of("main"))

    def test_lost_evse(self) -> None:
        """What an EVSE draws that nobody hears of moves no load as far as that can be."""
        course = Course()
        with_car = metered([MAIN], [drawing(BAY, 16_000, 0.0)], [grid(26_000, 0.0)])
        course.look(with_car, 0.0)
        lost = evolve(BAY, link=Link.LOST)
        for at_s, shown_ma, expected_ma in ((1.0, 26_000, 10_000), (2.0, 30_000, 14_000)):
            course.look(metered([MAIN], [lost], [grid(shown_ma, at_s)]), at_s)
            self.assertEqual(on_each_phase(expected_ma), course.loads.of("main"))

    def test_fallen_back(self) -> None:
        """Nor does what it falls back to by itself."""
        safe = charging(EvseSettings("bay", "main", failsafe_current_ma=6_000), 0)
        lost = evolve(safe, link=Link.LOST, occupancy=Occupancy.UNKNOWN)
        course = Course()
        for at_s, shown_ma in ((0.0, 10_000), (1.0, 16_000)):
            course.look(metered([MAIN], [lost], [grid(shown_ma, at_s)]), at_s)
        self.assertEqual(on_each_phase(10_000), course.loads.of("main"))

    def test_first_reading(self) -> None:
        """Where nothing was known before, an EVSE that may draw nothing draws nothing."""
        meter = grid(26_000, 0.0)
        course = Course().look(metered([MAIN], [evolve(BAY, link=Link.LOST)], [meter]), 0.0)
        self.assertEqual(on_each_phase(26_000), course.loads.of("main"))

    def test_unmetered_evse(self) -> None:
        """An EVSE without a meter is known by its orders only."""
        course = Course().look(metered([MAIN], [BAY], [grid(10_000, 0.0)]), 0.0)
        more = metered([MAIN], [BAY], [grid(24_000, 1.0)])
        self.assertEqual(on_each_phase(10_000), course.look(more, 1.0).loads.of("main"))
        too_much = metered([MAIN], [BAY], [grid(30_000, 2.0)])
        self.assertEqual(on_each_phase(14_000), course.look(too_much, 2.0).loads.of("main"))

    def test_had_its_time(self) -> None:
        """What it drew before an order explains nothing once it should have followed."""
        course = Course()
        evse = drawing(BAY, 16_000, 0.0)
        course.look(metered([MAIN], [evse], [grid(26_000, 0.0)]), 0.0)
        evse = obeying(evse, 6_000)
        for second in range(1, 7):
            course.look(metered([MAIN], [evse], [grid(26_000, second)]), second)
        self.assertEqual(on_each_phase(10_000), course.loads.of("main"))
        course.look(metered([MAIN], [evse], [grid(26_000, 8.0)]), 8.0)
        self.assertEqual(on_each_phase(20_000), course.loads.of("main"))

    def test_no_car(self) -> None:
        """Nor does anything that an EVSE without a car may once have given."""
        gone = evolve(BAY, transaction=None, occupancy=Occupancy.FREE)
        course = Course()
        for second, shown_ma in enumerate((10_000, 10_000, 25_000)):
            course.look(metered([MAIN], [gone], [grid(shown_ma, second)]), second)
            self.assertEqual(on_each_phase(shown_ma), course.loads.of("main"))

    def test_turned_evse(self) -> None:
        """The sign in an EVSE's meter only says which way round a transformer is mounted."""
        evse = BAY.with_meter(Measured(PhaseCurrents(16_000, -16_000, 16_000), at_s=0.0))
        course = Course().look(metered([MAIN], [evse], [grid(26_000, 0.0)]), 0.0)
        self.assertEqual(on_each_phase(10_000), course.loads.of("main"))

    def test_power_only_evse(self) -> None:
        """So it is with one whose meter tells its power."""
        evse = BAY.with_meter(Measured(power_w=3 * 230 * 10, at_s=0.0))
        course = Course().look(metered([MAIN], [evse], [grid(26_000, 0.0)]), 0.0)
        self.assertEqual(on_each_phase(16_000), course.loads.of("main"))


class PassingTests(SynchronousTestCase):
    """What a circuit carried in the last seconds."""

    def passing(self, readings_ma: Sequence[int], spacing_s: float) -> tuple[int, ...]:
        """The lowest, newest, highest and peak of L1 after these readings. [mA]"""
        course = Course()
        for number, current_ma in enumerate(readings_ma):
            at_s = number * spacing_s
            course.look(metered([MAIN], [], [grid(current_ma, at_s)]), at_s)
        found = course.loads.passing("main")
        assert found is not None
        return (
            found.lowest.l1_ma,
            found.newest.l1_ma,
            found.highest.l1_ma,
            found.peak.l1_ma,
        )

    def test_short(self) -> None:
        """In a short time all of them count."""
        self.assertEqual(
            (5_000, 8_000, 20_000, 20_000), self.passing([5_000, 20_000, 8_000], 1)
        )

    def test_later(self) -> None:
        """The lowest is forgotten when no shortage is borne any more, the peak later."""
        readings_ma = [5_000, 20_000, 8_000]
        self.assertEqual((8_000, 8_000, 8_000, 20_000), self.passing(readings_ma, PATIENCE_S))

    def test_peak(self) -> None:
        """A peak is forgotten when so much time has passed as a start waits for."""
        minutes = [20_000] + [5_000] * 40
        self.assertEqual(20_000, self.passing(minutes, (STEADY_S - 1) / 40)[3])
        self.assertEqual(5_000, self.passing(minutes, (STEADY_S + 1) / 40)[3])

    def test_no_meter(self) -> None:
        """Where no meter tells there is nothing that passes."""
        state = metered([evolve(MAIN, meter=None)], [])
        self.assertIsNone(Course().look(state, 0.0).loads.passing("main"))

    def test_news(self) -> None:
        """It is told whether anything is other than before."""
        course = Course().look(metered([MAIN], [], [grid(5_000, 0.0)]), 0.0)
        before = course.loads
        same = course.look(metered([MAIN], [], [grid(5_000, 1.0)]), 1.0).loads
        self.assertFalse(same.tell_other_than(before))
        other = course.look(metered([MAIN], [], [grid(5_100, 2.0)]), 2.0).loads
        self.assertTrue(other.tell_other_than(same))
        self.assertIsInstance(other.passing("main"), Passing)


class Silence(SynchronousTestCase):
    """A meter that is not heard."""

    def load(self, circuit: CircuitSettings, meter: Meter | None, now_s: float) -> object:
        """What the circuit is taken to carry."""
        meters = [] if meter is None else [meter]
        return Course().look(metered([circuit], [], meters), now_s).loads.of("main")

    def test_too_long(self) -> None:
        """A meter that has said nothing for long tells nothing, whatever its driver says."""
        heard = grid(5_000, 0.0)
        self.assertEqual(on_each_phase(5_000), self.load(MAIN, heard, METER_PATIENCE_S))
        self.assertIsNone(self.load(MAIN, heard, METER_PATIENCE_S + MOMENT_S))

    def test_lost(self) -> None:
        """One that is lost tells nothing from then on."""
        self.assertIsNone(self.load(MAIN, evolve(grid(5_000, 0.0), is_read=False), 0.0))
        self.assertIsNone(self.load(MAIN, None, 0.0))

    def test_failsafe(self) -> None:
        """The fail-safe load stands in its place, if there is one."""
        circuit = evolve(MAIN, failsafe_load=on_each_phase(40_000), assumed_load=1_000)
        self.assertEqual(on_each_phase(40_000), self.load(circuit, None, 0.0))
        self.assertEqual(on_each_phase(5_000), self.load(circuit, grid(5_000, 0.0), 0.0))

    def test_register_only(self) -> None:
        """One that tells its register only tells nothing of the load."""
        mute = evolve(grid(0, 0.0), currents=None, energy_wh=7)
        self.assertIsNone(self.load(MAIN, mute, 0.0))

    def test_comes_back(self) -> None:
        """Nothing of what was known before it was silent counts afterwards."""
        course = Course().look(metered([MAIN], [], [grid(50_000, 0.0)]), 0.0)
        course.look(metered([MAIN], []), 1.0)
        course.look(metered([MAIN], [], [grid(5_000, 2.0)]), 2.0)
        self.assertEqual(on_each_phase(5_000), course.loads.of("main"))

    def test_news(self) -> None:
        """That it has become silent is news."""
        state = metered([MAIN], [], [grid(5_000, 0.0)])
        course = Course().look(state, 0.0)
        before = course.loads
        after = course.look(state, METER_PATIENCE_S + MOMENT_S).loads
        self.assertTrue(after.tell_other_than(before))


class OwnLoad(SynchronousTestCase):
    """A circuit without a meter of its own."""

    circuit = CircuitSettings("main", 63_000, assumed_load=4_000, failsafe_load=None)

    def load(self, *meters: Meter, circuit: CircuitSettings | None = None) -> object:
        """What it is taken to carry."""
        state = metered([circuit or self.circuit], [], meters)
        return Course().look(state, 0.0).loads.of("main")

    def test_assumed(self) -> None:
        """Where nothing measures it what is assumed counts; and nothing if nothing is."""
        self.assertEqual(on_each_phase(4_000), self.load())
        bare = CircuitSettings("main", 63_000)
        self.assertEqual(NO_CURRENT, self.load(circuit=bare))

    def test_consumption(self) -> None:
        """Meters of loads in it count instead, all together, whatever is assumed."""
        oven, pump = consumer(7_000), consumer(PhaseCurrents(1_000, 0, 0), name="pump")
        self.assertEqual(PhaseCurrents(8_000, 7_000, 7_000), self.load(oven, pump))

    def test_other_circuit(self) -> None:
        """Those of other circuits do not."""
        self.assertEqual(on_each_phase(4_000), self.load(consumer(7_000, "elsewhere")))

    def test_generation(self) -> None:
        """What is generated is subtracted, and never makes room for more than nothing."""
        roof = generator(PhaseCurrents(9_000, 2_000, 0))
        self.assertEqual(PhaseCurrents(0, 5_000, 7_000), self.load(consumer(7_000), roof))

    def test_generation_alone(self) -> None:
        """It says nothing of what the circuit carries."""
        self.assertEqual(on_each_phase(4_000), self.load(generator(2_000)))

    def test_generation_power_only(self) -> None:
        """Of a power nobody knows which phase it relieves: it relieves none."""
        roof = evolve(generator(0), currents=None, power_w=6_900)
        self.assertEqual(on_each_phase(7_000), self.load(consumer(7_000), roof))

    def test_consumption_power_only(self) -> None:
        """A load of which only the power is known may be all on any phase, and is no source."""
        pump = evolve(consumer(0, name="pump"), currents=None, power_w=2_300)
        self.assertEqual(on_each_phase(17_000), self.load(consumer(7_000), pump))
        battery = evolve(pump, power_w=-2_300)
        self.assertEqual(on_each_phase(7_000), self.load(consumer(7_000), battery))

    def test_silent_load(self) -> None:
        """A silent meter of a load leaves nothing, or the fail-safe load."""
        silent = evolve(consumer(7_000), is_read=False)
        other = consumer(1_000, name="pump")
        self.assertIsNone(self.load(silent, other))
        careful = evolve(self.circuit, failsafe_load=on_each_phase(30_000))
        self.assertEqual(on_each_phase(30_000), self.load(silent, other, circuit=careful))

    def test_silent_roof(self) -> None:
        """A silent meter of a roof counts as no sun."""
        roof = evolve(generator(5_000), is_read=False)
        self.assertEqual(on_each_phase(7_000), self.load(consumer(7_000), roof))


class Tree(SynchronousTestCase):
    """Circuits that feed others."""

    main = CircuitSettings("main", 63_000, assumed_load=5_000)

    def loads(self, main: CircuitSettings, garage: CircuitSettings, *meters: Meter) -> object:
        """What both are taken to carry besides an EVSE in the lower one that draws 16 A."""
        evse = drawing(charging(EvseSettings("bay", "garage"), 16_000), 16_000, 0.0)
        found = Course().look(metered([main, garage], [evse], meters), 0.0).loads
        load, below = found.of("main"), found.of("garage")
        return load and load.l1_ma, below and below.l1_ma

    def test_neither(self) -> None:
        """Without meters the upper one carries what both are assumed to."""
        self.assertEqual(
            (8_000, 3_000), self.loads(self.main, evolve(GARAGE, assumed_load=3_000))
        )

    def test_lower(self) -> None:
        """What the lower one's meter says is carried by the upper one too."""
        garage = evolve(GARAGE, meter="sub")
        self.assertEqual(
            (9_000, 4_000), self.loads(self.main, garage, grid(20_000, 0.0, "sub"))
        )

    def test_lower_is_silent(self) -> None:
        """If nobody knows it, the upper one counts all that the lower one's fuse lets pass."""
        garage = evolve(GARAGE, meter="sub")
        self.assertEqual((37_000, None), self.loads(self.main, garage))

    def test_lower_feeds_in(self) -> None:
        """What the lower one generates makes no room in the upper one."""
        garage = evolve(GARAGE, meter="sub")
        self.assertEqual((5_000, 0), self.loads(self.main, garage, grid(-9_000, 0.0, "sub")))

    def test_upper(self) -> None:
        """The upper one's meter sees all of both, and the EVSE."""
        garage = evolve(GARAGE, assumed_load=3_000)
        self.assertEqual((10_000, 3_000), self.loads(MAIN, garage, grid(26_000, 0.0)))

    def test_both(self) -> None:
        """With two meters each tells of its own circuit."""
        garage = evolve(GARAGE, meter="sub")
        meters = grid(26_000, 0.0), grid(18_000, 0.0, "sub")
        self.assertEqual((10_000, 2_000), self.loads(MAIN, garage, *meters))

    def test_upper_is_silent(self) -> None:
        """The upper one's fail-safe load is of all that it feeds."""
        careful = evolve(MAIN, failsafe_load=on_each_phase(20_000))
        garage = evolve(GARAGE, assumed_load=3_000)
        self.assertEqual((20_000, 3_000), self.loads(careful, garage))

    def test_unknown_circuit(self) -> None:
        """A circuit that is not there has no load."""
        with self.assertRaises(KeyError):
            Course().look(metered([MAIN], []), 0.0).loads.of("cellar")
