"""Tests of the trace of messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.trace import Direction, Leg, Trace


def noted(trace: Trace, *texts: bytes) -> None:
    """Note messages of one Charge Point."""
    for text in texts:
        trace.note(Leg.CHARGER, "CP-1", Direction.IN, text)


class Keeping(SynchronousTestCase):
    """What is kept, and for how long."""

    def test_newest(self) -> None:
        """What came after a number is found again, oldest first, with its time and place."""
        now_s = 7.0
        trace = Trace(lambda: now_s)
        noted(trace, b"one", b"two", b"three")
        frames = list(trace.after(1))
        self.assertEqual(
            [(2, b"two"), (3, b"three")], [(one.number, one.text) for one in frames]
        )
        self.assertEqual((7.0, Leg.CHARGER, "CP-1", Direction.IN), frames[0][1:5])
        self.assertEqual(3, trace.newest)

    def test_nothing(self) -> None:
        """Where nothing was said nothing is found, nor after the newest."""
        trace = Trace(lambda: 0.0)
        self.assertEqual([], list(trace.after(0)))
        noted(trace, b"one")
        self.assertEqual([], list(trace.after(1)))
        self.assertEqual([], list(trace.after(99)))

    def test_count(self) -> None:
        """So many are kept; the oldest go."""
        trace = Trace(lambda: 0.0, frames=2)
        noted(trace, b"one", b"two", b"three")
        self.assertEqual([b"two", b"three"], [one.text for one in trace.after(0)])

    @given(st.lists(st.integers(0, 3000)), st.integers(0, 60))
    def test_bound(self, sizes: list[int], after: int) -> None:
        """However long they are, no more than so much is kept, and no hole is in it."""
        trace = Trace(lambda: 0.0, octets=5000)
        noted(trace, *(b"x" * size for size in sizes))
        kept = list(trace.after(0))
        self.assertLessEqual(sum(len(one.text) + 250 for one in kept), 5000)
        numbers = [one.number for one in kept]
        self.assertEqual(list(range(len(sizes) - len(kept) + 1, len(sizes) + 1)), numbers)
        later = [one.number for one in trace.after(after)]
        self.assertEqual([number for number in numbers if number > after], later)

    def test_sender(self) -> None:
        """What is sent through it is noted as sent, and sent."""
        trace, sent = Trace(lambda: 0.0), list[bytes]()
        trace.sender(Leg.BACKEND, "bay", sent.append)(b"text")
        (frame,) = trace.after(0)
        self.assertEqual((Leg.BACKEND, "bay", Direction.OUT, b"text"), frame[2:])
        self.assertEqual([b"text"], sent)
