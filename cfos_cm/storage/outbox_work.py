"""What the writer's thread does with the queues of the gateways."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    true,
    update,
)

from cfos_cm.charge_point.queued import DeadLetter, Depth, QueuedMessage
from cfos_cm.storage import checks
from cfos_cm.storage.gateway_transactions import bind, forget_pointless
from cfos_cm.storage.outbox_rows import (
    RAW_MOMENT,
    bury_numbers,
    count,
    forget_numbers,
    in_chunks,
    is_intact,
    keep_and_forget,
    message_of,
    messages,
    moment_of,
)
from cfos_cm.storage.tables import gateway_transactions, outbox, outbox_depths

__all__ = [
    "MAX_BYTES_READ",
    "MAX_MESSAGES_READ",
    "Read",
    "bind_and_forget",
    "drop_some",
    "give_up",
    "move",
    "note_attempt",
    "read_dead",
    "read_depth",
    "read_depths",
    "read_first",
    "read_waiting",
    "take_back",
]

#: Payloads that are read in one go. [bytes]
MAX_BYTES_READ = 1024 * 1024

#: Messages that are read in one go.
MAX_MESSAGES_READ = 1000

_START = "StartTransaction"
_DAMAGED = "it was damaged on the disk: its checksum does not fit"

_row = outbox.c

_DEAD: Select[Any] = select(_row.number, _row.size_bytes, _row.transaction_id)


@frozen
class Read:
    """
    What was found at the head of a queue.

    @ivar damaged: how many were found damaged, and given up.
    """

    messages: tuple[QueuedMessage, ...]
    damaged: int


def _state(gateway: str, is_dead: bool = False) -> ColumnElement[bool]:
    """Those of a gateway that wait, or those that do not."""
    return and_(_row.gateway == gateway, _row.is_dead == (true() if is_dead else false()))


def read_first(
    connection: Connection, gateway: str, limit: int, now: Callable[[], datetime]
) -> Read:
    """Read the messages that wait, oldest first, and give up those that are damaged."""
    damaged = 0
    while True:
        sound: list[QueuedMessage] = []
        bad: list[Row[Any]] = []
        for row in _head(connection, gateway, min(max(limit, 0), MAX_MESSAGES_READ)):
            message = message_of(row)
            if is_intact(row, message):
                sound.append(message)
            else:
                bad.append(row)
        if not bad:
            return Read(tuple(sound), damaged)
        # Once more: who reads is not to take a short answer for the end of the queue.
        for row in bad:
            _bury_with_kin(connection, row, _DAMAGED, now())
        damaged += len(bad)


def _head(connection: Connection, gateway: str, limit: int) -> Sequence[Row[Any]]:
    """What waits, up to a size; the first one whatever its size."""
    found: list[Row[Any]] = []
    size = 0
    first = messages(connection).where(_state(gateway)).order_by(_row.number).limit(limit)
    with connection.execute(first) as rows:
        for row in rows:
            size += len(row.payload)
            if found and size > MAX_BYTES_READ:
                break
            found.append(row)
    return found


def bind_and_forget(connection: Connection, message: QueuedMessage, backend_id: int) -> None:
    """Note the backend's number of a message's transaction, and forget the message."""
    if message.transaction_id is not None:
        bind(connection, message.gateway, message.transaction_id, backend_id)
    keep_and_forget(connection, [message.key])


def note_attempt(connection: Connection, message: QueuedMessage) -> None:
    """Note how often a message was sent, and what it is sent with next."""
    connection.execute(
        update(outbox)
        .where(_row.key == message.key)
        .values(
            attempts=message.attempts,
            message_id=checks.own_name(message.message_id, "the message id"),
        )
    )


def give_up(
    connection: Connection, message: QueuedMessage, why: str, now: Callable[[], datetime]
) -> int:
    """Make a dead letter of a message, and of all that cannot be sent without it."""
    waiting: Select[Any] = select(_row.number, _row.gateway, _row.action, _row.transaction_id)
    is_it = and_(_row.key == message.key, _row.is_dead == false())
    given_up = connection.execute(waiting.where(is_it)).first()
    return 0 if given_up is None else _bury_with_kin(connection, given_up, why, now())


def _bury_with_kin(connection: Connection, given_up: Row[Any], why: str, now: datetime) -> int:
    bury_numbers(connection, [given_up.number], why, now)
    if given_up.action != _START or given_up.transaction_id is None:
        return 1
    following = connection.scalars(
        select(_row.number).where(
            _row.gateway == given_up.gateway,
            _row.transaction_id == given_up.transaction_id,
            _row.is_dead == false(),
        )
    ).all()
    bury_numbers(connection, following, f"its {_START} was given up: {why}", now)
    return 1 + len(following)


def take_back(
    connection: Connection, gateway: str, keys: Sequence[str], new_key: Callable[[], str]
) -> int:
    """Have dead letters wait again, in the places that they had."""
    if keys:
        named = in_chunks(filter(checks.is_text, keys))
        chunks = (_with_kin(connection, gateway, chunk) for chunk in named)
        found = {row.number: row for rows in chunks for row in rows}
    else:
        found = {
            row.number: row
            for row in connection.execute(_DEAD.where(_state(gateway, is_dead=True)))
        }
    if not found:
        return 0
    connection.execute(
        update(outbox)
        .where(_row.number == bindparam("revived"))
        .values(
            is_dead=False,
            why_dead=None,
            buried_at=None,
            attempts=0,
            message_id=bindparam("sent_with"),
        ),
        [{"revived": number, "sent_with": new_key()} for number in found],
    )
    size = sum(row.size_bytes for row in found.values())
    count(connection, gateway, len(found), size, -len(found))
    return len(found)


def _with_kin(connection: Connection, gateway: str, keys: Sequence[str]) -> Sequence[Row[Any]]:
    """Dead letters by their keys, and all others of the same transactions."""
    is_named = and_(_state(gateway, is_dead=True), _row.key.in_(keys))
    named = connection.execute(_DEAD.where(is_named)).all()
    transactions = {row.transaction_id for row in named} - {None}
    kin = connection.execute(
        _DEAD.where(
            _row.gateway == gateway,
            _row.transaction_id.in_(transactions),
            _row.is_dead == true(),
        )
    ).all()
    return [*named, *kin]


def read_dead(
    connection: Connection, gateway: str, limit: int, offset: int
) -> tuple[DeadLetter, ...]:
    """Read dead letters, in the order in which they were queued."""
    rows = connection.execute(
        messages(connection)
        .where(_state(gateway, is_dead=True))
        .order_by(_row.number)
        .limit(min(max(limit, 0), MAX_MESSAGES_READ))
        .offset(max(offset, 0))
    )
    return tuple(DeadLetter(message_of(row), row.why_dead, row.buried_at) for row in rows)


def read_waiting(
    connection: Connection, gateway: str, limit: int, offset: int
) -> tuple[QueuedMessage, ...]:
    """Read what waits, oldest first, to look at: also what was damaged on the disk."""
    rows = connection.execute(
        messages(connection)
        .where(_state(gateway))
        .order_by(_row.number)
        .limit(min(max(limit, 0), MAX_MESSAGES_READ))
        .offset(max(offset, 0))
    )
    return tuple(map(message_of, rows))


def read_depth(connection: Connection, gateway: str) -> Depth:
    """How much there is of a gateway."""
    counted = select(outbox_depths).where(outbox_depths.c.gateway == gateway)
    row = connection.execute(counted).first()
    return Depth() if row is None else _depth(connection, row)


def read_depths(connection: Connection) -> Mapping[str, Depth]:
    """How much there is of each gateway that there is anything of."""
    rows = connection.execute(
        select(outbox_depths)
        .where(or_(outbox_depths.c.waiting > 0, outbox_depths.c.dead > 0))
        .order_by(outbox_depths.c.gateway)
    ).all()
    return {row.gateway: _depth(connection, row) for row in rows}


def _depth(connection: Connection, row: Row[Any]) -> Depth:
    oldest = select(RAW_MOMENT).where(_state(row.gateway)).order_by(_row.number).limit(1)
    raw = connection.scalar(oldest)
    return Depth(
        waiting=row.waiting,
        size_bytes=row.size_bytes,
        oldest_at=None if raw is None else moment_of(raw),
        dead=row.dead,
    )


def move(connection: Connection, from_gateway: str, to_gateway: str) -> int:
    """Give all that a gateway has to another one, but for transactions that this one has."""
    checks.own_name(to_gateway, "the gateway's key")
    if from_gateway == to_gateway:
        return 0
    theirs = select(gateway_transactions.c.transaction_id).where(
        gateway_transactions.c.gateway == to_gateway
    )
    is_moved = and_(
        _row.gateway == from_gateway,
        or_(_row.transaction_id.is_(None), _row.transaction_id.not_in(theirs)),
    )
    moved = _count_moved(connection, from_gateway, to_gateway, is_moved)
    connection.execute(update(outbox).where(is_moved).values(gateway=to_gateway))
    connection.execute(
        update(gateway_transactions)
        .where(
            gateway_transactions.c.gateway == from_gateway,
            gateway_transactions.c.transaction_id.not_in(theirs),
        )
        .values(gateway=to_gateway)
    )
    return moved


def drop_some(connection: Connection, gateway: str) -> int:
    """
    Forget some of what a gateway owes, newest first: what is left makes sense at any time.

    @return: how many were forgotten; 0: there are no more.
    """
    for is_dead in (False, True):
        numbers = connection.scalars(
            select(_row.number)
            .where(_state(gateway, is_dead))
            .order_by(_row.number.desc())
            .limit(MAX_MESSAGES_READ)
        ).all()
        if numbers:
            forget_numbers(connection, numbers)
            return len(numbers)
    forget_pointless(connection, gateway)
    return 0


def _count_moved(
    connection: Connection, from_gateway: str, to_gateway: str, is_moved: ColumnElement[bool]
) -> int:
    sums = select(_row.is_dead, func.count(), func.sum(_row.size_bytes))
    total = 0
    for is_dead, moved, size in connection.execute(
        sums.where(is_moved).group_by(_row.is_dead)
    ).all():
        # PostgreSQL's sum is no plain integer.
        grown = (0, 0, moved) if is_dead else (moved, int(size), 0)
        count(connection, from_gateway, *(-number for number in grown))
        count(connection, to_gateway, *grown)
        total += moved
    return total
