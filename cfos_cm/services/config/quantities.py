"""
The kinds of quantities in C{tap.cfg}: currents, powers, energies, times and bare numbers.

They are written as people write them, and read as the program keeps them; what is no plain
decimal number is refused, and nothing is ever rounded up.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from attrs import evolve

from cfos_cm.electrical import GRAIN_MA, CurrentSteps, PhaseCurrents, milliamps, on_each_phase
from cfos_cm.services.config.values import Kind

__all__ = [
    "CURRENT_STEPS",
    "current",
    "energy",
    "factor",
    "or_zero",
    "phase_currents",
    "power",
    "seconds",
    "whole",
]

T = TypeVar("T")

_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")
_POWER = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)[ \t]*(W|kW)?")

# IEC 61851-1: what a pilot can offer.
_LEAST_STEP, _MOST_STEP = "6", "80"
_FINEST_STEP = "0.1"


def whole(least: int, most: int) -> Kind[int]:
    """A whole number within bounds, which belong to it."""
    allowed = f"a whole number from {least} to {most}"

    def read(written: str) -> int:
        if not _WHOLE.fullmatch(written) or not least <= int(written) <= most:
            raise ValueError(allowed)
        return int(written)

    return Kind(allowed, read, is_number=True)


def _number(written: str, least: str, most: str) -> Decimal:
    """
    A plain decimal number within bounds, which belong to it.

    @raise ValueError: if the text is none.
    """
    if not _DECIMAL.fullmatch(written):
        raise ValueError(written)
    number = Decimal(written)
    if not Decimal(least) <= number <= Decimal(most):
        raise ValueError(written)
    return number


def _decimal(least: str, most: str, unit: str, convert: Callable[[Decimal], T]) -> Kind[T]:
    written_as = "written as 16 or 7.5" + (", without the unit" if unit else "")
    allowed = f"a number from {least} to {most}{unit}, {written_as}"
    return Kind(
        allowed,
        lambda written: convert(_number(written, least, most)),
        unit=unit.strip(),
        is_number=True,
    )


def current(least: str, most: str) -> Kind[int]:
    """A current written in amperes, read as milliamps. [mA]"""
    return _decimal(least, most, " A", milliamps)


def phase_currents(least: str, most: str) -> Kind[PhaseCurrents]:
    """A current written in amperes, the same on each phase or one for each. [mA]"""

    def read(written: str) -> PhaseCurrents:
        each = [milliamps(_number(word, least, most)) for word in written.split()]
        if len(each) not in (1, 3):
            raise ValueError(written)
        return on_each_phase(each[0]) if len(each) == 1 else PhaseCurrents(*each)

    one = current(least, most).allowed
    allowed = f"{one}; or three of them, for L1 L2 L3, with spaces between"
    return Kind(allowed, read, unit="A")


def power(least_w: int, most_w: int) -> Kind[int]:
    """A power written in watts or kilowatts. [W]"""
    allowed = f"a power from {least_w} to {most_w} W, written as 43500, 43500 W or 43.5 kW"

    def read(written: str) -> int:
        match = _POWER.fullmatch(written)
        if not match:
            raise ValueError(allowed)
        power_w = Decimal(match[1]) * (1000 if match[2] == "kW" else 1)
        if not least_w <= power_w <= most_w:
            raise ValueError(allowed)
        return int(power_w)

    return Kind(allowed, read, unit="W")


def seconds(least: str, most: str) -> Kind[float]:
    """A time. [s]"""
    return _decimal(least, most, " s", float)


def energy(least: str, most: str) -> Kind[int]:
    """An energy written in kWh, read as watt-hours. [Wh]"""
    return _decimal(least, most, " kWh", lambda kwh: int(kwh * 1000))


def factor(least: str, most: str) -> Kind[float]:
    """A number without a unit."""
    return _decimal(least, most, "", float)


def or_zero(kind: Kind[int]) -> Kind[int]:
    """C{kind}, or 0, which stands for none."""
    read = kind.read
    return evolve(
        kind,
        allowed=f"0, or {kind.allowed}",
        read=lambda written: 0 if written == "0" else read(written),
    )


def _tenths(written: str, least: str) -> int:
    current_ma = milliamps(_number(written, least, _MOST_STEP))
    if current_ma % GRAIN_MA:
        raise ValueError(written)
    return current_ma


def _read_current_steps(written: str) -> CurrentSteps:
    words = written.split()
    if len(words) == 1:
        return CurrentSteps(grain_ma=_tenths(words[0], _FINEST_STEP))
    only_ma = tuple(_tenths(word, _LEAST_STEP) for word in words)
    if not only_ma or list(only_ma) != sorted(set(only_ma)):
        raise ValueError(CURRENT_STEPS.allowed)
    return CurrentSteps(only_ma=only_ma)


#: One current is a step, several are the only ones that there are.
CURRENT_STEPS = Kind(
    f"the step, a number from {_FINEST_STEP} to {_MOST_STEP} A; or all currents that there "
    f"are, each from {_LEAST_STEP} to {_MOST_STEP} A, ascending, with spaces between; in whole "
    "tenths, written as 16 or 7.5, without the unit",
    _read_current_steps,
    unit="A",
)
