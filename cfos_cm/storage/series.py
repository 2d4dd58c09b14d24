"""Keeping readings: many at once, and of each series no more than its bound."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

from attrs import define
from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from cfos_cm.storage.reading_rows import ReadingRows
from cfos_cm.storage.readings import Reading, Series, belongs, in_bucket, noted_buckets
from cfos_cm.storage.tables import (
    BUCKET_ROWS,
    OUTSIDE_ANY,
    meter_value_buckets,
    meter_values,
    transactions,
)

__all__ = [
    "MAX_LOOSE_CHARS",
    "MAX_LOOSE_READINGS",
    "MAX_TRANSACTION_CHARS",
    "MAX_TRANSACTION_READINGS",
    "forget_what_is_remembered",
    "keep_meter_values",
]

#: Of one transaction: a reading each second for more than a day. Above it the first one stays,
#: for it belongs to the start, and the oldest of the others go.
MAX_TRANSACTION_READINGS = 100_000

#: As many readings with twelve values each, and half as long again for signatures. Long
#: readings reach this first.
MAX_TRANSACTION_CHARS = 256 * 1024 * 1024

#: Of one Charge Point, outside any transaction of its own.
MAX_LOOSE_READINGS = 10_000

#: As many readings of some 3 KiB.
MAX_LOOSE_CHARS = 32 * 1024 * 1024

#: Forgetting costs more than storing, so that it is done once for so much too much.
_ROWS_TOO_MANY = 256
_CHARS_TOO_MANY = 1024 * 1024

#: Series that are remembered; more than run at the same time.
_MAX_REMEMBERED = 20_000

#: One of C{meter_value_buckets}.
_Noted: TypeAlias = Row[tuple[Any, ...]]

#: Where a connection's memory is kept.
_MEMORY = "cfos_cm.readings"

_OWNERS = select(transactions.c.transaction_id, transactions.c.charge_point).where(
    transactions.c.transaction_id.in_(bindparam("ids", expanding=True))
)


def keep_meter_values(connection: Connection, readings: Sequence[Reading]) -> None:
    """
    Keep readings in their order, and from time to time forget the oldest above the bound.

    A transaction that is unknown, or another Charge Point's, is left out.
    """
    try:
        memory = connection.info.get(_MEMORY)
        if memory is None:
            memory = connection.info[_MEMORY] = _Memory(connection)
        memory.keep(connection, readings)
    except BaseException:
        # What it has counted is taken back, and what it knew may have been the reason.
        forget_what_is_remembered(connection)
        raise


def forget_what_is_remembered(connection: Connection) -> None:
    """Ask the database again; to be called when something that was kept is taken back."""
    connection.info.pop(_MEMORY, None)


@define
class _Kept:
    """
    How much is stored of a series.

    @ivar most: so many may stay.
    @ivar longest: so long may they be.
    @ivar bucket: the newest one that it has readings in; C{None}: it has none at all.
    @ivar readings_there: how many there are in that bucket.
    @ivar chars_there: how long they are.
    """

    most: int
    longest: int
    readings: int = 0
    chars: int = 0
    bucket: int | None = None
    readings_there: int = 0
    chars_there: int = 0

    @property
    def is_beyond(self) -> bool:
        """Whether it is more than may stay."""
        return self.readings > self.most or self.chars > self.longest

    def begin(self, bucket: int) -> None:
        """What comes now is in a newer bucket."""
        self.bucket = bucket
        self.readings_there = self.chars_there = 0

    def add(self, readings: int, chars: int) -> bool:
        """Some more, in the newest bucket; whether it is time to forget some."""
        self.readings_there += readings
        self.chars_there += chars
        self.readings += readings
        self.chars += chars
        return (
            self.readings >= self.most + _ROWS_TOO_MANY
            or self.chars >= self.longest + _CHARS_TOO_MANY
        )

    def is_in(self, noted: _Noted) -> tuple[int, int]:
        """How many of them, and how long, are in a bucket."""
        if noted.bucket == self.bucket:
            return self.readings_there, self.chars_there
        return noted.readings or 0, noted.chars or 0

    def remove(self, bucket: int, readings: int, chars: int) -> None:
        """Some less, in any bucket."""
        self.readings -= readings
        self.chars -= chars
        if bucket == self.bucket:
            self.readings_there -= readings
            self.chars_there -= chars


class _Memory:
    """
    What need not be asked of the database for each reading.

    It belongs to a connection, and goes with it: a connection is given up when a commit fails,
    and when another database takes the place of its own. Nobody else writes meter values, and
    a transaction never changes its owner.

    @ivar _next_number: of the next row.
    @ivar _series: how much of each is stored, the one that has grown last at the end; a
        transaction that is in it is the Charge Point's own.
    """

    def __init__(self, connection: Connection) -> None:
        self._rows = ReadingRows(connection.dialect)
        newest = connection.scalar(select(func.max(meter_values.c.number)))
        self._next_number = (newest or 0) + 1
        self._series: OrderedDict[Series, _Kept] = OrderedDict()

    def keep(self, connection: Connection, readings: Sequence[Reading]) -> None:
        """See L{keep_meter_values}; after a failure this memory is of no use."""
        while readings:
            bucket, place = divmod(self._next_number, BUCKET_ROWS)
            room = BUCKET_ROWS - place
            self._keep_in(connection, bucket, readings[:room])
            readings = readings[room:]
        while len(self._series) > _MAX_REMEMBERED:
            self._series.popitem(last=False)

    def _keep_in(
        self, connection: Connection, bucket: int, readings: Sequence[Reading]
    ) -> None:
        lengths = _lengths(readings)
        foreign = self._foreign(connection, lengths)
        if foreign:
            readings = [
                _outside_any(one) if (one[0], one[2]) in foreign else one for one in readings
            ]
            lengths = _lengths(readings)
        noted: list[tuple[object, ...]] = []
        grown: list[Series] = []
        for series, found in lengths.items():
            kept = self._series.get(series)
            if kept is None:
                kept = self._series[series] = _learnt(connection, series, bucket)
            else:
                self._series.move_to_end(series)
            if kept.bucket != bucket:
                noted += _moving_on(series, kept, bucket)
                kept.begin(bucket)
            if kept.add(len(found), sum(found)):
                grown.append(series)
        cursor = connection.connection.cursor()
        self._rows.note(cursor, noted)
        self._rows.insert(cursor, self._next_number, readings)
        cursor.close()
        self._next_number += len(readings)
        for series in grown:
            _forget_oldest(connection, series, self._series[series])

    def _foreign(self, connection: Connection, named: Collection[Series]) -> set[Series]:
        """What names a transaction that is not the Charge Point's own."""
        unknown = {series for series in named if series not in self._series}
        ids = {number for _, number in unknown if number is not None}
        if not ids:
            return set()
        own = {
            (charge_point, number)
            for number, charge_point in connection.execute(_OWNERS, {"ids": list(ids)})
        }
        return {series for series in unknown - own if series[1] is not None}


def _lengths(readings: Iterable[Reading]) -> Mapping[Series, Sequence[int]]:
    """How long the readings of each series are."""
    found: defaultdict[Series, list[int]] = defaultdict(list)
    for charge_point, _, transaction_id, _, payload_text in readings:
        found[charge_point, transaction_id].append(len(payload_text))
    return found


def _outside_any(reading: Reading) -> Reading:
    charge_point, connector, _, received_at, payload_text = reading
    return charge_point, connector, None, received_at, payload_text


def _moving_on(series: Series, kept: _Kept, bucket: int) -> Iterator[tuple[object, ...]]:
    """The rows that say what a series has in its newest bucket, and that it has another now."""
    charge_point, transaction_id = series
    place = charge_point, OUTSIDE_ANY if transaction_id is None else transaction_id
    if kept.bucket is not None:
        yield (*place, kept.bucket, kept.readings_there, kept.chars_there)
    yield (*place, bucket, None, None)


def _learnt(connection: Connection, series: Series, current: int) -> _Kept:
    """
    What the database knows of a series; what nobody has counted yet is counted.

    @param current: the bucket of the next row.
    """
    if series[1] is None:
        kept = _Kept(MAX_LOOSE_READINGS, MAX_LOOSE_CHARS)
    else:
        kept = _Kept(MAX_TRANSACTION_READINGS, MAX_TRANSACTION_CHARS)
    noted = _noted(connection, series)
    if noted and _is_over(noted[-1], current):
        _open_again(connection, series, current)
        noted = _noted(connection, series)
    for row in noted:
        kept.begin(row.bucket)
        if row.readings is not None:
            kept.add(row.readings, row.chars)
            continue
        readings, chars = connection.execute(
            select(func.count(), func.sum(func.length(meter_values.c.payload_text))).where(
                in_bucket(row.bucket), belongs(series)
            )
        ).one()
        kept.add(readings, chars or 0)
        if row is not noted[-1]:
            _note_counted(connection, series, row.bucket, readings, chars or 0)
    return kept


def _noted(connection: Connection, series: Series) -> Sequence[_Noted]:
    """In which buckets a series is, oldest first."""
    return connection.execute(
        select(meter_value_buckets)
        .where(noted_buckets(series))
        .order_by(meter_value_buckets.c.bucket)
    ).all()


def _is_over(noted: _Noted, current: int) -> bool:
    """Whether no more was to come to a bucket, or to one before it, and yet more comes."""
    return noted.bucket > current or (noted.bucket == current and noted.readings is not None)


def _open_again(connection: Connection, series: Series, current: int) -> None:
    """Somebody has deleted the newest readings by hand: their numbers are given again."""
    later = meter_value_buckets.c.bucket > current
    connection.execute(delete(meter_value_buckets).where(noted_buckets(series), later))
    connection.execute(
        update(meter_value_buckets)
        .where(noted_buckets(series), meter_value_buckets.c.bucket == current)
        .values(readings=None, chars=None)
    )


def _note_counted(
    connection: Connection, series: Series, bucket: int, readings: int, chars: int
) -> None:
    connection.execute(
        update(meter_value_buckets)
        .where(noted_buckets(series), meter_value_buckets.c.bucket == bucket)
        .values(readings=readings, chars=chars)
    )


def _forget_oldest(connection: Connection, series: Series, kept: _Kept) -> None:
    """Delete the oldest readings until the rest is within the bound; see its constants."""
    stay = 0 if series[1] is None else 1
    for noted in _noted(connection, series):
        if not kept.is_beyond:
            break
        stay -= _forget_in(connection, series, kept, noted, stay)
    connection.execute(
        delete(meter_value_buckets).where(
            noted_buckets(series), meter_value_buckets.c.readings == 0
        )
    )


def _forget_in(
    connection: Connection, series: Series, kept: _Kept, noted: _Noted, stay: int
) -> int:
    """
    Delete the oldest readings of a series in one bucket, as many as are too many.

    Where none are left but those that stay, it is known how many there are: somebody may have
    deleted some by hand, and newer ones do not go in their place.

    @param stay: so many of the oldest are left.
    @return: how many of those are in this bucket.
    """
    before = kept.is_in(noted)
    there = (
        select(meter_values.c.number, func.length(meter_values.c.payload_text))
        .where(in_bucket(noted.bucket), belongs(series))
        .order_by(meter_values.c.number)
    )
    doomed: list[int] = []
    gone_chars = 0
    with connection.execute(there) as rows:
        first = [length for _, length in islice(rows, stay)]
        for number, length in rows:
            if not kept.is_beyond:
                gone = len(doomed), gone_chars
                break
            doomed.append(number)
            gone_chars += length
            kept.remove(noted.bucket, 1, length)
        else:
            gone = before[0] - len(first), before[1] - sum(first)
            kept.remove(noted.bucket, gone[0] - len(doomed), gone[1] - gone_chars)
    if doomed:
        _delete(connection, series, noted.bucket, doomed)
    _note_gone(connection, series, noted.bucket, *gone)
    return len(first)


def _delete(
    connection: Connection, series: Series, bucket: int, numbers: Sequence[int]
) -> None:
    """
    Delete readings of a series in one bucket.

    @param numbers: without a gap, as far as the series goes.
    """
    connection.execute(
        delete(meter_values).where(
            in_bucket(bucket),
            belongs(series),
            meter_values.c.number.between(numbers[0], numbers[-1]),
        )
    )


def _note_gone(
    connection: Connection, series: Series, bucket: int, readings: int, chars: int
) -> None:
    connection.execute(
        update(meter_value_buckets)
        .where(noted_buckets(series), meter_value_buckets.c.bucket == bucket)
        .values(
            readings=meter_value_buckets.c.readings - readings,
            chars=meter_value_buckets.c.chars - chars,
        )
    )
