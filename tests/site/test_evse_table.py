"""The mapping of all EVSEs, beside a dict that does the same."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.site.evse import Evse, EvseSettings, Link
from cfos_cm.site.evse_table import EvseTable, as_table

#: Around the places where a chunk, or a row of them, begins and ends.
SIZES = (0, 1, 2, 31, 32, 33, 63, 64, 65, 1000, 1025)


def evses(count: int) -> list[Evse]:
    """So many EVSEs, not in the order of their names."""
    return [
        Evse(EvseSettings(f"e{number * 7919 % 100_003}", "main")) for number in range(count)
    ]


def changed(evse: Evse, number: int = 1) -> Evse:
    """The same EVSE with something else known of it."""
    return evolve(evse, unanswered_ma=number)


class Beside(SynchronousTestCase):
    """It is what a dict is."""

    def same(self, expected: dict[str, Evse], table: EvseTable) -> None:
        """Both say the same, whatever they are asked."""
        self.assertEqual(len(expected), len(table))
        self.assertEqual(list(expected), list(table))
        self.assertEqual(list(expected.keys()), list(table.keys()))
        self.assertEqual(list(expected.values()), list(table.values()))
        self.assertEqual(list(expected.items()), list(table.items()))
        self.assertEqual(len(expected), len(table.values()))
        for name, evse in expected.items():
            self.assertIs(evse, table[name])
            self.assertIs(evse, table.get(name))
            self.assertIn(name, table)
        self.assertEqual(expected, table)
        self.assertEqual(table, expected)
        self.assertEqual(bool(expected), bool(table))
        self.assertEqual(expected, {**table})

    def test_sizes(self) -> None:
        """At every size, with an EVSE replaced in every place that matters."""
        for size in SIZES:
            all_of_them = evses(size)
            expected = {one.name: one for one in all_of_them}
            table = EvseTable(all_of_them)
            self.same(expected, table)
            for place in {0, 31, 32, 33, size // 2, size - 1} & set(range(size)):
                other = changed(all_of_them[place])
                expected[other.name] = other
                table = table.with_evses([other])
            self.same(expected, table)

    def test_others_are_the_same_objects(self) -> None:
        """Whoever is not replaced is handed on as he is."""
        before = EvseTable(evses(100))
        (name, *others) = before
        after = before.with_evses([changed(before[name])])
        for other in others:
            self.assertIs(before[other], after[other])

    def test_before_stays(self) -> None:
        """The table that another one was made from is what it was."""
        all_of_them = evses(100)
        before = EvseTable(all_of_them)
        table = before
        for one in all_of_them:
            table = table.with_evses([changed(one)])
        self.same({one.name: one for one in all_of_them}, before)
        self.assertNotEqual(before, table)

    def test_missing(self) -> None:
        """Who is not there is not found, and cannot be replaced."""
        table = EvseTable(evses(3))
        cellar = Evse(EvseSettings("cellar", "main"))
        self.assertNotIn("cellar", table)
        self.assertIsNone(table.get("cellar"))
        self.assertRaises(KeyError, table.__getitem__, "cellar")
        self.assertRaises(KeyError, table.with_evses, [cellar])
        self.assertNotIn(7, table)

    def test_twice(self) -> None:
        """Of two of one name the later one counts, in the place of the earlier."""
        first, second = evses(2)
        later = changed(first)
        self.same({first.name: later, second.name: second}, EvseTable([first, second, later]))


class Values(SynchronousTestCase):
    """Two tables are equal if they say the same."""

    def test_equal(self) -> None:
        """However they came to be."""
        all_of_them = evses(40)
        table = EvseTable(all_of_them)
        self.assertEqual(table, EvseTable(all_of_them))
        self.assertEqual(table, EvseTable(all_of_them[::-1]))
        self.assertEqual(table, table.with_evses([changed(all_of_them[5], 0)]))
        self.assertEqual(table, copy(table))

    def test_not_equal(self) -> None:
        """Another EVSE, one more, or something that is no mapping makes a difference."""
        all_of_them = evses(40)
        table = EvseTable(all_of_them)
        self.assertNotEqual(table, table.with_evses([changed(all_of_them[39])]))
        self.assertNotEqual(table, EvseTable(all_of_them[:-1]))
        self.assertNotEqual(table, EvseTable(evses(41)))
        self.assertNotEqual(table, EvseTable([]))
        self.assertNotEqual(table, all_of_them)
        self.assertNotEqual(table, None)

    def test_no_hash(self) -> None:
        """Like a dict it is no key."""
        self.assertRaises(TypeError, hash, EvseTable())

    def test_repr(self) -> None:
        """It shows itself as it can be written."""
        table = EvseTable([evolve(evses(1)[0], link=Link.LOST)])
        self.assertEqual(f"EvseTable([{table['e0']!r}])", repr(table))


class Conversion(SynchronousTestCase):
    """A table from any mapping."""

    def test_table(self) -> None:
        """What is a table stays the same one."""
        table = EvseTable(evses(3))
        self.assertIs(table, as_table(table))

    def test_dict(self) -> None:
        """What is another mapping keeps its order."""
        all_of_them = evses(3)
        found = as_table({one.name: one for one in all_of_them})
        self.assertEqual(all_of_them, list(found.values()))

    def test_wrong_name(self) -> None:
        """An EVSE under the name of another one is a mistake, and both are named."""
        error = self.assertRaises(ValueError, as_table, {"cellar": evses(1)[0]})
        self.assertEqual("found EVSE 'e0' under the name 'cellar'", str(error))


class _Versions(RuleBasedStateMachine):
    """Many tables made from each other, in any order, each beside its dict."""

    def __init__(self) -> None:
        super().__init__()
        all_of_them = evses(70)
        self.versions: list[tuple[EvseTable, Mapping[str, Evse]]] = [
            (EvseTable(all_of_them), {one.name: one for one in all_of_them})
        ]

    @rule(
        version=st.integers(0, 100),
        places=st.lists(st.integers(0, 69), max_size=5),
        number=st.integers(0, 3),
    )
    def replace(self, version: int, places: list[int], number: int) -> None:
        """One more is made from one of those that there are."""
        table, expected = self.versions[version % len(self.versions)]
        others = [changed(list(expected.values())[place], number) for place in places]
        now = {**expected, **{other.name: other for other in others}}
        self.versions.append((table.with_evses(others), now))

    def teardown(self) -> None:
        """All of them are what they were when they were made."""
        for table, expected in self.versions:
            assert list(table.items()) == list(expected.items())
            assert table == expected
        for table, expected in self.versions[-3:]:
            for other, other_expected in self.versions[:3]:
                assert (table == other) == (expected == other_expected)


class Versions(SynchronousTestCase):
    """Who holds an old table."""

    def test_all_stay(self) -> None:
        """Sees what was known then, whatever was made from it."""
        run_state_machine_as_test(_Versions)

    @given(st.lists(st.integers(0, 40), max_size=60), st.lists(st.integers(0, 40), max_size=60))
    def test_equality(self, left: list[int], right: list[int]) -> None:
        """Two tables are equal when the dicts are, in whatever order."""
        first, second = (
            [Evse(EvseSettings(f"e{number}", "main")) for number in dict.fromkeys(numbers)]
            for numbers in (left, right)
        )
        self.assertEqual(EvseTable(first) == EvseTable(second), _named(first) == _named(second))


def _named(all_of_them: list[Evse]) -> dict[str, Evse]:
    return {one.name: one for one in all_of_them}
