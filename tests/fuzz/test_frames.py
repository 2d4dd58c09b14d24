"""Ten thousand damaged frames."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from .frames import fuzz
from .mutation import Mutator


class FuzzTests(SynchronousTestCase):
    """Nothing but an error for the peer comes out of a decoder."""

    def test_frames(self) -> None:
        """Every input is read or refused, by whoever reads it."""
        tally = fuzz(10_000, seed=1)
        self.assertEqual(tally.mistakes[:3], [])
        self.assertEqual(tally.outcomes.total(), 30_000)

    def test_all_outcomes(self) -> None:
        """The inputs are such that every way of ending is met, each at least a few times."""
        outcomes = fuzz(2_000, seed=2).outcomes
        for outcome in (
            "message",
            "forgiven message",
            "refused CALL",
            "refused CALLRESULT",
            "CALLERROR",
            "unreadable frame",
            "unknown message type",
        ):
            self.assertGreaterEqual(outcomes[outcome], 5, outcome)

    def test_same_again(self) -> None:
        """The same seed makes the same inputs, another one makes others."""
        rows = [[mutator.frame() for _ in range(20)] for mutator in map(Mutator, (1, 1, 2))]
        self.assertEqual(rows[0], rows[1])
        self.assertNotEqual(rows[0], rows[2])
