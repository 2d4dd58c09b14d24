"""Two connections with one identity: which of them counts."""

from __future__ import annotations

from enum import Enum, auto

from attrs import frozen

__all__ = ["Incumbent", "Verdict", "judge"]


class Verdict(Enum):
    """What becomes of the newcomer."""

    LET_IN = auto()
    """It takes over."""
    CHALLENGE = auto()
    """It waits until the earlier one has shown whether it is alive."""
    REFUSE = auto()
    """The earlier one is alive."""


@frozen
class Incumbent:
    """
    A connection that is open.

    @ivar took_over_s: how long ago it displaced one that was open; C{None}: it never did. [s]
    @ivar is_alive: what is known of it; C{None}: nothing, and it can be asked.
    """

    took_over_s: float | None
    is_alive: bool | None = None


def judge(
    authenticated: bool, incumbent: Incumbent | None, replacement_interval_s: float
) -> Verdict:
    """
    Whether a newcomer gets in.

    Who has proved who it is takes over, as a Charge Point that dials again has given up on its
    earlier connection. Two who have both proved it and push each other out in turns are two
    devices, or somebody who has learned a password: the one that is there and alive stays. Who
    has proved nothing displaces nobody that is alive.

    One that cannot be asked, because it must not be pinged, is alive if it was heard of lately.

    @param authenticated: whether the newcomer has proved who it is with a password.
    @param incumbent: the earlier connection, if it is still open.
    @param replacement_interval_s: the least time between two that take over. [s]
    """
    if incumbent is None or incumbent.is_alive is False:
        return Verdict.LET_IN
    recently = (
        incumbent.took_over_s is not None and incumbent.took_over_s < replacement_interval_s
    )
    if authenticated and not recently:
        return Verdict.LET_IN
    return Verdict.REFUSE if incumbent.is_alive else Verdict.CHALLENGE
