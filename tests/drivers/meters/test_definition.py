"""Meters as data: what is written is what is read, and what is wrong with it is said."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import inf, nan

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.meters.definition import (
    Definition,
    Measure,
    Quantity,
    define,
    read_function,
    read_max_registers,
    read_measure,
    read_measures,
    read_order,
    read_quantity,
    register_words,
)
from cfos_cm.drivers.meters.readings import Reading, Terminal
from cfos_cm.errors import LocalProtocolError
from cfos_cm.wire.registers import Block, Order, Register, RegisterType, Snapshot, Value
from tests.drivers.meters.world import words_of

POWER, L1, L2 = Quantity.POWER, Quantity.CURRENT_L1, Quantity.CURRENT_L2
NUMBERS = [kind for kind in RegisterType if kind is not RegisterType.TEXT]

scales = st.decimals(
    Decimal("-999999999"), Decimal("999999999"), allow_nan=False, places=3
).filter(bool)


@st.composite
def measures(draw: st.DrawFn, quantity: Quantity | None = None) -> Measure:
    """Anything that a data sheet may say."""
    one = quantity or draw(st.sampled_from(Quantity))
    unit = draw(st.sampled_from(register_words(one).rpartition("the unit ")[2].split(" or ")))
    unit = draw(st.sampled_from(unit.split(", ")))
    kind = draw(st.sampled_from(NUMBERS))
    address = draw(st.integers(0, 0xFFFF - 3))
    place = draw(st.sampled_from([str(address), hex(address), f"0X{address:04X}"]))
    scale = draw(st.just("") | scales.map(lambda scale: f"{scale:f} "))
    orders = draw(st.tuples(st.sampled_from(Order), st.sampled_from(Order)))
    return read_measure(one, f"{place} {kind} {scale}{unit}", *orders)


def read(measure: Measure, value: Value) -> Snapshot:
    """The measure's register as it was read."""
    return Snapshot(words_of({measure.register: value}))


class MeasureTests(SynchronousTestCase):
    """One quantity."""

    def test_read(self) -> None:
        """Where it is, what its bits mean, and what a step of it is."""
        for quantity, text, register, factor in (
            (POWER, "0x0034 f32 W", Register("power", 52, RegisterType.F32, "W"), "1"),
            (
                L1,
                " 6  i16  0.1 A ",
                Register("current_l1", 6, RegisterType.I16, "0.1 A"),
                "100",
            ),
            (L1, "6 u32 mA", Register("current_l1", 6, RegisterType.U32, "mA"), "1"),
            (POWER, "0 i64 -1 kW", Register("power", 0, RegisterType.I64, "-1 kW"), "-1000"),
            (
                Quantity.ENERGY_IMPORT,
                "65534 u32 0.01 kWh",
                Register("energy_import", 65534, RegisterType.U32, "0.01 kWh"),
                "10",
            ),
            (
                Quantity.ENERGY_EXPORT,
                "0xFFFF u16 MWh",
                Register("energy_export", 65535, RegisterType.U16, "MWh"),
                "1000000",
            ),
        ):
            found = read_measure(quantity, text)
            self.assertEqual(Measure(quantity, register, Decimal(factor)), found)

    def test_orders(self) -> None:
        """Words and bytes come in the order that is said."""
        words = (0x4228, 0x0000)  # 42.0
        for (word_order, byte_order), swapped in (
            ((Order.BIG, Order.BIG), words),
            ((Order.LITTLE, Order.BIG), (0x0000, 0x4228)),
            ((Order.BIG, Order.LITTLE), (0x2842, 0x0000)),
            ((Order.LITTLE, Order.LITTLE), (0x0000, 0x2842)),
        ):
            measure = read_measure(POWER, "7 f32 W", word_order, byte_order)
            self.assertEqual(42, measure.value(Snapshot({7: swapped[0], 8: swapped[1]})))

    def test_wrong(self) -> None:
        """What was found, what is wrong with it, and what is allowed."""
        for text, why in (
            ("", "found '': has 0 words"),
            ("52 f32", "found '52 f32': has 2 words"),
            ("52 f32 1 2 W", "has 5 words"),
            ("x34 f32 W", "'x34' is no address"),
            ("65536 u16 W", "'65536' is no address"),
            ("-1 u16 W", "'-1' is no address"),
            ("0x12345 u16 W", "'0x12345' is no address"),
            ("52 f31 W", "'f31' is no type"),
            ("52 text W", "'text' is no type"),
            ("52 f32 A", "'A' is no unit of it"),
            ("52 f32 w", "'w' is no unit of it"),
            ("52 f32 0 W", "'0' is no step"),
            ("52 f32 0.000 W", "'0.000' is no step"),
            ("52 f32 0,1 W", "'0,1' is no step"),
            ("52 f32 1e3 W", "'1e3' is no step"),
            ("65535 f32 W", "has 2 registers, and the last is 65535"),
            ("52 \x1b[1m W", "'?[1m' is no type"),
        ):
            error = self.assertRaises(ValueError, read_measure, POWER, text)
            self.assertIn(why, str(error))
            self.assertIn(f"must be {register_words(POWER)}", str(error))
        long = self.assertRaises(ValueError, read_measure, POWER, "9" * 500)
        self.assertLess(len(str(long)), 500)

    def test_words(self) -> None:
        """What is allowed is said for each quantity."""
        expected = (
            "ADDRESS TYPE UNIT or ADDRESS TYPE STEP UNIT, such as 0x0034 f32 A or 52 i16 0.1 A"
            "; the address is that on the wire, 0 to 65535 or 0x0000 to 0xFFFF, the type u16, "
            "i16, u32, i32, u64, i64, f32 or f64, the unit A or mA"
        )
        self.assertEqual(expected, register_words(L1))
        self.assertTrue(register_words(Quantity.VOLTAGE_L3).endswith("the unit V"))

    @given(measures())
    @settings(max_examples=200, deadline=None, derandomize=True)
    def test_round_trip(self, measure: Measure) -> None:
        """What is written is what is read."""
        register = measure.register
        orders = register.word_order, register.byte_order
        text = f"{register.address} {register.type} {register.unit}"
        self.assertEqual(measure, read_measure(measure.quantity, text, *orders))

    @given(measures(), st.integers(-(1 << 64), 1 << 64) | st.floats(width=32))
    @settings(max_examples=300, deadline=None, derandomize=True)
    def test_values(self, measure: Measure, value: float) -> None:
        """A value is the number in its register times its step, or none."""
        try:
            snapshot = read(measure, value)
        except LocalProtocolError:
            return
        found = measure.value(snapshot)
        if found is not None:
            held = snapshot[measure.register]
            assert not isinstance(held, str)
            exact = Fraction(held) * Fraction(measure.factor)
            self.assertLessEqual(abs(Fraction(found) - exact), abs(exact) / 10**20)

    def test_no_value(self) -> None:
        """What is no number, and the ends of whole numbers, say that there is no value."""
        for kind, values in (
            ("f32", (nan, inf, -inf)),
            ("f64", (nan, inf)),
            ("i16", (0x7FFF, -0x8000)),
            ("u16", (0xFFFF,)),
            ("i32", (0x7FFFFFFF, -0x80000000)),
            ("u32", (0xFFFFFFFF,)),
            ("i64", (0x7FFFFFFFFFFFFFFF, -0x8000000000000000)),
            ("u64", (0xFFFFFFFFFFFFFFFF,)),
        ):
            measure = read_measure(POWER, f"0 {kind} W")
            for value in values:
                self.assertIsNone(measure.value(read(measure, value)))
            self.assertEqual(0, measure.value(read(measure, 0)))


class LineTests(SynchronousTestCase):
    """All registers in one line."""

    def test_read(self) -> None:
        """Commas or semicolons between."""
        for between in (",", ";", " , ", "; "):
            text = between.join(("power: 0x34 f32 W", "current_l1:6 f32 A"))
            found = read_measures(text, Order.LITTLE)
            self.assertEqual([POWER, L1], [one.quantity for one in found])
            self.assertEqual({Order.LITTLE}, {one.register.word_order for one in found})

    def test_wrong(self) -> None:
        """What is no quantity, and what has no colon."""
        for text, why in (
            ("", "found ''; must be QUANTITY: ADDRESS TYPE UNIT, …"),
            ("power 52 f32 W", "found 'power 52 f32 W'; must be QUANTITY:"),
            ("power: 52 f32 W,", "found ''; must be QUANTITY:"),
            ("powr: 52 f32 W", "found 'powr'; must be power, power_l1, power_l2"),
            ("Power: 52 f32 W", "found 'Power'; must be"),
            ("power: 52 f32", "power: found ' 52 f32': has 2 words"),
            ("x" * 4001, "has 4001 characters; must be at most 4000"),
        ):
            error = self.assertRaises(ValueError, read_measures, text)
            self.assertIn(why, str(error))

    def test_settings(self) -> None:
        """Orders, functions and the size of requests are said in words."""
        self.assertEqual((Order.BIG, Order.LITTLE), (read_order("big"), read_order("little")))
        self.assertEqual((3, 4), (read_function("3"), read_function("4")))
        self.assertEqual((4, 125), (read_max_registers("4"), read_max_registers("125")))
        readers: tuple[tuple[Callable[[str], object], str, str], ...] = (
            (read_order, "Big", "found 'Big'; must be big or little"),
            (read_function, "5", "found '5'; must be 3, holding registers, or 4, input"),
            (read_max_registers, "3", "found '3'; must be from 4 to 125"),
            (read_max_registers, "126", "found '126'; must be from 4 to 125"),
            (read_max_registers, "", "found ''; must be from 4 to 125"),
        )
        for reads, text, why in readers:
            self.assertIn(why, str(self.assertRaises(ValueError, reads, text)))

    @given(
        st.text(max_size=60) | st.text("power_currntl123: 0x9abfui1634.2AWkV,;-", max_size=80),
        st.sampled_from(
            (read_measures, read_order, read_function, read_max_registers, read_quantity)
        ),
    )
    @settings(max_examples=500, deadline=None, derandomize=True)
    def test_anything(self, text: str, reads: Callable[[str], object]) -> None:
        """Whatever is written: it is read, or there is a C{ValueError}."""
        with contextlib.suppress(ValueError):
            reads(text)


class DefinitionTests(SynchronousTestCase):
    """A whole meter."""

    def define(self, text: str, function: int = 3) -> Definition:
        """The meter in a line."""
        return define(read_measures(text), function)

    def test_reading(self) -> None:
        """All that it tells, by terminals."""
        definition = self.define(
            "power: 0 i32 W, current_l1: 2 u16 0.1 A, current_l2: 3 u16 0.1 A, "
            "power_l1: 4 i16 W, power_l2: 5 i16 W, voltage_l2: 6 u16 V, "
            "energy_import: 7 u16 0.1 kWh, energy_export: 8 u16 Wh"
        )
        words = (0xFFFF, 0xFF9C, 123, 45, 200, 0xFED4, 231, 15, 7)
        found = definition.reading(Snapshot(dict(enumerate(words))))
        terminals = (Terminal(12_300, 200), Terminal(4500, -300, 231.0))
        self.assertEqual(Reading(terminals, -100, 1500, 7), found)

    def test_sums(self) -> None:
        """A meter that tells no phases apart has no terminals."""
        definition = self.define("power: 0 u16 W")
        self.assertEqual(Reading((), 7), definition.reading(Snapshot({0: 7})))

    def test_plan(self) -> None:
        """Neighbours are read at once, and nothing that it was not asked for."""
        definition = self.define("power: 52 f32 W, current_l1: 6 f32 A, power_l1: 8 f32 W")
        self.assertEqual((Block(6, 4), Block(52, 2)), definition.plan)

    def test_small_requests(self) -> None:
        """A meter that bears only small requests gets such."""
        text = ", ".join(
            f"current_l{n}: {2 * n} u32 A, power_l{n}: {6 + 2 * n} u32 W" for n in (1, 2, 3)
        )
        definition = define(read_measures(text), max_registers=5)
        self.assertEqual((Block(2, 4), Block(6, 4), Block(10, 4)), definition.plan)
        self.assertEqual((Block(2, 12),), define(read_measures(text)).plan)

    def test_wrong(self) -> None:
        """A meter that tells nothing of use, or leaves a phase out."""
        for text, why in (
            (
                "energy_import: 0 u16 Wh",
                "tells neither a current nor a power; must have power,",
            ),
            ("voltage_l1: 0 u16 V", "tells neither"),
            ("power: 0 u16 W, power: 1 u16 W", "power is there twice"),
            ("current_l1: 0 u16 A, current_l3: 1 u16 A", "has no current_l2"),
            ("power_l2: 0 u16 W", "has no power_l1"),
        ):
            error = self.assertRaises(ValueError, self.define, text)
            self.assertIn(why, str(error))

    @given(st.data())
    @settings(max_examples=100, deadline=None, derandomize=True)
    def test_any_words(self, data: st.DataObject) -> None:
        """Whatever stands in the registers of a meter, it says something or nothing."""
        quantities = data.draw(st.sets(st.sampled_from(Quantity), min_size=1))
        found = [data.draw(measures(one)) for one in quantities]
        try:
            definition = define(found)
        except ValueError:
            return
        word = st.integers(0, 0xFFFF)
        words = {
            address: data.draw(word) for block in definition.plan for address in block.addresses
        }
        definition.reading(Snapshot(words))
