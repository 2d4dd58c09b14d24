"""All that is in the queues of the gateways, some at a time, to be looked at."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen
from sqlalchemy import Connection

from cfos_cm.charge_point.queued import QueuedMessage
from cfos_cm.storage.outbox_rows import message_of, messages
from cfos_cm.storage.tables import outbox

__all__ = ["MAX_ENTRIES_READ", "QueueEntry", "read_entries"]

#: In one go; each may be as long as a message can be.
MAX_ENTRIES_READ = 50


@frozen
class QueueEntry:
    """
    A message that a backend is owed.

    @ivar number: its place in the order of all of them.
    @ivar why_dead: why it was given up; C{None}: it waits.
    @ivar buried_at: when; C{None} likewise.
    """

    number: int
    message: QueuedMessage
    why_dead: str | None
    buried_at: datetime | None


def read_entries(connection: Connection, after: int = 0) -> tuple[QueueEntry, ...]:
    """
    Some of the messages of all gateways, in their order; none: there are no more.

    @param after: those behind the one of this number.
    """
    rows = connection.execute(
        messages(connection)
        .where(outbox.c.number > after)
        .order_by(outbox.c.number)
        .limit(MAX_ENTRIES_READ)
    )
    return tuple(
        QueueEntry(row.number, message_of(row), row.why_dead, row.buried_at) for row in rows
    )
