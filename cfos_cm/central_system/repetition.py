"""
Messages of Charge Points that come twice.

A Charge Point that has lost the answer says the same again, with the same message id or, for
transactions, with a new one (OCPP-J 1.6, errata, "Message ID"). Here is the first case; the
ledger knows the second.
"""

from __future__ import annotations

from cfos_cm import repetition
from cfos_cm.repetition import MAX_REMEMBERED

__all__ = ["MAX_REMEMBERED", "Repetitions"]

#: Carried out again they would be noted twice. Starts and stops are the ledger's to know: it
#: looks at what they say, and some begin with the same ids after each restart. Everything else
#: has the same effect when it is carried out once more, and an answer that is new: Heartbeat
#: has the time in it.
_NOTED = frozenset(
    {
        "DataTransfer",
        "MeterValues",
        "SecurityEventNotification",
    }
)


class Repetitions(repetition.Repetitions):
    """The last messages of one Charge Point that must not have a second effect."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(_NOTED.__contains__)
