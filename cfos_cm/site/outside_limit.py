"""Limits that an outside party sets: a grid operator, a backend, an operator."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

__all__ = ["OutsideLimit"]


@frozen
class OutsideLimit:
    """
    What somebody outside allows a circuit to draw for a time.

    @ivar circuit: the circuit.
    @ivar by: who has set it; a party has one limit for each circuit.
    @ivar max_power_w: all phases together. [W]
    @ivar evses_only: it is for the EVSEs in the circuit together, as in § 14a EnWG; else for
        all that the circuit draws.
    @ivar until: when it ends by itself; C{None}: when it is lifted. (UTC)
    """

    circuit: str
    by: str
    max_power_w: int
    evses_only: bool = True
    until: datetime | None = None
