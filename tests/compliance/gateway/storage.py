"""The real SQLite, without a thread: its work is done by a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorFromThreads

from cfos_cm.errors import CfosError, StorageError
from cfos_cm.storage.outcomes import Done
from cfos_cm.storage.store import Store
from cfos_cm.storage.writer import Job

__all__ = ["ImmediateWriter"]


class ImmediateWriter:
    """
    In the place of L{cfos_cm.storage.writer.Writer}: work is done in the next turn, all of it
    together that was asked for until then.
    """

    def __init__(
        self,
        make_store: Callable[[], Store],
        reactor: IReactorFromThreads,
        opened: Callable[[], None],
        ended: Callable[[CfosError | None], None],
    ) -> None:
        self._make_store = make_store
        self._reactor = reactor
        self._opened = opened
        self._ended = ended
        self._store: Store | None = None
        self._waiting: list[Job] = []

    def begin(self) -> None:
        """Open the database."""
        self._store = self._make_store()
        self._store.open()
        self._reactor.callFromThread(self._opened)

    def add(self, job: Job) -> None:
        """Have a piece of work done."""
        if self._store is None:
            raise StorageError("the database is closed")
        self._waiting.append(job)
        if len(self._waiting) == 1:
            self._reactor.callFromThread(self._work)

    def finish(self) -> None:
        """Do what waits, and close the database."""
        self._work()
        store, self._store = self._store, None
        if store is not None:
            store.close()
        self._reactor.callFromThread(self._ended, None)

    def join(self) -> None:
        """There is nothing to wait for."""

    def _work(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting or self._store is None:
            return
        outcomes = self._store.run([job.work for job in waiting])
        for job, outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, Done):
                job.done.callback(outcome.value)
            else:
                job.done.errback(outcome.error)
