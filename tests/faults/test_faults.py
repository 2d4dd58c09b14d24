"""The manager is killed while its wallboxes charge, and nothing is lost."""

from __future__ import annotations

from tests.end_to_end.cases import PeersCase

from .fail_points import FAIL_POINTS
from .steps import charge_and_die
from .storm import storm


class Faults(PeersCase):
    """What wallboxes were told is kept is billed, once and in order."""

    def test_steps(self) -> None:
        """At one step of a charge for each place; C{make faults} takes all of them."""
        self.run_peers(self.steps(), within_s=110)

    async def steps(self) -> None:
        """See L{test_steps}."""
        for point in FAIL_POINTS:
            died, faults = await charge_and_die(point, point.sample)
            self.assertTrue(died, point.words)
            self.assertEqual([], faults, point.words)

    def test_storm(self) -> None:
        """At random, with several wallboxes, again and again."""
        self.run_peers(self.storm(), within_s=110)

    async def storm(self) -> None:
        """See L{test_storm}."""
        outcome = await storm(chargers=5, kills=6, seed=3, pause_s=(0.3, 1.5))
        self.assertEqual([], outcome.faults)
        self.assertGreater(outcome.transactions, 5)
