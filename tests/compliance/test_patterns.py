"""Patterns fit what they should, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.compliance.patterns import (
    ABSENT,
    POSITIVE,
    TIME,
    About,
    Among,
    AtMost,
    Kept,
    Memory,
    Moment,
    Near,
    OneOf,
    OnGrid,
    Pattern,
    filled,
    objection,
)

BEGAN_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class PatternCase(SynchronousTestCase):
    """The base of tests that compare."""

    def setUp(self) -> None:
        """Remember one thing."""
        self.memory = Memory(BEGAN_AT, {"number": 7})

    def assert_fits(self, pattern: Pattern, *values: Any) -> None:
        """There is no objection to any of C{values}."""
        for value in values:
            self.assertIsNone(objection(pattern, value, self.memory))

    def assert_refused(self, pattern: Pattern, *values: Any) -> None:
        """There is an objection to each of C{values}."""
        for value in values:
            self.assertIsNotNone(objection(pattern, value, self.memory), value)


class Approximate(PatternCase):
    """What need not be exact."""

    def test_about(self) -> None:
        """A time of day, some seconds off at most."""
        self.assert_fits(About(60, 5), "2026-03-01T12:00:56Z", "2026-03-01T13:01:04+01:00")
        self.assert_refused(About(60, 5), "2026-03-01T12:00:54Z", 60, None)

    def test_near(self) -> None:
        """A number, off by so much at most."""
        self.assert_fits(Near(10, 2), 8, 12, 9.5)
        self.assert_refused(Near(10, 2), 7, 13, True, "10")

    def test_onGrid(self) -> None:
        """A time that is a whole number of intervals after midnight."""
        self.assert_fits(OnGrid(60), "2026-03-01T12:01:00Z", "2026-03-01T00:00:00.900Z")
        self.assert_refused(OnGrid(60), "2026-03-01T12:01:01Z", 0)

    def test_among(self) -> None:
        """Something for each of them, whatever else is there."""
        pattern = Among({"key": "a"}, {"key": "b", "value": OneOf(1, 2)})
        self.assert_fits(pattern, [{"key": "c"}, {"key": "b", "value": 2}, {"key": "a"}])
        self.assert_refused(pattern, [{"key": "a"}], [{"key": "a"}, {"key": "b"}], {})


class Fits(PatternCase):
    """What fits, and what does not."""

    def test_plain(self) -> None:
        """A plain value fits itself; true is not 1, and 1 is not true."""
        self.assert_fits(1, 1)
        self.assert_fits({"a": None}, {"a": None})
        self.assert_refused(1, True, 2, "1", None)
        self.assert_refused(True, 1, False)

    def test_object(self) -> None:
        """An object may have more fields than the pattern names, and not fewer."""
        self.assert_fits({"a": 1}, {"a": 1}, {"a": 1, "b": 2})
        self.assert_refused({"a": 1}, {}, {"a": 2}, [], "a", None)

    def test_list(self) -> None:
        """A list has exactly the entries that the pattern has, in their order."""
        self.assert_fits([1, {"a": 2}], [1, {"a": 2, "b": 3}])
        self.assert_refused([1, 2], [2, 1], [1], [1, 2, 3], {}, "12")
        self.assert_refused([], [1])

    def test_absent(self) -> None:
        """A field that must be absent must be absent."""
        self.assert_fits({"a": ABSENT}, {}, {"b": 1})
        self.assert_refused({"a": ABSENT}, {"a": None})

    def test_positive(self) -> None:
        """A positive integer is one."""
        self.assert_fits(POSITIVE, 1, 2**31)
        self.assert_refused(POSITIVE, 0, -1, True, 1.0, "1", None)

    def test_oneOf(self) -> None:
        """One of several values is one of them."""
        self.assert_fits(OneOf("a", "b"), "a", "b")
        self.assert_refused(OneOf("a", "b"), "c", None)

    def test_atMost(self) -> None:
        """A text is not longer than it may be."""
        self.assert_fits(AtMost(2), "", "ab")
        self.assert_refused(AtMost(2), "abc", None, 1)

    def test_kept(self) -> None:
        """What was kept has to come again."""
        self.assert_fits({"n": Kept("number")}, {"n": 7})
        self.assert_refused({"n": Kept("number")}, {"n": 8}, {})

    def test_keptEntry(self) -> None:
        """Of a list that was kept, one entry can be meant."""
        self.memory.kept["list"] = [7, 8]
        self.assert_fits(Kept("list", 1), 8)
        self.assert_refused(Kept("list", 0), 8, [7, 8])

    def test_moment(self) -> None:
        """A moment fits in every spelling, as text or as a value."""
        self.assert_fits(Moment(60), "2026-03-01T12:01:00Z", "2026-03-01T13:01:00.000+01:00")
        self.assert_fits(Moment(0), BEGAN_AT)
        self.assert_refused(Moment(60), "2026-03-01T12:01:01Z", BEGAN_AT)

    def test_time(self) -> None:
        """The time of day is about that of the case, and in UTC."""
        self.assert_fits(TIME, "2026-03-01T12:00:31.000Z")
        self.assert_refused(TIME, "2026-03-01T12:00:31", "2026-03-02T12:00:00Z", 12, None)

    def test_place(self) -> None:
        """The objection says where it is."""
        why = objection({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, self.memory)
        self.assertEqual(why, "$.a[0].b: 2 is not 1")


class Filled(PatternCase):
    """What is sent for a template."""

    def test_filled(self) -> None:
        """What was kept and when it is are filled in at every depth."""
        template = {"n": [{"x": Kept("number")}], "at": Moment(-1), "text": "t"}
        self.assertEqual(
            filled(template, self.memory),
            {"n": [{"x": 7}], "at": "2026-03-01T11:59:59.000Z", "text": "t"},
        )

    def test_wholeSeconds(self) -> None:
        """A moment has no fraction, so that it is the same in every spelling."""
        memory = Memory(BEGAN_AT + timedelta(microseconds=123_456))
        self.assertEqual(filled(Moment(0), memory), "2026-03-01T12:00:00.000Z")
