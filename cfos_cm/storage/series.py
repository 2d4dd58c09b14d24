"""Keeping readings: many at once, and of each series no more than its bound."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from attrs import define
from sqlalchemy import Connection, bindparam, delete, func, select, update

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
    @ivar _series: how much of each is stored; a transaction that is in it is the Charge
        Point's own.
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
                kept = self._series[series] = _learnt(connection, series)
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


def _learnt(connection: Connection, series: Series) -> _Kept:
    """What the database knows of a series; what nobody has counted yet is counted."""
    if series[1] is None:
        kept = _Kept(MAX_LOOSE_READINGS, MAX_LOOSE_CHARS)
    else:
        kept = _Kept(MAX_TRANSACTION_READINGS, MAX_TRANSACTION_CHARS)
    noted = connection.execute(
        select(meter_value_buckets)
        .where(noted_buckets(series))
        .order_by(meter_value_buckets.c.bucket)
    ).all()
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
    buckets = connection.scalars(
        select(meter_value_buckets.c.bucket)
        .where(noted_buckets(series))
        .order_by(meter_value_buckets.c.bucket)
    ).all()
    is_first = series[1] is not None
    for bucket in buckets:
        if not kept.is_beyond:
            break
        _forget_in(connection, series, kept, bucket, int(is_first))
        is_first = False
    connection.execute(
        delete(meter_value_buckets).where(
            noted_buckets(series), meter_value_buckets.c.readings == 0
        )
    )


def _forget_in(
    connection: Connection, series: Series, kept: _Kept, bucket: int, stay: int
) -> None:
    """
    Delete the oldest readings of a series in one bucket, as many as are too many.

    @param stay: so many of the oldest are left.
    """
    there = select(meter_values.c.number, func.length(meter_values.c.payload_text)).where(
        in_bucket(bucket), belongs(series)
    )
    doomed: list[int] = []
    chars = 0
    with connection.execute(there.order_by(meter_values.c.number).offset(stay)) as rows:
        for number, length in rows:
            if not kept.is_beyond:
                break
            doomed.append(number)
            chars += length
            kept.remove(bucket, 1, length)
    if not doomed:
        return
    connection.execute(
        delete(meter_values).where(
            in_bucket(bucket),
            belongs(series),
            meter_values.c.number.between(doomed[0], doomed[-1]),
        )
    )
    connection.execute(
        update(meter_value_buckets)
        .where(noted_buckets(series), meter_value_buckets.c.bucket == bucket)
        .values(
            readings=meter_value_buckets.c.readings - len(doomed),
            chars=meter_value_buckets.c.chars - chars,
        )
    )
