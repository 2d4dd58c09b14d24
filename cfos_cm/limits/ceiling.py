"""A rule's answer: no more than this, for this reason."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from cfos_cm.site.evse import Evse
from cfos_cm.site.setpoint import Reason, ReasonCode
from cfos_cm.site.state import SiteState

__all__ = ["Ceiling", "Rule", "forbidden"]


@frozen
class Ceiling:
    """
    The most that one rule allows an EVSE.

    @ivar current_ma: 0 forbids charging. [mA per phase]
    """

    current_ma: int
    reason: Reason


#: C{None}: the rule has nothing to say about this EVSE now.
Rule = Callable[[SiteState, Evse], Ceiling | None]


def forbidden(code: ReasonCode, text: str) -> Ceiling:
    """The ceiling that forbids charging."""
    return Ceiling(0, Reason(code, text))
