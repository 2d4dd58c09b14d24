"""What meters said: evidence, kept to the letter."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    and_,
    bindparam,
    delete,
    func,
    select,
)

from cfos_cm.site.transaction import MAX_TRANSACTION_ID
from cfos_cm.storage import checks
from cfos_cm.storage.tables import meter_values, transactions

__all__ = [
    "MAX_LOOSE_READINGS",
    "MAX_TRANSACTION_READINGS",
    "StoredMeterValues",
    "checked_meter_values",
    "is_evidence",
    "keep_meter_values",
    "read_meter_values",
]

#: Of one transaction: a reading each second for more than a day. Above it the first one stays,
#: for it belongs to the start, and the oldest of the others go.
MAX_TRANSACTION_READINGS = 100_000

#: Of one Charge Point, outside any transaction of its own.
MAX_LOOSE_READINGS = 10_000

#: Forgetting costs more than storing, so that it is done once for so many rows too many.
_ROWS_TOO_MANY = 256

#: Transactions and series that are remembered; more than run at the same time.
_MAX_REMEMBERED = 20_000

#: Where a connection's memory is kept.
_MEMORY = "cfos_cm.readings"

_OWNERS = select(transactions.c.transaction_id, transactions.c.charge_point).where(
    transactions.c.transaction_id.in_(bindparam("ids", expanding=True))
)

#: A Charge Point, and one of its transactions or C{None} for what is outside any.
_Series = tuple[str, int | None]


@frozen
class StoredMeterValues:
    """
    One MeterValues request.

    @ivar transaction_id: the transaction that it belongs to; C{None} when it named none, or
        none of this Charge Point.
    @ivar received_at: by our clock; UTC.
    @ivar payload_text: the payload as it came.
    """

    charge_point: str
    connector: int
    transaction_id: int | None
    received_at: datetime
    payload_text: str


def checked_meter_values(
    charge_point: str,
    connector: int,
    transaction_id: int | None,
    received_at: datetime,
    payload_text: str,
) -> StoredMeterValues:
    """
    Meter values that can be kept.

    @param transaction_id: as the Charge Point named it; one that cannot be is left out, for
        what it named is in the payload.
    @param received_at: aware.
    @raise cfos_cm.errors.RemoteProtocolError: when anything else cannot be kept.
    """
    if transaction_id is not None and not 1 <= transaction_id <= MAX_TRANSACTION_ID:
        transaction_id = None
    return StoredMeterValues(
        checks.name(charge_point, "the Charge Point's identity"),
        checks.int64(connector, "connectorId"),
        transaction_id,
        checks.moment(received_at, "the time"),
        checks.payload(payload_text, "the payload"),
    )


def is_evidence(payload_text: str) -> bool:
    """
    Whether a bill may hang on a reading: it is signed, or of a transaction's start or end.

    OCPP 1.6, SampledValue: the format SignedData; the contexts Transaction.Begin and
    Transaction.End.
    """
    return "SignedData" in payload_text or "Transaction." in payload_text


def keep_meter_values(connection: Connection, readings: Sequence[StoredMeterValues]) -> None:
    """
    Keep readings in their order, and from time to time forget the oldest above the bound.

    A transaction that is unknown, or another Charge Point's, is left out.
    """
    memory = connection.info.get(_MEMORY)
    if memory is None:
        memory = connection.info[_MEMORY] = _Memory(connection.dialect)
    try:
        memory.keep(connection, readings)
    except BaseException:
        # What it has counted is taken back, and what it knew may have been the reason.
        del connection.info[_MEMORY]
        raise


def read_meter_values(
    connection: Connection, charge_point: str, transaction_id: int | None
) -> tuple[StoredMeterValues, ...]:
    """The readings of a transaction, or those outside any, in the order of their arrival."""
    rows = connection.execute(
        select(meter_values)
        .where(_belongs(charge_point, transaction_id))
        # Not all have come here in the order in which they were received.
        .order_by(meter_values.c.received_at, meter_values.c.number)
    )
    return tuple(
        StoredMeterValues(
            row.charge_point,
            row.connector,
            row.transaction_id,
            row.received_at,
            row.payload_text,
        )
        for row in rows
    )


class _Memory:
    """
    What need not be asked of the database for each reading.

    It belongs to a connection, and goes with it: a connection is given up when a commit fails,
    and when another database takes the place of its own. Nobody else writes meter values, and
    a transaction never changes its owner.

    @ivar _owners: the Charge Points of transactions, by their ids; the last used one is last.
    @ivar _counts: how many readings a series has, at most; the last used one is last.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._insert = _insert_statement(dialect)
        self._as_stored = _sqlite_text if dialect.name == "sqlite" else _as_it_is
        self._owners: OrderedDict[int, str] = OrderedDict()
        self._counts: OrderedDict[_Series, int] = OrderedDict()

    def keep(self, connection: Connection, readings: Sequence[StoredMeterValues]) -> None:
        """See L{keep_meter_values}; after a failure this memory is of no use."""
        self._learn_owners(connection, readings)
        rows: list[tuple[object, ...]] = []
        too_many: list[_Series] = []
        for reading in readings:
            series = (reading.charge_point, self._owned(reading))
            if self._count(connection, series):
                too_many.append(series)
            received_at = self._as_stored(reading.received_at)
            rows.append((*series, reading.connector, received_at, reading.payload_text))
        cursor = connection.connection.cursor()
        cursor.executemany(self._insert, rows)
        cursor.close()
        for series in too_many:
            _forget_oldest(connection, *series)
        _forget_first(self._owners)
        _forget_first(self._counts)

    def _learn_owners(
        self, connection: Connection, readings: Iterable[StoredMeterValues]
    ) -> None:
        unknown = {
            reading.transaction_id
            for reading in readings
            if reading.transaction_id is not None and reading.transaction_id not in self._owners
        }
        if unknown:
            for transaction_id, owner in connection.execute(_OWNERS, {"ids": list(unknown)}):
                self._owners[transaction_id] = owner

    def _owned(self, reading: StoredMeterValues) -> int | None:
        """The reading's transaction, when it is the Charge Point's own."""
        transaction_id = reading.transaction_id
        if transaction_id is None or self._owners.get(transaction_id) != reading.charge_point:
            return None
        self._owners.move_to_end(transaction_id)
        return transaction_id

    def _count(self, connection: Connection, series: _Series) -> bool:
        """One more; whether it is time to forget the oldest."""
        count = self._counts.get(series)
        if count is None:
            count = _stored(connection, *series)
        bound = MAX_LOOSE_READINGS if series[1] is None else MAX_TRANSACTION_READINGS
        is_time = count + 1 >= bound + _ROWS_TOO_MANY
        self._counts[series] = bound if is_time else count + 1
        self._counts.move_to_end(series)
        return is_time


def _forget_first(remembered: OrderedDict[Any, Any]) -> None:
    while len(remembered) > _MAX_REMEMBERED:
        remembered.popitem(last=False)


def _insert_statement(dialect: Dialect) -> str:
    # As text for the driver: SQLAlchemy takes longer than the database does for the whole.
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    columns = ("charge_point", "transaction_id", "connector", "received_at", "payload_text")
    marks = ", ".join(mark for _ in columns)
    return f"INSERT INTO {meter_values.name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608


def _sqlite_text(moment: datetime) -> str:
    """A moment in UTC as L{cfos_cm.storage.tables.UtcDateTime} writes it to SQLite."""
    text = str(moment)[:-6]
    return text if moment.microsecond else text + ".000000"


def _as_it_is(moment: datetime) -> datetime:
    return moment


def _stored(connection: Connection, charge_point: str, transaction_id: int | None) -> int:
    belongs = _belongs(charge_point, transaction_id)
    return connection.scalar(select(func.count()).where(belongs)) or 0


def _belongs(charge_point: str, transaction_id: int | None) -> ColumnElement[bool]:
    return and_(
        meter_values.c.charge_point == charge_point,
        meter_values.c.transaction_id.is_(None)
        if transaction_id is None
        else meter_values.c.transaction_id == transaction_id,
    )


def _forget_oldest(
    connection: Connection, charge_point: str, transaction_id: int | None
) -> None:
    belongs = _belongs(charge_point, transaction_id)
    kept = MAX_LOOSE_READINGS if transaction_id is None else MAX_TRANSACTION_READINGS - 1
    newest_too_many = connection.scalar(
        select(meter_values.c.number)
        .where(belongs)
        .order_by(meter_values.c.number.desc())
        .offset(kept)
        .limit(1)
    )
    if newest_too_many is None:
        return
    too_many = and_(belongs, meter_values.c.number <= newest_too_many)
    if transaction_id is not None:
        first = select(func.min(meter_values.c.number)).where(belongs).scalar_subquery()
        too_many = and_(too_many, meter_values.c.number > first)
    connection.execute(delete(meter_values).where(too_many))
