"""What the codes mean that peers put into a CALLERROR."""

from __future__ import annotations

from cfos_cm.errors import CallErrorCode

__all__ = ["cannot_do", "understood"]

# Spelled as one would expect, or taken from OCPP 2.0: seen on real wires.
_ALIASES = {
    "FormatViolation": CallErrorCode.FORMATION_VIOLATION,
    "OccurrenceConstraintViolation": CallErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
    # OCPP 2.0.1: "not a valid RPC request", as a message id that could not be read.
    "RpcFrameworkError": CallErrorCode.FORMATION_VIOLATION,
    # OCPP 2.0.1: "not supported by this implementation"; of a CALL, it takes no calls.
    "MessageTypeNotSupported": CallErrorCode.NOT_SUPPORTED,
}


def understood(code: str) -> CallErrorCode:
    """
    The code that a peer means by C{code}; one that nobody specified is a C{GenericError}.
    """
    try:
        return CallErrorCode(code)
    except ValueError:
        return _ALIASES.get(code, CallErrorCode.GENERIC_ERROR)


def cannot_do(code: str) -> bool:
    """
    Whether a peer that answers with C{code} will not do this whenever it is asked.

    Peers disagree about which of C{NotImplemented} and C{NotSupported} is for an action that
    they have never heard of; to the one who asked, both say the same.
    """
    return understood(code) in (CallErrorCode.NOT_IMPLEMENTED, CallErrorCode.NOT_SUPPORTED)
