"""The rule of the EVSE itself: what its cable and contactor are made for."""

from __future__ import annotations

from cfos_cm.limits.ceiling import Ceiling
from cfos_cm.site.evse import Evse
from cfos_cm.site.setpoint import Reason, ReasonCode
from cfos_cm.site.state import SiteState

__all__ = ["rating"]


def rating(state: SiteState, evse: Evse) -> Ceiling | None:
    """No EVSE offers more than its rating."""
    reason = Reason(ReasonCode.RATING, f"all that {evse.name} can give")
    return Ceiling(evse.settings.max_current_ma, reason)
