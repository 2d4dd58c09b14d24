"""What meters said: evidence, kept to the letter."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TypeAlias

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, and_, select

from cfos_cm.site.transaction import MAX_TRANSACTION_ID
from cfos_cm.storage import checks
from cfos_cm.storage.tables import OUTSIDE_ANY, bucket_of_row, meter_value_buckets, meter_values

__all__ = [
    "Reading",
    "Series",
    "StoredMeterValues",
    "belongs",
    "checked_meter_values",
    "in_bucket",
    "is_evidence",
    "noted_buckets",
    "read_meter_values",
]

#: One that is on its way: the fields of L{StoredMeterValues}, in their order. A tuple, because
#: there are thousands in a second, and nothing is asked of them but their fields.
Reading: TypeAlias = tuple[str, int, int | None, datetime, str]

#: A Charge Point, and one of its transactions or C{None} for what is outside any.
Series: TypeAlias = tuple[str, int | None]

#: A letter, or the full stop, written as its number: C{\\u0053} is an S. So is C{\\u017f}, the
#: one sign beyond ASCII that is a letter of these words when capitals do not matter.
_ESCAPED_LETTER = re.compile(r"\\u(?:00(?:[46][1-9A-Fa-f]|[57][0-9Aa]|2[Ee])|017[Ff])")


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
) -> Reading:
    """
    Meter values that can be kept.

    @param transaction_id: as the Charge Point named it; one that cannot be is left out, for
        what it named is in the payload.
    @param received_at: aware.
    @raise cfos_cm.errors.RemoteProtocolError: when anything else cannot be kept.
    """
    if transaction_id is not None and not 1 <= transaction_id <= MAX_TRANSACTION_ID:
        transaction_id = None
    return (
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
    Transaction.End; with whatever capitals, as L{cfos_cm.v16.other_words} takes them. Nobody
    spells letters as numbers without need; whoever does may have spelt one of these words, and
    is believed to.
    """
    # A regular expression that overlooks capitals takes twenty times as long.
    folded = payload_text.casefold()
    return (
        "signeddata" in folded
        or "transaction." in folded
        or ("\\" in payload_text and _ESCAPED_LETTER.search(payload_text) is not None)
    )


def read_meter_values(
    connection: Connection, charge_point: str, transaction_id: int | None
) -> tuple[StoredMeterValues, ...]:
    """
    The readings of a transaction, or those outside any.

    @return: ordered by the times at which they came, by our clock; those of the same time as
        they were stored.
    """
    series = charge_point, transaction_id
    # Plus nothing: as a column it has a type of its own, and SQLite uses no index of an
    # expression, which has none, to find it.
    buckets = select(meter_value_buckets.c.bucket + 0).where(noted_buckets(series))
    rows = connection.execute(
        select(meter_values)
        .where(bucket_of_row.in_(buckets), belongs(series))
        # What a bill hangs on is stored at once, others of before a little later.
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


def belongs(series: Series) -> ColumnElement[bool]:
    """Which rows of C{meter_values} are of a series; found quickly in a bucket alone."""
    charge_point, transaction_id = series
    return and_(
        meter_values.c.charge_point == charge_point,
        meter_values.c.transaction_id.is_(None)
        if transaction_id is None
        else meter_values.c.transaction_id == transaction_id,
    )


def in_bucket(bucket: int) -> ColumnElement[bool]:
    """Which rows of C{meter_values} are in a bucket."""
    return bucket_of_row == bucket


def noted_buckets(series: Series) -> ColumnElement[bool]:
    """Which rows of C{meter_value_buckets} are of a series."""
    charge_point, transaction_id = series
    return and_(
        meter_value_buckets.c.charge_point == charge_point,
        meter_value_buckets.c.transaction_id
        == (OUTSIDE_ANY if transaction_id is None else transaction_id),
    )
