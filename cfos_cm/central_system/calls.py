"""Our calls to one Charge Point, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from cfos_cm.counters import Counter, Counters
from cfos_cm.errors import (
    DeviceError,
    DeviceRefusal,
    LocalProtocolError,
    NotSent,
    RemoteProtocolError,
)
from cfos_cm.quirk import NO_QUIRKS, Quirk
from cfos_cm.v16.actions import Action, action_of, encode, read_confirmation
from cfos_cm.v16.types import Message
from cfos_cm.wire.error_codes import understood
from cfos_cm.wire.ocppj import Call, CallError, CallResult
from cfos_cm.wire.rpc import CallQueue, Pending, Stray

__all__ = ["OutgoingCalls"]

_STRAYS: Final[Mapping[Stray, Counter]] = {
    Stray.LATE: Counter.ANSWERS_LATE,
    Stray.DOUBLED: Counter.ANSWERS_DOUBLED,
    Stray.UNKNOWN: Counter.ANSWERS_UNKNOWN,
}


@define(eq=False)
class _Waiting:
    """Somebody who waits for a confirmation."""

    action: Action
    timeout_s: float
    answer: Deferred[Message]


class OutgoingCalls:
    """
    Sends requests to a Charge Point, one at a time, and gives each caller its confirmation.

    A caller learns of every end: the confirmation, a refusal, a time-out or the connection's
    loss.
    """

    __slots__ = (
        "_clock",
        "_closed",
        "_counters",
        "_new_unique_id",
        "_note",
        "_queue",
        "_timer",
        "_write",
    )

    def __init__(
        self,
        clock: IReactorTime,
        send: Callable[[Call], None],
        new_unique_id: Callable[[], str],
        counters: Counters | None = None,
        note: Callable[[Collection[Quirk], Collection[str]], None] | None = None,
    ) -> None:
        """
        @param counters: where strays and time-outs are counted.
        @param note: is told of the deviations that an answer was forgiven, and where they are.
        """
        self._clock = clock
        self._write = send
        self._new_unique_id = new_unique_id
        self._counters = Counters() if counters is None else counters
        self._note = note
        self._queue: CallQueue[_Waiting] = CallQueue(self._send)
        self._timer: IDelayedCall | None = None
        self._closed = False

    def call(self, request: Message, timeout_s: float) -> Deferred[Message]:
        """
        Ask the Charge Point.

        @return: its confirmation; fails with L{DeviceRefusal} when it answers with a CALLERROR,
            and with L{DeviceError} when it does not answer, answers with something that is no
            confirmation, or too many calls wait for it.
        """
        action = action_of(request)
        waiting = _Waiting(action, timeout_s, Deferred())
        try:
            if self._closed:
                raise LocalProtocolError("the connection is closed")
            frame = Call(self._new_unique_id(), action.name, encode(request))
            self._queue.submit(frame, waiting)
        except LocalProtocolError as error:
            self._counters.count(Counter.CALLS_NOT_SENT)
            waiting.answer.errback(NotSent(f"{action.name} was not sent: {error}"))
        return waiting.answer

    def answered(
        self, answer: CallResult | CallError, tolerated: frozenset[Quirk] = NO_QUIRKS
    ) -> None:
        """
        The Charge Point has answered; an answer that nobody waits for is counted.

        @param tolerated: the deviations that it is forgiven.
        """
        pending = self._matching(answer, tolerated)
        if pending is None or pending.token.answer.called:
            return
        if isinstance(answer, CallError):
            code = understood(answer.code)
            why = f"{code} {answer.description}".strip()
            pending.token.answer.errback(
                DeviceRefusal(f"{pending.call.action} was refused: {why}", code)
            )
            return
        try:
            reading = read_confirmation(pending.token.action, answer.payload, tolerated)
        except RemoteProtocolError as error:
            # It may have done what it was asked: nobody can tell.
            pending.token.answer.errback(
                DeviceError(f"{pending.call.action} was answered with nonsense: {error}")
            )
        else:
            self._tell(reading.quirks, reading.remarks)
            pending.token.answer.callback(reading.message)

    def _tell(self, quirks: Collection[Quirk], remarks: Collection[str]) -> None:
        if quirks and self._note is not None:
            self._note(quirks, remarks)

    def _matching(
        self, answer: CallResult | CallError, tolerated: frozenset[Quirk]
    ) -> Pending[_Waiting] | None:
        found = self._queue.answered(answer, tolerated)
        self._stop_idle_timer()
        if isinstance(found, Stray):
            self._counters.count(_STRAYS[found])
            return None
        if found.call.unique_id != answer.unique_id:
            self._tell({Quirk.OTHER_ANSWER_IDS}, ())
        return found

    def close(self, why: str) -> None:
        """No answer will come any more."""
        self._closed = True
        self._stop_timer()
        for pending in self._queue.close():
            if not pending.token.answer.called:
                pending.token.answer.errback(
                    DeviceError(f"{pending.call.action} was not answered: {why}")
                )

    def _send(self, call: Call) -> None:
        self._counters.count(Counter.CALLS_SENT)
        self._start_timer()
        self._write(call)

    def _stop_idle_timer(self) -> None:
        if self._queue.in_flight is None:
            self._stop_timer()

    def _start_timer(self) -> None:
        self._stop_timer()
        pending = self._queue.in_flight
        if pending is not None:
            self._timer = self._clock.callLater(pending.token.timeout_s, self._expired)

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _expired(self) -> None:
        self._timer = None
        self._counters.count(Counter.CALLS_TIMED_OUT)
        pending = self._queue.expired()
        self._stop_idle_timer()
        if pending is not None and not pending.token.answer.called:
            pending.token.answer.errback(
                DeviceError(
                    f"{pending.call.action} was not answered "
                    f"within {pending.token.timeout_s:g} s"
                )
            )
