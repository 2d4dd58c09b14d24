"""The frames of one connection to a backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.calls import OutgoingCalls
from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.counters import Counter, Outcome
from cfos_cm.errors import CallErrorCode, CfosError, NoAnswer, RemoteProtocolError
from cfos_cm.quirk import Quirk
from cfos_cm.repetition import Repetitions
from cfos_cm.strict_json import JsonTooDeep
from cfos_cm.trace import Direction, Leg
from cfos_cm.v16.actions import encode
from cfos_cm.v16.types import Message
from cfos_cm.v16.violations import excerpt
from cfos_cm.wire import ocppj
from cfos_cm.wire.close_code import CloseCode
from cfos_cm.wire.ocppj import Call, CallError, Frame, UnreadableFrame

__all__ = [
    "MAX_COMPLAINTS_LOGGED",
    "MAX_FORWARDED_BYTES",
    "MAX_UNANSWERED_CALLS",
    "MAX_UNREADABLE_FRAMES",
    "PATIENCE_S",
    "Session",
    "patiently",
]

#: A backend has one call in flight; one that sends far more than that does not listen.
MAX_UNANSWERED_CALLS: Final = 32
#: So many frames in a row that cannot be read, and the connection is closed.
MAX_UNREADABLE_FRAMES: Final = 20
#: What the log tells of frames and requests that are refused, for each connection.
MAX_COMPLAINTS_LOGGED: Final = 50
#: What a CALL may have that is not one of the long ones. [B]
MAX_FORWARDED_BYTES: Final = 64 * 1024
#: A Charge Point that has heard nothing for half a minute begins anew, with its whole
#: connection, and what it asks may wait behind other calls of ours. [s]
PATIENCE_S: Final = 20.0
#: These bring lists or certificates.
_LONG_ACTIONS: Final = frozenset(
    {
        "CertificateSigned",
        "InstallCertificate",
        "SendLocalList",
        "SignedUpdateFirmware",
    }
)
#: Deviations of a frame that change nothing about what it says.
_TOLERATED: Final = frozenset(
    {Quirk.NUMERIC_IDS, Quirk.PADDED_FRAMES, Quirk.ANSWERS_WITH_ACTION}
)

_log = Logger(namespace="cfos_cm.gateway")


class Session:
    """
    What is said on one connection.

    The backend's calls are answered in the order in which they came, one after the other. Ours
    go out beside them; those that follow from one of the backend's go behind the answer to it.

    @ivar calls: our calls.
    @ivar answers: how many answers of any kind have come.
    """

    def __init__(
        self,
        name: str,
        environment: GatewayEnvironment,
        carry_out: Callable[[Call], Deferred[Message | bytes]],
        repetitions: Repetitions,
        send: Callable[[bytes], None],
        hang_up: Callable[[int, str], None],
    ) -> None:
        """
        @param name: of the gateway, for people.
        @param carry_out: does what a call asks for; fires with its confirmation or the payload
            of that, fails with L{RemoteProtocolError} for a CALLERROR.
        @param send: puts one text message on the connection.
        @param hang_up: closes the connection with a WebSocket status and a reason.
        """
        self._name = name
        self._carry_out = carry_out
        self._repetitions = repetitions
        self._send = send
        self._hang_up = hang_up
        self._counters = environment.counters
        self.answers = 0
        self._unanswered: list[Call] = []
        self._unreadable = 0
        self._complaints = 0
        self._is_closed = False
        self._held: list[Frame] | None = None
        self._afterwards: list[Callable[[], object]] = []
        self.calls = OutgoingCalls(
            environment.clock,
            self._write,
            environment.new_unique_id,
            environment.counters,
            leg=Leg.BACKEND,
        )

    def received(self, text: bytes) -> None:
        """A text message has come."""
        if self._is_closed:
            return
        try:
            frame = ocppj.decode(text, tolerated=_TOLERATED)
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
            self.answers += 1
            self.calls.answered(frame, _TOLERATED)

    def afterwards(self, act: Callable[[], object]) -> None:
        """Do C{act} when the call that is being carried out is answered; at once if none is."""
        if self._unanswered:
            self._afterwards.append(act)
        else:
            act()

    def hang_up(self, code: int, why: str) -> None:
        """Close the connection; L{closed} is to be called when it is down."""
        if not self._is_closed:
            self._hang_up(code, why)

    def closed(self, why: str) -> None:
        """The connection is gone; whoever waits for an answer is told."""
        self._is_closed = True
        self._unanswered.clear()
        self._afterwards.clear()
        self.calls.close(why)

    def _write(self, frame: Frame) -> None:
        if self._held is not None:
            self._held.append(frame)
        elif not self._is_closed:
            self._send(ocppj.encode(frame))

    def _could_not_read(self, error: UnreadableFrame) -> None:
        self._unreadable += 1
        self._counters.count(Counter.FRAMES_UNREADABLE)
        self._count_depth(error)
        self._complain(f"a message that is not OCPP-J: {error}")
        if error.unique_id is not None:
            self._counters.count(Counter.CALLS_REFUSED)
            refusal = CallError(
                error.unique_id, error.code.value, error.description, id_text=error.id_text
            )
            self._try_to_send(ocppj.encode(refusal))
        if not error.is_utf8:
            self.hang_up(CloseCode.INVALID_DATA, "not UTF-8")
        elif self._unreadable >= MAX_UNREADABLE_FRAMES:
            self.hang_up(CloseCode.POLICY_VIOLATION, "too many messages that are not OCPP-J")

    def _take(self, call: Call) -> None:
        self._counters.count(Counter.CALLS_RECEIVED)
        if len(self._unanswered) >= MAX_UNANSWERED_CALLS:
            self._counters.count(Counter.CALLS_TOO_MANY)
            self.hang_up(CloseCode.POLICY_VIOLATION, "too many calls at once")
            return
        self._unanswered.append(call)
        if len(self._unanswered) == 1:
            self._answer_next()

    def _answer_next(self) -> None:
        """Answer those that wait, up to the first that takes its time."""
        while self._unanswered and not self._is_closed:
            if not self._answer(self._unanswered[0]):
                return

    def _answer(self, call: Call) -> bool:
        """Answer one; C{False}: it takes its time, and L{_finish} will be called."""
        before = self._repetitions.answer_to(call)
        if before is not None:
            self._counters.count(Counter.CALLS_REPEATED)
            self._finish(call, ocppj.confirm(call, before))
            return True
        if len(call.text) > MAX_FORWARDED_BYTES and call.action not in _LONG_ACTIONS:
            self._finish(call, self._refused(_too_long(call), call))
            return True
        answers: list[bytes] = []
        is_late = False

        def answered(answer: bytes) -> None:
            answers.append(answer)
            if is_late and self._unanswered and self._unanswered[0] is call:
                self._finish(call, answer)
                self._answer_next()

        self._held = []
        try:
            self._carried_out(call).addCallback(answered).addErrback(self._broken)
        finally:
            held, self._held = self._held, None
            if answers:
                self._finish(call, answers[0])
            # What takes its time must not keep anything of ours from being sent.
            for frame in held:
                self._write(frame)
        is_late = not answers
        return not is_late

    def _carried_out(self, call: Call) -> Deferred[bytes]:
        """The answer's text; never fails."""

        def confirmed(confirmation: Message | bytes) -> bytes:
            payload = confirmation if isinstance(confirmation, bytes) else encode(confirmation)
            self._repetitions.note(call, payload)
            self._counters.calls.count(Leg.BACKEND, Direction.IN, call.action, Outcome.RESULT)
            return ocppj.confirm(call, payload)

        try:
            carried_out = self._carry_out(call)
        except Exception:  # noqa: BLE001
            # One request that goes wrong must not take the connection with it.
            failed: Deferred[Message | bytes] = Deferred()
            failed.errback(Failure())  # type: ignore[no-untyped-call]
            carried_out = failed
        return carried_out.addCallback(confirmed).addErrback(self._not_carried_out, call)

    def _not_carried_out(self, failure: Failure, call: Call) -> bytes:
        return self._refused(failure.value, call, failure)

    def _finish(self, call: Call, answer: bytes) -> None:
        """The first of those that wait is answered."""
        if not self._unanswered or self._unanswered[0] is not call:
            return
        del self._unanswered[0]
        afterwards, self._afterwards = self._afterwards, []
        self._try_to_send(answer)
        for act in afterwards:
            try:
                act()
            except Exception:  # noqa: BLE001
                _log.failure("{name}: after {action}", name=self._name, action=call.action)

    def _try_to_send(self, text: bytes) -> None:
        if not self._is_closed:
            self._send(text)

    def _refused(
        self, error: BaseException | None, call: Call, failure: Failure | None = None
    ) -> bytes:
        self._counters.count(Counter.CALLS_REFUSED)
        action = excerpt(call.action)
        if isinstance(error, RemoteProtocolError):
            self._count_depth(error)
            self._complain(f"{action} refused: {error}")
            return self._refusal(call, error.code, error.description)
        if isinstance(error, CfosError):
            self._complain(f"{action} failed: {error}")
        else:
            _log.failure("{name}: {action} failed", failure, name=self._name, action=action)
        return self._refusal(
            call,
            CallErrorCode.INTERNAL_ERROR,
            "the request was correct, but could not be carried out",
        )

    def _refusal(self, call: Call, code: CallErrorCode, description: str) -> bytes:
        self._counters.calls.count(Leg.BACKEND, Direction.IN, call.action, code)
        frame = CallError(call.unique_id, code.value, description, id_text=call.id_text)
        return ocppj.encode(frame)

    def _count_depth(self, error: RemoteProtocolError) -> None:
        if isinstance(error.__cause__, JsonTooDeep):
            self._counters.count(Counter.MESSAGES_TOO_DEEP)

    def _complain(self, words: str) -> None:
        """Log what the backend does wrong."""
        self._complaints += 1
        if self._complaints > MAX_COMPLAINTS_LOGGED:
            return
        is_last = self._complaints == MAX_COMPLAINTS_LOGGED
        _log.warn(
            "{name}: the backend: {words}{last}",
            name=self._name,
            words=words,
            last="; more of this connection are not noted" if is_last else "",
        )

    def _broken(self, failure: Failure) -> None:
        # This connection is of no more use.
        _log.failure("{name}: no answer could be sent", failure, name=self._name)
        self.hang_up(CloseCode.INTERNAL_ERROR, "internal error")


def patiently(asked: Deferred[bytes], clock: IReactorTime) -> Deferred[bytes]:
    """
    An answer of the backend for somebody who waits L{PATIENCE_S} at most.

    @param asked: fails with L{NoAnswer} when that is over.
    """

    def too_late(result: Any, _: float) -> Any:
        is_over = isinstance(result, Failure) and isinstance(result.value, CancelledError)
        return fail(NoAnswer("the backend does not answer")) if is_over else result

    return asked.addTimeout(PATIENCE_S, clock, too_late)


def _too_long(call: Call) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"{len(call.text)} bytes; at most {MAX_FORWARDED_BYTES}",
        CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    )
