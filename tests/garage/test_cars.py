"""Cars draw as cars do."""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from bench.garage.cars import Car, crowd
from bench.garage.scenario import Burst, Cars

_KWH = 3600e6 / 230


def _live(car: Car, offered_ma: int, seconds: int, begin_s: int = 0) -> list[float]:
    drawn = []
    for second in range(begin_s, begin_s + seconds):
        car.live(second, offered_ma, Random(1))
        drawn.append(car.draw_ma)
    return drawn


class CarTests(SynchronousTestCase):
    """One car."""

    def test_wakes_up_within_fifteen_seconds_and_rises_by_two_amps_a_second(self) -> None:
        """It takes its time, and then as much as it is offered."""
        drawn = _live(Car(3, 32_000, 10 * _KWH, 0), 16_000, 40)
        first = next(second for second, draw in enumerate(drawn) if draw)
        self.assertTrue(4 <= first <= 15)
        self.assertEqual(drawn[first : first + 3], [2_000, 4_000, 6_000])
        self.assertEqual(drawn[-1], 16_000)

    def test_falls_to_a_lower_offer_within_four_seconds(self) -> None:
        """It obeys a decrease, but not in the same second."""
        car = Car(3, 32_000, 10 * _KWH, 0)
        _live(car, 32_000, 60)
        drawn = _live(car, 6_000, 5, 60)
        self.assertGreater(drawn[0], 6_000)
        self.assertEqual(drawn[4], 6_000)

    def test_takes_no_more_than_its_own_most(self) -> None:
        """A small on-board charger stays small."""
        drawn = _live(Car(1, 10_000, 10 * _KWH, 0), 32_000, 60)
        self.assertEqual(max(drawn), 10_000)

    def test_draws_nothing_below_six_amps(self) -> None:
        """IEC 61851-1 knows no less."""
        car = Car(1, 16_000, 10 * _KWH, 0)
        _live(car, 16_000, 60)
        self.assertEqual(_live(car, 5_900, 1, 60), [0.0])

    def test_counts_each_time_that_it_is_woken(self) -> None:
        """A contactor has so many switchings in it."""
        car = Car(1, 16_000, 10 * _KWH, 0)
        for begin_s in (0, 100, 200):
            _live(car, 16_000, 50, begin_s)
            _live(car, 0, 50, begin_s + 50)
        self.assertEqual(car.starts, 3)

    def test_takes_less_and_less_when_it_is_nearly_full(self) -> None:
        """A battery is charged slowly in the end, and not at all when it is full."""
        car = Car(1, 16_000, 0.05 * _KWH, 0)
        drawn = _live(car, 16_000, 200)
        peak = drawn.index(16_000)
        self.assertTrue(any(6_000 <= draw < 15_000 for draw in drawn[peak:]))
        self.assertTrue(car.is_full)
        self.assertEqual(drawn[-1], 0.0)

    def test_an_ideal_one_obeys_at_once(self) -> None:
        """Who knows all has cars without ramps."""
        car = Car(3, 20_000, 10 * _KWH, 0)
        car.obey(0, 32_000)
        self.assertEqual(car.draw_ma, 20_000)


class CrowdTests(SynchronousTestCase):
    """Many cars."""

    def test_is_the_same_for_the_same_seed(self) -> None:
        """And another one for another seed."""
        first, again, other = (
            [(car.lines, car.most_ma, car.comes_s) for car, _ in crowd(Cars(), 28_800, seed)]
            for seed in (1, 1, 2)
        )
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_a_burst_brings_so_many_cars_at_once(self) -> None:
        """The others come when they come."""
        cars = Cars(burst=Burst(1800, 120, 50))
        together = [car for car, _ in crowd(cars, 7200, 1)[:50] if 1800 <= car.comes_s < 1920]
        self.assertEqual(len(together), 50)
