"""
The RPC rules of OCPP-J for the calls that we make: one in flight, the others wait.

OCPP-J 1.6, "Synchronicity": a party sends no CALL before its previous one was answered or has
timed out. What the peer calls goes its own way and does not wait for ours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import frozen

from cfos_cm.errors import LocalProtocolError
from cfos_cm.wire.ocppj import Call, CallError, CallResult

__all__ = ["MAX_WAITING_CALLS", "CallQueue", "Pending"]

#: One call is in flight at a time, so a longer queue only means that the peer does not answer;
#: its calls would be stale before they were sent.
MAX_WAITING_CALLS = 32

T = TypeVar("T")


@frozen
class Pending(Generic[T]):
    """A call, and what its caller left to be told of its answer."""

    call: Call
    token: T


class CallQueue(Generic[T]):
    """
    Our calls to one peer on one connection.

    @ivar dropped: how many answers came that nobody waited for: late, doubled or invented.
    """

    def __init__(self, send: Callable[[Call], None], limit: int = MAX_WAITING_CALLS) -> None:
        """
        @param send: puts a call on the wire.
        @param limit: how many may wait besides the one in flight.
        """
        self._send = send
        self._limit = limit
        self._in_flight: Pending[T] | None = None
        self._waiting: deque[Pending[T]] = deque()
        self.dropped = 0

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

    def answered(self, answer: CallResult | CallError) -> Pending[T] | None:
        """
        Match an answer and send the next call.

        @return: the call that it answers, or C{None} if it answers none.
        """
        if self._in_flight is None or self._in_flight.call.unique_id != answer.unique_id:
            self.dropped += 1
            return None
        return self._end()

    def expired(self) -> Pending[T] | None:
        """Give up the call in flight and send the next one; its answer will be dropped."""
        return None if self._in_flight is None else self._end()

    def close(self) -> tuple[Pending[T], ...]:
        """Forget everything; all that was not answered, oldest first."""
        lost = (() if self._in_flight is None else (self._in_flight,)) + tuple(self._waiting)
        self._in_flight = None
        self._waiting.clear()
        return lost

    def _end(self) -> Pending[T] | None:
        ended, self._in_flight = self._in_flight, None
        self._send_next()
        return ended

    def _send_next(self) -> None:
        if self._in_flight is None and self._waiting:
            self._in_flight = self._waiting.popleft()
            self._send(self._in_flight.call)
