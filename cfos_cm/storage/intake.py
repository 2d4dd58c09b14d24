"""From the log of readings into the database."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.errors import StorageError
from cfos_cm.storage.database import Database
from cfos_cm.storage.lots import Kept, NothingTaken, Refusal, keep_segments, last_drained
from cfos_cm.storage.readings import Reading
from cfos_cm.storage.readings_log import ReadingsLog, Segment

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
#: Where a database that works takes not one of some readings, more often than not it is the
#: database after all: it is tried again so often, before they are set aside.
TRIES_FOR_NOTHING = 3
#: In the log and not in the database, because that cannot be written; more are refused. They
#: are in memory too, which is what the bytes are of.
MAX_WAITING_READINGS = 20_000
MAX_WAITING_BYTES = 64 * 1024 * 1024

_log = Logger(namespace="cfos_cm.storage")


class ReadingsIntake:
    """
    Takes readings, and brings them into the database a second later.

    Segments go there one after the other, and the number of the last one is noted with their
    readings: what a kill leaves behind is neither lost nor stored twice.

    @ivar _log_id: of the log, once it is open.
    @ivar _overdue: what the log has not given out yet is to follow the segments.
    @ivar _held: how many readings are in the segments that are not in the database.
    @ivar _held_bytes: how much memory those take.
    @ivar _idle: fire when nothing is left to be stored, or it cannot be.
    @ivar _slowed: fire when there is room again, or the database cannot be written.
    @ivar _aside: the files that were written for the first segments, maybe for a commit that
        failed. It grows in the writer's thread, while the reactor's waits for that.
    @ivar _tries: so often nothing was taken of the first segments, each time a while later.
    @ivar _next_try_at: the next time that counts; by the clock. [s]
    @ivar _refusing: the last segment was not stored whole, and that was said.
    """

    def __init__(self, database: Database, log: ReadingsLog, clock: IReactorTime) -> None:
        self._database = database
        self._files = log
        self._clock = clock
        self._log_id = ""
        self._segments: deque[Segment] = deque()
        self._timer: IDelayedCall | None = None
        self._storing = False
        self._overdue = False
        self._idle: list[Deferred[None]] = []
        self._slowed: list[Deferred[None]] = []
        self._held = 0
        self._held_bytes = 0
        self._aside: list[str] = []
        self._tries = 0
        self._next_try_at = 0.0
        self._refusing = False

    def open(self) -> Deferred[None]:
        """
        Take up what an earlier run has left.

        @return: fails with L{StorageError} if the log or the database cannot be used.
        """
        try:
            self._log_id = self._files.open()
        except StorageError as error:
            return fail(error)
        asking = self._database.run(partial(last_drained, log=self._log_id))
        return asking.addCallback(self._take_up).addErrback(self._not_opened)

    def _take_up(self, done: int) -> None:
        for segment in self._files.left(done):
            self._enqueue(segment)
            if segment.unread is not None:
                _log.critical(
                    "Not all of {path} can be read. What cannot is kept in {kept}.",
                    path=segment.paths[0],
                    kept=segment.unread,
                )
                self._forget_refused(segment.unread)
        self._store_next()

    def _not_opened(self, failure: Failure) -> Failure:
        self._files.close()
        return failure

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
        if files.waiting >= DRAIN_AT or files.held >= DRAIN_AT_BYTES:
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
            or self._held_bytes + self._files.held >= octets
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
        self._overdue = True
        self._store_next()

    def _store_next(self) -> None:
        if self._overdue:
            self._cut()
        if self._storing or not self._segments:
            return
        self._storing = True
        lot = self._lot()
        keeping = partial(
            keep_segments,
            log=self._log_id,
            lot=lot,
            set_aside=self._set_aside,
            at_last=self._at_last(),
        )
        self._database.run(keeping).addCallbacks(partial(self._tried, lot), self._failed)

    def _cut(self) -> None:
        """Have what is in the log follow the segments, but no short one behind others."""
        files = self._files
        is_long = files.waiting >= DRAIN_AT or files.held >= DRAIN_AT_BYTES
        if self._segments and not is_long:
            return
        self._overdue = False
        segment = files.take()
        if segment is not None:
            self._enqueue(segment)

    def _enqueue(self, segment: Segment) -> None:
        self._segments.append(segment)
        self._held += len(segment.readings)
        self._held_bytes += segment.held

    def _lot(self) -> Sequence[Segment]:
        """The first segments, as many as are stored at once; one in any case."""
        lot: list[Segment] = []
        readings = held = 0
        for segment in self._segments:
            readings += len(segment.readings)
            held += segment.held
            if lot and (readings > DRAIN_AT or held > DRAIN_AT_BYTES):
                break
            lot.append(segment)
        return lot

    def _set_aside(self, number: int, readings: Sequence[Reading]) -> str:
        path = self._files.set_aside(number, readings)
        self._aside.append(path)
        return path

    def _at_last(self) -> bool:
        """Whether readings are set aside even when it is all of them."""
        # Where it was so a moment ago, it was waited for then.
        return self._refusing or (
            self._tries >= TRIES_FOR_NOTHING and self._clock.seconds() >= self._next_try_at
        )

    def _tried(self, lot: Sequence[Segment], outcome: Kept | NothingTaken) -> None:
        self._storing = False
        if isinstance(outcome, Kept):
            self._stored(lot, outcome)
            self._store_next()
        else:
            self._count_try()
            self._try_again(outcome.reason)
        self._let_go_on()

    def _stored(self, lot: Sequence[Segment], kept: Kept) -> None:
        self._tries = 0
        self._next_try_at = 0.0
        for segment in lot:
            self._segments.popleft()
            self._held -= len(segment.readings)
            self._held_bytes -= segment.held
            try:
                self._files.forget(segment)
            except StorageError as error:
                _log.warn("{error!s}", error=error)
        self._tell_of(kept.refusal)
        self._withdraw(kept)

    def _withdraw(self, kept: Kept) -> None:
        """Remove what was set aside for a commit that failed; not when it had not failed."""
        stale, self._aside = self._aside, []
        for path in stale if kept.is_new else ():
            if kept.refusal is None or path != kept.refusal.path:
                self._files.withdraw(path)

    def _tell_of(self, refusal: Refusal | None) -> None:
        if refusal is not None:
            if not self._refusing:
                _log.critical(
                    "{count} readings are not taken by the database ({reason}). They are kept"
                    " in {path}, as others that come right behind them and fare the same.",
                    count=refusal.count,
                    reason=refusal.reason,
                    path=refusal.path,
                )
            self._forget_refused(refusal.path)
        self._refusing = refusal is not None

    def _forget_refused(self, newest: str) -> None:
        try:
            gone = self._files.forget_refused(newest)
        except StorageError as error:
            _log.warn("{error!s}", error=error)
            return
        if gone:
            _log.critical(
                "Too much is set aside: {count} files of readings that no database has were"
                " removed, from {first} to {last}.",
                count=len(gone),
                first=gone[0],
                last=gone[-1],
            )

    def _failed(self, failure: Failure) -> None:
        self._storing = False
        self._try_again(failure.getErrorMessage())
        self._let_go_on()

    def _count_try(self) -> None:
        now = self._clock.seconds()
        if now >= self._next_try_at:
            self._tries += 1
            self._next_try_at = now + RETRY_S

    def _try_again(self, why: str) -> None:
        _log.warn(
            "{count} readings are kept in the log and not yet in the database: {why}",
            count=self._held,
            why=why,
        )
        if self._timer is None:
            self._timer = self._clock.callLater(RETRY_S, self._drain)

    def _let_go_on(self) -> None:
        waiting: list[Deferred[None]] = []
        if not (self._storing and self._has(SLOW_DOWN_AT, SLOW_DOWN_AT_BYTES)):
            waiting, self._slowed = self._slowed, []
        if not self._storing:
            waiting += self._idle
            self._idle = []
        for one in waiting:
            one.callback(None)
