"""What goes with a StopTransaction."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import encode
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.made.stop_data import StopData
from cfos_cm.v16.types import SampledValue, TransactionData


def _data(name: object, padding: int = 0) -> TransactionData:
    value = SampledValue(value=str(name) + "0" * padding)
    return TransactionData(timestamp=str(name), sampled_value=(value,))


class StopDataTests(SynchronousTestCase):
    """A list that has an end."""

    def test_all(self) -> None:
        """Where there is room all of it is there, oldest first."""
        kept = StopData(_data("begin"))
        for number in range(3):
            kept.add(_data(number), most=5)
        kept.add(None, most=5)
        told = [one.timestamp for one in kept.with_end(_data("end"))]
        self.assertEqual(["begin", "0", "1", "2", "end"], told)

    def test_asked_again(self) -> None:
        """It can be asked again, with another end."""
        kept = StopData(None)
        kept.add(_data("one"), most=5)
        self.assertEqual(kept.with_end(_data("end")), kept.with_end(_data("end")))
        self.assertEqual(["one"], [one.timestamp for one in kept.with_end(None)])

    @given(st.integers(0, 20), st.integers(0, 60))
    def test_too_many(self, most: int, count: int) -> None:
        """The first and the last are there, no more than there may be, and the newest."""
        kept = StopData(_data("begin"))
        for number in range(count):
            kept.add(_data(number), most)
        told = [one.timestamp for one in kept.with_end(_data("end"))]
        self.assertEqual(("begin", "end"), (told[0], told[-1]))
        self.assertLessEqual(len(told), max(2, most))
        self.assertEqual(sorted(told[1:-1], key=int), told[1:-1])
        if count and most >= 4:
            self.assertEqual(str(count - 1), told[-2])

    def test_too_large(self) -> None:
        """However much each of them says, all fit into a message."""
        kept = StopData(_data("begin"))
        for number in range(500):
            kept.add(_data(number, padding=1000), most=500)
        told = kept.with_end(_data("end"))
        self.assertLess(sum(len(encode(one)) for one in told), 50 * 1024)
        self.assertGreater(len(told), 20)
