"""
A meter as data: which registers it has, and what stands in them.

C{power: 0x0034 f32 W, current_l1: 6 i16 0.1 A} says all that a data sheet does: where a value
begins, what its bits mean, and what a step of it is. Nothing here does any I/O, and whatever is
wrong with a text is a C{ValueError} that says what was found and what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from math import isfinite
from types import MappingProxyType

from attrs import field, frozen

from cfos_cm.drivers.meters.readings import (
    MOST_CURRENT_MA,
    MOST_ENERGY_WH,
    MOST_POWER_W,
    Reading,
    Terminal,
    whole,
)
from cfos_cm.wire.modbus import MAX_READ
from cfos_cm.wire.registers import Block, Order, Register, RegisterType, Snapshot, read_plan

__all__ = [
    "FUNCTIONS",
    "LEAST_REQUEST",
    "Definition",
    "Measure",
    "Quantity",
    "define",
    "read_function",
    "read_max_registers",
    "read_measure",
    "read_measures",
    "read_order",
    "read_quantity",
    "register_words",
    "shown",
]

#: By holding registers and by input registers.
FUNCTIONS = (3, 4)
#: A device that bears requests for fewer registers than this could not tell the longest value.
LEAST_REQUEST = 4
_MOST_CHARACTERS = 4000
_ADDRESSES = 1 << 16

_ADDRESS = re.compile(r"[0-9]{1,5}|0[xX][0-9A-Fa-f]{1,4}")
_NUMBER = re.compile(r"[0-9]{1,3}")
_SCALE = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
#: A comma; a semicolon works too, but behind a blank it begins a comment in tap.cfg.
_BETWEEN = re.compile(r"[,;]")

_TYPES = tuple(one for one in RegisterType if one is not RegisterType.TEXT)
_SHOWN_CHARACTERS = 60


class Quantity(StrEnum):
    """What a meter measures."""

    POWER = "power"
    POWER_L1 = "power_l1"
    POWER_L2 = "power_l2"
    POWER_L3 = "power_l3"
    CURRENT_L1 = "current_l1"
    CURRENT_L2 = "current_l2"
    CURRENT_L3 = "current_l3"
    VOLTAGE_L1 = "voltage_l1"
    VOLTAGE_L2 = "voltage_l2"
    VOLTAGE_L3 = "voltage_l3"
    ENERGY_IMPORT = "energy_import"
    ENERGY_EXPORT = "energy_export"


_POWERS = (Quantity.POWER_L1, Quantity.POWER_L2, Quantity.POWER_L3)
_CURRENTS = (Quantity.CURRENT_L1, Quantity.CURRENT_L2, Quantity.CURRENT_L3)
_VOLTAGES = (Quantity.VOLTAGE_L1, Quantity.VOLTAGE_L2, Quantity.VOLTAGE_L3)

_KILO, _MEGA, _ONE = Decimal(1000), Decimal(1_000_000), Decimal(1)
_POWER_UNITS = {"W": _ONE, "kW": _KILO}
_CURRENT_UNITS = {"A": _KILO, "mA": _ONE}
_VOLTAGE_UNITS = {"V": _ONE}
_ENERGY_UNITS = {"Wh": _ONE, "kWh": _KILO, "MWh": _MEGA}
#: The units that each may have, and how many W, mA, V or Wh one of them is.
_UNITS: Mapping[Quantity, Mapping[str, Decimal]] = MappingProxyType(
    {
        Quantity.POWER: _POWER_UNITS,
        **dict.fromkeys(_POWERS, _POWER_UNITS),
        **dict.fromkeys(_CURRENTS, _CURRENT_UNITS),
        **dict.fromkeys(_VOLTAGES, _VOLTAGE_UNITS),
        Quantity.ENERGY_IMPORT: _ENERGY_UNITS,
        Quantity.ENERGY_EXPORT: _ENERGY_UNITS,
    }
)


@frozen
class Measure:
    """
    One quantity of a meter.

    @ivar register: where it is; its C{unit} is that of a step, such as C{0.1 A}.
    @ivar factor: how many W, mA, V or Wh a step is.
    """

    quantity: Quantity
    register: Register
    factor: Decimal

    def value(self, read: Snapshot) -> Decimal | None:
        """
        Its value in W, mA, V or Wh.

        @return: C{None}: the meter has none; it says so by what is no number, or, where its
            type is a whole number, by one of the ends of its range.
        """
        value = read[self.register]
        assert not isinstance(value, str)
        if isinstance(value, float):
            return Decimal(value) * self.factor if isfinite(value) else None
        return None if value in _ends(self.register) else Decimal(value) * self.factor


def _ends(register: Register) -> tuple[int, ...]:
    bits = 16 * register.count
    if register.type.startswith("i"):
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return ((1 << bits) - 1,)


@frozen
class Definition:
    """
    A kind of meter.

    @ivar function: 3 for holding registers, 4 for input registers.
    @ivar max_registers: it bears requests for at most so many registers.
    @ivar terminals: how many of its phases it tells apart.
    @ivar plan: the requests that it takes to read all.
    """

    measures: Mapping[Quantity, Measure]
    function: int = 3
    max_registers: int = MAX_READ
    terminals: int = field(init=False)
    plan: tuple[Block, ...] = field(init=False)

    @terminals.default
    def _terminals(self) -> int:
        told = [
            place
            for place in range(len(_CURRENTS))
            if _CURRENTS[place] in self.measures or _POWERS[place] in self.measures
        ]
        return max(told, default=-1) + 1

    @plan.default
    def _plan(self) -> tuple[Block, ...]:
        parts: list[list[Register]] = []
        by_address = sorted(
            (one.register for one in self.measures.values()), key=lambda one: one.address
        )
        for one in by_address:
            if parts and one.addresses.stop - parts[-1][0].address <= self.max_registers:
                parts[-1].append(one)
            else:
                parts.append([one])
        return tuple(block for part in parts for block in read_plan(part))

    def reading(self, read: Snapshot) -> Reading:
        """What the meter says."""

        def told(quantity: Quantity) -> Decimal | None:
            measure = self.measures.get(quantity)
            return None if measure is None else measure.value(read)

        terminals = tuple(
            Terminal(
                whole(told(_CURRENTS[place]), MOST_CURRENT_MA),
                whole(told(_POWERS[place]), MOST_POWER_W),
                _fraction(told(_VOLTAGES[place])),
            )
            for place in range(self.terminals)
        )
        return Reading(
            terminals,
            whole(told(Quantity.POWER), MOST_POWER_W),
            whole(told(Quantity.ENERGY_IMPORT), MOST_ENERGY_WH),
            whole(told(Quantity.ENERGY_EXPORT), MOST_ENERGY_WH),
        )


def _fraction(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def register_words(quantity: Quantity) -> str:
    """What L{read_measure} takes, in words that complete "must be …"."""
    unit = next(iter(_UNITS[quantity]))
    return (
        f"ADDRESS TYPE UNIT or ADDRESS TYPE STEP UNIT, such as 0x0034 f32 {unit} or "
        f"52 i16 0.1 {unit}; the address is that on the wire, 0 to {_ADDRESSES - 1} or "
        f"0x0000 to 0xFFFF, the type {_or(_TYPES)}, the unit {_or(_UNITS[quantity])}"
    )


def _or(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def read_measure(
    quantity: Quantity,
    text: str,
    word_order: Order = Order.BIG,
    byte_order: Order = Order.BIG,
) -> Measure:
    """
    What stands behind the name of a quantity.

    @raise ValueError: with what is wrong, and L{register_words}.
    """
    words = text.split()
    if len(words) not in (3, 4):
        raise _wrong(quantity, text, f"has {len(words)} words")
    address, kind, scale, unit = words[0], words[1], words[2:-1], words[-1]
    if not _ADDRESS.fullmatch(address) or int(address, _base(address)) >= _ADDRESSES:
        raise _wrong(quantity, text, f"{_quoted(address)} is no address")
    if kind not in _TYPES:
        raise _wrong(quantity, text, f"{_quoted(kind)} is no type")
    if unit not in _UNITS[quantity]:
        raise _wrong(quantity, text, f"{_quoted(unit)} is no unit of it")
    step = scale[0] if scale else "1"
    if not _SCALE.fullmatch(step) or not Decimal(step):
        raise _wrong(quantity, text, f"{_quoted(step)} is no step")
    register = Register(
        quantity,
        int(address, _base(address)),
        RegisterType(kind),
        " ".join((*scale, unit)),
        word_order=word_order,
        byte_order=byte_order,
    )
    if register.addresses.stop > _ADDRESSES:
        last = _ADDRESSES - 1
        raise _wrong(quantity, text, f"has {register.count} registers, and the last is {last}")
    return Measure(quantity, register, Decimal(step) * _UNITS[quantity][unit])


def _base(address: str) -> int:
    return 16 if address[:2].lower() == "0x" else 10


def _wrong(quantity: Quantity, text: str, why: str) -> ValueError:
    return ValueError(
        f"{quantity}: found {_quoted(text)}: {why}; must be {register_words(quantity)}"
    )


def shown(text: str) -> str:
    """So much of a text as can be shown to a person."""
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return "".join(one if one.isprintable() else "?" for one in cut)


def _quoted(text: str) -> str:
    return repr(shown(text))


def read_order(text: str) -> Order:
    """
    Which end comes first.

    @raise ValueError: if the text does not say it.
    """
    if text not in tuple(Order):
        raise ValueError(f"found {_quoted(text)}; must be {_or(Order)}")
    return Order(text)


def read_function(text: str) -> int:
    """
    By which function registers are read.

    @raise ValueError: if the text does not say it.
    """
    numbers = [str(function) for function in FUNCTIONS]
    if text not in numbers:
        allowed = f"{numbers[0]}, holding registers, or {numbers[1]}, input registers"
        raise ValueError(f"found {_quoted(text)}; must be {allowed}")
    return int(text)


def read_max_registers(text: str) -> int:
    """
    How many registers one request may be for.

    @raise ValueError: if the text does not say it.
    """
    if not _NUMBER.fullmatch(text) or not LEAST_REQUEST <= int(text) <= MAX_READ:
        raise ValueError(f"found {_quoted(text)}; must be from {LEAST_REQUEST} to {MAX_READ}")
    return int(text)


def read_measures(
    text: str, word_order: Order = Order.BIG, byte_order: Order = Order.BIG
) -> tuple[Measure, ...]:
    """
    The C{registers} of a meter in one line: C{QUANTITY: ADDRESS TYPE UNIT, …}.

    @raise ValueError: with the first thing that is wrong.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"has {len(text)} characters; must be at most {_MOST_CHARACTERS}")
    found = []
    for part in _BETWEEN.split(text):
        name, colon, place = part.partition(":")
        if not colon:
            raise ValueError(f"found {_quoted(part)}; must be QUANTITY: ADDRESS TYPE UNIT, …")
        quantity = read_quantity(name.strip())
        found.append(read_measure(quantity, place, word_order, byte_order))
    return tuple(found)


def read_quantity(text: str) -> Quantity:
    """
    The quantity of a name.

    @raise ValueError: if it is none.
    """
    if text not in tuple(Quantity):
        raise ValueError(f"found {_quoted(text)}; must be {_or(Quantity)}")
    return Quantity(text)


def define(
    measures: Sequence[Measure], function: int = 3, max_registers: int = MAX_READ
) -> Definition:
    """
    The meter that has these quantities.

    @raise ValueError: if one is there twice, or it would say nothing that the site can use.
    """
    by_quantity = {one.quantity: one for one in measures}
    for one in measures:
        if by_quantity[one.quantity] is not one:
            raise ValueError(f"{one.quantity} is there twice")
    if Quantity.POWER not in by_quantity and not _tells_phases(by_quantity):
        raise ValueError(
            f"tells neither a current nor a power; must have {Quantity.POWER}, or "
            f"{_or(_CURRENTS)}, or {_or(_POWERS)}"
        )
    gap = _gap(by_quantity)
    if gap is not None:
        raise ValueError(f"has no {gap}, and has one of a later phase; must have both")
    return Definition(by_quantity, function, max_registers)


def _tells_phases(measures: Iterable[Quantity]) -> bool:
    return not {*_CURRENTS, *_POWERS}.isdisjoint(measures)


def _gap(measures: Mapping[Quantity, Measure]) -> Quantity | None:
    """A phase that is left out between others: it would be taken to carry nothing."""
    for row in (_CURRENTS, _POWERS):
        there = [quantity in measures for quantity in row]
        for place, quantity in enumerate(row):
            if not there[place] and any(there[place:]):
                return quantity
    return None
