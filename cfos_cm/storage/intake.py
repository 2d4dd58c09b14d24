"""From the log of readings into the database."""

from __future__ import annotations

from collections import deque
from functools import partial

from sqlalchemy import Connection, insert, select, update
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.errors import StorageError
from cfos_cm.storage.database import Database
from cfos_cm.storage.readings import StoredMeterValues, keep_meter_values
from cfos_cm.storage.readings_log import ReadingsLog, Segment
from cfos_cm.storage.tables import drained_readings

__all__ = ["MAX_WAITING_READINGS", "ReadingsIntake"]

#: How long a reading is in the log alone: long enough for some to come together, and short
#: enough that what has come together holds nothing up. [s]
DRAIN_AFTER_S = 0.05
#: So many are taken into the database at once, however soon they came.
DRAIN_AT = 500
#: From here on a reading is answered when all are in the database: whoever sends faster than it
#: can be written has to wait.
SLOW_DOWN_AT = 2000
#: After a failure it is tried again. [s]
RETRY_S = 5.0
#: In the log and not in the database, because that cannot be written; more are refused.
MAX_WAITING_READINGS = 20_000

_log = Logger(namespace="cfos_cm.storage")


class ReadingsIntake:
    """
    Takes readings, and brings them into the database a moment later.

    Segments go there one after the other, and each notes its number with its readings: what a
    kill leaves behind is neither lost nor stored twice.
    """

    def __init__(self, database: Database, log: ReadingsLog, clock: IReactorTime) -> None:
        self._database = database
        self._files = log
        self._clock = clock
        self._segments: deque[Segment] = deque()
        self._timer: IDelayedCall | None = None
        self._storing = False
        self._idle: list[Deferred[None]] = []
        self._held = 0

    def open(self) -> Deferred[None]:
        """
        Take up what an earlier run has left.

        @return: fails with L{StorageError} if the log or the database cannot be used.
        """
        return self._database.run(_last_drained).addCallback(self._take_up)

    def _take_up(self, done: int) -> None:
        for segment in self._files.open(done):
            self._enqueue(segment)
        self._store_next()

    def take(self, reading: StoredMeterValues) -> Deferred[None]:
        """
        Keep a reading.

        @return: fires when it outlives the program; fails with L{StorageError} when it cannot
            be kept.
        """
        if self._held + self._files.waiting >= MAX_WAITING_READINGS:
            return fail(
                StorageError(f"{MAX_WAITING_READINGS} readings wait for the database already")
            )
        try:
            self._files.append(reading)
        except StorageError as error:
            return fail(error)
        if self._held + self._files.waiting >= SLOW_DOWN_AT:
            return self.drained()
        if self._files.waiting >= DRAIN_AT:
            self._drain()
        elif self._timer is None:
            self._timer = self._clock.callLater(DRAIN_AFTER_S, self._drain)
        return succeed(None)

    def drained(self) -> Deferred[None]:
        """@return: fires when all that was taken until now is in the database, or cannot be."""
        self._drain()
        if not self._storing:
            return succeed(None)
        idle: Deferred[None] = Deferred()
        self._idle.append(idle)
        return idle

    def close(self) -> Deferred[None]:
        """Bring everything into the database; what cannot be waits for the next start."""
        return self.drained().addCallback(self._let_go)

    def _let_go(self, _: None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._files.close()

    def _drain(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        segment = self._files.take()
        if segment is not None:
            self._enqueue(segment)
        self._store_next()

    def _enqueue(self, segment: Segment) -> None:
        self._segments.append(segment)
        self._held += len(segment.readings)

    def _store_next(self) -> None:
        if self._storing or not self._segments:
            return
        self._storing = True
        segment = self._segments[0]
        storing = self._database.run(partial(_keep, segment=segment))
        storing.addCallbacks(lambda _: self._stored(segment), self._failed)

    def _stored(self, segment: Segment) -> None:
        self._storing = False
        self._segments.popleft()
        self._held -= len(segment.readings)
        try:
            self._files.forget(segment)
        except StorageError as error:
            _log.warn("{error!s}", error=error)
        self._store_next()
        self._tell_idle()

    def _failed(self, failure: Failure) -> None:
        self._storing = False
        _log.warn(
            "{count} readings are kept in the log and not yet in the database: {why}",
            count=self._held,
            why=failure.getErrorMessage(),
        )
        if self._timer is None:
            self._timer = self._clock.callLater(RETRY_S, self._drain)
        self._tell_idle()

    def _tell_idle(self) -> None:
        if self._storing:
            return
        idle, self._idle = self._idle, []
        for one in idle:
            one.callback(None)


def _last_drained(connection: Connection) -> int:
    return connection.scalar(select(drained_readings.c.number)) or 0


def _keep(connection: Connection, segment: Segment) -> None:
    """Store a segment, unless it was stored before the program could note that it was."""
    last = connection.scalar(select(drained_readings.c.number))
    if last is not None and segment.number <= last:
        return
    if segment.readings:
        try:
            with connection.begin_nested():
                keep_meter_values(connection, segment.readings)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised or told
            _keep_one_by_one(connection, segment, error)
    if last is None:
        connection.execute(insert(drained_readings).values(number=segment.number))
    else:
        connection.execute(update(drained_readings).values(number=segment.number))


def _keep_one_by_one(connection: Connection, segment: Segment, error: Exception) -> None:
    """
    Store what can be stored of a segment that cannot be as a whole.

    @raise Exception: C{error}, when nothing can: then it is not the readings that are wrong.
    """
    lost = 0
    for reading in segment.readings:
        try:
            with connection.begin_nested():
                keep_meter_values(connection, [reading])
        except Exception:  # noqa: BLE001
            lost += 1
    if lost == len(segment.readings):
        raise error
    _log.error(
        "{lost} of {count} readings cannot be stored and are lost: {error}",
        lost=lost,
        count=len(segment.readings),
        error=type(error).__name__,
    )
