"""How fast a Charge Point may send."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.pace import Pace, Step

LIMITS = ServerLimits(messages_per_s=50, message_burst=200, patience_s=300)


class PaceTests(SynchronousTestCase):
    """Messages at times that are given."""

    def test_burst(self) -> None:
        """A burst is read to its last message, and then there is a pause."""
        pace = Pace(LIMITS, 0)
        steps = [pace.spend(0) for _ in range(200)]
        self.assertEqual([Step.GO_ON] * 199 + [Step.PAUSE], steps)

    def test_allowed_pace(self) -> None:
        """At the allowed pace nobody is ever paused."""
        pace = Pace(LIMITS, 0)
        steps = {pace.spend(number / 50) for number in range(100_000)}
        self.assertEqual({Step.GO_ON}, steps)

    def test_savings(self) -> None:
        """A quiet time saves up one burst and no more."""
        pace = Pace(LIMITS, 0)
        steps = [pace.spend(1e6) for _ in range(201)]
        self.assertEqual([Step.GO_ON] * 199 + [Step.PAUSE] * 2, steps)

    def flood(self, pace: Pace, start_s: float, end_s: float) -> set[Step]:
        """What follows for somebody who never stops, and is paused for 0.2 s at a time."""
        steps, now_s = set(), start_s
        while now_s < end_s:
            step = pace.spend(now_s)
            steps.add(step)
            now_s += 0.0 if step is Step.GO_ON else 0.2
        return steps

    def test_patience(self) -> None:
        """Who never stops is hung up on in the end."""
        pace = Pace(LIMITS, 0)
        self.assertEqual({Step.GO_ON, Step.PAUSE}, self.flood(pace, 0, 290))
        self.assertIn(Step.HANG_UP, self.flood(pace, 290, 310))

    def test_break(self) -> None:
        """Who has stopped for a while in between is not."""
        pace = Pace(LIMITS, 0)
        for start_s in range(0, 1000, 200):
            self.assertNotIn(Step.HANG_UP, self.flood(pace, start_s, start_s + 190))

    @given(st.lists(st.floats(0, 1), max_size=300))
    def test_never_more(self, pauses_s: list[float]) -> None:
        """In no time are more messages let through than a burst and what the time is worth."""
        pace, now_s, read = Pace(LIMITS, 0), 0.0, 0
        for pause_s in pauses_s:
            now_s += pause_s
            while pace.spend(now_s) is Step.GO_ON:
                read += 1
            read += 1
        self.assertLessEqual(read, 200 + 50 * now_s + len(pauses_s) + 1)
