"""What nobody can do better."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from bench.garage.bound import KEPT_MA, bound, table
from bench.garage.scenario import House, MainLimited
from tests.garage.worlds import SMALL

_CALM = evolve(SMALL, house=House((10_000, 10_000), 0, ()))


class BoundTests(SynchronousTestCase):
    """Less above the fuse for less energy."""

    def test_a_calm_house(self) -> None:
        """It costs what is kept free, and nothing is ever above the fuse."""
        found = bound(_CALM, 1, 9_000, 3)
        wires = _CALM.wires
        there_ma = wires.main_ma - 10_000
        self.assertEqual(0.0, found.over_as)
        self.assertAlmostEqual((there_ma - 9_000) / there_ma, found.energy, 2)

    def test_without_delay(self) -> None:
        """Who hears of the house at once needs nothing free."""
        found = bound(SMALL, 1, 0, 0)
        self.assertEqual((0.0, 1.0), (round(found.over_as, 3), found.energy))

    def test_a_border(self) -> None:
        """The more is kept free the less is above the fuse, and the less is given."""
        found = [bound(SMALL, 1, kept_ma, 3) for kept_ma in KEPT_MA]
        self.assertEqual(found, sorted(found, key=lambda one: -one.over_as))
        self.assertEqual(found, sorted(found, key=lambda one: -one.energy))
        self.assertGreater(found[0].over_as, found[-1].over_as)

    def test_later(self) -> None:
        """Who hears of the house later is above the fuse for longer."""
        self.assertGreater(bound(SMALL, 1, 0, 4).over_as, bound(SMALL, 1, 0, 3).over_as)

    def test_a_lower_limit(self) -> None:
        """A limit that falls is known before, and takes away what it takes."""
        lower = evolve(_CALM, troubles=(MainLimited(10, 10_000, 20_000),))
        self.assertEqual(0.0, bound(lower, 1, 5_000, 3).over_as)
        self.assertLess(bound(lower, 1, 5_000, 3).energy, bound(_CALM, 1, 5_000, 3).energy)

    def test_table(self) -> None:
        """A line for each that is tried."""
        self.assertEqual(len(KEPT_MA) + 1, len(table(SMALL, 1, 0.1).splitlines()))
