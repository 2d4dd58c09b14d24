"""The queues of the gateways: what is in one is owed to its backend until it has answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from cfos_cm.charge_point.queued import BoundTransaction, DeadLetter, Depth, QueuedMessage
from cfos_cm.errors import CfosError
from cfos_cm.storage import outbox_work as work
from cfos_cm.storage.database import Database
from cfos_cm.storage.gateway_transactions import read_transactions
from cfos_cm.storage.outbox_rows import checked_row, keep_and_forget
from cfos_cm.storage.outbox_thinning import thin_some

__all__ = ["Outboxes"]

_log = Logger(namespace="cfos_cm.storage")


class Outboxes:
    """
    All queues. Each Deferred fires when it is on disk, in the order of the calls; it fails with
    L{cfos_cm.errors.StorageError} when it is not.

    This is L{cfos_cm.charge_point.environment.OutboxStore}, and what else an operator may want.
    """

    def __init__(
        self, database: Database, new_key: Callable[[], str], now: Callable[[], datetime]
    ) -> None:
        """
        @param new_key: makes a message id, never the same twice. It is called in the writer's
            thread, as C{now} is.
        @param now: the time of day; aware.
        """
        self._database = database
        self._new_key = new_key
        self._now = now

    def add(self, message: QueuedMessage) -> Deferred[None]:
        """
        Put a message behind all others of its gateway.

        @return: fails with L{cfos_cm.errors.RemoteProtocolError} for a payload that cannot be
            kept.
        """
        try:
            row = checked_row(message)
        except CfosError as error:
            return fail(error)
        return self._database.run_together(keep_and_forget, row)

    def first(self, gateway: str, limit: int) -> Deferred[tuple[QueuedMessage, ...]]:
        """
        The messages that wait, oldest first: at most C{limit}, and at most
        L{work.MAX_BYTES_READ} or one.

        There may be more as long as there are any. What was damaged on the disk becomes a dead
        letter and is left out.
        """
        reading = self._database.run(
            partial(work.read_first, gateway=gateway, limit=limit, now=self._now)
        )
        return reading.addCallback(partial(_intact, gateway))

    def delivered(self, message: QueuedMessage) -> Deferred[None]:
        """
        It was answered: forget it.

        There is no hurry: who falls before sends it again, with the same message id.
        """
        return self._database.run_together(keep_and_forget, message.key, is_patient=True)

    def bound(self, message: QueuedMessage, backend_id: int) -> Deferred[None]:
        """
        A StartTransaction was answered: note the backend's number of its transaction, and
        forget the message, both or neither.

        @return: fails with L{cfos_cm.errors.RemoteProtocolError} for a number of more than 64
            bits.
        """
        return self._database.run(
            partial(work.bind_and_forget, message=message, backend_id=backend_id)
        )

    def refused(self, message: QueuedMessage) -> Deferred[None]:
        """Note its C{attempts} and C{message_id}."""
        return self._database.run(partial(work.note_attempt, message=message))

    def bury(self, message: QueuedMessage, why: str) -> Deferred[int]:
        """
        Give it up. With a StartTransaction all that waits of the same transaction is given up.

        @return: how many these were; 0: it does not wait any more.
        """
        return self._database.run(
            partial(work.give_up, message=message, why=why, now=self._now)
        )

    def revive(self, gateway: str, keys: tuple[str, ...] = ()) -> Deferred[int]:
        """
        Have dead letters sent again, with new message ids: those with these keys, or all; each
        comes before what was queued after it, and goes with all dead letters of its
        transaction.

        @return: how many these were.
        """
        return self._database.run(
            partial(work.take_back, gateway=gateway, keys=keys, new_key=self._new_key)
        )

    def dead(
        self, gateway: str, limit: int, offset: int = 0
    ) -> Deferred[tuple[DeadLetter, ...]]:
        """
        Dead letters, in the order in which they were queued.

        @param limit: at most so many, and never more than L{work.MAX_MESSAGES_READ}.
        @param offset: so many of the oldest are left out.
        """
        return self._database.run(
            partial(work.read_dead, gateway=gateway, limit=limit, offset=offset)
        )

    def depth(self, gateway: str) -> Deferred[Depth]:
        """How much there is."""
        return self._database.run(partial(work.read_depth, gateway=gateway))

    def thin(self, gateway: str, keep: int) -> Deferred[int]:
        """
        Forget every second periodic reading of each transaction, oldest first, and again, until
        no more than C{keep} messages wait; never the first or the last of a transaction.

        All that waits may be looked at for that: whoever has too much does well to ask for a
        good deal less. Others take their turns meanwhile.

        @return: how many were forgotten.
        """
        return Deferred.fromCoroutine(self._thin(gateway, keep))

    async def _thin(self, gateway: str, keep: int) -> int:
        forgotten = 0
        while True:
            before, after = forgotten, 0
            while True:
                thinned = await self._database.run(
                    partial(thin_some, gateway=gateway, keep=keep, after=after)
                )
                forgotten += thinned.forgotten
                if thinned.is_enough:
                    return forgotten
                if thinned.last is None:
                    break
                after = thinned.last
            if forgotten == before:
                return forgotten

    def transactions(self, gateway: str) -> Deferred[tuple[BoundTransaction, ...]]:
        """
        Those that the backend knows or will be told of, oldest first; at most the newest 1000.

        @see: L{read_transactions} for which these are when there are more.
        """
        return self._database.run(partial(read_transactions, gateway=gateway))

    def gateways(self) -> Deferred[Mapping[str, Depth]]:
        """How much there is of each gateway that anything is there of, configured or not."""
        return self._database.run(work.read_depths)

    def move(self, from_gateway: str, to_gateway: str) -> Deferred[int]:
        """
        Give what one gateway owes, and its transactions, to another one that has the same
        backend behind it: its numbers of transactions stay. What waits keeps its order.

        What is about a transaction that the other one was told of itself stays where it is.
        All or nothing is moved, and while it is, everybody else waits for the disk.

        @return: how many messages were moved, dead letters too.
        """
        return self._database.run(
            partial(work.move, from_gateway=from_gateway, to_gateway=to_gateway)
        )

    def drop(self, gateway: str) -> Deferred[int]:
        """
        Forget all that a gateway owes, dead letters too, and the transactions that its backend
        does not know the start of, or that are over. Nobody gets them any more.

        It is done newest first, some at a time, and others have their turns meanwhile; what
        comes while there still is something goes too.

        @return: how many messages were forgotten.
        """
        return Deferred.fromCoroutine(self._drop(gateway))

    async def _drop(self, gateway: str) -> int:
        dropping = partial(work.drop_some, gateway=gateway)
        forgotten = 0
        while some := await self._database.run(dropping):
            forgotten += some
        return forgotten


def _intact(gateway: str, read: work.Read) -> tuple[QueuedMessage, ...]:
    if read.damaged:
        _log.critical(
            "{count} messages of the queue {gateway} were damaged on the disk. They are not"
            " sent, and kept as dead letters.",
            count=read.damaged,
            gateway=gateway,
        )
    return read.messages
