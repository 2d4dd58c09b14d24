"""A car draws what it is offered and can take, until it is full."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.simulator.vehicle import Vehicle, VehicleSettings

#: 16 A on three phases are 11.04 kW.
CAR = VehicleSettings(max_current_ma=16_000, phases=3, needs_wh=10_000)


class CurrentTests(SynchronousTestCase):
    """What a car draws."""

    def test_nothing_below_six_amps(self) -> None:
        """IEC 61851-1 knows no current below 6 A: offered less, a car draws nothing."""
        self.assertEqual(Vehicle(CAR).current_ma(5_999), 0)

    def test_six_amps(self) -> None:
        """Offered just 6 A, a car draws 6 A."""
        self.assertEqual(Vehicle(CAR).current_ma(6_000), 6_000)

    def test_own_limit(self) -> None:
        """Offered more than it can take, a car draws what it can take."""
        self.assertEqual(Vehicle(CAR).current_ma(32_000), 16_000)

    def test_before_taper(self) -> None:
        """Just before its last twentieth a car draws all that it can."""
        self.assertEqual(Vehicle(CAR, 9_499.9).current_ma(32_000), 16_000)

    def test_taper(self) -> None:
        """In its last twentieth a car draws half of what it can."""
        self.assertEqual(Vehicle(CAR, 9_500.0).current_ma(32_000), 8_000)

    def test_taper_with_less_on_offer(self) -> None:
        """In its last twentieth a car that is offered less than its half draws that."""
        self.assertEqual(Vehicle(CAR, 9_500.0).current_ma(7_000), 7_000)

    def test_full(self) -> None:
        """A full car draws nothing."""
        self.assertEqual(Vehicle(CAR, 10_000.0).current_ma(32_000), 0)

    def test_phases(self) -> None:
        """A car uses no more phases than it has, and no more than are switched on."""
        two = Vehicle(VehicleSettings(16_000, 2, 1))
        self.assertEqual([two.phases(offered) for offered in (1, 2, 3)], [1, 2, 2])


class EnergyTests(SynchronousTestCase):
    """What a car has taken after some time."""

    def test_an_hour_on_one_phase(self) -> None:
        """10 A at 230 V on one phase for half an hour are 1150 Wh."""
        car = Vehicle(VehicleSettings(16_000, 1, 10_000)).charged(10_000, 3, 1800)
        self.assertAlmostEqual(car.charged_wh, 1_150)

    def test_three_phases(self) -> None:
        """10 A at 230 V on three phases for half an hour are 3450 Wh."""
        self.assertAlmostEqual(Vehicle(CAR).charged(10_000, 3, 1800).charged_wh, 3_450)

    def test_nothing_offered(self) -> None:
        """Offered too little, a car takes no energy."""
        self.assertEqual(Vehicle(CAR).charged(5_000, 3, 3600), Vehicle(CAR))

    def test_slows_down_on_the_way(self) -> None:
        """The last twentieth takes twice as long, also when it begins within the time."""
        # 9500 Wh at 11.04 kW, then half an hour's tenth at 5.52 kW.
        until_taper_s = 9_500 / 11_040 * 3600
        car = Vehicle(CAR).charged(32_000, 3, until_taper_s + 180)
        self.assertAlmostEqual(car.charged_wh, 9_500 + 5_520 / 20)

    def test_ends_when_full(self) -> None:
        """However long it is offered a current, a car takes no more than it needs."""
        car = Vehicle(CAR).charged(32_000, 3, 1e9)
        self.assertEqual(car.charged_wh, 10_000)
        self.assertTrue(car.is_full)

    @given(
        st.integers(0, 40_000),
        st.integers(1, 3),
        st.lists(st.floats(0, 4000), max_size=6),
    )
    def test_times_add_up(self, offered_ma: int, phases: int, times: list[float]) -> None:
        """Many short times have the same result as one long one."""
        stepwise = Vehicle(CAR)
        for duration_s in times:
            stepwise = stepwise.charged(offered_ma, phases, duration_s)
        at_once = Vehicle(CAR).charged(offered_ma, phases, sum(times))
        self.assertAlmostEqual(stepwise.charged_wh, at_once.charged_wh, places=3)


class SettingsTests(SynchronousTestCase):
    """What is no car."""

    def test_phases(self) -> None:
        """A car has one to three phases."""
        self.assertRaises(ValueError, VehicleSettings, 16_000, 4, 1)
