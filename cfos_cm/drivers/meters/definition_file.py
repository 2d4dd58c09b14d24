"""
Definitions of meters in files: those that come with the program, and the user's own.

A file has C{QUANTITY = ADDRESS TYPE UNIT} in each line, and C{function}, C{word_order},
C{byte_order} and C{max_registers} where they are not 3, big, big and 125. C{;} or C{#} begins a
comment, and so does C{;} behind a blank. C{[meter]} may stand above all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from importlib.resources import files
from typing import TypeVar

from attrs import define as define_class
from attrs import field, frozen

from cfos_cm.drivers.meters.definition import (
    FUNCTIONS,
    Definition,
    Measure,
    Quantity,
    define,
    read_function,
    read_max_registers,
    read_measure,
    read_order,
    shown,
)
from cfos_cm.errors import Mistake
from cfos_cm.regular_file import read_regular_file
from cfos_cm.wire.modbus import MAX_READ
from cfos_cm.wire.registers import Order

__all__ = ["MOST_BYTES", "DefinitionError", "known_definitions", "load", "parse"]

#: No definition is longer than this.
MOST_BYTES = 64 * 1024
_MOST_MISTAKES = 20

_HEADING = "[meter]"
_FUNCTION, _MAX_REGISTERS = "function", "max_registers"
_WORD_ORDER, _BYTE_ORDER = "word_order", "byte_order"
_SETTINGS = (_FUNCTION, _MAX_REGISTERS, _WORD_ORDER, _BYTE_ORDER)
_COMMENT = re.compile(r"[ \t];.*")
_KNOWN_NAME = re.compile(r"[a-z0-9_]{1,40}")

T = TypeVar("T")


class DefinitionError(ValueError):
    """
    A definition that cannot be used.

    @ivar mistakes: what is wrong with it, at least one, in the order of the lines.
    """

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def known_definitions() -> tuple[str, ...]:
    """The names of the definitions that come with the program."""
    folder = files("cfos_cm.drivers.meters") / "known"
    names = (one.name.removesuffix(".ini") for one in folder.iterdir())
    return tuple(sorted(name for name in names if _KNOWN_NAME.fullmatch(name)))


def load(name: str, folder: str = "") -> Definition:
    """
    The definition of a name: of one that comes with the program, or else of a file.

    @param folder: where relative paths begin.
    @raise DefinitionError: if there is none, or it has mistakes.
    """
    if name in known_definitions():
        content = (files("cfos_cm.drivers.meters") / "known" / f"{name}.ini").read_bytes()
        return parse(_decoded(content, name), name)
    path = os.path.join(folder, name)
    try:
        return parse(_decoded(read_regular_file(path, MOST_BYTES), name), name)
    except DefinitionError:
        raise
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "this is not the name of a file"
        known = ", ".join(known_definitions())
        allowed = f"cannot be read: {why}; must be a file, or one of {known}"
        raise DefinitionError([Mistake(path, 0, "", "", "", allowed)]) from None


def _decoded(content: bytes, path: str) -> str:
    if len(content) > MOST_BYTES:
        allowed = f"must have at most {MOST_BYTES} bytes"
        raise DefinitionError([Mistake(path, 0, "", "", "", allowed)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        allowed = "must be UTF-8 text"
        raise DefinitionError([Mistake(path, line, "", "", "", allowed)]) from None


@frozen
class _Line:
    """One C{name = value}."""

    number: int
    name: str
    value: str


def parse(text: str, path: str) -> Definition:
    """
    The definition in a text.

    @param path: the file's name, for the mistakes.
    @raise DefinitionError: with every mistake in it.
    """
    found = _Findings(path)
    lines = _options(text, found)
    function = found.setting(lines.get(_FUNCTION), read_function, FUNCTIONS[0])
    max_registers = found.setting(lines.get(_MAX_REGISTERS), read_max_registers, MAX_READ)
    orders = (
        found.setting(lines.get(_WORD_ORDER), read_order, Order.BIG),
        found.setting(lines.get(_BYTE_ORDER), read_order, Order.BIG),
    )
    measures = [
        measure
        for quantity in Quantity
        if (measure := found.measure(quantity, lines.get(quantity), *orders)) is not None
    ]
    if not found.mistakes:
        try:
            return define(measures, function, max_registers)
        except ValueError as error:
            found.wrong(0, "", str(error))
    raise DefinitionError(sorted(found.mistakes, key=lambda mistake: mistake.line))


@define_class
class _Findings:
    """What is wrong with a text."""

    path: str
    mistakes: list[Mistake] = field(factory=list)

    def wrong(self, line: int, option: str, allowed: str) -> None:
        if len(self.mistakes) < _MOST_MISTAKES:
            self.mistakes.append(Mistake(self.path, line, "", option, "", allowed))

    def setting(self, line: _Line | None, read: Callable[[str], T], usual: T) -> T:
        if line is None:
            return usual
        try:
            return read(line.value)
        except ValueError as error:
            self.wrong(line.number, line.name, str(error))
            return usual

    def measure(
        self, quantity: Quantity, line: _Line | None, word_order: Order, byte_order: Order
    ) -> Measure | None:
        if line is None:
            return None
        try:
            return read_measure(quantity, line.value, word_order, byte_order)
        except ValueError as error:
            self.wrong(line.number, "", str(error))
            return None


def _options(text: str, found: _Findings) -> dict[str, _Line]:
    """The lines of what there is, by name."""
    lines: dict[str, _Line] = {}
    for line in _lines(text):
        if isinstance(line, int):
            found.wrong(line, "", "must be NAME = VALUE, or a ; comment")
        elif line.name in lines:
            first = lines[line.name].number
            found.wrong(line.number, line.name, f"is there already, in line {first}")
        elif line.name in _SETTINGS or line.name in tuple(Quantity):
            lines[line.name] = line
        else:
            names = ", ".join((*Quantity, *_SETTINGS))
            found.wrong(line.number, shown(line.name), f"must be one of {names}")
    return lines


def _lines(text: str) -> list[_Line | int]:
    """The lines that say something; only its number where one is not of the form."""
    found: list[_Line | int] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = _COMMENT.sub("", raw.removesuffix("\r")).strip()
        if not line or line[0] in ";#" or line == _HEADING:
            continue
        name, equals, value = line.partition("=")
        found.append(_Line(number, name.strip(), value.strip()) if equals else number)
    return found
