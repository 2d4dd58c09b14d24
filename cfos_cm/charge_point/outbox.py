"""
The messages that a backend is owed, on their way to it.

OCPP 1.6, "Error responses to transaction-related messages": they are sent in the order in which
things happened, also after a time without a connection; one that is refused is sent again, with
growing pauses. What is given up after TransactionMessageAttempts is kept as a dead letter. A
connection that is lost says nothing about a message, and neither does one on which nothing at
all is answered. But a message that a backend hangs up on each time, while it answers others,
would keep all others waiting for ever: it is given up, too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from attrs import evolve, frozen
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.calls import OutgoingCalls
from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.charge_point.environment import GatewayEnvironment
from cfos_cm.charge_point.queued import Depth, QueuedMessage
from cfos_cm.charge_point.settings import GatewaySettings
from cfos_cm.charge_point.started import forgotten, id_tag_in
from cfos_cm.charge_point.transactions import Transactions
from cfos_cm.charge_point.window import Window
from cfos_cm.errors import (
    CallErrorCode,
    DeviceError,
    DeviceRefusal,
    NoAnswer,
    NotSent,
    RemoteProtocolError,
)
from cfos_cm.quirk import EVERY_QUIRK
from cfos_cm.v16.actions import ACTIONS, read_confirmation
from cfos_cm.v16.core import StartTransactionConfirmation, StopTransactionConfirmation
from cfos_cm.v16.types import IdTagInfo
from cfos_cm.wire.splice import replaced

__all__ = [
    "HANG_UP_S",
    "MAX_EVENT_HANG_UPS",
    "MAX_HANG_UPS",
    "MAX_PAUSE_S",
    "THINNING_PAUSE_S",
    "Outbox",
    "OutboxHooks",
]

#: A backend that is well again should not be kept waiting for longer. [s]
MAX_PAUSE_S: Final = 3600
#: A connection that ends so soon after a message was sent may have ended because of it. [s]
HANG_UP_S: Final = 10.0
#: So many in a row that have ended with the same message are no chance.
MAX_HANG_UPS: Final = 10
#: The same for a security event: it holds up what somebody is to pay for.
MAX_EVENT_HANG_UPS: Final = 2
#: How often a queue that is too long is thinned out. [s]
THINNING_PAUSE_S: Final = 60.0
#: So much of its limit is left after that, so that it is not needed at once again.
_KEPT: Final = 0.9
#: When too many other calls wait already, a message is tried again after so long. [s]
_CROWDED_S: Final = 1.0

_START: Final = "StartTransaction"
_STOP: Final = "StopTransaction"
_METER_VALUES: Final = "MeterValues"
_SECURITY_EVENT: Final = "SecurityEventNotification"
_UNKNOWN: Final = frozenset({CallErrorCode.NOT_IMPLEMENTED, CallErrorCode.NOT_SUPPORTED})

_log = Logger(namespace="cfos_cm.gateway")


@frozen
class OutboxHooks:
    """
    What an outbox asks of its gateway, and tells it.

    @ivar number: the value of a configuration key.
    @ivar is_alive: whether the backend answers anything at all, on this connection.
    @ivar stalled: it does not: end the connection.
    @ivar judged: a StartTransaction was answered.
    @ivar refused: a message was not taken; why, for people.
    @ivar noted: the backend has said something of an idTag by which a transaction has ended.
    @ivar unwanted: the backend knows no security events.
    """

    number: Callable[[str], int]
    is_alive: Callable[[], Deferred[bool]]
    stalled: Callable[[str], None]
    judged: Callable[[QueuedMessage, StartTransactionConfirmation], None]
    refused: Callable[[str], None]
    noted: Callable[[str, IdTagInfo], None]
    unwanted: Callable[[], None]


@frozen
class _Suspect:
    """
    A message with which a connection has ended.

    @ivar hang_ups: how many in a row on which the backend had answered something else.
    """

    key: str
    hang_ups: int = 0


class Outbox:
    """
    One queue, one message of it on its way at a time.

    A message carries the numbers that the EVSE knows. Those of the backend are put in when it
    is sent, so that they are known also for what began without a connection.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        environment: GatewayEnvironment,
        transactions: Transactions,
        hooks: OutboxHooks,
    ) -> None:
        self._settings = settings
        self._clock = environment.clock
        self._store = environment.outbox
        self._now = environment.now
        self._new_unique_id = environment.new_unique_id
        self._transactions = transactions
        self._hooks = hooks
        self._window = Window(
            settings.name, settings.key, self._store, environment.clock, self._send_next
        )
        self._calls: OutgoingCalls | None = None
        self._in_flight: QueuedMessage | None = None
        self._is_sending = False
        self._is_doubting = False
        self._suspect: _Suspect | None = None
        # The connection on which was asked for an answer before the suspect is sent.
        self._tried: OutgoingCalls | None = None
        self._retry = Alarm(environment.clock, self._send_next)
        self._depth = Depth()
        self._backlog = 0
        self._thinned_s: float | None = None

    async def load(self) -> None:
        """
        Read what waits from before, and how much.

        @raise StorageError: if the queue cannot be read.
        """
        counting = self._store.depth(self._settings.key)
        # Last: what begins behind this moment is told when this is done, and not before.
        self._transactions.restore(await self._store.transactions(self._settings.key))
        self._depth = await counting
        self._window.load()

    @property
    def depth(self) -> Depth:
        """How much is owed; what is only being written is counted already."""
        return evolve(self._depth, oldest_at=self._oldest_at())

    def put(
        self,
        action: str,
        connector: int,
        transaction_id: int | None,
        payload: bytes,
        is_periodic: bool = False,
    ) -> Deferred[None]:
        """
        Queue a message; it may be sent at once.

        @param connector: the EVSE's number at the backend.
        @param transaction_id: our number of the transaction that it is about.
        @param payload: the JSON text, with our number of the transaction.
        @return: when it is on disk; fails with L{StorageError<cfos_cm.errors.StorageError>}
            when it is not, and is not sent then unless it was already.
        """
        message = QueuedMessage(
            key=self._new_unique_id(),
            gateway=self._settings.key,
            action=action,
            connector=connector,
            transaction_id=transaction_id,
            payload=payload,
            queued_at=self._now(),
            is_periodic=is_periodic,
            message_id=self._new_unique_id(),
        )
        stored = self._store.add(message)
        self.offer(message)
        return stored.addErrback(self._not_stored, message)

    def offer(self, message: QueuedMessage) -> None:
        """
        There is one more message. It may be sent at once.

        @param message: the store has been given it already, and may not have written it yet.
        """
        self._note_transaction(message)
        self._count(message, 1)
        self._window.offer(message)
        self._send_next()
        self._thin_out()

    def withdraw(self, message: QueuedMessage) -> None:
        """The store could not keep a message: it is not sent, unless it was already."""
        self._count(message, -1)
        self._window.withdraw(message)

    def open(self, calls: OutgoingCalls) -> None:
        """Messages may be sent."""
        self._calls = calls
        self._backlog = self._depth.waiting
        if self._backlog:
            _log.info(
                "{name}: {count} messages have waited, and are sent now",
                name=self._settings.name,
                count=self._backlog,
            )
        self._send_next()

    def pause(self) -> None:
        """No more messages may be sent; one that is on its way may still be answered."""
        self._calls = None
        self._retry.clear()

    def lose(self) -> None:
        """The connection is gone: what was on its way is sent again on the next one."""
        message = self._in_flight
        self._suspect = self._suspected()
        self.pause()
        self._in_flight = self._tried = None
        self._is_doubting = False
        suspect = self._suspect
        if message is not None and suspect and suspect.hang_ups >= _most_hang_ups(message):
            self._suspect = None
            why = f"the backend has hung up on it {suspect.hang_ups} times in a row"
            self._hooks.refused(why)
            self._bury(message, why)

    def close(self) -> None:
        """Nothing will be sent any more, and nothing is left that would happen later."""
        self.lose()
        self._window.close()

    def revived(self) -> None:
        """Dead letters are in the queue again, each in its place."""
        self._window.load()
        self._recount()

    def _not_stored(self, failure: Failure, message: QueuedMessage) -> Failure:
        self.withdraw(message)
        return failure

    # What waits

    def _oldest_at(self) -> datetime | None:
        first = self._window.first()
        return self._depth.oldest_at if first is None else first.queued_at

    def _count(self, message: QueuedMessage, by: int) -> None:
        waiting = max(0, self._depth.waiting + by)
        size_bytes = max(0, self._depth.size_bytes + by * len(message.payload))
        oldest_at = (self._depth.oldest_at or message.queued_at) if waiting else None
        self._depth = evolve(
            self._depth, waiting=waiting, size_bytes=size_bytes, oldest_at=oldest_at
        )

    def _recount(self) -> None:
        counting = self._store.depth(self._settings.key)
        counting.addCallbacks(self._counted, self._not_counted)

    def _counted(self, depth: Depth) -> None:
        self._depth = depth

    def _not_counted(self, failure: Failure) -> None:
        _log.warn(
            "{name}: the queue cannot be counted: {error!s}",
            name=self._settings.name,
            error=failure.value,
        )

    def _note_transaction(self, message: QueuedMessage) -> None:
        if message.transaction_id is None:
            return
        if message.action == _START:
            self._transactions.begun(
                message.transaction_id,
                message.connector,
                id_tag_in(message.payload),
                message.queued_at,
            )
        elif message.action == _STOP:
            self._transactions.ended(message.transaction_id)

    def _thin_out(self) -> None:
        limit = self._settings.queue_limit
        now_s = self._clock.seconds()
        if self._depth.waiting <= limit:
            return
        if self._thinned_s is not None and now_s - self._thinned_s < THINNING_PAUSE_S:
            return
        self._thinned_s = now_s
        thinning = self._store.thin(self._settings.key, int(limit * _KEPT))
        thinning.addCallbacks(self._thinned, self._not_counted)

    def _thinned(self, count: int) -> None:
        _log.warn(
            "{name}: more than {limit} messages wait; {count} readings between others are "
            "forgotten",
            name=self._settings.name,
            limit=self._settings.queue_limit,
            count=count,
        )
        self._recount()

    # Sending

    def _send_next(self) -> None:
        # An answer may be here before the call that it answers has returned.
        if self._is_sending:
            return
        self._is_sending = True
        try:
            while self._send_first():
                pass
        finally:
            self._is_sending = False

    def _send_first(self) -> bool:
        """Send one, if that may be; whether there was anything to do."""
        calls = self._calls
        if calls is None or self._in_flight is not None or self._is_doubting:
            return False
        if self._retry.is_set:
            return False
        message = self._window.first()
        if message is None:
            return False
        if self._is_to_be_tried(message, calls):
            self._try(calls)
            return True
        payload = self._rendered(message)
        if payload is None:
            self._bury(message, f"its {_START} is not in the queue, nor was it answered")
            return True
        self._in_flight = message
        timeout_s = max(1, self._hooks.number("MessageTimeout"))
        sent = calls.relay(message.action, payload, timeout_s, message.message_id)
        sent.addCallbacks(
            self._answered, self._failed, callbackArgs=(message,), errbackArgs=(message,)
        )
        sent.addErrback(self._broken)
        return True

    def _rendered(self, message: QueuedMessage) -> bytes | None:
        """The payload as the backend understands it; C{None}: it never will."""
        if message.action == _START:
            return replaced(message.payload, {"connectorId": message.connector})
        if message.action not in (_METER_VALUES, _STOP):
            return message.payload
        numbers = {"connectorId": message.connector}
        if message.transaction_id is not None:
            backend_id = self._transactions.backend_id(message.transaction_id)
            if backend_id is None:
                return None
            numbers["transactionId"] = backend_id
        return replaced(message.payload, numbers)

    # Answers

    def _answered(self, payload: bytes, message: QueuedMessage) -> None:
        if self._in_flight is not message:
            return
        self._in_flight = self._suspect = None
        if message.action == _START:
            self._start_answered(payload, message)
        else:
            self._delivered(message)
        if message.action == _STOP:
            self._stop_answered(payload, message)
        self._send_next()

    def _delivered(self, message: QueuedMessage) -> None:
        self._forget(message, lambda: self._store.delivered(message))

    def _forget(self, message: QueuedMessage, write: Callable[[], Deferred[Any]]) -> None:
        # What was withdrawn meanwhile is not counted any more, and not there to be forgotten.
        if message.key in self._window:
            self._count(message, -1)
        self._window.forget(message, write)
        if self._backlog and not self._depth.waiting:
            self._backlog = 0
            _log.info("{name}: nothing waits any more", name=self._settings.name)

    def _start_answered(self, payload: bytes, message: QueuedMessage) -> None:
        try:
            reading = read_confirmation(ACTIONS[_START], payload, EVERY_QUIRK)
        except RemoteProtocolError as error:
            self._refused(message, f"its answer makes no sense: {error}")
            return
        confirmation = reading.message
        assert isinstance(confirmation, StartTransactionConfirmation)
        backend_id = confirmation.transaction_id
        number = message.transaction_id
        if number is not None:
            if self._transactions.get(number) is None:
                self._transactions.restore([forgotten(number, message)])
            self._transactions.bound(number, backend_id)
        # First what it means for who charges: after a fall of the program nobody asks again.
        self._hooks.judged(message, confirmation)
        self._forget(message, lambda: self._store.bound(message, backend_id))

    def _stop_answered(self, payload: bytes, message: QueuedMessage) -> None:
        id_tag = id_tag_in(message.payload)
        if not id_tag:
            return
        try:
            reading = read_confirmation(ACTIONS[_STOP], payload, EVERY_QUIRK)
        except RemoteProtocolError:
            # It was taken; what the answer says beside that is of no use to anybody.
            return
        confirmation = reading.message
        assert isinstance(confirmation, StopTransactionConfirmation)
        if confirmation.id_tag_info is not None:
            self._hooks.noted(id_tag, confirmation.id_tag_info)

    def _failed(self, failure: Failure, message: QueuedMessage) -> Failure | None:
        error = failure.value
        if not isinstance(error, DeviceError):
            return failure
        if self._in_flight is not message:
            # The connection is gone: that says nothing about the message.
            return None
        self._in_flight = self._suspect = None
        if isinstance(error, NoAnswer):
            self._doubt(message, str(error))
            return None
        if _is_unwanted(error, message):
            # Many backends know no such thing, and it is kept here as well.
            self._hooks.unwanted()
            self._delivered(message)
        elif isinstance(error, NotSent):
            self._retry.set(_CROWDED_S)
        elif isinstance(error, DeviceRefusal) or message.action == _START:
            self._refused(message, str(error))
        else:
            # It was taken; what the answer says beside that is of no use to anybody.
            _log.info("{name}: {error!s}", name=self._settings.name, error=error)
            self._delivered(message)
        self._send_next()
        return None

    def _doubt(self, message: QueuedMessage, why: str) -> None:
        """It was not answered: is it the message, or the connection?"""
        if self._calls is None:
            return
        self._is_doubting = True
        asked = self._hooks.is_alive()
        asked.addCallback(self._doubted, message, why, self._calls)
        asked.addErrback(self._broken)

    def _doubted(
        self, is_alive: bool, message: QueuedMessage, why: str, calls: OutgoingCalls
    ) -> None:
        if self._calls is not calls:
            # It is sent again on the next connection, or when that may be.
            self._is_doubting = False
            self._send_next()
            return
        self._is_doubting = False
        if is_alive:
            self._refused(message, why)
            self._send_next()
        else:
            self.pause()
            self._hooks.stalled(why)

    # Messages that connections end with

    def _suspected(self) -> _Suspect | None:
        """Whom to suspect when the connection is lost at this moment."""
        calls, message = self._calls, self._in_flight
        waited_s = None
        if calls is not None and message is not None:
            waited_s = calls.waited_s(message.message_id)
        if calls is None or message is None or waited_s is None:
            # Whatever it was, it was not this one.
            return self._suspect
        if waited_s > HANG_UP_S:
            return None
        suspect = self._suspect
        if suspect is None or suspect.key != message.key:
            suspect = _Suspect(message.key)
        # A backend that answers nothing at all is not there: that is no message's doing.
        return evolve(suspect, hang_ups=suspect.hang_ups + calls.has_answered)

    def _is_to_be_tried(self, message: QueuedMessage, calls: OutgoingCalls) -> bool:
        is_suspect = self._suspect is not None and self._suspect.key == message.key
        return is_suspect and not calls.has_answered and self._tried is not calls

    def _try(self, calls: OutgoingCalls) -> None:
        """Before the suspect is sent: is there anybody who answers?"""
        self._tried = calls
        self._is_doubting = True
        tried = self._hooks.is_alive()
        tried.addCallback(self._was_tried, calls)
        tried.addErrback(self._broken)

    def _was_tried(self, is_alive: bool, calls: OutgoingCalls) -> None:
        if self._tried is not calls:
            return
        self._is_doubting = False
        if is_alive or self._calls is not calls:
            self._send_next()
        else:
            self.pause()
            self._hooks.stalled("Heartbeat was not answered")

    def _refused(self, message: QueuedMessage, why: str) -> None:
        self._hooks.refused(why)
        if message.key not in self._window:
            return
        attempts = message.attempts + 1
        if attempts >= max(1, self._hooks.number("TransactionMessageAttempts")):
            self._bury(message, f"given up after {_counted(attempts)}: {why}")
            return
        again = evolve(message, attempts=attempts, message_id=self._new_unique_id())
        self._window.change(again)
        self._store.refused(again).addErrback(self._not_noted)
        pause_s = self._hooks.number("TransactionMessageRetryInterval") * attempts
        pause_s = min(max(0, pause_s), MAX_PAUSE_S)
        _log.info(
            "{name}: {action} is sent again in {pause_s:g} s: {why}",
            name=self._settings.name,
            action=message.action,
            pause_s=pause_s,
            why=why,
        )
        self._retry.set(pause_s)

    def _bury(self, message: QueuedMessage, why: str) -> None:
        _log.error(
            "{name}: {action} is put aside, to be sent again by hand: {why}",
            name=self._settings.name,
            action=message.action,
            why=why,
        )
        if message.action == _START and message.transaction_id is not None:
            self._window.drop_transaction(message.transaction_id)
        self._depth = evolve(self._depth, dead=self._depth.dead + 1)
        self._forget(message, lambda: self._store.bury(message, why))
        self._recount()

    def _not_noted(self, failure: Failure) -> None:
        # After a fall of the program it is tried as often again, with the id of before.
        _log.warn(
            "{name}: an attempt cannot be noted: {error!s}",
            name=self._settings.name,
            error=failure.value,
        )

    def _broken(self, failure: Failure) -> None:
        _log.failure("{name}: a message could not be sent", failure, name=self._settings.name)


def _most_hang_ups(message: QueuedMessage) -> int:
    return MAX_EVENT_HANG_UPS if message.action == _SECURITY_EVENT else MAX_HANG_UPS


def _is_unwanted(error: DeviceError, message: QueuedMessage) -> bool:
    """Whether the backend does not know a security event for what it is."""
    is_event = message.action == _SECURITY_EVENT
    return is_event and isinstance(error, DeviceRefusal) and error.code in _UNKNOWN


def _counted(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"
