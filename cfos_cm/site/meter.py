"""A meter that is no EVSE's own: what is configured for it and what it says."""

from __future__ import annotations

from enum import StrEnum
from math import inf

from attrs import frozen

from cfos_cm.electrical import NOMINAL_VOLTAGE_V, PhaseCurrents

__all__ = ["Meter", "MeterRole", "MeterSettings"]


class MeterRole(StrEnum):
    """What a meter measures."""

    GRID = "grid"
    """All that a circuit carries: it is named by the circuit."""
    CONSUMPTION = "consumption"
    """A load besides our EVSEs."""
    GENERATION = "generation"
    """What is fed into a circuit, such as by a photovoltaic system."""
    EVSE = "evse"
    """What one EVSE draws."""
    DISPLAY = "display"
    """Nothing that anybody decides by."""


@frozen
class MeterSettings:
    """
    What is configured for one meter.

    @ivar name: unique in the site.
    @ivar circuit: the circuit that its load, or its generation, is part of; C{None} where the
        role needs none.
    @ivar evse: the EVSE that it belongs to; C{None} where the role needs none.
    """

    name: str
    role: MeterRole
    circuit: str | None = None
    evse: str | None = None


@frozen
class Meter:
    """
    What is known of one meter.

    @ivar is_read: whether it can be relied on now: it was heard, and not lost since.
    @ivar currents: of a load, positive where current flows into it; of generation, where it
        flows out of it; C{None}: not known. [mA]
    @ivar power_w: with the same sign; C{None}: not known. [W]
    @ivar energy_wh: its register; C{None}: not known. [Wh]
    @ivar at_s: when that was true, by the control loop's clock. [s]
    """

    settings: MeterSettings
    is_read: bool = False
    currents: PhaseCurrents | None = None
    power_w: int | None = None
    energy_wh: int | None = None
    at_s: float = -inf

    @property
    def power_ma(self) -> int:
        """
        Its power as a current summed over the phases, rounded up; 0 where it is not known. [mA]
        """
        return -(-(self.power_w or 0) * 1000 // NOMINAL_VOLTAGE_V)

    @property
    def name(self) -> str:
        """The name in its settings."""
        return self.settings.name
