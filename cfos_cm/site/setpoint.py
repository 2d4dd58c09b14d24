"""What an EVSE is ordered to offer its car, and why."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from cfos_cm.electrical import Phase, amps_text

__all__ = ["Reason", "ReasonCode", "Setpoint"]


class ReasonCode(StrEnum):
    """The kind of constraint that a ceiling comes from."""

    DISABLED = "disabled"
    NOT_CONNECTED = "not connected"
    FAULTED = "faulted"
    NO_CAR = "no car"
    NO_TRANSACTION = "no transaction"
    TAG_REFUSED = "tag refused"
    BACKEND = "backend"
    METER = "meter"
    RATING = "rating"
    OUTSIDE = "outside limit"
    DEMAND = "demand"
    PAUSE = "pause"
    SURPLUS = "surplus"
    CIRCUIT = "circuit"
    DECISION_FAILED = "decision failed"


@frozen
class Reason:
    """
    Why a ceiling is what it is.

    @ivar code: the kind, for programs.
    @ivar text: the same in words that the site's owner understands.
    @ivar circuit: the circuit that binds, where one does.
    @ivar phase: the phase of it that binds.
    """

    code: ReasonCode
    text: str
    circuit: str | None = None
    phase: Phase | None = None


@frozen
class Setpoint:
    """
    A current that an EVSE may offer its car on each of its phases.

    @ivar current_ma: 0, or at least the EVSE's minimum. [mA per phase]
    @ivar reason: the constraint that binds.
    @ivar phases: on how many of its phases; C{None}: on all. One that cannot be switched
        charges on all, whatever it is told.
    """

    current_ma: int
    reason: Reason
    phases: int | None = None

    def __str__(self) -> str:
        """For a person: C{7 A: phase L2 of garage}."""
        return f"{amps_text(self.current_ma)}: {self.reason.text}"
