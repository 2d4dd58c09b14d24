"""Whether a meter can be right."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import NO_CURRENT, PhaseCurrents, on_each_phase
from cfos_cm.limits.trust import DOUBT_S, STANDS_S, Doubt, Trust
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import EvseSettings, Occupancy
from tests.limits.meters import Course, drawing, grid, metered, obeying
from tests.limits.sites import charging

FUSE = on_each_phase(63_000)
#: Nobody charges.
NONE = on_each_phase(1_000)


def restless(seconds: int, stands_s: int = 1) -> list[int]:
    """What a meter shows of a house that changes each C{stands_s}. [mA]"""
    return [5_000 + second // stands_s % 7 * 130 for second in range(seconds)]


def told(readings_ma: Iterable[int], every_s: float = 1.0) -> Trust:
    """What is known of a meter that has shown these. [mA]"""
    trust = Trust()
    for number, current_ma in enumerate(readings_ma):
        trust = trust.after(grid(current_ma, number * every_s), NONE, FUSE)
    return trust


class Frozen(SynchronousTestCase):
    """A meter that goes on telling the same."""

    def test_stands_still(self) -> None:
        """What has moved all the time is not believed when it stands still."""
        moved = restless(150)
        self.assertIsNone(told(moved + [7_000] * int(STANDS_S)).doubt)
        self.assertEqual(Doubt.FROZEN, told(moved + [7_000] * int(STANDS_S + 1)).doubt)

    def test_moves_again(self) -> None:
        """It is believed as soon as it moves."""
        self.assertIsNone(told(restless(150) + [7_000] * 500 + [7_100]).doubt)

    def test_always_calm(self) -> None:
        """What often shows the same may do so for ever: it may show whole amperes only."""
        moved = restless(4 * 150, stands_s=4)
        self.assertIsNone(told(moved + [9_000] * 5_000).doubt)

    def test_sometimes_calm(self) -> None:
        """What shows the same two or three times is restless all the same."""
        moved = restless(3 * 150, stands_s=3)
        self.assertEqual(Doubt.FROZEN, told(moved + [9_000] * 11).doubt)

    def test_not_known_yet(self) -> None:
        """What has moved a few times only may be like that."""
        self.assertIsNone(told(restless(110) + [7_000] * 500).doubt)

    def test_seldom_read(self) -> None:
        """It takes some readings, however far apart they are."""
        moved = restless(150)
        self.assertIsNone(told(moved + [7_000] * 7, every_s=10.0).doubt)
        self.assertEqual(Doubt.FROZEN, told(moved + [7_000] * 8, every_s=10.0).doubt)

    def test_nothing_flows(self) -> None:
        """Where nothing flows nothing moves."""
        self.assertIsNone(told(restless(150) + [0] * 500).doubt)

    def test_nothing_flowed(self) -> None:
        """That nothing flows, said again and again, is not that it moves."""
        self.assertIsNone(told([0] * 500 + [16_000] * 500).doubt)

    def test_mistaken(self) -> None:
        """Who was mistaken is more patient the next time."""
        mistaken = restless(150) + [7_000] * 15 + restless(5)
        self.assertIsNone(told(mistaken + [7_000] * 15).doubt)
        self.assertEqual(Doubt.FROZEN, told(mistaken + [7_000] * 21).doubt)

    def test_power_only(self) -> None:
        """A meter that tells no currents is not judged by them."""
        trust = told(restless(150))
        for second in range(150, 250):
            meter = evolve(grid(0, second), currents=None, power_w=700)
            trust = trust.after(meter, NONE, FUSE)
        self.assertIsNone(trust.doubt)

    def test_power_before_currents(self) -> None:
        """Nor has one moved that told a power again and again before it told currents."""
        trust = Trust()
        for second in range(300):
            currents = on_each_phase(16_000) if second >= 150 else None
            meter = evolve(grid(0, second), currents=currents, power_w=11_040)
            trust = trust.after(meter, NONE, FUSE)
        self.assertIsNone(trust.doubt)


class Turned(SynchronousTestCase):
    """A meter that shows the opposite."""

    def test_impossible(self) -> None:
        """Nothing generates more than the fuse could carry."""
        for least_ma, expected in ((-63_000, None), (-63_001, Doubt.TURNED)):
            beside = PhaseCurrents(0, least_ma, 0)
            self.assertIs(expected, Trust().after(grid(1_000, 0.0), beside, FUSE).doubt)

    def test_for_a_while(self) -> None:
        """It is not believed for a minute after that, so that cars do not come and go."""
        trust = Trust().after(grid(1_000, 0.0), on_each_phase(-70_000), FUSE)
        self.assertEqual(Doubt.TURNED, trust.after(grid(1_100, DOUBT_S - 1), NONE, FUSE).doubt)
        self.assertIsNone(trust.after(grid(1_100, DOUBT_S), NONE, FUSE).doubt)


class InLoads(SynchronousTestCase):
    """What follows for the load."""

    main = CircuitSettings("main", 63_000, meter="grid", failsafe_load=on_each_phase(40_000))

    def load(self, drawn_ma: int, shown_ma: int) -> object:
        """What the circuit is taken to carry beside a car that draws so much. [mA]"""
        evse = charging(EvseSettings("bay", "main", max_current_ma=63_000), drawn_ma)
        state = metered([self.main], [drawing(evse, drawn_ma, 0.0)], [grid(shown_ma, 0.0)])
        return Course().look(state, 0.0).loads.of("main")

    def test_sun(self) -> None:
        """A roof may give more than the house and the cars take."""
        self.assertEqual(NO_CURRENT, self.load(20_000, -40_000))

    def test_turned(self) -> None:
        """A meter that is turned counts as one that is silent, before a fuse is overloaded."""
        # The house draws 10 A, so the fuse carries 37 A of 63 A.
        self.assertEqual(on_each_phase(40_000), self.load(27_000, -37_000))

    def test_sun_in_watts(self) -> None:
        """Where only the power is told, it is that of all phases together."""
        for power_w, expected in ((-3 * 63 * 230, None), (-3 * 64 * 230, Doubt.TURNED)):
            meter = evolve(grid(0, 0.0), currents=None, power_w=power_w)
            loads = Course().look(metered([self.main], [], [meter]), 0.0).loads
            self.assertIs(expected, loads.doubts.get("main"))

    def test_another_meter(self) -> None:
        """What was known of a meter says nothing of the one that takes its place."""
        course = Course()
        bay = charging(EvseSettings("bay", "main"), 16_000)
        for second, shown_ma in enumerate(restless(150) + [26_000] * 150):
            name = "old" if second < 150 else "new"
            main = evolve(self.main, meter=name)
            evse = drawing(bay, 16_000, second)
            state = metered([main], [evse], [grid(shown_ma, second, name)])
            course.look(state, second)
        self.assertEqual({}, course.loads.doubts)

    def test_nobody_there(self) -> None:
        """Where nobody charges a meter may stand still: else nobody would, and it for ever."""
        garage = CircuitSettings("garage", 63_000, meter="grid")
        bay = charging(EvseSettings("bay", "garage"), 16_000)
        gone = evolve(obeying(bay, 0), transaction=None, occupancy=Occupancy.FREE)
        course = Course()
        for second, shown_ma in enumerate(restless(150) + [400] * 150):
            evse = drawing(bay, shown_ma, second) if second < 150 else gone
            course.look(metered([garage], [evse], [grid(shown_ma, second)]), second)
        self.assertEqual(on_each_phase(400), course.loads.of("garage"))
        # If a car comes and nothing moves, that is what is wrong with it.
        for second in range(300, 302 + int(STANDS_S)):
            evse = drawing(bay, 16_000, second)
            course.look(metered([garage], [evse], [grid(400, second)]), second)
        self.assertEqual({"garage": Doubt.FROZEN}, course.loads.doubts)
        for second in range(312, 400):
            course.look(metered([garage], [gone], [grid(400, second)]), second)
        self.assertEqual({"garage": Doubt.FROZEN}, course.loads.doubts)

    def test_undecided(self) -> None:
        """One that cannot be told yet is no danger: the sum fits with either sign."""
        believed_ma = [
            carried_ma
            for carried_ma in range(10_000, 90_000, 1_000)
            if self.load(carried_ma - 10_000, -carried_ma) == NO_CURRENT
        ]
        self.assertTrue(0 < max(believed_ma) <= 63_000, believed_ma)
