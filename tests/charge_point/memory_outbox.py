"""Queues in memory that keep the promises of the real ones, as L{test_memory_outbox} shows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet.defer import Deferred, fail, succeed

from cfos_cm.charge_point.queued import BoundTransaction, DeadLetter, Depth, QueuedMessage
from cfos_cm.errors import StorageError

__all__ = ["MAX_BYTES_READ", "NOW", "MemoryOutbox"]

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MAX_BYTES_READ = 1024 * 1024

T = TypeVar("T")


class MemoryOutbox:
    """
    Queues without a disk.

    @ivar is_held: nothing is done until L{let_go}; what was asked for keeps its order.
    @ivar is_broken: nothing can be written or read.
    @ivar reads: how often the queue was read.
    @ivar burials: how often something was given up.
    @ivar alive: what waits, in its order, by key.
    @ivar dead_letters: what was given up, with its place in the queue.
    """

    def __init__(self) -> None:
        self.is_held = False
        self.is_broken = False
        self.reads = 0
        self.burials = 0
        self._numbers = itertools.count()
        self._places: dict[str, int] = {}
        self.alive: dict[str, QueuedMessage] = {}
        self.dead_letters: dict[str, DeadLetter] = {}
        self.known: dict[int, BoundTransaction] = {}
        self._waiting: list[Callable[[], None]] = []

    def let_go(self, count: int | None = None) -> None:
        """Do what was asked for: all of it from now on, or the first C{count}."""
        # What is asked for meanwhile comes last.
        while self._waiting and (count is None or count > 0):
            count = None if count is None else count - 1
            self._waiting.pop(0)()
        if count is None:
            self.is_held = False

    def add(self, message: QueuedMessage) -> Deferred[None]:
        """Put a message behind all others."""
        return self._do(lambda: self._add(message))

    def first(self, gateway: str, limit: int) -> Deferred[tuple[QueuedMessage, ...]]:
        """The messages that wait."""
        self.reads += 1
        return self._do(lambda: self._first(gateway, limit))

    def delivered(self, message: QueuedMessage) -> Deferred[None]:
        """Forget it."""
        return self._do(lambda: self._forget(message))

    def bound(self, message: QueuedMessage, backend_id: int) -> Deferred[None]:
        """Forget it, and note the backend's number."""

        def work() -> None:
            self._forget(message)
            number = message.transaction_id
            if number in self.known:
                self.known[number] = evolve(self.known[number], backend_id=backend_id)

        return self._do(work)

    def refused(self, message: QueuedMessage) -> Deferred[None]:
        """Note attempts and message id."""

        def work() -> None:
            if message.key in self.alive:
                self.alive[message.key] = evolve(
                    self.alive[message.key],
                    attempts=message.attempts,
                    message_id=message.message_id,
                )

        return self._do(work)

    def bury(self, message: QueuedMessage, why: str) -> Deferred[int]:
        """Give it up, and its transaction with its start."""
        self.burials += 1

        def work() -> int:
            if message.key not in self.alive:
                return 0
            gone = [message.key]
            if message.action == "StartTransaction" and message.transaction_id is not None:
                gone = [
                    one.key
                    for one in self.alive.values()
                    if one.gateway == message.gateway
                    and one.transaction_id == message.transaction_id
                ]
            for key in gone:
                self.dead_letters[key] = DeadLetter(self.alive.pop(key), why, NOW)
            return len(gone)

        return self._do(work)

    def revive(self, gateway: str, keys: tuple[str, ...] = ()) -> Deferred[int]:
        """Have dead letters wait again, in their places."""

        def work() -> int:
            letters = [
                one for one in self.dead_letters.values() if one.message.gateway == gateway
            ]
            named = [one.message for one in letters if not keys or one.message.key in keys]
            transactions = {one.transaction_id for one in named} - {None}
            found = [
                one.message
                for one in letters
                if one.message in named or one.message.transaction_id in transactions
            ]
            for message in found:
                del self.dead_letters[message.key]
                self.alive[message.key] = evolve(
                    message, attempts=0, message_id=f"again-{message.key}"
                )
            return len(found)

        return self._do(work)

    def dead(
        self, gateway: str, limit: int, offset: int = 0
    ) -> Deferred[tuple[DeadLetter, ...]]:
        """Dead letters, in the order in which they were queued."""

        def work() -> tuple[DeadLetter, ...]:
            found = [
                one for one in self.dead_letters.values() if one.message.gateway == gateway
            ]
            found.sort(key=lambda one: self._places[one.message.key])
            return tuple(found[offset : offset + limit])

        return self._do(work)

    def depth(self, gateway: str) -> Deferred[Depth]:
        """How much there is."""

        def work() -> Depth:
            waiting = self._in_order(gateway)
            return Depth(
                len(waiting),
                sum(len(one.payload) for one in waiting),
                waiting[0].queued_at if waiting else None,
                sum(one.message.gateway == gateway for one in self.dead_letters.values()),
            )

        return self._do(work)

    def thin(self, gateway: str, keep: int) -> Deferred[int]:
        """Forget periodic readings, oldest first; that it is every second one is not shown."""

        def work() -> int:
            waiting = self._in_order(gateway)
            periodic = [one for one in waiting if one.is_periodic]
            gone = periodic[: max(0, len(waiting) - keep)]
            for one in gone:
                del self.alive[one.key]
            return len(gone)

        return self._do(work)

    def transactions(self, gateway: str) -> Deferred[tuple[BoundTransaction, ...]]:
        """Those that were put there."""
        return self._do(lambda: tuple(self.known.values()))

    def _do(self, work: Callable[[], T]) -> Deferred[T]:
        if not self.is_held:
            return self._done(work)
        done: Deferred[Any] = Deferred()
        self._waiting.append(lambda: self._done(work).chainDeferred(done))
        return done

    def _done(self, work: Callable[[], T]) -> Deferred[T]:
        if self.is_broken:
            return fail(StorageError("the disk is full"))
        return succeed(work())

    def _add(self, message: QueuedMessage) -> None:
        self._places[message.key] = next(self._numbers)
        self.alive[message.key] = message

    def _first(self, gateway: str, limit: int) -> tuple[QueuedMessage, ...]:
        found: list[QueuedMessage] = []
        size = 0
        for one in self._in_order(gateway)[: min(limit, 1000)]:
            size += len(one.payload)
            if found and size > MAX_BYTES_READ:
                break
            found.append(one)
        return tuple(found)

    def _forget(self, message: QueuedMessage) -> None:
        self.alive.pop(message.key, None)
        self.dead_letters.pop(message.key, None)

    def _in_order(self, gateway: str) -> list[QueuedMessage]:
        found = [one for one in self.alive.values() if one.gateway == gateway]
        return sorted(found, key=lambda one: self._places[one.key])
