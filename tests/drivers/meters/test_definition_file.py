"""Definitions in files."""

from __future__ import annotations

import contextlib
import os
from importlib.resources import files
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.meters.definition import Quantity
from cfos_cm.drivers.meters.definition_file import (
    MOST_BYTES,
    DefinitionError,
    known_definitions,
    load,
    parse,
)
from cfos_cm.services.config.ini import read_ini
from cfos_cm.wire.registers import Block, Order

GOOD = """\
# My meter
[meter]
function = 4        ; input registers
word_order = little
byte_order = little
max_registers = 8
power = 0x0034 f32 W
"""


class ParseTests(SynchronousTestCase):
    """A text."""

    def mistakes(self, text: str) -> list[str]:
        """What is wrong with it, each with its place."""
        error = self.assertRaises(DefinitionError, parse, text, "mine.ini")
        return [str(mistake) for mistake in error.mistakes]

    def test_good(self) -> None:
        """All that can be said."""
        found = parse(GOOD, "mine.ini")
        register = found.measures[Quantity.POWER].register
        self.assertEqual((4, 8), (found.function, found.max_registers))
        self.assertEqual((52, Order.LITTLE), (register.address, register.word_order))
        self.assertEqual(Order.LITTLE, register.byte_order)

    def test_usual(self) -> None:
        """What need not be said; and line ends of any kind."""
        found = parse("power=52 f32 W\r\n\r\n;\n", "mine.ini")
        register = found.measures[Quantity.POWER].register
        self.assertEqual((3, 125), (found.function, found.max_registers))
        self.assertEqual((Order.BIG, Order.BIG), (register.word_order, register.byte_order))

    def test_mistakes(self) -> None:
        """Every mistake, with its line, what was found and what is allowed."""
        text = (
            "[meters]\nfunction = 5\npowr = 1 f32 W\npower = 1 f33 W\n"
            "current_l1 = 1 f32 W\ncurrent_l1 = 2 f32 A\nbyte_order =\n"
        )
        found = self.mistakes(text)
        self.assertEqual(7, len(found))
        for line, (where, what) in zip(
            found,
            (
                ("mine.ini:1:", "must be NAME = VALUE, or a ; comment"),
                ("mine.ini:2: function:", "found '5'; must be 3, holding registers, or 4"),
                ("mine.ini:3: powr:", "must be one of power, power_l1"),
                ("mine.ini:4:", "power: found '1 f33 W': 'f33' is no type; must be ADDRESS"),
                ("mine.ini:5:", "current_l1: found '1 f32 W': 'W' is no unit of it"),
                ("mine.ini:6: current_l1:", "is there already, in line 5"),
                ("mine.ini:7: byte_order:", "found ''; must be big or little"),
            ),
            strict=True,
        ):
            self.assertTrue(line.startswith(where), line)
            self.assertIn(what, line)

    def test_useless(self) -> None:
        """A meter that would say nothing."""
        self.assertEqual(1, len(self.mistakes("")))
        self.assertIn("tells neither a current nor a power", self.mistakes("")[0])

    def test_many(self) -> None:
        """Not more mistakes are told than somebody can read."""
        self.assertEqual(20, len(self.mistakes("x\n" * 1000)))

    @given(st.text(max_size=200) | st.text("[meter]power=0x1 f32W;#\n\r_", max_size=200))
    @settings(max_examples=300, deadline=None, derandomize=True)
    def test_anything(self, text: str) -> None:
        """Whatever is written: it is read, or there is a C{ValueError}."""
        with contextlib.suppress(ValueError):
            parse(text, "mine.ini")


class LoadTests(SynchronousTestCase):
    """Files and those that come with the program."""

    def setUp(self) -> None:
        """A folder."""
        self.folder = self.mktemp()
        os.mkdir(self.folder)

    def write(self, content: bytes) -> None:
        """The user's own definition."""
        with open(os.path.join(self.folder, "mine.ini"), "wb") as file:
            file.write(content)

    def why(self, name: str = "mine.ini") -> str:
        """Why it cannot be read."""
        return str(self.assertRaises(DefinitionError, load, name, self.folder))

    def test_file(self) -> None:
        """A file, from the folder on or from the root."""
        self.write(b"\xef\xbb\xbf" + GOOD.encode())
        path = os.path.abspath(os.path.join(self.folder, "mine.ini"))
        self.assertEqual(load("mine.ini", self.folder), load(path, "/nowhere"))

    def test_no_file(self) -> None:
        """What is not there, is a folder, is no name at all."""
        known = "must be a file, or one of abb_b_series, em24, janitza_umg96, sdm630"
        for name, why in (
            ("mine.ini", "No such file or directory"),
            (".", "it is not a regular file"),
            ("a\0b", "this is not the name of a file"),
        ):
            found = self.why(name)
            self.assertIn(why, found)
            self.assertIn(known, found)

    def test_no_text(self) -> None:
        """What is too large, or no UTF-8."""
        self.write(b"\n" * (MOST_BYTES + 1))
        self.assertIn(f"must have at most {MOST_BYTES} bytes", self.why())
        self.write(b"power = 1 f32 W\n; \xfc\n")
        self.assertIn("mine.ini:2: must be UTF-8 text", self.why())

    def test_mistake(self) -> None:
        """A mistake in a file has its name and line."""
        self.write(b"power = 1 f32")
        self.assertIn("mine.ini:1: power: found '1 f32'", self.why())

    def test_known(self) -> None:
        """Each that comes with the program can be read, and tells all phases."""
        self.assertEqual(
            ("abb_b_series", "em24", "janitza_umg96", "sdm630"), known_definitions()
        )
        for name in known_definitions():
            definition = load(name)
            self.assertEqual(3, definition.terminals, name)
            self.assertIn(Quantity.ENERGY_IMPORT, definition.measures, name)

    def test_plans(self) -> None:
        """How many requests each takes."""
        self.assertEqual((Block(6, 12), Block(52, 2), Block(72, 4)), load("sdm630").plan)
        self.assertLessEqual(max(block.count for block in load("em24").plan), 11)
        self.assertEqual(3, len(load("abb_b_series").plan))

    def test_as_ini(self) -> None:
        """They are files of the form of tap.cfg, too."""
        for name in known_definitions():
            path = files("cfos_cm.drivers.meters") / "known" / f"{name}.ini"
            ini = read_ini(path.read_text(encoding="utf-8"), name)
            self.assertEqual((), ini.mistakes)
            (section,) = ini.sections
            self.assertIn("power", section.options)

    def test_documented(self) -> None:
        """What the manual shows can be read, and each known one is in it."""
        manual = (Path(__file__).parents[3] / "docs" / "meters.md").read_text(encoding="utf-8")
        (example,) = (part for part in manual.split("```") if "my_meter.ini: ACME" in part)
        self.assertEqual(3, parse(example, "my_meter.ini").terminals)
        for name in known_definitions():
            self.assertIn(f"| `{name}` |", manual)
