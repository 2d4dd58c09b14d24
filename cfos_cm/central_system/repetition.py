"""
Messages that come twice.

A Charge Point that has lost the answer says the same again, with the same message id or, for
transactions, with a new one (OCPP-J 1.6, errata, "Message ID"). Here is the first case; the
ledger knows the second.
"""

from __future__ import annotations

from cfos_cm.wire.ocppj import Call

__all__ = ["MAX_REMEMBERED", "Repetitions"]

#: A Charge Point repeats what was in flight, not what it said an hour ago.
MAX_REMEMBERED = 32

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


class Repetitions:
    """
    The last messages of one Charge Point that must not have a second effect, with the answers.

    The whole message has to be the same: some begin with the same ids after each restart, and
    say something else with them.
    """

    __slots__ = ("_answers",)

    def __init__(self) -> None:
        # By the hash of the message alone: 32 of these are kept of each of hundreds of Charge
        # Points, and no two messages in the life of a site have the same 64 bits.
        self._answers: dict[int, bytes] = {}

    def answer_to(self, call: Call) -> bytes | None:
        """The payload that C{call} was answered with before; C{None} if it is new."""
        return self._answers.get(_key(call)) if call.action in _NOTED else None

    def note(self, call: Call, answer: bytes) -> None:
        """C{call} has taken effect, and is answered with this payload."""
        if call.action in _NOTED:
            if len(self._answers) >= MAX_REMEMBERED:
                del self._answers[next(iter(self._answers))]
            self._answers[_key(call)] = answer


def _key(call: Call) -> int:
    # An object of bytes computes its hash once.
    return hash(call.text)
