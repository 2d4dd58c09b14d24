"""Registers as data."""

from __future__ import annotations

import math
import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import LocalProtocolError, RemoteProtocolError
from cfos_cm.wire.modbus import MAX_READ
from cfos_cm.wire.registers import (
    Order,
    Register,
    RegisterType,
    Snapshot,
    Value,
    read_plan,
)

_BITS = {"16": 16, "32": 32, "64": 64}


def values_of(kind: RegisterType) -> st.SearchStrategy[Value]:
    """All that may stand in a register; a text has three of them."""
    if kind is RegisterType.TEXT:
        texts = st.text(st.characters(max_codepoint=255, min_codepoint=1), max_size=6)
        return texts.filter(lambda one: one == one.rstrip())
    bits = int(kind.value[1:])
    if kind.value[0] == "f":
        return st.floats(width=32 if bits == 32 else 64, allow_nan=False)
    low = -(1 << (bits - 1)) if kind.value[0] == "i" else 0
    return st.integers(low, low + (1 << bits) - 1)


registers = st.builds(
    Register,
    name=st.just("value"),
    address=st.integers(0, 60_000),
    type=st.sampled_from(RegisterType),
    length=st.just(3),
    word_order=st.sampled_from(Order),
    byte_order=st.sampled_from(Order),
)


class EncodingTests(SynchronousTestCase):
    """Values and the words that they stand in."""

    @settings(max_examples=400, deadline=None, derandomize=True)
    @given(st.data())
    def test_inverse(self, data: st.DataObject) -> None:
        """What is written is what is read, whatever the register."""
        register = data.draw(registers)
        value = data.draw(values_of(register.type))
        words = register.encode(value)
        self.assertEqual(register.count, len(words))
        self.assertTrue(all(0 <= word <= 0xFFFF for word in words))
        self.assertEqual(value, register.decode(words))

    def test_orders(self) -> None:
        """The four ways to write 0x01020304."""
        found = {
            (words, octets): Register(
                "value", 0, RegisterType.U32, word_order=words, byte_order=octets
            ).encode(0x01020304)
            for words in Order
            for octets in Order
        }
        self.assertEqual(
            {
                (Order.BIG, Order.BIG): (0x0102, 0x0304),
                (Order.LITTLE, Order.BIG): (0x0304, 0x0102),
                (Order.BIG, Order.LITTLE): (0x0201, 0x0403),
                (Order.LITTLE, Order.LITTLE): (0x0403, 0x0201),
            },
            found,
        )

    def test_text(self) -> None:
        """Two characters to a register, the first in the high byte, whatever is behind NUL."""
        serial = Register("serial_no", 8008, RegisterType.TEXT, length=8)
        words = (26211, 26165, 11619, 13366, 0, 0x4142, 0, 0)
        self.assertEqual("fcf5-c46", serial.decode(words))
        self.assertEqual((*words[:4], 0, 0, 0, 0), serial.encode("fcf5-c46"))

    def test_text_keeps_word_order(self) -> None:
        """A device that swaps the words of its numbers does not swap those of its texts."""
        swapped = Register("name", 0, RegisterType.TEXT, length=2, word_order=Order.LITTLE)
        self.assertEqual("abcd", swapped.decode((0x6162, 0x6364)))

    def test_float(self) -> None:
        """IEEE 754; what is not a number is read as what it is."""
        power = Register("power", 0, RegisterType.F32)
        self.assertEqual(1.5, power.decode((0x3FC0, 0)))
        value = power.decode(struct.unpack(">2H", struct.pack(">f", math.nan)))
        self.assertTrue(isinstance(value, float) and math.isnan(value))

    def test_impossible(self) -> None:
        """What cannot stand in a register is refused, by its name."""
        limit = Register("limit", 0)
        words = Register("words", 0, RegisterType.TEXT, length=2)
        for register, value in (
            (limit, -1),
            (limit, 65_536),
            (limit, 1.5),
            (limit, "7"),
            (words, 7),
            (words, "abcde"),
            (words, "a\0b"),
            (words, "a "),
            (words, "€"),
            (Register("real", 0, RegisterType.F32), 1e300),
        ):
            with self.assertRaises(LocalProtocolError, msg=str(value)) as caught:
                register.encode(value)
            self.assertIn(register.name, str(caught.exception))

    def test_wrong_number(self) -> None:
        """Half a value is none."""
        with self.assertRaises(RemoteProtocolError):
            Register("energy", 0, RegisterType.U64).decode((0, 0, 0))


class PlanTests(SynchronousTestCase):
    """As few requests as there can be."""

    def plan(self, *places: tuple[int, int], bridge: int = 0) -> list[tuple[int, int]]:
        """The plan for texts at some addresses with some lengths."""
        wanted = [
            Register(f"r{address}", address, RegisterType.TEXT, length=count)
            for address, count in places
        ]
        return [(one.address, one.count) for one in read_plan(wanted, bridge)]

    def test_neighbours(self) -> None:
        """Neighbours are read at once, whatever their order; holes are not read."""
        self.assertEqual([(5, 5), (11, 1)], self.plan((7, 3), (11, 1), (5, 2)))

    def test_bridge(self) -> None:
        """A hole may be read where that is allowed, no wider one."""
        self.assertEqual(
            [(5, 7), (14, 1)], self.plan((7, 3), (11, 1), (5, 2), (14, 1), bridge=1)
        )

    def test_longest(self) -> None:
        """No request has more than it may, and no value is torn apart."""
        self.assertEqual([(0, 120), (120, 10)], self.plan((0, 120), (120, 10)))
        self.assertEqual([(0, MAX_READ)], self.plan((0, 120), (120, 5)))

    def test_overlap(self) -> None:
        """Registers that two values share are read once."""
        self.assertEqual([(0, 4)], self.plan((0, 4), (1, 2)))

    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(st.lists(registers, max_size=30), st.integers(0, 20))
    def test_complete(self, wanted: list[Register], bridge: int) -> None:
        """Each value is in one block, and no two blocks have a register in common."""
        blocks = read_plan(wanted, bridge)
        for one in wanted:
            holders = [block for block in blocks if one.address in block.addresses]
            self.assertEqual(1, len(holders))
            self.assertIn(one.addresses[-1], holders[0].addresses)
        self.assertTrue(all(block.count <= MAX_READ for block in blocks))


class SnapshotTests(SynchronousTestCase):
    """What was read."""

    def test_values(self) -> None:
        """Values are found in what several requests have read."""
        limit, energy = Register("limit", 10), Register("energy", 20, RegisterType.U64)
        read = Snapshot({10: 160}) | Snapshot({20: 0, 21: 0, 22: 1, 23: 2})
        self.assertEqual((160, 65_538), (read.number(limit), read.number(energy)))
        self.assertIn(limit, read)
        self.assertNotIn(Register("half", 23, RegisterType.U32), read)
        with self.assertRaises(KeyError):
            read[Register("half", 23, RegisterType.U32)]

    def test_newest(self) -> None:
        """What is read again counts."""
        limit = Register("limit", 10)
        read = Snapshot({10: 160}) | Snapshot({10: 60})
        self.assertEqual(60, read.number(limit))
