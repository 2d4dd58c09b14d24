"""
What a virtual wallbox and its Central System say to each other, on one connection at a time.

OCPP-J 1.6, "RPC framework".
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.calls import OutgoingCalls
from cfos_cm.errors import (
    CallErrorCode,
    DeviceError,
    LocalProtocolError,
    RemoteProtocolError,
)
from cfos_cm.v16.actions import Role, decode_request, encode
from cfos_cm.v16.types import Message
from cfos_cm.v16.violations import excerpt
from cfos_cm.wire import ocppj
from cfos_cm.wire.ocppj import Call, CallError, CallResult, Frame

__all__ = ["CALL_TIMEOUT_S", "Conversation"]

#: The key MessageTimeout of other wallboxes.
CALL_TIMEOUT_S = 30

_log = Logger(namespace="cfos_cm.simulator")


class Conversation:
    """Requests and answers in both directions."""

    def __init__(
        self,
        name: str,
        clock: IReactorTime,
        new_unique_id: Callable[[], str],
        carry_out: Callable[[Message], Message],
    ) -> None:
        """
        @param name: of the wallbox, for people.
        @param new_unique_id: makes message ids; at most 36 characters, never the same twice.
        @param carry_out: does what a request asks for and gives the confirmation; raises
            L{RemoteProtocolError} to refuse it.
        """
        self._name = name
        self._clock = clock
        self._new_unique_id = new_unique_id
        self._carry_out = carry_out
        self._calls: OutgoingCalls | None = None
        self._send: Callable[[bytes], None] | None = None
        self._hang_up: Callable[[], None] | None = None
        self._held: list[Frame] | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._calls is not None

    def begin(self, send: Callable[[bytes], None], hang_up: Callable[[], None]) -> None:
        """
        There is a connection.

        @param send: puts one text message on it.
        @param hang_up: ends it.
        """
        self._send, self._hang_up = send, hang_up
        self._calls = OutgoingCalls(self._clock, self._write, self._new_unique_id)

    def end(self) -> None:
        """The connection is gone; whoever waits for an answer is told."""
        calls, self._calls = self._calls, None
        self._send = self._hang_up = None
        if calls is not None:
            calls.close("the connection is gone")

    def hang_up(self) -> None:
        """End the connection, if there is one."""
        if self._hang_up is not None:
            self._hang_up()

    def received(self, text: bytes) -> None:
        """A text message has come."""
        try:
            frame = ocppj.decode(text)
        except RemoteProtocolError as error:
            self.complain(f"not OCPP-J: {error}")
            if error.unique_id is not None:
                self._write(CallError(error.unique_id, error.code.value, error.description))
            return
        if isinstance(frame, Call):
            self._answer(frame)
        elif frame is not None and self._calls is not None:
            self._calls.answered(frame)

    def call(self, request: Message) -> Deferred[Message]:
        """
        Ask the Central System.

        @return: its confirmation; fails with L{DeviceError} when there is none.
        """
        if self._calls is None:
            return fail(DeviceError("there is no connection"))
        return self._calls.call(request, CALL_TIMEOUT_S)

    def tell(self, request: Message) -> None:
        """Tell the Central System something that is of no use later."""
        self.call(request).addErrback(self._not_told)

    def complain(self, words: str) -> None:
        """Log what the Central System does wrong."""
        _log.warn("{name}: {words}", name=self._name, words=words)

    def _answer(self, call: Call) -> None:
        # What is sent while the request is carried out follows from it, and goes after the
        # answer to it.
        self._held = []
        try:
            answer = self._answer_to(call)
        finally:
            held, self._held = self._held, None
        for frame in (answer, *held):
            self._write(frame)

    def _answer_to(self, call: Call) -> Frame:
        try:
            request = decode_request(call.action, call.payload, Role.CENTRAL_SYSTEM)
            return CallResult(call.unique_id, encode(self._carry_out(request)))
        except RemoteProtocolError as error:
            self.complain(f"{excerpt(call.action)} refused: {error}")
            return CallError(call.unique_id, error.code.value, error.description)
        except LocalProtocolError as error:
            self.complain(f"{call.action} could not be answered: {error}")
            return CallError(
                call.unique_id, CallErrorCode.INTERNAL_ERROR.value, "no answer could be made"
            )

    def _write(self, frame: Frame) -> None:
        if self._held is not None:
            self._held.append(frame)
        elif self._send is not None:
            self._send(ocppj.encode(frame))

    def _not_told(self, failure: Failure) -> None:
        failure.trap(DeviceError)
        # That the connection is gone is told once, and not for all that was on its way.
        if self.is_open:
            _log.debug("{name}: {reason!s}", name=self._name, reason=failure.value)
