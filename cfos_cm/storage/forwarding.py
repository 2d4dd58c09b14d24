"""A ledger that tells backends: what it writes down is owed to them from the same moment on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from attrs import frozen
from sqlalchemy import Connection, select
from twisted.internet.defer import Deferred

from cfos_cm.charge_point.queued import QueuedMessage, Route
from cfos_cm.site.records import (
    StopOutcome,
    StoredStart,
    StoredStop,
    TransactionStart,
    TransactionStop,
)
from cfos_cm.storage.database import Database
from cfos_cm.storage.gateway_transactions import (
    end_everywhere,
    note_transaction,
    unended_at,
)
from cfos_cm.storage.intake import ReadingsIntake
from cfos_cm.storage.outbox_rows import checked_row, insert_messages
from cfos_cm.storage.tables import transactions
from cfos_cm.storage.transactions import Ledger, write_start, write_stop
from cfos_cm.v16.actions import encode
from cfos_cm.v16.core import Reason, StopTransactionRequest
from cfos_cm.v16.timestamps import format_timestamp

__all__ = ["ForwardingLedger"]

_STOP = "StopTransaction"


@frozen
class _Making:
    """What messages are made with; both are called in the writer's thread."""

    new_key: Callable[[], str]
    now: Callable[[], datetime]

    def message(
        self, route: Route, action: str, transaction_id: int, request_text: str
    ) -> QueuedMessage:
        return QueuedMessage(
            key=self.new_key(),
            gateway=route.gateway,
            action=action,
            connector=route.connector,
            transaction_id=transaction_id,
            payload=request_text.encode(),
            queued_at=self.now(),
            is_periodic=False,
            message_id=self.new_key(),
        )


class ForwardingLedger(Ledger):
    """
    A ledger that also queues what backends are to be told: a start or a stop and the messages
    about it are on disk together, or not at all.
    """

    def __init__(
        self,
        database: Database,
        new_id: Callable[[], int],
        new_key: Callable[[], str],
        now: Callable[[], datetime],
        intake: ReadingsIntake | None = None,
    ) -> None:
        """
        @param new_key: makes the keys of messages, and their message ids; never the same twice,
            and at most 36 characters. It is called in the writer's thread, as C{now} is.
        @param now: the time of day; aware.
        @see: L{Ledger.__init__}
        """
        super().__init__(database, new_id, intake)
        self._making = _Making(new_key, now)

    def start_and_queue(
        self, start: TransactionStart, routes: Sequence[Route] = (), last_wh: int | None = None
    ) -> Deferred[tuple[StoredStart, tuple[QueuedMessage, ...]]]:
        """
        Note the start of a transaction, as L{Ledger.start} does, and queue it for backends.

        A start that is repeated is queued for none: that was done with the first one, or was
        not to be.

        A transaction that was open at its connector has ended before, though nobody has said
        so, and nobody will: what a Charge Point tells of transactions it tells in their order.
        Its backends are told that.

        @param routes: whom it is told; a gateway that is named again is told once.
        @param last_wh: what the meter there was last heard to show; C{None}: not known. [Wh]
        @return: fires with what became of it, and with the messages that are on disk now.
        """
        return self._database.run(
            partial(
                _start,
                start=start,
                routes=routes,
                last_wh=last_wh,
                new_id=self._new_id,
                making=self._making,
            )
        )

    def stop_and_queue(
        self, stop: TransactionStop
    ) -> Deferred[tuple[StoredStop, tuple[QueuedMessage, ...]]]:
        """
        Note the end of a transaction, as L{Ledger.stop} does, and queue it for each backend
        that was told of its start, or will be.

        A stop that changes nothing is queued for none.

        @return: as that of L{start_and_queue}.
        """
        return self._database.run(partial(_stop, stop=stop, making=self._making))


def _start(
    connection: Connection,
    start: TransactionStart,
    routes: Sequence[Route],
    last_wh: int | None,
    new_id: Callable[[], int],
    making: _Making,
) -> tuple[StoredStart, tuple[QueuedMessage, ...]]:
    stored = write_start(connection, start, new_id)
    if stored.repeated:
        return stored, ()
    ends = [
        message
        for never_ended in unended_at(connection, start.charge_point, start.connector)
        for message in _ends(connection, never_ended, start, last_wh, making)
    ]
    number = stored.transaction.transaction_id
    told: dict[str, Route] = {}
    for route in routes:
        told.setdefault(route.gateway, route)
    queued = tuple(
        making.message(route, "StartTransaction", number, start.request_text)
        for route in told.values()
    )
    for message in queued:
        note_transaction(connection, message.gateway, message.connector, stored.transaction)
    queued = (*ends, *queued)
    insert_messages(connection, [checked_row(message) for message in queued])
    return stored, queued


def _ends(
    connection: Connection,
    number: int,
    start: TransactionStart,
    last_wh: int | None,
    making: _Making,
) -> list[QueuedMessage]:
    """
    What backends are told of a transaction whose end nobody has told.

    Its last reading is the highest that is known: some meters begin anew with each transaction.
    """
    rows = end_everywhere(connection, number)
    if not rows:
        return []
    first_wh = connection.scalar(
        select(transactions.c.meter_start_wh).where(transactions.c.transaction_id == number)
    )
    request = StopTransactionRequest(
        meter_stop=max(first_wh or 0, start.meter_start_wh, last_wh or 0),
        timestamp=format_timestamp(start.started_at),
        transaction_id=number,
        reason=Reason.OTHER,
    )
    text = encode(request).decode()
    return [
        making.message(Route(row.gateway, row.connector), _STOP, number, text) for row in rows
    ]


def _stop(
    connection: Connection, stop: TransactionStop, making: _Making
) -> tuple[StoredStop, tuple[QueuedMessage, ...]]:
    stored = write_stop(connection, stop)
    if stored.outcome is not StopOutcome.STOPPED:
        return stored, ()
    number = stop.transaction_id
    queued = tuple(
        making.message(Route(row.gateway, row.connector), _STOP, number, stop.request_text)
        for row in end_everywhere(connection, number)
    )
    insert_messages(connection, [checked_row(message) for message in queued])
    return stored, queued
