"""
The first messages of a queue that is on disk, in memory.

What it shows is what the disk will hold when all is written that is under way. The store writes
and reads in the order in which it is asked: what it is asked to read now holds all that it was
given before, and nothing that it was asked to forget.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.charge_point.environment import OutboxStore
from cfos_cm.charge_point.queued import QueuedMessage
from cfos_cm.errors import CfosError
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES

__all__ = ["AGAIN_S", "MAX_BYTES", "MAX_MESSAGES", "MAX_UNFORGOTTEN", "Window"]

#: A backend that answers at once gets a thousand messages in a second: ten readings.
MAX_MESSAGES: Final = 100
MAX_BYTES: Final = 1024 * 1024
#: With no more than this in memory, the next ones are read.
_FEW_MESSAGES: Final = 25
_FEW_BYTES: Final = 256 * 1024
#: A disk that is full is tried again after so long. [s]
AGAIN_S: Final = 10.0
#: With so many messages that are answered and still on disk no more are sent: after a fall of
#: the program the backend would get all of them twice. No more than these and a window are read
#: at once, and a store has to read as much as it is asked for.
MAX_UNFORGOTTEN: Final = 500

_log = Logger(namespace="cfos_cm.gateway")


class Window:
    """The messages of one queue that are sent next."""

    def __init__(
        self,
        name: str,
        key: str,
        store: OutboxStore,
        clock: IReactorTime,
        filled: Callable[[], None],
    ) -> None:
        """
        @param name: of the gateway, for people.
        @param key: of its queue.
        @param filled: is told when there may be a first message that was not there before.
        """
        self._name = name
        self._key = key
        self._store = store
        self._filled = filled
        self._messages: dict[str, QueuedMessage] = {}
        self._size_bytes = 0
        # What came while the store was being read; C{None}: it is not.
        self._aside: dict[str, QueuedMessage] | None = None
        self._aside_bytes = 0
        # More came meanwhile than was put aside.
        self._was_too_much = False
        self._has_more = True
        self._is_stale = True
        self._has_moved = True
        # Answered or given up, and maybe still on disk.
        self._gone: set[str] = set()
        self._unforgotten: dict[str, Callable[[], Deferred[object]]] = {}
        self._is_broken = False
        self._is_closed = False
        self._again = Alarm(clock, self._try_again)

    def __len__(self) -> int:
        return len(self._messages)

    def __contains__(self, key: object) -> bool:
        return key in self._messages

    @property
    def size_bytes(self) -> int:
        """What the payloads take that are in memory. [B]"""
        return self._size_bytes + self._aside_bytes

    def first(self) -> QueuedMessage | None:
        """The one to be sent next; C{None}: there is none, or it is not known yet."""
        if self._is_stale or len(self._gone) >= MAX_UNFORGOTTEN:
            return None
        return next(iter(self._messages.values()), None)

    def load(self) -> None:
        """Read from the store what comes first: it is not known, or not known any more."""
        self._is_stale = self._has_more = self._has_moved = True
        # What is being read was asked for behind whatever has happened.
        if self._aside is None:
            self._read()

    def close(self) -> None:
        """Nothing is read any more, and nothing tried again."""
        self._is_closed = True
        self._again.clear()

    def offer(self, message: QueuedMessage) -> None:
        """
        There is one more, behind all others.

        @param message: the store has been given it already, and may not have written it yet.
        """
        if self._aside is not None:
            self._put_aside(self._aside, message)
        elif not self._has_more:
            self._put_last(message)

    def withdraw(self, message: QueuedMessage) -> None:
        """It is not in the store after all."""
        self._remove(message.key)
        if self._aside is not None and self._aside.pop(message.key, None) is not None:
            self._aside_bytes -= len(message.payload)

    def change(self, message: QueuedMessage) -> None:
        """It has another message id, or another number of attempts."""
        if message.key in self._messages:
            self._messages[message.key] = message

    def forget(self, message: QueuedMessage, write: Callable[[], Deferred[object]]) -> None:
        """
        It is not to be sent any more.

        @param write: has the store write that; it is done again until it succeeds, and this
            process does not send the message again however long that takes.
        """
        self._remove(message.key)
        self._gone.add(message.key)
        self._write(message.key, write)
        self._read_if_few()

    def drop_transaction(self, transaction_id: int) -> None:
        """The store is about to give up the messages of a transaction."""
        for message in tuple(self._messages.values()):
            if message.transaction_id == transaction_id:
                self._remove(message.key)

    # Memory

    def _put_last(self, message: QueuedMessage) -> None:
        if not self._has_room_for(message):
            self._has_more = True
            return
        if message.key not in self._messages and message.key not in self._gone:
            self._messages[message.key] = message
            self._size_bytes += len(message.payload)

    def _has_room_for(self, message: QueuedMessage) -> bool:
        if not self._messages:
            return True
        return (
            len(self._messages) < MAX_MESSAGES
            and self._size_bytes + len(message.payload) <= MAX_BYTES
        )

    def _put_aside(self, aside: dict[str, QueuedMessage], message: QueuedMessage) -> None:
        if len(aside) < MAX_MESSAGES and self._aside_bytes < MAX_BYTES:
            aside[message.key] = message
            self._aside_bytes += len(message.payload)
        else:
            self._was_too_much = True

    def _remove(self, key: str) -> None:
        message = self._messages.pop(key, None)
        if message is not None:
            self._size_bytes -= len(message.payload)
            self._has_moved = True

    # Reading

    def _read_if_few(self) -> None:
        few = len(self._messages) <= _FEW_MESSAGES and self._size_bytes <= _FEW_BYTES
        if not self._has_more or self._aside is not None or not (few or self._is_stale):
            return
        if self._has_moved:
            self._read()
        elif not self._messages and not self._again.is_set:
            # All that was read is still there to be forgotten.
            self._again.set(AGAIN_S)

    def _read(self) -> None:
        if self._is_closed:
            return
        self._aside, self._aside_bytes = {}, 0
        self._was_too_much = self._has_moved = False
        # What is still there to be forgotten comes first, and is of no use.
        limit = MAX_MESSAGES + len(self._gone)
        reading = maybeDeferred(self._store.first, self._key, limit)
        reading.addCallbacks(self._was_read, self._not_read, callbackArgs=(limit,))
        reading.addErrback(self._broken)

    def _was_read(self, found: tuple[QueuedMessage, ...], limit: int) -> None:
        aside, self._aside = self._aside or {}, None
        size_bytes = sum(len(message.payload) for message in found)
        is_full = len(found) >= limit or size_bytes > MAX_BYTES - MAX_FRAME_BYTES
        known, self._messages = self._messages, {}
        self._size_bytes = 0
        self._has_more = self._is_stale = False
        for message in found:
            self._put_last(known.get(message.key, message))
        if is_full or self._was_too_much:
            self._has_more = True
        # A full answer with hardly anything in it that is not gone would be the same once more.
        self._has_moved = not is_full
        self._aside_bytes = 0
        for message in aside.values():
            if not self._has_more:
                self._put_last(message)
        self._filled()
        self._read_if_few()

    def _not_read(self, failure: Failure) -> None:
        self._aside, self._aside_bytes = None, 0
        self._has_more = self._has_moved = True
        self._note_failure(failure)

    # Writing

    def _write(self, key: str, write: Callable[[], Deferred[object]]) -> None:
        writing = maybeDeferred(write)
        writing.addCallbacks(
            self._was_written,
            self._not_written,
            callbackArgs=(key,),
            errbackArgs=(key, write),
        )
        writing.addErrback(self._broken)

    def _was_written(self, _result: object, key: str) -> None:
        was_choked = len(self._gone) >= MAX_UNFORGOTTEN
        self._gone.discard(key)
        if self._is_broken and not self._unforgotten:
            self._is_broken = False
            _log.info("{name}: the queue can be written again", name=self._name)
        if was_choked:
            self._filled()

    def _not_written(
        self, failure: Failure, key: str, write: Callable[[], Deferred[object]]
    ) -> None:
        self._unforgotten[key] = write
        self._note_failure(failure)

    def _note_failure(self, failure: Failure) -> None:
        if not self._is_broken:
            self._is_broken = True
            _log.error(
                "{name}: the queue on disk cannot be read or written, and is tried again every "
                "{again_s:g} s: {error!s}",
                name=self._name,
                again_s=AGAIN_S,
                error=failure.value,
            )
        if not isinstance(failure.value, CfosError):
            _log.failure("{name}: the queue on disk", failure, name=self._name)
        if not self._is_closed and not self._again.is_set:
            self._again.set(AGAIN_S)

    def _try_again(self) -> None:
        waiting, self._unforgotten = self._unforgotten, {}
        for key, write in waiting.items():
            self._write(key, write)
        if self._aside is None and self._has_more:
            self._has_moved = True
            self._read_if_few()

    def _broken(self, failure: Failure) -> None:
        _log.failure("{name}: the queue", failure, name=self._name)
