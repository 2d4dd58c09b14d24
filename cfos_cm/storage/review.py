"""Stops that could not be booked, kept for people to look at."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen
from sqlalchemy import Connection, Row, and_, insert, select

from cfos_cm.site.records import StopOutcome, TransactionStop
from cfos_cm.storage.bounds import forget_oldest
from cfos_cm.storage.checks import MAX_NAME_CHARS
from cfos_cm.storage.tables import stray_stops

__all__ = ["MAX_STRAY_STOPS", "StrayStop", "keep_stray_stop", "read_stray_stops"]

#: Of each Charge Point; a broken one may repeat a stop that belongs to nothing for years.
MAX_STRAY_STOPS = 1000


@frozen
class StrayStop:
    """
    The end of a transaction that could not be booked.

    @ivar transaction_id: the integer that the Charge Point named, in decimal.
    @ivar outcome: what is wrong with it. C{REPEATED}: the transaction had ended already, at
        another time or with another reading.
    @ivar stopped_at: by the Charge Point's clock; UTC.
    @ivar request_text: the payload as it came.
    """

    charge_point: str
    transaction_id: str
    outcome: StopOutcome
    id_tag: str | None
    stopped_at: datetime
    meter_stop_wh: int
    reason: str
    request_text: str


def keep_stray_stop(
    connection: Connection, stop: TransactionStop, outcome: StopOutcome
) -> None:
    """Keep a stop, unless it is kept already, and forget the oldest above the bound."""
    found = {
        "charge_point": stop.charge_point,
        "transaction_id": _decimal(stop.transaction_id),
        "stopped_at": stop.stopped_at,
        "meter_stop_wh": stop.meter_stop_wh,
    }
    same = and_(*(stray_stops.c[column] == value for column, value in found.items()))
    if connection.execute(select(stray_stops.c.number).where(same).limit(1)).first():
        return
    connection.execute(
        insert(stray_stops).values(
            **found,
            outcome=outcome.value,
            id_tag=stop.id_tag,
            reason=stop.reason,
            request_text=stop.request_text,
        )
    )
    forget_oldest(connection, stray_stops, stop.charge_point, MAX_STRAY_STOPS)


def read_stray_stops(connection: Connection, charge_point: str) -> tuple[StrayStop, ...]:
    """All that is kept of a Charge Point, oldest first."""
    rows = connection.execute(
        select(stray_stops)
        .where(stray_stops.c.charge_point == charge_point)
        .order_by(stray_stops.c.number)
    )
    return tuple(_stray_stop(row) for row in rows)


def _decimal(number: int) -> str:
    """An integer as text; one that nobody can want to read is named by its size."""
    if number.bit_length() > MAX_NAME_CHARS:
        return f"an integer of {number.bit_length()} bits"
    return str(number)


def _stray_stop(row: Row[tuple[object, ...]]) -> StrayStop:
    return StrayStop(
        charge_point=row.charge_point,
        transaction_id=row.transaction_id,
        outcome=StopOutcome(row.outcome),
        id_tag=row.id_tag,
        stopped_at=row.stopped_at,
        meter_stop_wh=row.meter_stop_wh,
        reason=row.reason,
        request_text=row.request_text,
    )
