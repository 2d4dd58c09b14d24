"""How a site shares what there is too little of."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

__all__ = ["DEFAULT_POLICY", "Policy", "Sharing"]


class Sharing(StrEnum):
    """What a higher priority means."""

    STRICT = "strict"
    """It is served with all that it can use before a lower one gets anything."""
    MIN_FIRST = "min_first"
    """Everybody gets his minimum, higher ones first; then higher ones are filled first."""


@frozen
class Policy:
    """
    What is configured for the whole site.

    @ivar min_pause_s: who was paused for others is paused for so long at least. [s]
    @ivar min_run_s: who has begun to charge is not paused for others for so long. [s]
    @ivar surplus_undercut_s: for so long a car that charges by surplus goes on with its
        minimum when there is less. [s]
    @ivar phase_switch_s: for so long there has to be enough for three phases before an EVSE
        that can is switched to them. [s]
    """

    sharing: Sharing = Sharing.STRICT
    min_pause_s: float = 300.0
    min_run_s: float = 300.0
    surplus_undercut_s: float = 300.0
    phase_switch_s: float = 300.0


DEFAULT_POLICY = Policy()
