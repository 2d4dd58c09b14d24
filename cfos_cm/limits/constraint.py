"""What the EVSEs of a site share: a phase of a circuit, its power, and what else is limited."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from cfos_cm.electrical import Phase

__all__ = ["Constraint", "ConstraintKind"]


class ConstraintKind(StrEnum):
    """What is limited."""

    PHASE = "phase"
    """The current on one phase, by the fuse."""
    POWER = "power"
    """The sum of the currents on all phases."""
    IMBALANCE = "imbalance"
    """What those that do not load all phases may add to one phase."""
    OUTSIDE = "outside limit"
    """What somebody outside the site allows."""
    SURPLUS = "surplus"
    """What the site produces and does not use."""


# Constraints are what is looked up most in a decision.
@frozen(cache_hash=True)
class Constraint:
    """
    Something that several EVSEs share, of which there is only so much.

    @ivar circuit: the circuit that it is about.
    @ivar phase: the phase of it; C{None} where it is about all of them together.
    @ivar kind: what is limited there.
    """

    circuit: str
    phase: Phase | None = None
    kind: ConstraintKind = ConstraintKind.PHASE
