"""A circuit: the part of the building's wiring that one fuse protects."""

from __future__ import annotations

from attrs import field, frozen

from cfos_cm.electrical import NO_CURRENT, PhaseCurrents, on_each_phase

__all__ = ["CircuitSettings"]


@frozen
class CircuitSettings:
    """
    What is configured for one circuit.

    What it carries besides our EVSEs is, in this order: what its meter says beyond what they
    draw; what the meters of role consumption and generation in it say; what is assumed.

    @ivar name: unique in the site.
    @ivar max_current: the fuse's rating on each phase; one number is the same on all. [mA]
    @ivar parent: the circuit that feeds this one; C{None} for the main fuse.
    @ivar reserve_ma: kept free below the rating. [mA per phase]
    @ivar max_imbalance_ma: how far two phases may differ; 0: any. [mA]
    @ivar meter: the meter that measures the whole circuit; C{None}: there is none.
    @ivar max_power_w: all phases together; C{None}: what the fuse allows. [W]
    @ivar assumed_load: what it carries besides EVSEs where nothing measures it. [mA]
    @ivar failsafe_load: what it is taken to carry besides EVSEs while its meter is silent;
        C{None}: so much that nothing is left. [mA]
    @ivar imbalance_counts_load: the imbalance is that of all that the circuit carries; else
        that of its EVSEs alone.
    @ivar priority: of all EVSEs in it against those beside it; higher is served first.
    """

    name: str
    max_current: PhaseCurrents = field(converter=on_each_phase)
    parent: str | None = None
    reserve_ma: int = 0
    max_imbalance_ma: int = 0
    meter: str | None = None
    max_power_w: int | None = None
    assumed_load: PhaseCurrents = field(default=NO_CURRENT, converter=on_each_phase)
    failsafe_load: PhaseCurrents | None = None
    imbalance_counts_load: bool = False
    priority: int = 1

    @property
    def usable(self) -> PhaseCurrents:
        """What may flow at most: the rating without the reserve. [mA]"""
        return self.usable_keeping(on_each_phase(self.reserve_ma))

    def usable_keeping(self, kept: PhaseCurrents) -> PhaseCurrents:
        """What may flow at most while so much of the rating is kept free. [mA]"""
        return (self.max_current - kept).map(lambda current_ma: max(0, current_ma))
