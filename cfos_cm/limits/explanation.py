"""Why an EVSE gets less than it could use: what its circuits have left, in words."""

from __future__ import annotations

from cfos_cm.electrical import NOMINAL_VOLTAGE_V, amps_text, power_text
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.loads import STEADY_S
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.surplus import surplus_reason
from cfos_cm.limits.wiring import Wiring
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.setpoint import Reason, ReasonCode
from cfos_cm.site.state import SiteState

__all__ = ["Explanation"]

#: So many of those that nobody can see are named; the others are counted.
_NAMED = 3

_CODES = {
    ConstraintKind.OUTSIDE: ReasonCode.OUTSIDE,
    ConstraintKind.SURPLUS: ReasonCode.SURPLUS,
}


class Explanation:
    """
    The words for one decision.

    What is said of a constraint is found once, for all EVSEs that it binds.
    """

    def __init__(self, state: SiteState, memory: Memory, wiring: Wiring) -> None:
        self._state = state
        self._memory = memory
        self._wiring = wiring
        self._full: dict[Constraint, Reason] = {}
        self._kept: dict[Constraint, str] = {}

    def full(self, constraint: Constraint, evse: Evse) -> Reason:
        """Why somebody gets no more than he does."""
        if constraint.kind is ConstraintKind.SURPLUS:
            return surplus_reason(self._memory.surplus, evse)
        reason = self._full.get(constraint)
        if reason is None:
            reason = self._full[constraint] = self._reason(constraint, self._place(constraint))
        return reason

    def too_little(self, constraint: Constraint, left_ma: int, evse: Evse) -> Reason:
        """Why somebody gets nothing, though C{constraint} has something left."""
        text = (
            f"{self._place(constraint)} has {_amount(constraint, left_ma)} left, "
            f"and {evse.name} needs {_amount(constraint, self._needed_ma(constraint, evse))}"
            f"{self._kept_for_others(constraint)}"
        )
        return self._reason(constraint, text)

    def not_lasting(self, constraint: Constraint) -> Reason:
        """Why somebody is not started though there is something for him."""
        text = (
            f"{self._place(constraint)} has had less in the last {STEADY_S / 60:.0f} minutes: "
            "charging starts when there has been enough for so long"
        )
        return self._reason(constraint, text)

    def nothing_to_spare(self, constraint: Constraint) -> Reason:
        """Why somebody is not started though there would be his minimum for him."""
        text = (
            f"{self._place(constraint)} has nothing to spare beyond the least that those need "
            "who charge: charging starts when one of them has had his turn"
        )
        return self._reason(constraint, text)

    def _reason(self, constraint: Constraint, text: str) -> Reason:
        code = _CODES.get(constraint.kind, ReasonCode.CIRCUIT)
        return Reason(code, text, constraint.circuit, constraint.phase)

    def _place(self, constraint: Constraint) -> str:
        circuit = constraint.circuit
        match constraint.kind:
            case ConstraintKind.PHASE:
                return f"phase {constraint.phase} of {circuit}"
            case ConstraintKind.POWER:
                return f"the power of {circuit}"
            case ConstraintKind.IMBALANCE:
                return f"the imbalance at phase {constraint.phase} of {circuit}"
            case ConstraintKind.SURPLUS:
                return "the surplus"
            case ConstraintKind.OUTSIDE:
                parties = sorted(
                    by for name, by in self._state.outside_limits if name == circuit
                )
                return f"the limit of {' and '.join(parties)} for {circuit}"

    def _needed_ma(self, constraint: Constraint, evse: Evse) -> int:
        return evse.settings.min_current_ma * dict(self._wiring.rows_of(evse))[constraint]

    def _kept_for_others(self, constraint: Constraint) -> str:
        """Whoever wonders why so little is left is told of the EVSEs that nobody can see."""
        text = self._kept.get(constraint)
        if text is None:
            text = self._kept[constraint] = self._kept_text(constraint)
        return text

    def _kept_text(self, constraint: Constraint) -> str:
        kept = [
            f"{amps_text(evse.may_draw_ma)} for {evse.name}"
            for evse in self._state.evses.values()
            if (evse.link is not Link.ONLINE or evse.disobedient)
            and evse.may_draw_ma
            and constraint in dict(self._wiring.rows_of(evse))
        ]
        if not kept:
            return ""
        more = f" and {len(kept) - _NAMED} more" if len(kept) > _NAMED else ""
        return f"; kept: {', '.join(kept[:_NAMED])}{more}, not under control"


def _amount(constraint: Constraint, current_ma: int) -> str:
    """A current on one phase, or the power of all of them."""
    if constraint.phase is not None:
        return amps_text(current_ma)
    return power_text(current_ma * NOMINAL_VOLTAGE_V // 1000)
