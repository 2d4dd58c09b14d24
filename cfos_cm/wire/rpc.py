"""
The RPC rules of OCPP-J for the calls that we make: one in flight, the others wait.

OCPP-J 1.6, "Synchronicity": a party sends no CALL before its previous one was answered or has
timed out. What the peer calls goes its own way and does not wait for ours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

from attrs import frozen

from cfos_cm.errors import LocalProtocolError
from cfos_cm.quirk import NO_QUIRKS, Quirk
from cfos_cm.wire.ocppj import Call, CallError, CallResult

__all__ = ["MAX_REMEMBERED_IDS", "MAX_WAITING_CALLS", "CallQueue", "Pending", "Stray"]

#: One call is in flight at a time, so a longer queue only means that the peer does not answer;
#: its calls would be stale before they were sent.
MAX_WAITING_CALLS = 32
#: How many calls back a late or doubled answer is told from an invented one.
MAX_REMEMBERED_IDS = 32

T = TypeVar("T")


@frozen
class Pending(Generic[T]):
    """A call, and what its caller left to be told of its answer."""

    call: Call
    token: T


class Stray(Enum):
    """Why nobody waits for an answer."""

    LATE = "late"
    """Its call had been given up."""
    DOUBLED = "doubled"
    """Its call had been answered."""
    UNKNOWN = "unknown"
    """No call had its message id, or none of the last L{MAX_REMEMBERED_IDS}."""


class CallQueue(Generic[T]):
    """Our calls to one peer on one connection."""

    def __init__(self, send: Callable[[Call], None], limit: int = MAX_WAITING_CALLS) -> None:
        """
        @param send: puts a call on the wire.
        @param limit: how many may wait besides the one in flight.
        """
        self._send = send
        self._limit = limit
        self._in_flight: Pending[T] | None = None
        self._waiting: deque[Pending[T]] = deque()
        # How many calls were given up whose answers may still come.
        self._owed = 0
        # Oldest first; whether the id was answered.
        self._ended: dict[str, bool] = {}

    @property
    def in_flight(self) -> Pending[T] | None:
        """The call whose answer is awaited."""
        return self._in_flight

    def submit(self, call: Call, token: T) -> None:
        """
        Send C{call} as soon as all before it are answered.

        @raise LocalProtocolError: if too many wait already.
        """
        if self._in_flight is not None and len(self._waiting) >= self._limit:
            raise LocalProtocolError(f"{self._limit} calls wait already")
        self._waiting.append(Pending(call, token))
        self._send_next()

    def answered(
        self, answer: CallResult | CallError, tolerated: frozenset[Quirk] = NO_QUIRKS
    ) -> Pending[T] | Stray:
        """
        Match an answer and send the next call.

        @param tolerated: with L{Quirk.OTHER_ANSWER_IDS}, an answer with an id that no call had
            is for the call in flight, of which there is never more than one. The id of the
            call that is returned tells whether that was so.
        @return: the call that it answers, or why it answers none.
        """
        pending = self._in_flight
        unique_id = answer.unique_id
        if pending is None:
            return self._stray(unique_id)
        if pending.call.unique_id != unique_id:
            if unique_id in self._ended or Quirk.OTHER_ANSWER_IDS not in tolerated:
                return self._stray(unique_id)
            # The same answer once more must not be taken for that to the next call.
            self._remember(unique_id, answered=True)
            if self._owed:
                # Nor one that comes late, whatever its id, for that to the call in flight.
                self._owed -= 1
                return Stray.LATE
        self._end(pending, answered=True)
        return pending

    def expired(self) -> Pending[T] | None:
        """Give up the call in flight and send the next one; its answer will be dropped."""
        expired = self._in_flight
        if expired is not None:
            self._owed += 1
            self._end(expired, answered=False)
        return expired

    def close(self) -> tuple[Pending[T], ...]:
        """Forget all calls; those that were not answered, oldest first."""
        waiting = tuple(self._waiting)
        self._waiting.clear()
        in_flight = self.expired()
        return waiting if in_flight is None else (in_flight, *waiting)

    def _end(self, in_flight: Pending[T], *, answered: bool) -> None:
        self._in_flight = None
        self._remember(in_flight.call.unique_id, answered=answered)
        self._send_next()

    def _remember(self, unique_id: str, *, answered: bool) -> None:
        self._ended.pop(unique_id, None)
        self._ended[unique_id] = answered
        if len(self._ended) > MAX_REMEMBERED_IDS:
            del self._ended[next(iter(self._ended))]

    def _stray(self, unique_id: str) -> Stray:
        was_answered = self._ended.get(unique_id)
        if was_answered is None:
            return Stray.UNKNOWN
        if was_answered:
            return Stray.DOUBLED
        self._owed = max(0, self._owed - 1)
        # What comes now once more is not late, but doubled.
        self._ended[unique_id] = True
        return Stray.LATE

    def _send_next(self) -> None:
        if self._in_flight is None and self._waiting:
            self._in_flight = self._waiting.popleft()
            self._send(self._in_flight.call)
