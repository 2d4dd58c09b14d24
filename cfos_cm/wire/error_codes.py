"""What the codes mean that peers put into a CALLERROR."""

from __future__ import annotations

from cfos_cm.errors import CallErrorCode

__all__ = ["understood"]

# Spelled as one would expect, or taken from OCPP 2.0: seen on real wires.
_ALIASES = {
    "FormatViolation": CallErrorCode.FORMATION_VIOLATION,
    "OccurrenceConstraintViolation": CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
}


def understood(code: str) -> CallErrorCode:
    """
    The code that a peer means by C{code}; one that nobody specified is a C{GenericError}.
    """
    try:
        return CallErrorCode(code)
    except ValueError:
        return _ALIASES.get(code, CallErrorCode.GENERIC_ERROR)
