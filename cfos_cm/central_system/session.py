"""One Charge Point's conversation with us, from its connection to the loss of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from cfos_cm.central_system.calls import OutgoingCalls
from cfos_cm.central_system.connected import ConnectedChargePoint
from cfos_cm.central_system.handlers import HANDLERS
from cfos_cm.central_system.roster import Roster
from cfos_cm.errors import CallErrorCode, CfosError, RemoteProtocolError
from cfos_cm.v16.actions import Role, decode_request, encode
from cfos_cm.v16.core import (
    BootNotificationRequest,
    MeterValuesRequest,
    StopTransactionRequest,
)
from cfos_cm.v16.types import Message
from cfos_cm.wire import ocppj
from cfos_cm.wire.ocppj import Call, CallError, CallResult, Frame

__all__ = ["MAX_UNANSWERED_CALLS", "MAX_UNREADABLE_FRAMES", "Session"]

#: A Charge Point has one call in flight; one that sends far more than that does not listen.
MAX_UNANSWERED_CALLS = 32
#: Frames that cannot be read, and are therefore not answered, before the connection is closed.
MAX_UNREADABLE_FRAMES = 100
#: Refused requests that the log tells of, for each connection.
MAX_REFUSALS_LOGGED = 50

_log = Logger(namespace="cfos_cm.central_system")


class Session:
    """
    The frames of one connection.

    Its calls are answered in the order in which they came, each after what it reports is on
    disk. Ours go out beside them.

    @ivar charge_point: who is at the other end.
    """

    def __init__(
        self,
        roster: Roster,
        identity: str,
        origin: str,
        send: Callable[[bytes], None],
        hang_up: Callable[[int, str], None],
    ) -> None:
        """
        @param origin: where the Charge Point connected from, for people.
        @param send: puts one text message on the connection.
        @param hang_up: closes the connection with a WebSocket status and a reason.
        """
        self._send = send
        self._hang_up = hang_up
        self._unanswered: deque[Call] = deque()
        self._unreadable = 0
        self._refusals = 0
        self._closed = False
        environment = roster.environment
        self._calls = OutgoingCalls(environment.clock, self._write, environment.new_unique_id)
        self.charge_point = ConnectedChargePoint(roster, identity, origin, self._calls)

    @property
    def identity(self) -> str:
        """The charge box identity."""
        return self.charge_point.identity

    def received(self, text: bytes) -> None:
        """A text message has come."""
        if self._closed:
            return
        try:
            frame = ocppj.decode(text)
        except RemoteProtocolError as error:
            self._could_not_read(error)
            return
        if isinstance(frame, Call):
            self._take(frame)
        elif frame is not None:
            self._calls.answered(frame)

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

    def _could_not_read(self, error: RemoteProtocolError) -> None:
        self._unreadable += 1
        _log.warn(
            "{identity}: message that is not OCPP-J: {error!s}",
            identity=self.identity,
            error=error,
        )
        if error.unique_id is not None:
            self._refuse(error.unique_id, error)
        if self._unreadable >= MAX_UNREADABLE_FRAMES:
            self._hang_up(1008, "too many messages that are not OCPP-J")

    def _note_refusal(self, call: Call, error: RemoteProtocolError) -> None:
        self._refusals += 1
        if self._refusals > MAX_REFUSALS_LOGGED:
            return
        last = "; more of this connection are not noted"
        _log.info(
            "{identity}: {action} refused: {error!s}{last}",
            identity=self.identity,
            action=call.action,
            error=error,
            last=last if self._refusals == MAX_REFUSALS_LOGGED else "",
        )

    def _refuse(self, unique_id: str, error: RemoteProtocolError) -> None:
        self._write(CallError(unique_id, error.code.value, error.description))

    def _take(self, call: Call) -> None:
        if len(self._unanswered) >= MAX_UNANSWERED_CALLS:
            self._hang_up(1008, "too many calls at once")
            return
        self._unanswered.append(call)
        if len(self._unanswered) == 1:
            self._answer_next()

    def _answer_next(self) -> None:
        if self._unanswered and not self._closed:
            call = self._unanswered[0]
            answering = Deferred.fromCoroutine(self._answer(call))
            answering.addCallback(self._answered, call)
            answering.addErrback(self._failed, call)

    def _answered(self, frame: Frame, call: Call) -> None:
        if self._closed:
            return
        self._write(frame)
        self._next_after(call)

    def _failed(self, failure: object, call: Call) -> None:
        # The answer could not even be written: this connection is of no more use.
        _log.error(
            "{identity}: no answer to {action} could be sent: {failure}",
            identity=self.identity,
            action=call.action,
            failure=failure,
        )
        self._hang_up(1011, "internal error")

    def _next_after(self, call: Call) -> None:
        if self._unanswered and self._unanswered[0] is call:
            self._unanswered.popleft()
            self._answer_next()

    async def _answer(self, call: Call) -> Frame:
        try:
            return CallResult(call.unique_id, encode(await self._confirm(call)))
        except RemoteProtocolError as error:
            self._note_refusal(call, error)
            return CallError(call.unique_id, error.code.value, error.description)
        except CfosError as error:
            _log.error(
                "{identity}: {action} failed: {error!s}",
                identity=self.identity,
                action=call.action,
                error=error,
            )
        except Exception:  # noqa: BLE001
            # One request that goes wrong must not take the connection with it.
            _log.failure(
                "{identity}: {action} failed", identity=self.identity, action=call.action
            )
        return CallError(
            call.unique_id,
            CallErrorCode.INTERNAL_ERROR.value,
            "the request was correct, but could not be carried out",
        )

    def _may_say(self, request: Message) -> bool:
        if self.charge_point.registration.is_accepted():
            return True
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

    async def _confirm(self, call: Call) -> Message:
        request = decode_request(call.action, call.payload, Role.CHARGE_POINT)
        if not self._may_say(request):
            raise RemoteProtocolError(
                "this Charge Point has not been accepted yet", CallErrorCode.SECURITY_ERROR
            )
        handler = HANDLERS.get(type(request))
        if handler is None:
            raise RemoteProtocolError(
                f"{call.action} is not supported here", CallErrorCode.NOT_SUPPORTED
            )
        return await handler(self.charge_point, request, call)
