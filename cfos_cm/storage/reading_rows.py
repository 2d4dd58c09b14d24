"""Readings as rows, many of them in one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, TypeAlias

from sqlalchemy import Dialect, Table

from cfos_cm.storage.readings import Reading
from cfos_cm.storage.tables import meter_value_buckets, meter_values

__all__ = ["ReadingRows"]

#: So many rows are written by one statement, from the first one on as long as there are enough:
#: for each statement the thread lets go of the interpreter, and has to wait for it again.
_ROWS_AT_ONCE = (100, 10, 1)

#: A statement for each of those numbers of rows.
_ForMany: TypeAlias = list[tuple[int, str]]


class ReadingRows:
    """
    What is written for each reading, as text for the driver: SQLAlchemy takes longer than the
    database does for the whole.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._mark = "?" if dialect.paramstyle == "qmark" else "%s"
        self._as_stored = _SqliteText() if dialect.name == "sqlite" else _as_it_is
        self._readings = self._for_many(
            meter_values,
            "number, charge_point, connector, transaction_id, received_at, payload_text",
        )
        self._buckets = self._for_many(
            meter_value_buckets,
            "charge_point, transaction_id, bucket, readings, chars",
            " ON CONFLICT (charge_point, transaction_id, bucket)"
            " DO UPDATE SET readings = excluded.readings, chars = excluded.chars",
        )

    def _for_many(self, table: Table, columns: str, otherwise: str = "") -> _ForMany:
        row = f"({', '.join([self._mark] * len(columns.split(', ')))})"
        return [
            (
                rows,
                f"INSERT INTO {table.name} ({columns})"  # noqa: S608 - only names of ours
                f" VALUES {', '.join([row] * rows)}{otherwise}",
            )
            for rows in _ROWS_AT_ONCE
        ]

    def insert(self, cursor: Any, number: int, readings: Sequence[Reading]) -> None:
        """
        Write readings.

        @param number: of the first row; the others have those that follow.
        """
        as_stored = self._as_stored
        rows = (
            (number, charge_point, connector, transaction_id, as_stored(received_at), text)
            for number, (charge_point, connector, transaction_id, received_at, text) in (
                enumerate(readings, number)
            )
        )
        _execute(cursor, self._readings, rows, len(readings))

    def note(self, cursor: Any, buckets: Sequence[Sequence[object]]) -> None:
        """
        Write in which buckets some series are.

        @param buckets: Charge Point, transaction, bucket, how many there, and how long.
        """
        _execute(cursor, self._buckets, iter(buckets), len(buckets))


def _execute(
    cursor: Any, statements: _ForMany, rows: Iterator[Sequence[object]], count: int
) -> None:
    # Rows are made when their statement comes, so that the interpreter is let go of in between.
    for size, statement in statements:
        while count >= size:
            cursor.execute(statement, list(chain.from_iterable(islice(rows, size))))
            count -= size


class _SqliteText:
    """
    A moment in UTC as L{cfos_cm.storage.tables.UtcDateTime} writes it to SQLite.

    Most come in the same second as the one before: it is written out once.
    """

    def __init__(self) -> None:
        self._second = datetime.min.replace(tzinfo=UTC)
        self._text = ""

    def __call__(self, moment: datetime) -> str:
        since = moment - self._second
        if since.days or since.seconds:
            self._second = moment.replace(microsecond=0)
            self._text = self._second.replace(tzinfo=None).isoformat(" ")
        return f"{self._text}.{moment.microsecond:06}"


def _as_it_is(moment: datetime) -> datetime:
    return moment
