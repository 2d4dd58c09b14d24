"""How often a backend may have some things done."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.pace import RESET_INTERVAL_S, Pace


class Bounds(SynchronousTestCase):
    """A backend in a loop."""

    def test_reset(self) -> None:
        """One reset in a minute; what is refused does not put the next one off."""
        clock = Clock()
        pace = Pace(clock)
        found = []
        for _ in range(240):
            found.append(pace.may_reset())
            clock.advance(1)
        self.assertEqual([0, 60, 120, 180], [second for second, may in enumerate(found) if may])
        self.assertEqual(60, RESET_INTERVAL_S)

    def test_trigger(self) -> None:
        """Twenty messages in ten seconds, whenever these begin."""
        clock = Clock()
        pace = Pace(clock)
        self.assertEqual(20, sum(pace.may_trigger() for _ in range(100)))
        clock.advance(9.9)
        self.assertFalse(pace.may_trigger())
        clock.advance(0.1)
        self.assertEqual(20, sum(pace.may_trigger() for _ in range(100)))
