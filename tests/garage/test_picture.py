"""Pictures and tables are what a page can show."""

from __future__ import annotations

from xml.etree import ElementTree

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from bench.garage import picture
from bench.garage.catalogue import SCENARIOS, named
from bench.garage.play import play
from bench.garage.scenario import MainLimited
from bench.garage.tables import misses, row
from tests.garage.worlds import TINY


class PictureTests(SynchronousTestCase):
    """Curves."""

    def test_a_run_becomes_svg_with_its_title_and_legend(self) -> None:
        """It can be read by any browser."""
        run = play(TINY, "uncontrolled", 1, with_curves=True)
        root = ElementTree.fromstring(picture.day(run))
        texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
        for wanted in ("tiny: three bays", "limit", "L3", "hours", "A per phase"):
            self.assertIn(wanted, texts)

    def test_a_reaction_shows_all_who_reacted(self) -> None:
        """One below the other."""
        limited = evolve(TINY, troubles=(MainLimited(60, 150, 20_000),))
        runs = [play(limited, name, 1, with_curves=True) for name in ("incumbent", "oracle")]
        drawn = picture.reaction(runs, 60, after_s=60)
        ElementTree.fromstring(drawn)
        self.assertIn("incumbent: main fuse", drawn)
        self.assertIn("oracle: main fuse", drawn)


class TableTests(SynchronousTestCase):
    """Rows."""

    def test_a_row_is_the_median_of_its_seeds_and_the_worst_of_their_times(self) -> None:
        """Energy is that of who knows all."""
        runs = [play(TINY, "uncontrolled", seed) for seed in (1, 2, 3)]
        oracles = {seed: play(TINY, "oracle", seed) for seed in (1, 2, 3)}
        found = row("uncontrolled", runs, oracles)
        energies = sorted(run.score.energy_kwh for run in runs)
        self.assertEqual(found.energy_kwh, energies[1])
        self.assertEqual(found.longest_s, max(run.score.longest_s for run in runs))
        assert found.energy is not None

    def test_says_what_is_worse_than_expected(self) -> None:
        """With the value and what was expected."""
        found = row("uncontrolled", [play(TINY, "uncontrolled", 1)], {})
        band = evolve(TINY.expected, starts=0.5, orders=0.0, longest_s=1000, over_as=1e9)
        self.assertEqual(misses(found, band), ["starts 1.0, expected at most 0.5"])


class CatalogueTests(SynchronousTestCase):
    """All scenarios."""

    def test_names_are_unique_and_groups_complete(self) -> None:
        """S0 to S16 are there."""
        names = [one.name for one in SCENARIOS]
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual({one.group for one in SCENARIOS}, {f"S{n}" for n in range(17)})

    def test_a_group_is_named_by_what_its_members_share(self) -> None:
        """A name of one is that one alone."""
        self.assertEqual([one.name for one in named(["S3"])], ["S3-1", "S3-2", "S3-3", "S3-5"])
        self.assertEqual([one.name for one in named(["S0"])], ["S0"])
        self.assertRaises(KeyError, named, ["S99"])
