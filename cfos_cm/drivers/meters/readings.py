"""
What a meter has said, and what it means for the site.

A meter knows its terminals, the site knows the phases of the building; and many a meter says
how large a current is, but not which way it flows. What it leaves open is taken so that a fuse
is never loaded more than is known: a current of unknown direction is one that flows in.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from math import isfinite

from attrs import frozen

from cfos_cm.electrical import ALL_PHASES, NOMINAL_VOLTAGE_V, Phase, PhaseCurrents
from cfos_cm.site.events import MeterMeasured
from cfos_cm.site.meter import MeterRole

__all__ = [
    "MOST_CURRENT_MA",
    "MOST_ENERGY_WH",
    "MOST_POWER_W",
    "Reading",
    "Terminal",
    "Wiring",
    "measured",
    "whole",
]

#: What is beyond these is no measurement, whatever the meter says: a hundred kiloamperes,
MOST_CURRENT_MA = 10**8
#: ten gigawatts
MOST_POWER_W = 10**10
#: and a petawatt-hour.
MOST_ENERGY_WH = 10**15

#: What is no voltage to neutral is taken for the usual one: below this nothing is connected to
#: a terminal; above it is one between phases, or its step is wrong. [V]
_LEAST_VOLTAGE_V, _MOST_VOLTAGE_V = NOMINAL_VOLTAGE_V / 2, 300.0


@frozen
class Terminal:
    """
    What a meter says of one of its phases; C{None} where it says nothing.

    @ivar current_ma: many meters say it without a sign. [mA]
    @ivar power_w: positive where it flows into what is behind the meter. [W]
    @ivar voltage_v: to neutral. [V]
    """

    current_ma: int | None = None
    power_w: int | None = None
    voltage_v: float | None = None


@frozen
class Reading:
    """
    What a meter has said in one round; C{None} where it says nothing.

    @ivar terminals: as many as it tells apart, in its own order; none: it only knows sums.
    @ivar power_w: over all of them, positive where it flows into what is behind the meter. [W]
    @ivar import_wh: what has flowed in; its register. [Wh]
    @ivar export_wh: what has flowed out. [Wh]
    """

    terminals: tuple[Terminal, ...] = ()
    power_w: int | None = None
    import_wh: int | None = None
    export_wh: int | None = None


@frozen
class Wiring:
    """
    How a meter is put into the building.

    @ivar phases: which phase is at each of its terminals; one that measures fewer has the
        first of them.
    @ivar is_inverted: current that it counts as flowing in is what its role counts as flowing
        out, or the other way round.
    """

    role: MeterRole
    phases: tuple[Phase, ...] = ALL_PHASES
    is_inverted: bool = False


def whole(value: Decimal | float | None, most: int) -> int | None:
    """
    A measured number as a whole one; C{None} where it is no number that can be meant.

    @param most: what is larger than this, with either sign, cannot be meant.
    """
    if value is None or not isfinite(value):
        return None
    exact = Decimal(value)
    return round(exact) if abs(exact) <= most else None


def measured(meter: str, reading: Reading, wiring: Wiring) -> MeterMeasured:
    """
    What the site is told of a reading.

    The direction of a current is that of its phase's power, where that is told. A current that
    is told as a negative one is one. With a meter of one phase, and in front of a generator,
    which has one direction on all phases, the power of all decides. Else it is not known; but
    a generator that has no power relieves no fuse.

    @param meter: its name in the site.
    """
    power_w = _power(reading)
    turn = -1 if wiring.is_inverted else 1
    return MeterMeasured(
        meter,
        _currents(reading, power_w, wiring),
        None if power_w is None else turn * power_w,
        reading.export_wh if wiring.is_inverted else reading.import_wh,
    )


def _power(reading: Reading) -> int | None:
    if reading.power_w is not None or not reading.terminals:
        return reading.power_w
    powers = [one.power_w for one in reading.terminals if one.power_w is not None]
    return sum(powers) if len(powers) == len(reading.terminals) else None


def _currents(reading: Reading, power_w: int | None, wiring: Wiring) -> PhaseCurrents | None:
    terminals = reading.terminals
    if not terminals and len(wiring.phases) == 1:
        # All that it can say is about the one phase that there is.
        terminals = (Terminal(),)
    if len(terminals) == 1 and terminals[0].power_w is None:
        terminals = (Terminal(terminals[0].current_ma, power_w, terminals[0].voltage_v),)
    one_way = power_w if wiring.role is MeterRole.GENERATION else None
    found = {
        phase: _current(terminal, one_way, wiring.is_inverted)
        for phase, terminal in zip(wiring.phases, terminals, strict=False)
    }
    each = [found.get(phase, 0) for phase in ALL_PHASES]
    known = [current_ma for current_ma in each if current_ma is not None]
    return PhaseCurrents(*known) if terminals and len(known) == len(ALL_PHASES) else None


def _current(terminal: Terminal, one_way: int | None, is_inverted: bool) -> int | None:
    """
    The current at a terminal. [mA]

    @param one_way: the power of all terminals, if it has one direction on all of them. [W]
    @return: C{None}: it is not known.
    """
    size_ma = _size(terminal)
    if size_ma is None:
        return None
    for told in (terminal.power_w, min(0, terminal.current_ma or 0), one_way):
        if told:
            flows_in = (told > 0) is not is_inverted
            return size_ma if flows_in else -size_ma
    return -size_ma if one_way == 0 else size_ma


def _size(terminal: Terminal) -> int | None:
    """How large the current is; from the power it is rounded up. [mA]"""
    if terminal.current_ma is not None:
        return abs(terminal.current_ma)
    if terminal.power_w is None:
        return None
    voltage_v = terminal.voltage_v or 0
    if not _LEAST_VOLTAGE_V <= voltage_v <= _MOST_VOLTAGE_V:
        voltage_v = NOMINAL_VOLTAGE_V
    size_ma = Decimal(abs(terminal.power_w)) * 1000 / Decimal(voltage_v)
    return int(size_ma.to_integral_value(ROUND_CEILING))
