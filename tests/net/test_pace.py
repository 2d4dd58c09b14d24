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

    def test_size(self) -> None:
        """A message costs one, and one more for each whole unit of its length."""
        unit = LIMITS.message_unit_bytes
        for size_bytes, messages in ((unit - 1, 200), (unit, 100), (255 * 1024, 4)):
            pace = Pace(LIMITS, 0)
            steps = [pace.spend(0, size_bytes) for _ in range(messages)]
            self.assertEqual([Step.GO_ON] * (messages - 1) + [Step.PAUSE], steps, size_bytes)

    def test_pause(self) -> None:
        """A pause is as long as it takes to pay for what was read, and never too short."""
        pace = Pace(LIMITS, 0)
        for _ in range(200):
            pace.spend(0)
        self.assertEqual(LIMITS.pause_s, pace.pause_s())
        pace.spend(0, 63 * LIMITS.message_unit_bytes)
        self.assertAlmostEqual(65 / 50, pace.pause_s())

    def test_debts(self) -> None:
        """Long messages one after the other are read no faster than they are paid for."""
        pace, now_s, read_bytes, size_bytes = Pace(LIMITS, 0), 0.0, 0, 255 * 1024
        while now_s < 100:
            step = pace.spend(now_s, size_bytes)
            read_bytes += size_bytes
            now_s += 0 if step is Step.GO_ON else pace.pause_s()
        self.assertLess(read_bytes, (200 + 50 * 101) * LIMITS.message_unit_bytes)

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
