"""What the writer's thread does with segments of the log of readings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen
from sqlalchemy import Connection, func, insert, select, update

from cfos_cm.storage.faults import blames_database, plain_reason
from cfos_cm.storage.readings import Reading
from cfos_cm.storage.readings_log import Segment
from cfos_cm.storage.series import forget_what_is_remembered, keep_meter_values
from cfos_cm.storage.tables import drained_readings

__all__ = ["Kept", "NothingTaken", "Refusal", "keep_segments", "last_drained"]


@frozen
class Refusal:
    """What a database that works has not taken, why, and where it is kept."""

    count: int
    reason: str
    path: str


@frozen
class Kept:
    """
    The segments are in the database, but for what it refused.

    @ivar is_new: not one of them was there before.
    """

    refusal: Refusal | None
    is_new: bool


@frozen
class NothingTaken:
    """A database that seems to work has not taken a single reading, and nothing was changed."""

    reason: str


def last_drained(connection: Connection, log: str) -> int:
    """
    The number of the last segment of a log that the database has.

    @param log: its id.
    """
    # What has no id was noted when no log had one, and their numbers were below all of now.
    newest = select(func.max(drained_readings.c.number))
    return connection.scalar(newest.where(drained_readings.c.log.in_(("", log)))) or 0


def _note_drained(connection: Connection, log: str, number: int) -> None:
    noting = update(drained_readings).where(drained_readings.c.log == log)
    if not connection.execute(noting.values(number=number)).rowcount:
        connection.execute(insert(drained_readings).values(log=log, number=number))


def keep_segments(
    connection: Connection,
    log: str,
    lot: Sequence[Segment],
    set_aside: Callable[[int, Sequence[Reading]], str],
    at_last: bool,
) -> Kept | NothingTaken:
    """
    Store segments, but those that were stored before the program could note that they were.

    @param log: the id of the log that they are of.
    @param lot: the segments, in their order.
    @param set_aside: keeps elsewhere what cannot be stored, for a segment's number.
    @param at_last: set aside even when it is all of them.
    @raise Exception: when the database is to blame, or nothing can be set aside; what was
        written is to be taken back then.
    """
    last = last_drained(connection, log)
    fresh = [segment for segment in lot if segment.number > last]
    if not fresh:
        return Kept(None, False)
    readings = [reading for segment in fresh for reading in segment.readings]
    number = fresh[-1].number
    try:
        error, refused = _refused(connection, readings)
        if error is not None and len(refused) == len(readings) and not at_last:
            return NothingTaken(plain_reason(error))
        refusal = None
        if error is not None and refused:
            path = set_aside(number, refused)
            refusal = Refusal(len(refused), plain_reason(error), path)
        _note_drained(connection, log, number)
    except BaseException:
        forget_what_is_remembered(connection)
        raise
    return Kept(refusal, len(fresh) == len(lot))


def _refused(
    connection: Connection, readings: Sequence[Reading]
) -> tuple[Exception | None, Sequence[Reading]]:
    """
    Store what can be stored.

    @return: the readings that cannot be, and what is wrong with them.
    @raise Exception: when it is not the readings that are wrong.
    """
    # Twice, because after the first time nothing is remembered that may have been wrong.
    error = _kept(connection, readings)
    if error is not None:
        error = _kept(connection, readings)
    if error is None:
        return None, ()
    return error, [one for one in readings if _kept(connection, [one]) is not None]


def _kept(connection: Connection, readings: Sequence[Reading]) -> Exception | None:
    """
    Store readings, all of them or none.

    @return: what is wrong with them.
    @raise Exception: when it is not the readings that are wrong.
    """
    if not readings:
        return None
    try:
        with connection.begin_nested():
            keep_meter_values(connection, readings)
    except Exception as error:
        if connection.invalidated or blames_database(error):
            raise
        return error
    return None
