"""
Currents, phases and power.

Inside the program a current is an integer number of milliamps per phase. Amps and watts exist
only at the rim: in files, on the wire and in front of people.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from attrs import frozen

__all__ = [
    "ALL_PHASES",
    "NOMINAL_VOLTAGE_V",
    "NO_CURRENT",
    "Phase",
    "PhaseCurrents",
    "amps_text",
    "milliamps",
    "watts_to_milliamps",
]

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

    def maximum(self) -> int:
        """The largest of the three. [mA]"""
        return max(self.l1_ma, self.l2_ma, self.l3_ma)


NO_CURRENT = PhaseCurrents()


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
