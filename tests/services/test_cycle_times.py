"""How long decisions take, and whether the loop looks at all."""

from __future__ import annotations

from cfos_cm.site.events import EvseConnected, SetpointDecided, SiteEvent
from cfos_cm.site.state import SiteState

from .loops import CYCLE_S, LoopCase


class CycleTimesTests(LoopCase):
    """A loop, and an observer that takes its time."""

    def setUp(self) -> None:
        """Each decision takes a quarter of a second for each EVSE that it changes."""
        super().setUp()
        self.loop.observe(self.dawdle)

    def dawdle(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the loop."""
        if isinstance(event, SetpointDecided):
            self.clock.rightNow += 0.25

    def test_decisions(self) -> None:
        """The last one and the longest one are known, and how many there were."""
        times = self.loop.times
        begun = times.decisions
        self.assertEqual((1, 0.0, 0.0), (begun, times.last_s, times.longest_s))
        self.report(EvseConnected("a", "x"), EvseConnected("b", "x"))
        self.follow()
        self.assertGreater(times.decisions, begun)
        self.assertEqual(0.5, times.longest_s)
        assert times.last_s is not None
        self.assertLess(times.last_s, times.longest_s)

    def test_looks(self) -> None:
        """It has looked in each cycle, also where there is nothing to decide."""
        for _ in range(5):
            self.clock.advance(CYCLE_S)
            self.assertEqual(self.clock.seconds(), self.loop.times.looked_s)

    def test_fails(self) -> None:
        """A loop whose every cycle fails has not looked, however often it tries."""
        looked_s = self.loop.times.looked_s
        self.patch(self.loop._dismissal, "look", lambda evses: 1 / 0)
        for _ in range(3):
            self.assertRaises(ZeroDivisionError, self.clock.advance, CYCLE_S)
        self.assertEqual(looked_s, self.loop.times.looked_s)

    def test_start(self) -> None:
        """One that was stopped for long is given its time when it starts again."""
        self.loop.stop()
        self.clock.advance(1000)
        self.assertLess(self.loop.times.looked_s, 1000)
        self.loop.start()
        self.assertEqual(1000, self.loop.times.looked_s)
