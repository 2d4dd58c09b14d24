"""From the log of readings into the database."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from attrs import frozen
from sqlalchemy import Connection, insert, select, update
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.errors import StorageError
from cfos_cm.storage.database import Database
from cfos_cm.storage.faults import blames_database, plain_reason
from cfos_cm.storage.readings import Reading
from cfos_cm.storage.readings_log import ReadingsLog, Segment
from cfos_cm.storage.series import forget_what_is_remembered, keep_meter_values
from cfos_cm.storage.tables import drained_readings

__all__ = ["MAX_WAITING_BYTES", "MAX_WAITING_READINGS", "ReadingsIntake"]

#: How long a reading is in the log alone. Each time that some go on into the database a disk is
#: waited for, and a memory card worn; and what the power takes is what came since. [s]
DRAIN_AFTER_S = 1.0
#: So many, or so much, is taken into the database at once, however soon it came: to write that
#: down takes some milliseconds, for which a transaction that starts may have to wait.
DRAIN_AT = 500
DRAIN_AT_BYTES = 4 * 1024 * 1024
#: From here on a reading is answered when less than that is left: whoever sends faster than it
#: can be written has to wait. A disk that takes a while for one lot holds nobody up.
SLOW_DOWN_AT = 4 * DRAIN_AT
SLOW_DOWN_AT_BYTES = 4 * DRAIN_AT_BYTES
#: After a failure it is tried again. [s]
RETRY_S = 5.0
#: In the log and not in the database, because that cannot be written; more are refused. They
#: are in memory too.
MAX_WAITING_READINGS = 20_000
MAX_WAITING_BYTES = 64 * 1024 * 1024

_log = Logger(namespace="cfos_cm.storage")


class ReadingsIntake:
    """
    Takes readings, and brings them into the database a second later.

    Segments go there one after the other, and each notes its number with its readings: what a
    kill leaves behind is neither lost nor stored twice.

    @ivar _held: how many readings are in the segments that are not in the database.
    @ivar _held_bytes: how long those are.
    @ivar _idle: fire when nothing is left to be stored, or it cannot be.
    @ivar _slowed: fire when there is room again, or the database cannot be written.
    @ivar _refusing: the last segment was not stored whole, and that was said.
    """

    def __init__(self, database: Database, log: ReadingsLog, clock: IReactorTime) -> None:
        self._database = database
        self._files = log
        self._clock = clock
        self._segments: deque[Segment] = deque()
        self._timer: IDelayedCall | None = None
        self._storing = False
        self._idle: list[Deferred[None]] = []
        self._slowed: list[Deferred[None]] = []
        self._held = 0
        self._held_bytes = 0
        self._refusing = False

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

    def take(self, reading: Reading) -> Deferred[None] | None:
        """
        Keep a reading.

        @return: C{None} when it outlives the program already, as it does but for too many of
            them. Else it fires when it does and more can be taken, and fails with
            L{StorageError} when it cannot be kept.
        """
        files = self._files
        if self._segments and self._has(MAX_WAITING_READINGS, MAX_WAITING_BYTES):
            return fail(StorageError(f"{self._held} readings wait for the database already"))
        try:
            files.append(reading)
        except StorageError as error:
            return fail(error)
        if files.waiting >= DRAIN_AT or files.length >= DRAIN_AT_BYTES:
            self._drain()
        elif self._timer is None:
            self._timer = self._clock.callLater(DRAIN_AFTER_S, self._drain)
        if self._storing and self._has(SLOW_DOWN_AT, SLOW_DOWN_AT_BYTES):
            slowed: Deferred[None] = Deferred()
            self._slowed.append(slowed)
            return slowed
        return None

    def _has(self, readings: int, octets: int) -> bool:
        """Whether so much, by one measure or the other, is not in the database."""
        return (
            self._held + self._files.waiting >= readings
            or self._held_bytes + self._files.length >= octets
        )

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
        self._held_bytes += segment.length

    def _store_next(self) -> None:
        if self._storing or not self._segments:
            return
        self._storing = True
        segment = self._segments[0]
        keeping = partial(_keep, segment=segment, set_aside=self._files.set_aside)
        storing = self._database.run(keeping)
        storing.addCallbacks(partial(self._stored, segment), self._failed)

    def _stored(self, segment: Segment, refusal: _Refusal | None) -> None:
        self._storing = False
        self._segments.popleft()
        self._held -= len(segment.readings)
        self._held_bytes -= segment.length
        self._tell_of(refusal)
        try:
            self._files.forget(segment)
        except StorageError as error:
            _log.warn("{error!s}", error=error)
        self._store_next()
        self._let_go_on()

    def _tell_of(self, refusal: _Refusal | None) -> None:
        if refusal is not None and not self._refusing:
            _log.critical(
                "{count} readings are not taken by the database ({reason}). They are kept in"
                " {path}, as others that come right behind them and fare the same.",
                count=refusal.count,
                reason=refusal.reason,
                path=refusal.path,
            )
        self._refusing = refusal is not None

    def _failed(self, failure: Failure) -> None:
        self._storing = False
        _log.warn(
            "{count} readings are kept in the log and not yet in the database: {why}",
            count=self._held,
            why=failure.getErrorMessage(),
        )
        if self._timer is None:
            self._timer = self._clock.callLater(RETRY_S, self._drain)
        self._let_go_on()

    def _let_go_on(self) -> None:
        waiting: list[Deferred[None]] = []
        if not (self._storing and self._has(SLOW_DOWN_AT, SLOW_DOWN_AT_BYTES)):
            waiting, self._slowed = self._slowed, []
        if not self._storing:
            waiting += self._idle
            self._idle = []
        for one in waiting:
            one.callback(None)


@frozen
class _Refusal:
    """What a database that works has not taken, why, and where it is kept."""

    count: int
    reason: str
    path: str


def _last_drained(connection: Connection) -> int:
    return connection.scalar(select(drained_readings.c.number)) or 0


def _keep(
    connection: Connection,
    segment: Segment,
    set_aside: Callable[[Segment, Sequence[Reading]], str],
) -> _Refusal | None:
    """Store a segment, unless it was stored before the program could note that it was."""
    last = connection.scalar(select(drained_readings.c.number))
    if last is not None and segment.number <= last:
        return None
    try:
        refusal = _keep_readings(connection, segment, set_aside)
        if last is None:
            connection.execute(insert(drained_readings).values(number=segment.number))
        else:
            connection.execute(update(drained_readings).values(number=segment.number))
    except BaseException:
        forget_what_is_remembered(connection)
        raise
    return refusal


def _keep_readings(
    connection: Connection,
    segment: Segment,
    set_aside: Callable[[Segment, Sequence[Reading]], str],
) -> _Refusal | None:
    """
    Store what can be stored of a segment, and set the rest aside.

    @raise Exception: when it is not the readings that are wrong.
    """
    error = _kept(connection, segment.readings)
    if error is None:
        return None
    refused = [one for one in segment.readings if _kept(connection, [one]) is not None]
    if not refused:
        return None
    return _Refusal(len(refused), plain_reason(error), set_aside(segment, refused))


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
        if blames_database(error):
            raise
        return error
    return None
