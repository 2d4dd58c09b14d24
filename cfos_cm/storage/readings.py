"""What meters said: evidence, kept to the letter."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select

from cfos_cm.storage.tables import meter_values

__all__ = [
    "MAX_LOOSE_READINGS",
    "MAX_TRANSACTION_READINGS",
    "StoredMeterValues",
    "keep_meter_values",
    "read_meter_values",
]

#: Of one transaction: a reading each second for more than a day. Above it the first one stays,
#: for it belongs to the start, and the oldest of the others go.
MAX_TRANSACTION_READINGS = 100_000

#: Of one Charge Point, outside any transaction of its own.
MAX_LOOSE_READINGS = 10_000

#: Counting costs more than storing, so that it is done once for so many rows.
_ROWS_BETWEEN_COUNTS = 256


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


def keep_meter_values(connection: Connection, values: StoredMeterValues) -> None:
    """Keep a reading, and from time to time forget the oldest above the bound."""
    stored = connection.execute(
        insert(meter_values).values(
            charge_point=values.charge_point,
            connector=values.connector,
            transaction_id=values.transaction_id,
            received_at=values.received_at,
            payload_text=values.payload_text,
        )
    )
    (number,) = stored.inserted_primary_key or (0,)
    if number % _ROWS_BETWEEN_COUNTS == 0:
        _forget_oldest(connection, values.charge_point, values.transaction_id)


def read_meter_values(
    connection: Connection, charge_point: str, transaction_id: int | None
) -> tuple[StoredMeterValues, ...]:
    """The readings of a transaction, or those outside any, in the order of their arrival."""
    rows = connection.execute(
        select(meter_values)
        .where(_belongs(charge_point, transaction_id))
        .order_by(meter_values.c.number)
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
