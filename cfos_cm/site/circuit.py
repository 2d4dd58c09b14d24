"""A circuit: the part of the building's wiring that one fuse protects."""

from __future__ import annotations

from attrs import frozen

__all__ = ["CircuitSettings"]


@frozen
class CircuitSettings:
    """
    What is configured for one circuit.

    @ivar name: unique in the site.
    @ivar parent: the circuit that feeds this one; C{None} for the main fuse.
    @ivar max_current_ma: the fuse's rating. [mA per phase]
    @ivar reserve_ma: kept free below the rating. [mA per phase]
    @ivar max_imbalance_ma: how far two phases may differ; 0: any. [mA]
    @ivar meter: the meter that measures the whole circuit; C{None}: there is none.
    """

    name: str
    max_current_ma: int
    parent: str | None = None
    reserve_ma: int = 0
    max_imbalance_ma: int = 0
    meter: str | None = None

    @property
    def usable_ma(self) -> int:
        """What may flow at most: the rating without the reserve. [mA per phase]"""
        return max(0, self.max_current_ma - self.reserve_ma)
