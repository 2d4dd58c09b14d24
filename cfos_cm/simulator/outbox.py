"""
The messages about transactions, kept until they are answered.

OCPP 1.6, "Error responses to transaction-related messages": they are sent in the order in which
things happened, also after a time without a connection; one that is refused is sent again, with
growing pauses, and given up after TransactionMessageAttempts. One that is merely not answered
is never given up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec
from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.errors import DeviceError, DeviceRefusal
from cfos_cm.simulator.configuration import Configuration
from cfos_cm.v16.actions import action_of
from cfos_cm.v16.core import (
    MeterValuesRequest,
    StartTransactionConfirmation,
    StartTransactionRequest,
    StopTransactionRequest,
)
from cfos_cm.v16.types import Message

__all__ = ["MAX_ENTRIES", "NO_TRANSACTION_ID", "Outbox", "TransactionMessage"]

#: A day of a car each hour and a reading each minute has room in it. When it is full, readings
#: are thrown away, the oldest first: what is billed is in the start and the stop.
MAX_ENTRIES = 2000

#: The errata sheet of OCPP 1.6 on StopTransaction: what names a transaction whose start was
#: never answered.
NO_TRANSACTION_ID = -1

#: A Central System that is well again should not be kept waiting for longer. [s]
_MAX_PAUSE_S = 3600

#: What is kept.
TransactionMessage = StartTransactionRequest | StopTransactionRequest | MeterValuesRequest


_log = Logger(namespace="cfos_cm.simulator")


@define(eq=False)
class _Entry:
    """
    A message that waits.

    @ivar transaction: which of our transactions it is about.
    @ivar sent: how often it was sent on a connection that lasted.
    """

    transaction: int
    request: TransactionMessage
    sent: int = 0
    refused: int = 0


class Outbox:
    """
    Messages about transactions on their way out, one at a time.

    A transaction has a number of our own; the id that the Central System gives it is put into
    its messages when they are sent.
    """

    def __init__(
        self,
        clock: IReactorTime,
        configuration: Configuration,
        started: Callable[[int, StartTransactionConfirmation], None],
    ) -> None:
        """
        @param started: is told when a transaction's start was answered.
        """
        self._configuration = configuration
        self._started = started
        self._entries: deque[_Entry] = deque()
        self._ids: dict[int, int] = {}
        self._call: Callable[[Message], Deferred[Message]] | None = None
        self._in_flight: _Entry | None = None
        self._retry = Alarm(clock, self._send_next)
        self._settled: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another transaction."""
        return len(self._entries) >= MAX_ENTRIES - 1

    def transaction_id(self, transaction: int) -> int | None:
        """The id that the Central System has given; C{None}: none, or it has ended."""
        return self._ids.get(transaction)

    def add(self, transaction: int, request: TransactionMessage) -> None:
        """Send C{request} after all that wait already."""
        if len(self._entries) >= MAX_ENTRIES:
            self._thin()
        self._entries.append(_Entry(transaction, request))
        self._send_next()

    def open(self, call: Callable[[Message], Deferred[Message]]) -> None:
        """
        Messages may be sent.

        @param call: sends one; fires with its confirmation or fails with a L{DeviceError}.
        """
        self._call = call
        self._send_next()

    def close(self) -> None:
        """No message may be sent; the one that is not answered yet is sent again later."""
        self._call = None
        self._in_flight = None
        self._retry.clear()
        self._settled.clear()

    def settled(self) -> Deferred[None]:
        """
        Wait for the messages that can be sent now.

        @return: fires when nothing is under way: all are answered, or the next one has to be
            tried again later, or there is no connection. It does not fire any more when the
            connection is lost meanwhile.
        """
        settled: Deferred[None] = Deferred()
        self._settled.append(settled)
        self._settle()
        return settled

    def _thin(self) -> None:
        # The first may be in flight.
        for index in range(1, len(self._entries)):
            if isinstance(self._entries[index].request, MeterValuesRequest):
                del self._entries[index]
                return

    def _send_next(self) -> None:
        if self._call is None or self._in_flight is not None or not self._entries:
            return
        if self._retry.is_set:
            return
        entry = self._entries[0]
        self._in_flight = entry
        answer = self._call(self._filled_in(entry))
        answer.addCallbacks(
            self._answered, self._failed, callbackArgs=(entry,), errbackArgs=(entry,)
        )
        answer.addErrback(self._broken)
        answer.addCallback(lambda _: self._settle())

    def _filled_in(self, entry: _Entry) -> TransactionMessage:
        request = entry.request
        transaction_id = self._ids.get(entry.transaction)
        if isinstance(request, StopTransactionRequest):
            if transaction_id is None:
                transaction_id = NO_TRANSACTION_ID
            return msgspec.structs.replace(request, transaction_id=transaction_id)
        if isinstance(request, MeterValuesRequest):
            return msgspec.structs.replace(request, transaction_id=transaction_id)
        return request

    def _answered(self, confirmation: Message, entry: _Entry) -> None:
        if self._in_flight is not entry:
            return
        self._in_flight = None
        if isinstance(confirmation, StartTransactionConfirmation):
            self._ids[entry.transaction] = confirmation.transaction_id
        self._drop(entry)
        if isinstance(confirmation, StartTransactionConfirmation):
            self._started(entry.transaction, confirmation)
        self._send_next()

    def _failed(self, failure: Failure, entry: _Entry) -> None:
        failure.trap(DeviceError)
        if self._in_flight is not entry:
            # The connection is gone: that says nothing about the message.
            return
        self._in_flight = None
        entry.sent += 1
        entry.refused += 1 if failure.check(DeviceRefusal) else 0
        action = action_of(entry.request).name
        if entry.refused >= self._configuration.number("TransactionMessageAttempts"):
            _log.warn(
                "{action} is given up after {attempts} refusals: {reason!s}",
                action=action,
                attempts=entry.refused,
                reason=failure.value,
            )
            self._drop(entry)
            self._send_next()
            return
        pause_s = self._configuration.number("TransactionMessageRetryInterval") * entry.sent
        _log.info(
            "{action} is sent again in {pause_s:g} s: {reason!s}",
            action=action,
            pause_s=pause_s,
            reason=failure.value,
        )
        self._retry.set(min(pause_s, _MAX_PAUSE_S))

    def _drop(self, entry: _Entry) -> None:
        self._entries.remove(entry)
        if isinstance(entry.request, StopTransactionRequest):
            self._ids.pop(entry.transaction, None)

    def _settle(self) -> None:
        if self._in_flight is None:
            settled, self._settled = self._settled, []
            for waiting in settled:
                waiting.callback(None)

    def _broken(self, failure: Failure) -> None:
        _log.failure("a message about a transaction could not be sent", failure)
