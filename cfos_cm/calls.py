"""Our calls to one peer, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from cfos_cm import strict_json
from cfos_cm.counters import Counter, Counters, Outcome
from cfos_cm.errors import (
    DeviceError,
    DeviceRefusal,
    LocalProtocolError,
    NoAnswer,
    NotSent,
    RemoteProtocolError,
)
from cfos_cm.quirk import NO_QUIRKS, Quirk
from cfos_cm.strict_json import AmbiguousJson
from cfos_cm.trace import Direction, Leg
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
    """
    Somebody who waits for a confirmation.

    @ivar action: what was asked; C{None}: whoever waits reads the answer himself.
    """

    action: Action | None
    timeout_s: float
    answer: Deferred[Any]


class OutgoingCalls:
    """
    Sends requests to a peer, one at a time, and gives each caller its confirmation.

    A caller learns of every end: the confirmation, a refusal, a time-out or the connection's
    loss.
    """

    __slots__ = (
        "_clock",
        "_closed",
        "_counters",
        "_has_answered",
        "_leg",
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
        leg: Leg = Leg.CHARGER,
    ) -> None:
        """
        @param counters: where strays, time-outs and all ends are counted.
        @param note: is told of the deviations that an answer was forgiven, and where they are.
        @param leg: who is at the other end.
        """
        self._clock = clock
        self._write = send
        self._new_unique_id = new_unique_id
        self._counters = Counters() if counters is None else counters
        self._note = note
        self._leg = leg
        self._queue: CallQueue[_Waiting] = CallQueue(self._send)
        self._timer: IDelayedCall | None = None
        self._closed = False
        self._has_answered = False

    def call(self, request: Message, timeout_s: float) -> Deferred[Message]:
        """
        Ask the peer.

        @return: its confirmation; fails with L{DeviceRefusal} when it answers with a CALLERROR,
            and with L{DeviceError} when it does not answer, answers with something that is no
            confirmation, or too many calls wait for it.
        """
        action = action_of(request)
        waiting = _Waiting(action, timeout_s, Deferred())
        try:
            frame = Call(self._new_unique_id(), action.name, encode(request))
        except LocalProtocolError as error:
            return self._not_sent(waiting, action.name, error)
        return self._submit(frame, waiting)

    def relay(
        self, action: str, payload: bytes, timeout_s: float, unique_id: str | None = None
    ) -> Deferred[bytes]:
        """
        Ask it what somebody else asks, word for word.

        @param payload: the JSON text of the request's object, vetted.
        @param unique_id: the message id; C{None}: another one.
        @return: the JSON text of the confirmation's object, vetted; fails as that of L{call}.
        """
        waiting = _Waiting(None, timeout_s, Deferred())
        return self._submit(Call(unique_id or self._new_unique_id(), action, payload), waiting)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked."""
        return self._queue.in_flight is None

    @property
    def has_answered(self) -> bool:
        """Whether the peer has answered anything yet."""
        return self._has_answered

    def waited_s(self, unique_id: str) -> float | None:
        """
        For how long the answer to a call has been awaited. [s]

        @return: C{None}: it was not sent yet, or nobody waits for its answer any more.
        """
        pending = self._queue.in_flight
        if pending is None or pending.call.unique_id != unique_id or self._timer is None:
            return None
        left_s = self._timer.getTime() - self._clock.seconds()
        return pending.token.timeout_s - left_s

    def _submit(self, frame: Call, waiting: _Waiting) -> Deferred[Any]:
        try:
            if self._closed:
                raise LocalProtocolError("the connection is closed")
            self._queue.submit(frame, waiting)
        except LocalProtocolError as error:
            return self._not_sent(waiting, frame.action, error)
        return waiting.answer

    def _not_sent(
        self, waiting: _Waiting, action: str, error: LocalProtocolError
    ) -> Deferred[Any]:
        self._counters.count(Counter.CALLS_NOT_SENT)
        waiting.answer.errback(NotSent(f"{action} was not sent: {error}"))
        return waiting.answer

    def answered(
        self, answer: CallResult | CallError, tolerated: frozenset[Quirk] = NO_QUIRKS
    ) -> None:
        """
        The peer has answered; an answer that nobody waits for is counted.

        @param tolerated: the deviations that it is forgiven.
        """
        pending = self._matching(answer, tolerated)
        if pending is None or pending.token.answer.called:
            return
        self._has_answered = True
        if isinstance(answer, CallError):
            code = understood(answer.code)
            self._count_end(pending.call, code or "other")
            why = f"{code} {answer.description}".strip()
            pending.token.answer.errback(
                DeviceRefusal(f"{pending.call.action} was refused: {why}", code)
            )
            return
        try:
            found = self._read(pending.token.action, answer, tolerated)
        except (RemoteProtocolError, AmbiguousJson) as error:
            # It may have done what it was asked: nobody can tell.
            self._count_end(pending.call, Outcome.NONSENSE)
            pending.token.answer.errback(
                DeviceError(f"{pending.call.action} was answered with nonsense: {error}")
            )
        else:
            self._count_end(pending.call, Outcome.RESULT)
            pending.token.answer.callback(found)

    def _count_end(self, call: Call, outcome: str) -> None:
        self._counters.calls.count(self._leg, Direction.OUT, call.action, outcome)

    def _read(
        self, action: Action | None, answer: CallResult, tolerated: frozenset[Quirk]
    ) -> Message | bytes:
        if action is None:
            strict_json.check(answer.payload)
            return answer.payload
        reading = read_confirmation(action, answer.payload, tolerated)
        self._tell(reading.quirks, reading.remarks)
        return reading.message

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
                self._count_end(pending.call, Outcome.NOT_ANSWERED)
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
            self._count_end(pending.call, Outcome.TIMED_OUT)
            pending.token.answer.errback(
                NoAnswer(
                    f"{pending.call.action} was not answered "
                    f"within {pending.token.timeout_s:g} s"
                )
            )
