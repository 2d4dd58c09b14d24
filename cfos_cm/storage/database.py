"""The database, as the rest of the program sees it: a thing to start, to ask, and to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from cfos_cm.errors import CfosError, StorageError
from cfos_cm.storage.work import Share
from cfos_cm.storage.writer import Job, Writer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cfos_cm.storage.store import Store
    from cfos_cm.storage.work import Work

__all__ = ["Database"]

T = TypeVar("T")

_log = Logger(namespace="cfos_cm.storage")


class Database:
    """
    A database with one thread that writes.

    Everything that waits for that thread is done in one transaction, and nobody is answered
    before it is on disk.

    @ivar _starting: fires when the database is open; C{None} when nobody waits for that.
    @ivar _stopping: fire when it is closed.
    """

    def __init__(
        self,
        url: str,
        reactor: IReactorFromThreads,
        clock_now: Callable[[], datetime],
    ) -> None:
        """
        @param url: C{sqlite:///FILE}, or C{postgresql://USER:PASSWORD@HOST/NAME}.
        @param clock_now: the time of day, aware; names what is moved aside. It is called in
            the writer's thread.
        """
        self._url = url
        self._reactor = reactor
        self._clock_now = clock_now
        self._writer: Writer | None = None
        self._starting: Deferred[None] | None = None
        self._stopping: list[Deferred[None]] = []

    def start(self) -> Deferred[None]:
        """
        Open the database, and bring it to this version's schema.

        A damaged SQLite file is moved aside and an empty one made in its place.

        @return: fires when work can be done; fails with L{StorageError} when the database
            cannot be opened (start it again when the cause has gone), or is open already.
        """
        if self._writer is not None:
            return fail(StorageError("the database is open already"))
        self._starting = Deferred()
        starting = self._starting
        self._writer = Writer(self._make_store, self._reactor, self._opened, self._ended)
        self._writer.begin()
        return starting

    def stop(self) -> Deferred[None]:
        """
        Do what waits, and close the database.

        @return: fires when the file is closed and the thread is gone; L{start} works then.
        """
        if self._writer is None:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._stopping.append(stopped)
        self._writer.finish()
        return stopped

    def run(self, work: Callable[[Connection], T]) -> Deferred[T]:
        """
        Do something in the database.

        @param work: is called in the writer's thread, inside a transaction and a savepoint of
            its own; it neither commits nor keeps the connection. When it raises, what it has
            written is taken back, and nobody else's.
        @return: fires with what C{work} returned when that is on disk; fails with what it
            raised when that is a L{CfosError}, and with L{StorageError} for everything else.
        """
        return self._add(work)

    def run_together(
        self,
        work: Callable[[Connection, Sequence[T]], None],
        item: T,
        *,
        is_patient: bool = False,
    ) -> Deferred[None]:
        """
        Do something that costs less for many than for each of them.

        @param work: as that of L{run}, and is given every item that was handed over with the
            same C{work} and waits one behind the other, in that order. When it raises, what it
            has written is taken back, and it is called again with each of the items alone.
        @param is_patient: it may wait a moment for other work: a commit less is to be made.
        @return: fires when that is on disk; fails as that of L{run}, and not for another item.
        """
        return self._add(Share(work, item), is_patient)

    def _add(self, work: Work | Share, is_patient: bool = False) -> Deferred[Any]:
        if self._writer is None:
            return fail(StorageError("the database is closed"))
        done: Deferred[Any] = Deferred()
        try:
            self._writer.add(Job(work, done, is_patient))
        except StorageError as error:
            return fail(error)
        return done

    def _make_store(self) -> Store:
        # Runs in the writer's thread, where importing SQLAlchemy stops nobody.
        from cfos_cm.storage.backends import backend_for
        from cfos_cm.storage.store import Store

        backend = backend_for(self._url, time.monotonic)
        return Store(backend, self._clock_now, self._alarm, self._calm)

    def _alarm(self, text: str, /, **fields: object) -> None:
        self._reactor.callFromThread(_log.critical, text, **fields)

    def _calm(self, text: str, /, **fields: object) -> None:
        self._reactor.callFromThread(_log.info, text, **fields)

    def _opened(self) -> None:
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.callback(None)

    def _ended(self, error: CfosError | None) -> None:
        if self._writer is not None:
            self._writer.join()
            self._writer = None
        starting, self._starting = self._starting, None
        stopping, self._stopping = self._stopping, []
        if starting is not None and error is not None:
            starting.errback(error)
        for stopped in stopping:
            stopped.callback(None)
