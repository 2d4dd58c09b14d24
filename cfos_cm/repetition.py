"""
Messages that come twice.

Who has lost the answer says the same again, with the same message id (OCPP-J 1.6, errata,
"Message ID"): he gets the same answer, and nothing happens a second time.
"""

from __future__ import annotations

from collections.abc import Callable

from cfos_cm.wire.ocppj import Call

__all__ = ["MAX_REMEMBERED", "Repetitions"]

#: A peer repeats what was in flight, not what it said an hour ago.
MAX_REMEMBERED = 32


class Repetitions:
    """
    The last messages of one peer that must not have a second effect, with the answers.

    The whole message has to be the same: some begin with the same ids after each restart, and
    say something else with them.
    """

    __slots__ = ("_answers", "_is_noted", "_now_s", "_valid_s")

    def __init__(
        self,
        is_noted: Callable[[str], bool],
        now_s: Callable[[], float] = lambda: 0.0,
        valid_s: float = 1.0,
    ) -> None:
        """
        @param is_noted: whether an action is one that must not have a second effect.
        @param now_s: a clock; without one, the last messages count however old they are. [s]
        @param valid_s: for how long a message that comes again is the same one. [s]
        """
        self._is_noted = is_noted
        self._now_s = now_s
        self._valid_s = valid_s
        # By the hash of the message alone: 32 of these are kept of each of hundreds of peers,
        # and no two messages in the life of a site have the same 64 bits.
        self._answers: dict[int, tuple[float, bytes]] = {}

    def answer_to(self, call: Call) -> bytes | None:
        """The payload that C{call} was answered with before; C{None} if it is new."""
        if not self._is_noted(call.action):
            return None
        found = self._answers.get(_key(call))
        if found is None or self._now_s() - found[0] >= self._valid_s:
            return None
        return found[1]

    def note(self, call: Call, answer: bytes) -> None:
        """C{call} has taken effect, and is answered with this payload."""
        if not self._is_noted(call.action):
            return
        self._answers.pop(_key(call), None)
        if len(self._answers) >= MAX_REMEMBERED:
            del self._answers[next(iter(self._answers))]
        self._answers[_key(call)] = self._now_s(), answer


def _key(call: Call) -> int:
    # An object of bytes computes its hash once.
    return hash(call.text)
