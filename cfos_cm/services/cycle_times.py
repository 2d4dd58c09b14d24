"""How long the control loop takes for its decisions, and when it looked last."""

from __future__ import annotations

from attrs import define

__all__ = ["CycleTimes"]


@define(eq=False)
class CycleTimes:
    """
    A stopwatch for the cycles of a control loop.

    @ivar looked_s: when it has looked last whether there is something to decide, or could have
        begun to; by its clock. [s]
    @ivar last_s: how long the last decision took, with its orders; C{None}: there was none. [s]
    @ivar longest_s: how long the longest took. [s]
    @ivar decisions: how many there were.
    """

    looked_s: float
    last_s: float | None = None
    longest_s: float = 0.0
    decisions: int = 0

    def decided(self, took_s: float) -> None:
        """A decision has taken so long. [s]"""
        self.last_s = took_s
        self.decisions += 1
        if took_s > self.longest_s:
            self.longest_s = took_s
