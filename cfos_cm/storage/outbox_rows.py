"""Messages that backends are owed, as rows: writing, reading, counting and forgetting them."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from attrs import define
from sqlalchemy import (
    Connection,
    Executable,
    LargeBinary,
    Row,
    Select,
    Text,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from cfos_cm.charge_point.queued import QueuedMessage
from cfos_cm.errors import CallErrorCode, RemoteProtocolError, StorageError
from cfos_cm.storage import checks
from cfos_cm.storage.tables import outbox, outbox_depths

__all__ = [
    "RAW_MOMENT",
    "Change",
    "MessageRow",
    "bury_numbers",
    "checked_row",
    "count",
    "forget_numbers",
    "in_chunks",
    "insert_messages",
    "is_intact",
    "keep_and_forget",
    "message_of",
    "messages",
    "moment_of",
]

#: The columns of a message that waits.
MessageRow: TypeAlias = dict[str, Any]

#: A message to keep, or the key of one to forget.
Change: TypeAlias = "MessageRow | str"

#: So many are named in one statement; databases have a limit to that.
_CHUNK = 500

#: What is said about a message that is given up, at most. [characters]
_MAX_WHY_CHARS = 500

T = TypeVar("T")


def in_chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Some at a time, so many as one statement can name."""
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def checked_row(message: QueuedMessage) -> MessageRow:
    """
    A message as a row, when it can be one.

    @raise RemoteProtocolError: for a payload that cannot be kept, or another value of a peer's.
    @raise LocalProtocolError: for one of ours.
    """
    try:
        payload_text = message.payload.decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError(
            "the payload is not UTF-8", CallErrorCode.FORMATION_VIOLATION
        ) from None
    row: MessageRow = {
        "key": checks.own_name(message.key, "the message's key"),
        "gateway": checks.own_name(message.gateway, "the gateway's key"),
        "is_dead": False,
        "action": checks.name(message.action, "the action"),
        "connector": checks.int64(message.connector, "connectorId"),
        "transaction_id": message.transaction_id,
        "queued_at": message.queued_at,
        "is_periodic": message.is_periodic,
        "message_id": checks.own_name(message.message_id, "the message id"),
        "attempts": message.attempts,
        "size_bytes": len(message.payload),
        "payload_text": checks.payload(payload_text, "the payload"),
    }
    checks.int64(message.transaction_id or 0, "transactionId")
    row["checksum"] = _checksum(message)
    return row


def _checksum(message: QueuedMessage) -> int:
    told = (message.key, message.action, message.connector, message.transaction_id)
    return zlib.crc32(message.payload, zlib.crc32(repr(told).encode()))


# As it is stored: a text that was damaged on the disk can be no time any more, and reading it
# would be an error, too.
RAW_MOMENT = type_coerce(outbox.c.queued_at, Text)

#: When something was queued whose time cannot be read.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def moment_of(raw: Any) -> datetime:
    """When a message was queued, of C{RAW_MOMENT}; long ago, where nobody can tell."""
    if isinstance(raw, datetime):
        return raw.astimezone(UTC)
    try:
        return datetime.fromisoformat(raw).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return _LONG_AGO


# The payload's own bytes: a text that was damaged on the disk can be none any more, and reading
# it would be an error for all that are read with it.
_RAW_PAYLOAD = {
    "sqlite": cast(outbox.c.payload_text, LargeBinary),
    "postgresql": func.convert_to(outbox.c.payload_text, "UTF8"),
}
_RAW = frozenset({"payload_text", "queued_at"})
_MESSAGES: dict[str, Select[Any]] = {
    dialect: select(
        *(column for column in outbox.columns if column.name not in _RAW),
        RAW_MOMENT.label("queued_at"),
        payload.label("payload"),
    )
    for dialect, payload in _RAW_PAYLOAD.items()
}


def messages(connection: Connection) -> Select[Any]:
    """A query for rows that L{message_of} understands."""
    return _MESSAGES[connection.dialect.name]


def message_of(row: Row[Any]) -> QueuedMessage:
    """The message that is in a row."""
    return QueuedMessage(
        key=row.key,
        gateway=row.gateway,
        action=row.action,
        connector=row.connector,
        transaction_id=row.transaction_id,
        payload=bytes(row.payload),
        queued_at=moment_of(row.queued_at),
        is_periodic=row.is_periodic,
        message_id=row.message_id,
        attempts=row.attempts if isinstance(row.attempts, int) else 0,
    )


def is_intact(row: Row[Any], message: QueuedMessage) -> bool:
    """Whether a row is as it was written; what was damaged on the disk is not to be sent."""
    return bool(row.checksum == _checksum(message))


@define
class _Growth:
    """By how much a queue gets longer; or shorter, below 0."""

    waiting: int = 0
    size_bytes: int = 0
    dead: int = 0


def _counting() -> dict[str, Executable]:
    statements: dict[str, Executable] = {}
    for dialect, insert_into in (("sqlite", sqlite.insert), ("postgresql", postgresql.insert)):
        adding = insert_into(outbox_depths)
        statements[dialect] = adding.on_conflict_do_update(
            index_elements=[outbox_depths.c.gateway],
            set_={
                name: outbox_depths.c[name] + adding.excluded[name]
                for name in ("waiting", "size_bytes", "dead")
            },
        )
    return statements


_COUNT = _counting()


def count(
    connection: Connection, gateway: str, waiting: int = 0, size_bytes: int = 0, dead: int = 0
) -> None:
    """Note that there is more of a gateway's, or, below 0, less."""
    connection.execute(
        _COUNT[connection.dialect.name],
        {"gateway": gateway, "waiting": waiting, "size_bytes": size_bytes, "dead": dead},
    )


def insert_messages(connection: Connection, rows: Sequence[MessageRow]) -> None:
    """Put messages behind all others, in their order."""
    if not rows:
        return
    connection.execute(insert(outbox), rows)
    lengths: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for row in rows:
        lengths[row["gateway"]] += 1
        sizes[row["gateway"]] += row["size_bytes"]
    for gateway, length in lengths.items():
        count(connection, gateway, length, sizes[gateway])


def keep_and_forget(connection: Connection, changes: Sequence[Change]) -> None:
    """
    Keep messages, and forget others; a message that comes and goes here is never written.

    @raise StorageError: for a key that is there twice.
    """
    kept: dict[str, MessageRow] = {}
    forgotten: list[str] = []
    for change in changes:
        if isinstance(change, str):
            if kept.pop(change, None) is None:
                forgotten.append(change)
        elif change["key"] in kept:
            raise StorageError("two messages have the same key")
        else:
            kept[change["key"]] = change
    # First, for what is forgotten here is older than all that is kept.
    if forgotten:
        _forget_keys(connection, forgotten)
    insert_messages(connection, list(kept.values()))


_HELD: Select[Any] = select(
    outbox.c.number, outbox.c.gateway, outbox.c.size_bytes, outbox.c.is_dead
)
_HELD_BY_KEY = _HELD.where(outbox.c.key.in_(bindparam("keys", expanding=True)))
_HELD_BY_NUMBER = _HELD.where(outbox.c.number.in_(bindparam("numbers", expanding=True)))
_FORGET = delete(outbox).where(outbox.c.number.in_(bindparam("numbers", expanding=True)))
_BURY = (
    update(outbox)
    .where(outbox.c.number.in_(bindparam("numbers", expanding=True)))
    .values(is_dead=True, why_dead=bindparam("told"), buried_at=bindparam("at"))
)


def _forget_keys(connection: Connection, keys: Iterable[str]) -> None:
    for chunk in in_chunks(keys):
        _forget(connection, connection.execute(_HELD_BY_KEY, {"keys": chunk}).all())


def forget_numbers(connection: Connection, numbers: Iterable[int]) -> None:
    """Forget messages, by the numbers of their rows."""
    for chunk in in_chunks(numbers):
        _forget(connection, connection.execute(_HELD_BY_NUMBER, {"numbers": chunk}).all())


def _forget(connection: Connection, held: Collection[Row[Any]]) -> None:
    if not held:
        return
    connection.execute(_FORGET, {"numbers": [row.number for row in held]})
    _count_off(connection, held)


def _count_off(
    connection: Connection, held: Collection[Row[Any]], buried: bool = False
) -> None:
    """Note that messages are not there any more, or not among those that wait."""
    grown: dict[str, _Growth] = {}
    for row in held:
        growth = grown.setdefault(row.gateway, _Growth())
        if row.is_dead:
            growth.dead -= 1
        else:
            growth.waiting -= 1
            growth.size_bytes -= row.size_bytes
        growth.dead += buried
    for gateway, growth in grown.items():
        count(connection, gateway, growth.waiting, growth.size_bytes, growth.dead)


def bury_numbers(
    connection: Connection, numbers: Iterable[int], why: str, now: datetime
) -> None:
    """
    Make dead letters of messages, by the numbers of their rows.

    @param why: for people; what no database can keep of it is left out.
    """
    told = why.replace("\0", "").encode(errors="replace").decode()[:_MAX_WHY_CHARS]
    for chunk in in_chunks(numbers):
        held = connection.execute(_HELD_BY_NUMBER, {"numbers": chunk}).all()
        connection.execute(_BURY, {"numbers": chunk, "told": told, "at": now})
        _count_off(connection, held, buried=True)
