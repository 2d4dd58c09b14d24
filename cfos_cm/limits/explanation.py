"""Why an EVSE gets less than it could use: what its circuits have left, in words."""

from __future__ import annotations

from cfos_cm.electrical import amps_text
from cfos_cm.limits.share import Conductor
from cfos_cm.limits.wiring import Wiring
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.setpoint import Reason, ReasonCode
from cfos_cm.site.state import SiteState

__all__ = ["Explanation"]

#: So many of those that nobody can see are named; the others are counted.
_NAMED = 3


class Explanation:
    """
    The words for one decision.

    What is said of a conductor is found once, for all EVSEs that it binds.
    """

    def __init__(self, state: SiteState, wiring: Wiring) -> None:
        self._state = state
        self._wiring = wiring
        self._full: dict[Conductor, Reason] = {}
        self._kept: dict[Conductor, str] = {}

    def full(self, conductor: Conductor) -> Reason:
        """Why somebody gets no more than he does."""
        reason = self._full.get(conductor)
        if reason is None:
            reason = self._full[conductor] = self._reason(conductor, _place(conductor))
        return reason

    def too_little(self, conductor: Conductor, left_ma: int, evse: Evse) -> Reason:
        """Why somebody gets nothing, though C{conductor} has something left."""
        text = (
            f"{_place(conductor)} has {amps_text(left_ma)} left, "
            f"and {evse.name} needs {amps_text(evse.settings.min_current_ma)}"
            f"{self._kept_for_others(conductor)}"
        )
        return self._reason(conductor, text)

    def _reason(self, conductor: Conductor, text: str) -> Reason:
        return Reason(ReasonCode.CIRCUIT, text, conductor.circuit, conductor.phase)

    def _kept_for_others(self, conductor: Conductor) -> str:
        """Whoever wonders why so little is left is told of the EVSEs that nobody can see."""
        text = self._kept.get(conductor)
        if text is None:
            text = self._kept[conductor] = self._kept_text(conductor)
        return text

    def _kept_text(self, conductor: Conductor) -> str:
        kept = [
            f"{amps_text(evse.may_draw_ma)} for {evse.name}"
            for evse in self._state.evses.values()
            if (evse.link is not Link.ONLINE or evse.disobedient)
            and evse.may_draw_ma
            and conductor in self._wiring.conductors_of(evse)
        ]
        if not kept:
            return ""
        more = f" and {len(kept) - _NAMED} more" if len(kept) > _NAMED else ""
        return f"; kept: {', '.join(kept[:_NAMED])}{more}, not under control"


def _place(conductor: Conductor) -> str:
    return f"phase {conductor.phase} of {conductor.circuit}"
