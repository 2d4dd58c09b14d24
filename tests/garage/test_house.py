"""The house draws as scenarios say."""

from __future__ import annotations

from statistics import mean

from twisted.trial.unittest import SynchronousTestCase

from bench.garage.house import loads
from bench.garage.scenario import House, Sun


class HouseTests(SynchronousTestCase):
    """Its load in each second."""

    def test_a_calm_one_draws_the_same_all_the_time(self) -> None:
        """Nothing wanders and nothing is switched on."""
        self.assertEqual(len(set(loads(House(wander_ma=0, steps_ma=()), None, 100, 1))), 1)

    def test_steps_are_on_for_a_while(self) -> None:
        """What is switched on is switched off again."""
        house = House(base_ma=(0, 0), wander_ma=0, steps_ma=(16_000,), step_every_s=30)
        l1 = [load[0] for load in loads(house, None, 3600, 1)]
        self.assertEqual(min(l1), 0)
        self.assertEqual({draw % 16_000 for draw in l1}, {0.0})
        self.assertGreater(mean(l1), 0)

    def test_the_sun_makes_it_negative_at_noon(self) -> None:
        """What the roof gives and the house does not take goes into the grid."""
        found = loads(House(wander_ma=0, steps_ma=()), Sun(cloud_leaves=1.0), 3600, 1)
        self.assertLess(found[1800][0], 0)
        self.assertGreater(found[0][0], 0)
