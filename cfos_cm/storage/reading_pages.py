"""The readings of a transaction, some at a time: there may be hundreds of megabytes of them."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Row, func, select

from cfos_cm.storage.readings import StoredMeterValues, belongs, in_bucket, noted_buckets
from cfos_cm.storage.tables import BUCKET_ROWS, meter_value_buckets, meter_values

__all__ = ["MAX_CHARS_READ", "MAX_READINGS_READ", "ReadingPage", "read_page"]

#: In one go; the first one whatever its length.
MAX_READINGS_READ = 128
MAX_CHARS_READ = 256 * 1024

#: Buckets without a reading that are passed in one go: there is none but after a fault.
_MAX_EMPTY_BUCKETS = 100

_number = meter_values.c.number
_bucket = meter_value_buckets.c.bucket


@frozen
class ReadingPage:
    """
    Some readings, in the order of their storing.

    @ivar next: what those that follow come after; C{None}: there are none.
    """

    readings: tuple[StoredMeterValues, ...]
    next: int | None


def read_page(
    connection: Connection, charge_point: str, transaction_id: int, after: int = 0
) -> ReadingPage:
    """
    Some readings of a transaction, oldest first.

    @param after: those behind that one; the C{next} of the page before.
    """
    series = charge_point, transaction_id
    buckets = connection.scalars(
        select(_bucket)
        .where(noted_buckets(series), _bucket >= after // BUCKET_ROWS)
        .order_by(_bucket)
        .limit(_MAX_EMPTY_BUCKETS)
    ).all()
    for bucket in buckets:
        found = _lengths(connection, series, bucket, after)
        if found:
            numbers = _first_of(found)
            return ReadingPage(_read(connection, numbers), numbers[-1])
    if len(buckets) < _MAX_EMPTY_BUCKETS:
        return ReadingPage((), None)
    return ReadingPage((), (buckets[-1] + 1) * BUCKET_ROWS - 1)


def _lengths(
    connection: Connection, series: tuple[str, int], bucket: int, after: int
) -> list[tuple[int, int]]:
    rows = connection.execute(
        select(_number, func.length(meter_values.c.payload_text))
        # In a bucket the index has them in their order.
        .where(in_bucket(bucket), belongs(series), _number > after)
        .order_by(_number)
        .limit(MAX_READINGS_READ)
    )
    return [(number, chars) for number, chars in rows]


def _first_of(lengths: list[tuple[int, int]]) -> list[int]:
    """As many as are not too long together."""
    numbers: list[int] = []
    total = 0
    for number, chars in lengths:
        total += chars
        if numbers and total > MAX_CHARS_READ:
            break
        numbers.append(number)
    return numbers


def _read(connection: Connection, numbers: list[int]) -> tuple[StoredMeterValues, ...]:
    rows = connection.execute(
        select(meter_values).where(_number.in_(numbers)).order_by(_number)
    )
    return tuple(map(_stored, rows))


def _stored(row: Row[Any]) -> StoredMeterValues:
    return StoredMeterValues(
        row.charge_point, row.connector, row.transaction_id, row.received_at, row.payload_text
    )
