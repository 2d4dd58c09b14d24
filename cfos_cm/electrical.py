"""
Currents, phases and power.

Inside the program a current is an integer number of milliamps per phase. Amps and watts exist
only at the rim: in files, on the wire and in front of people.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from itertools import pairwise

from attrs import frozen

__all__ = [
    "ALL_PHASES",
    "GRAIN_MA",
    "NOMINAL_VOLTAGE_V",
    "NO_CURRENT",
    "OCPP_STEPS",
    "CurrentSteps",
    "Phase",
    "PhaseCurrents",
    "amps_text",
    "milliamps",
    "on_each_phase",
    "power_text",
    "watts_to_milliamps",
]

#: OCPP 1.6, ChargingSchedulePeriod: a limit has one decimal. [mA]
GRAIN_MA = 100

#: What a phase carries to neutral in Europe's grids, IEC 60038. [V]
NOMINAL_VOLTAGE_V = 230


class Phase(StrEnum):
    """A phase of the building's supply."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"


ALL_PHASES = (Phase.L1, Phase.L2, Phase.L3)


@frozen
class PhaseCurrents:
    """
    A current on each phase of the supply. [mA]

    @ivar l1_ma: on L1.
    @ivar l2_ma: on L2.
    @ivar l3_ma: on L3.
    """

    l1_ma: int = 0
    l2_ma: int = 0
    l3_ma: int = 0

    @classmethod
    def on(cls, phases: tuple[Phase, ...], current_ma: int) -> PhaseCurrents:
        """The same current on each of C{phases}, none on the others."""
        return cls(*(current_ma if phase in phases else 0 for phase in ALL_PHASES))

    def __getitem__(self, phase: Phase) -> int:
        return (self.l1_ma, self.l2_ma, self.l3_ma)[ALL_PHASES.index(phase)]

    def __add__(self, other: PhaseCurrents) -> PhaseCurrents:
        return PhaseCurrents(
            self.l1_ma + other.l1_ma, self.l2_ma + other.l2_ma, self.l3_ma + other.l3_ma
        )

    def __sub__(self, other: PhaseCurrents) -> PhaseCurrents:
        return PhaseCurrents(
            self.l1_ma - other.l1_ma, self.l2_ma - other.l2_ma, self.l3_ma - other.l3_ma
        )

    def map(self, change: Callable[[int], int]) -> PhaseCurrents:
        """C{change} applied to each phase's current."""
        return PhaseCurrents(change(self.l1_ma), change(self.l2_ma), change(self.l3_ma))

    def total(self) -> int:
        """All three together. [mA]"""
        return self.l1_ma + self.l2_ma + self.l3_ma

    def maximum(self) -> int:
        """The largest of the three. [mA]"""
        return max(self.l1_ma, self.l2_ma, self.l3_ma)


NO_CURRENT = PhaseCurrents()


def on_each_phase(current: PhaseCurrents | int) -> PhaseCurrents:
    """A number is the same current on all three phases. [mA]"""
    return PhaseCurrents.on(ALL_PHASES, current) if isinstance(current, int) else current


@frozen
class CurrentSteps:
    """
    The currents that an EVSE can really take.

    @ivar grain_ma: any whole number of these, where nothing else is said; above 0. [mA]
    @ivar only_ma: these and no others, ascending, each above 0; empty: any number of grains.
        [mA]
    """

    grain_ma: int = GRAIN_MA
    only_ma: tuple[int, ...] = ()

    def at_most(self, current_ma: int) -> int:
        """The highest step that is not above C{current_ma}; 0 where there is none. [mA]"""
        if not self.only_ma:
            return max(0, current_ma // self.grain_ma * self.grain_ma)
        place = bisect_right(self.only_ma, current_ma)
        return self.only_ma[place - 1] if place else 0

    def at_least(self, current_ma: int) -> int | None:
        """
        The lowest step that is not below C{current_ma}. [mA]

        @return: C{None} where there is none; never 0, which is no step but a pause.
        """
        if not self.only_ma:
            return max(1, -(-current_ma // self.grain_ma)) * self.grain_ma
        place = bisect_left(self.only_ma, current_ma)
        return self.only_ma[place] if place < len(self.only_ma) else None

    def after(self, current_ma: int) -> int | None:
        """The lowest step above C{current_ma}; C{None} where there is none. [mA]"""
        return self.at_least(current_ma + 1)

    @property
    def widest_ma(self) -> int:
        """How far two neighbouring steps are apart at most. [mA]"""
        if not self.only_ma:
            return self.grain_ma
        return max((above - below for below, above in pairwise(self.only_ma)), default=0)


#: What can be said in OCPP 1.6.
OCPP_STEPS = CurrentSteps()


def milliamps(amps: Decimal | int) -> int:
    """
    Amps as whole milliamps, rounded down: a limit is never rounded up.

    @param amps: a finite number. [A]
    """
    return int((Decimal(amps) * 1000).to_integral_value(ROUND_FLOOR))


def watts_to_milliamps(power_w: Decimal | int, phases: int) -> int:
    """
    The current per phase that a total power means at nominal voltage, rounded down. [mA]

    @param power_w: summed over the phases. [W]
    @param phases: how many phases share it; 1 to 3.
    """
    return int(
        (Decimal(power_w) * 1000 / (NOMINAL_VOLTAGE_V * phases)).to_integral_value(ROUND_FLOOR)
    )


def amps_text(current_ma: int) -> str:
    """C{current_ma} for a person: C{16 A}, C{7.5 A}; never rounded up."""
    tenths = current_ma // 100
    whole, rest = divmod(tenths, 10)
    return f"{whole} A" if rest == 0 else f"{whole}.{rest} A"


def power_text(power_w: int) -> str:
    """C{power_w} for a person: C{4.2 kW}, C{11 kW}, C{230 W}; never rounded up."""
    if abs(power_w) < 1000:
        return f"{power_w} W"
    sign, tenths = ("-" if power_w < 0 else ""), abs(power_w) // 100
    whole, rest = divmod(tenths, 10)
    return f"{sign}{whole}.{rest} kW" if rest else f"{sign}{whole} kW"
