"""One Charge Point's conversation with us, from its connection to the loss of it."""

from __future__ import annotations

from collections.abc import Callable
from types import CoroutineType
from typing import cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.calls import OutgoingCalls
from cfos_cm.central_system.connected import ConnectedChargePoint
from cfos_cm.central_system.handlers import HANDLERS, ask_backend
from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.reading import read_frame, read_request
from cfos_cm.central_system.roster import Roster
from cfos_cm.central_system.usual import read_usual
from cfos_cm.counters import Counter, Outcome
from cfos_cm.errors import CallErrorCode, CfosError, RemoteProtocolError
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.strict_json import JsonTooDeep
from cfos_cm.trace import Direction, Leg
from cfos_cm.v16.actions import ACTIONS, encode
from cfos_cm.v16.core import (
    BootNotificationRequest,
    MeterValuesRequest,
    StopTransactionRequest,
)
from cfos_cm.v16.types import Message
from cfos_cm.wire import ocppj
from cfos_cm.wire.close_code import CloseCode
from cfos_cm.wire.ocppj import Call, CallError, Frame, UnreadableFrame

__all__ = ["MAX_UNANSWERED_CALLS", "MAX_UNREADABLE_FRAMES", "Session"]

#: A Charge Point has one call in flight; one that sends far more than that does not listen.
MAX_UNANSWERED_CALLS = 32
#: So many frames in a row that cannot be read, and the connection is closed.
MAX_UNREADABLE_FRAMES = 100
#: Refused requests that the log tells of, for each connection.
MAX_REFUSALS_LOGGED = 50

#: What a Charge Point may say that nobody has let in: who it is, and what it still owes.
_BEFORE_ACCEPTANCE = frozenset({"BootNotification", "MeterValues", "StopTransaction"})

_log = Logger(namespace="cfos_cm.central_system")


class Session:
    """
    The frames of one connection.

    Its calls are answered in the order in which they came, each after what it reports is on
    disk. Ours go out beside them.

    @ivar charge_point: who is at the other end.
    """

    __slots__ = (
        "_acquaintance",
        "_calls",
        "_closed",
        "_counters",
        "_hang_up",
        "_refusals",
        "_send",
        "_trace",
        "_unanswered",
        "_unreadable",
        "charge_point",
    )

    def __init__(
        self,
        roster: Roster,
        identity: str,
        origin: str,
        send: Callable[[bytes], None],
        hang_up: Callable[[int, str], None],
        profile: SecurityProfile = SecurityProfile.NONE,
        is_proven: bool = False,
    ) -> None:
        """
        @param origin: where the Charge Point connected from, for people.
        @param send: puts one text message on the connection.
        @param hang_up: closes the connection with a WebSocket status and a reason.
        @param profile: the security profile that it came with.
        @param is_proven: whether it has proved who it is.
        """
        trace = self._trace = roster.environment.trace
        self._send = send if trace is None else trace.sender(Leg.CHARGER, identity, send)
        self._hang_up = hang_up
        self._counters = roster.counters
        self._unanswered: list[Call] = []
        self._unreadable = 0
        self._refusals = 0
        self._closed = False
        self._calls = OutgoingCalls(
            roster.environment.clock,
            self._write,
            roster.environment.new_unique_id,
            roster.counters,
            roster.acquaintance(identity).note,
        )
        self.charge_point = ConnectedChargePoint(
            roster, identity, origin, self._calls, profile, is_proven
        )
        self._acquaintance = self.charge_point.acquaintance

    @property
    def identity(self) -> str:
        """The charge box identity."""
        return self.charge_point.identity

    def received(self, text: bytes) -> None:
        """A text message has come."""
        if self._closed:
            return
        if self._trace is not None:
            self._trace.note(Leg.CHARGER, self.identity, Direction.IN, text)
        if self.charge_point.is_accepted and not self._unanswered:
            usual = read_usual(text)
            if usual is not None:
                self._unreadable = 0
                self._take(*usual)
                return
        try:
            frame = read_frame(self._acquaintance, text)
        except UnreadableFrame as error:
            self._could_not_read(error)
            return
        self._unreadable = 0
        if isinstance(frame, Call):
            self._take(frame)
        elif frame is None:
            # OCPP-J 1.6, "Message types": it is ignored.
            self._counters.count(Counter.FRAMES_OF_UNKNOWN_TYPE)
        else:
            self._calls.answered(frame, self._acquaintance.tolerated)

    def hang_up(self, code: int, why: str) -> None:
        """Close the connection."""
        self._hang_up(code, why)

    def closed(self, why: str) -> None:
        """The connection is gone; whoever waits for an answer is told."""
        if not self._closed:
            self._end()
            self.charge_point.lost(why)

    def displaced(self, why: str) -> None:
        """Another connection of the same Charge Point has taken over from this one."""
        self._end()
        self.charge_point.displaced(why)

    def _end(self) -> None:
        self._closed = True
        self._unanswered.clear()

    def _write(self, frame: Frame) -> None:
        if not self._closed:
            self._send(ocppj.encode(frame))

    def _try_to_write(self, answer: bytes, action: str) -> None:
        try:
            if not self._closed:
                self._send(answer)
        except Exception:  # noqa: BLE001
            # This connection is of no more use.
            _log.error(
                "{identity}: no answer to {action} could be sent: {failure}",
                identity=self.identity,
                action=action,
                failure=Failure(),  # type: ignore[no-untyped-call]
            )
            self._hang_up(CloseCode.INTERNAL_ERROR, "internal error")

    def _could_not_read(self, error: UnreadableFrame) -> None:
        self._unreadable += 1
        self._counters.count(Counter.FRAMES_UNREADABLE)
        self._count_depth(error)
        _log.warn(
            "{identity}: message that is not OCPP-J: {error!s}{advice}",
            identity=self.identity,
            error=error,
            advice=_advice(error, self._acquaintance.policy),
        )
        if error.unique_id is not None:
            self._counters.count(Counter.CALLS_REFUSED)
            refusal = CallError(
                error.unique_id, error.code.value, error.description, id_text=error.id_text
            )
            self._try_to_write(ocppj.encode(refusal), "a message that is not OCPP-J")
        if not error.is_utf8:
            self._hang_up(CloseCode.INVALID_DATA, "not UTF-8")
        elif self._unreadable >= MAX_UNREADABLE_FRAMES:
            self._hang_up(CloseCode.POLICY_VIOLATION, "too many messages that are not OCPP-J")

    def _take(self, call: Call, request: Message | None = None) -> None:
        self._counters.count(Counter.CALLS_RECEIVED)
        if len(self._unanswered) >= MAX_UNANSWERED_CALLS:
            self._counters.count(Counter.CALLS_TOO_MANY)
            self._hang_up(CloseCode.POLICY_VIOLATION, "too many calls at once")
            return
        self._unanswered.append(call)
        if len(self._unanswered) == 1:
            self._answer_next(request)

    def _answer_next(self, request: Message | None = None) -> None:
        """
        @param request: what the first of them asks for, if that has been read already.
        """
        while self._unanswered and not self._closed:
            call = self._unanswered[0]
            answer = self._answer_to(call, request)
            request = None
            if answer is None or self._closed:
                return
            del self._unanswered[0]
            self._try_to_write(answer, call.action)

    def _answer_later(self, answer: bytes, call: Call) -> None:
        if not self._closed and self._unanswered and self._unanswered[0] is call:
            del self._unanswered[0]
            self._try_to_write(answer, call.action)
            self._answer_next()

    def _answer_to(self, call: Call, request: Message | None) -> bytes | None:
        """The answer; C{None} when it takes its time, and L{_answer_later} will be called."""
        before = self._acquaintance.repetitions.answer_to(call)
        if before is not None:
            self._counters.count(Counter.CALLS_REPEATED)
            return ocppj.confirm(call, before)
        try:
            answering = self._carry_out(call, request)
            if not isinstance(answering, Deferred):
                return self._confirmed(answering, call)
        except Exception:  # noqa: BLE001
            # One request that goes wrong must not take the connection with it.
            return self._refused(Failure(), call)  # type: ignore[no-untyped-call]
        answering.addCallbacks(
            self._carried_out, self._could_not, callbackArgs=(call,), errbackArgs=(call,)
        )
        return None

    def _carried_out(self, confirmation: Message | bytes, call: Call) -> None:
        try:
            answer = self._confirmed(confirmation, call)
        except Exception:  # noqa: BLE001
            answer = self._refused(Failure(), call)  # type: ignore[no-untyped-call]
        self._answer_later(answer, call)

    def _could_not(self, failure: Failure, call: Call) -> None:
        self._answer_later(self._refused(failure, call), call)

    def _carry_out(
        self, call: Call, request: Message | None
    ) -> Message | Deferred[Message | bytes]:
        if request is None:
            if call.action not in ACTIONS and self.charge_point.is_accepted:
                return cast("Deferred[Message | bytes]", ask_backend(self.charge_point, call))
            request = self._read(call)
        handler = HANDLERS.get(type(request))
        if handler is None:
            raise RemoteProtocolError(
                f"{call.action} is not supported here", CallErrorCode.NOT_SUPPORTED
            )
        answering = handler(self.charge_point, request, call)
        # Asked in this way, because the class of messages is one of those that answer slowly.
        if isinstance(answering, CoroutineType):
            return Deferred.fromCoroutine(answering)
        return cast("Message | Deferred[Message | bytes]", answering)

    def _read(self, call: Call) -> Message:
        accepted = self.charge_point.is_accepted
        if not accepted and call.action not in _BEFORE_ACCEPTANCE:
            # Nobody has let it in: it is not even read what it says.
            raise _not_accepted()
        request = read_request(self._acquaintance, call)
        if not accepted and not self._may_say(request):
            raise _not_accepted()
        return request

    def _may_say(self, request: Message) -> bool:
        match request:
            case BootNotificationRequest():
                return True
            case (
                StopTransactionRequest(transaction_id=number)
                | MeterValuesRequest(transaction_id=int() as number)
            ):
                # What has begun while it was configured is billed to its end.
                return self.charge_point.roster.was_here(self.identity, number)
            case _:
                return False

    def _confirmed(self, confirmation: Message | bytes, call: Call) -> bytes:
        # What a backend has answered stays as it is.
        payload = confirmation if isinstance(confirmation, bytes) else encode(confirmation)
        self._acquaintance.repetitions.note(call, payload)
        self._counters.calls.count(Leg.CHARGER, Direction.IN, call.action, Outcome.RESULT)
        return ocppj.confirm(call, payload)

    def _refused(self, failure: Failure, call: Call) -> bytes:
        self._counters.count(Counter.CALLS_REFUSED)
        error = failure.value
        if isinstance(error, RemoteProtocolError):
            self._count_depth(error)
            self._note_refusal(call, error)
            return self._refusal(call, error.code, error.description)
        if isinstance(error, CfosError):
            _log.error(
                "{identity}: {action} failed: {error!s}",
                identity=self.identity,
                action=call.action,
                error=error,
            )
        else:
            _log.failure(
                "{identity}: {action} failed",
                failure,
                identity=self.identity,
                action=call.action,
            )
        return self._refusal(
            call,
            CallErrorCode.INTERNAL_ERROR,
            "the request was correct, but could not be carried out",
        )

    def _refusal(self, call: Call, code: CallErrorCode, description: str) -> bytes:
        self._counters.calls.count(Leg.CHARGER, Direction.IN, call.action, code)
        frame = CallError(call.unique_id, code.value, description, id_text=call.id_text)
        return ocppj.encode(frame)

    def _count_depth(self, error: RemoteProtocolError) -> None:
        if isinstance(error.__cause__, JsonTooDeep):
            self._counters.count(Counter.MESSAGES_TOO_DEEP)

    def _note_refusal(self, call: Call, error: RemoteProtocolError) -> None:
        self._refusals += 1
        if self._refusals > MAX_REFUSALS_LOGGED:
            return
        last = "; more of this connection are not noted"
        _log.info(
            "{identity}: {action} refused: {error!s}{advice}{last}",
            identity=self.identity,
            action=call.action,
            error=error,
            advice=_advice(error, self._acquaintance.policy),
            last=last if self._refusals == MAX_REFUSALS_LOGGED else "",
        )


def _not_accepted() -> RemoteProtocolError:
    return RemoteProtocolError(
        "this Charge Point has not been accepted yet", CallErrorCode.SECURITY_ERROR
    )


def _advice(error: RemoteProtocolError, policy: QuirkPolicy) -> str:
    """What the operator can do about it, unless he has asked for it."""
    if error.quirk is None or policy.strict:
        return ""
    words = " ".join([*(["auto"] if policy.auto else []), *sorted(policy.named), error.quirk])
    return f"; to forgive it, put quirks = {words} into its [evse …] section"
