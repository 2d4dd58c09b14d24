"""
Tests of a day with clouds, from the roof to the car and back to the meter: what is imported,
how often contactors are switched, and that nothing swings.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, Phase
from cfos_cm.limits.surplus_standing import Stage
from cfos_cm.site.evse import ChargingMode, EvseSettings
from cfos_cm.site.policy import Policy
from tests.limits.sunshine import Car, Day, clouds, house_w

#: The hours around noon are looked at, in which there are the most clouds to be seen.
BEGIN_S, END_S = 12_000, 16_500


def car(
    name: str, phases: tuple[Phase, ...] = ALL_PHASES, can_switch: bool = False, uses: int = 3
) -> Car:
    """A car at an EVSE that charges by surplus."""
    mode = ChargingMode.SURPLUS
    settings = EvseSettings(
        name, "house", phases=phases, mode=mode, can_switch_phases=can_switch
    )
    return Car(settings, uses)


def charged_kwh(*cars: Car) -> float:
    """What they have charged. [kWh]"""
    return sum(one.charged_wh for one in cars) / 1000


def imported_share(*cars: Car) -> float:
    """How much of that came from the grid."""
    return sum(one.imported_wh for one in cars) / sum(one.charged_wh for one in cars)


class Clouds(SynchronousTestCase):
    """A day with clouds, a kettle in the house, and meters that are late."""

    def test_one_phase(self) -> None:
        """A car with one phase hardly ever imports, and goes on while clouds pass."""
        one = car("a", (Phase.L1,), uses=1)
        Day([one], clouds(1), begin_s=BEGIN_S).run(END_S)
        self.assertGreater(charged_kwh(one), 4.2)
        self.assertLess(imported_share(one), 0.01)
        self.assertEqual(one.starts, 1)
        self.assertLessEqual(one.commands, 20)

    def test_three_phases_with_slow_meters(self) -> None:
        """It is as good with meters that speak each ten seconds and two seconds late."""
        one = car("a")
        day = Day([one], clouds(2), begin_s=BEGIN_S, interval_s=10)
        day.run(END_S)
        self.assertGreater(charged_kwh(one), 9.0)
        self.assertGreater(charged_kwh(one), 20 * day.exported_wh / 1000)
        self.assertLess(imported_share(one), 0.04)
        self.assertEqual(one.starts, 1)
        self.assertLessEqual(one.commands, 30)

    def test_one_phase_of_three(self) -> None:
        """Where there is too little for three phases one is used, and little is imported."""
        switched, fixed = car("a", can_switch=True), car("a")
        for one in (switched, fixed):
            Day([one], clouds(3, 5_000), begin_s=9_000).run(9_000 + 4_500)
        self.assertGreater(charged_kwh(switched), 2 * charged_kwh(fixed))
        self.assertLess(imported_share(switched), 0.05)
        self.assertLessEqual(switched.starts, 2)
        self.assertEqual(switched.switches, 0)

    def test_switching(self) -> None:
        """Where it is now enough for three phases and now not, contactors are spared."""
        one = car("a", can_switch=True)
        day = Day([one], clouds(3, 6_000), begin_s=9_000)
        day.run(9_000 + 5_400)
        self.assertGreater(charged_kwh(one), 8 * day.exported_wh / 1000)
        self.assertLess(imported_share(one), 0.11)
        self.assertLessEqual(one.starts, 8)
        self.assertTrue(2 <= one.switches <= 7, one.switches)

    def test_two_cars_and_a_normal_one(self) -> None:
        """
        While a car charges normally with more than the roof gives, those that charge by surplus
        end within the time that they may be short, and go on when it is full.
        """
        cars = [car("a"), car("b", (Phase.L2,), uses=1)]
        normal_s = range(BEGIN_S + 1_500, BEGIN_S + 3_000)

        def load_w(at_s: int) -> int:
            return house_w(at_s) + (11_000 if at_s in normal_s else 0)

        day = Day(cars, lambda at_s: 8_000, load_w, begin_s=BEGIN_S, interval_s=10)
        day.run(normal_s.start)
        before = [one.charged_wh for one in cars]
        self.assertGreater(min(before), 300)
        self.assertLess(imported_share(*cars), 0.03)
        day.run(normal_s.start + 330)
        self.assertEqual([one.current_ma for one in cars], [0, 0])
        during = [one.charged_wh for one in cars]
        day.run(normal_s.stop)
        self.assertEqual([one.charged_wh for one in cars], during)
        day.run(END_S)
        self.assertEqual([one.starts for one in cars], [2, 2])
        self.assertGreater(charged_kwh(*cars), 4.0)


class Steady(SynchronousTestCase):
    """When nothing changes outside, nothing changes inside."""

    def test_no_swinging(self) -> None:
        """
        With a constant sun cars reach what there is and stay there, whatever the meters' delay.
        """
        for interval_s in (1, 10):
            cars = [car("a"), car("b", (Phase.L2,), uses=1)]
            day = Day(cars, lambda at_s: 8_000, lambda at_s: 500, interval_s=interval_s)
            day.run(300)
            commands = [one.commands for one in cars]
            day.run(1_000)
            self.assertLessEqual(sum(one.commands for one in cars) - sum(commands), 4)
            drawn_ma = sum(one.summed_ma for one in cars)
            self.assertGreater(drawn_ma, 7_500_000 // 230 - 1_000)
            self.assertLessEqual(drawn_ma, 7_500_000 // 230)

    def test_just_not_enough(self) -> None:
        """With a little less than a car needs it never begins."""
        one = car("a")
        Day([one], lambda at_s: 4_600, lambda at_s: 500).run(1_800)
        self.assertEqual((one.starts, one.commands), (0, 0))

    def test_chooses_before_it_starts(self) -> None:
        """A car starts with as many phases as there is surplus for, without a switch."""
        for roof_w, phases in ((3_000, 1), (6_000, 3)):
            one = car("a", can_switch=True)
            day = Day([one], lambda at_s, w=roof_w: w, lambda at_s: 0)  # type: ignore[misc]
            day.run(1_200)
            self.assertEqual((one.used, one.starts, one.switches), (phases, 1, 0))

    def test_car_that_uses_one_phase_of_three(self) -> None:
        """A car with one phase shares what it does not use with others."""
        cars = [car("a", uses=1), car("b", (Phase.L2,), uses=1)]
        Day(cars, lambda at_s: 6_000, lambda at_s: 0).run(1_200)
        self.assertEqual([one.current_ma for one in cars], [13_000, 13_000])


class Lost(SynchronousTestCase):
    """The meter is lost."""

    def test_grid_lost_and_back(self) -> None:
        """Cars end when they have been without a meter for as long as they may be short."""
        one = car("a")
        policy = Policy(surplus_undercut_s=60.0, min_pause_s=100.0)
        day = Day([one], lambda at_s: 8_000, lambda at_s: 500, policy=policy)
        day.run(300)
        self.assertGreater(one.current_ma, 9_000)
        day.meter_works = False
        day.run(301)
        self.assertIs(day.surplus.standings["a"].stage, Stage.SHORT)
        day.run(310)
        self.assertEqual(one.current_ma, 6_000)
        day.run(359)
        self.assertEqual(one.current_ma, 6_000)
        day.run(370)
        self.assertEqual(one.current_ma, 0)
        day.meter_works = True
        day.run(459)
        self.assertEqual(one.current_ma, 0)
        day.run(480)
        self.assertGreater(one.current_ma, 6_000)
