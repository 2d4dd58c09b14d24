"""The thread that writes: what waits for it, and handing results back to the reactor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING, Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from cfos_cm.errors import CfosError, StorageError
from cfos_cm.storage.faults import as_cfos_error
from cfos_cm.storage.outcomes import Done, Outcome

if TYPE_CHECKING:
    from cfos_cm.storage.store import Store
    from cfos_cm.storage.work import Share, Work

__all__ = ["MAX_WAITING_JOBS", "PATIENCE_S", "THREAD_NAME", "Job", "Writer"]

#: Work that waits for the disk. One Charge Point has one call in flight, so that more means a
#: disk that has stopped; whoever asks then is told at once.
MAX_WAITING_JOBS = 10_000

#: How long work that is in no hurry waits for other work, to be one commit with it. [s]
PATIENCE_S = 0.05

THREAD_NAME = "cfos_cm database"


@frozen
class Job:
    """
    A piece of work, or a share in one, and whom to tell.

    @ivar done: fires in the reactor's thread.
    @ivar is_patient: it may wait for other work, for L{PATIENCE_S} at most.
    """

    work: Work | Share
    done: Deferred[Any]
    is_patient: bool = False


class Writer:
    """
    One thread with one open database, from its start to its end.

    @ivar _opened: called in the reactor's thread when the database is open.
    @ivar _ended: called in the reactor's thread when the thread has nothing left to do; with
        the reason when the database could not be opened.
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
        self._changed = Condition(Lock())
        self._waiting: deque[Job] = deque()
        self._finishing = False
        self._is_urgent = False
        # A process that ends without a stop must not wait for it; what is committed is safe.
        self._thread = Thread(target=self._live, name=THREAD_NAME, daemon=True)

    def begin(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add(self, job: Job) -> None:
        """
        Have a piece of work done, after what waits already.

        @raise StorageError: when too much waits, or no more is taken.
        """
        with self._changed:
            if self._finishing:
                raise StorageError("the database is closed")
            if len(self._waiting) >= MAX_WAITING_JOBS:
                raise StorageError(
                    f"the database is overloaded: {MAX_WAITING_JOBS} pieces of work wait for it"
                )
            is_first, was_urgent = not self._waiting, self._is_urgent
            self._waiting.append(job)
            self._is_urgent = was_urgent or not job.is_patient
            if is_first or self._is_urgent is not was_urgent:
                # All that waits is taken at once, so that the first one wakes for all.
                self._changed.notify()

    def finish(self) -> None:
        """Take no more work, do what waits, close the database and end."""
        with self._changed:
            self._finishing = True
            self._changed.notify()

    def join(self) -> None:
        """Wait for the thread's end, which C{ended} has announced."""
        self._thread.join()

    def _live(self) -> None:
        try:
            store = self._open()
        except Exception as error:  # noqa: BLE001 - as every start that fails, in words
            self._give_up(error)
            return
        self._reactor.callFromThread(self._opened)
        while group := self._next_group():
            outcomes = store.run([job.work for job in group])
            self._reactor.callFromThread(_tell, group, outcomes)
        store.close()
        self._reactor.callFromThread(self._ended, None)

    def _open(self) -> Store:
        store = self._make_store()
        store.open()
        return store

    def _next_group(self) -> list[Job]:
        """
        Everything that waits, as soon as something does that is in a hurry, or has waited long
        enough; nothing: there is no more.
        """
        with self._changed:
            while not self._is_urgent and not self._finishing:
                if not self._waiting:
                    self._changed.wait()
                elif not self._changed.wait(PATIENCE_S):
                    break
            self._is_urgent = False
            return self._take_all()

    def _take_all(self) -> list[Job]:
        group = list(self._waiting)
        self._waiting.clear()
        return group

    def _give_up(self, error: Exception) -> None:
        stated = as_cfos_error(error, "the database cannot be opened")
        with self._changed:
            self._finishing = True
            group = self._take_all()
        self._reactor.callFromThread(_fail, group, stated)
        self._reactor.callFromThread(self._ended, stated)


def _tell(group: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    """Fire the Deferreds of a group, in order; runs in the reactor's thread."""
    for job, outcome in zip(group, outcomes, strict=True):
        if isinstance(outcome, Done):
            job.done.callback(outcome.value)
        else:
            job.done.errback(outcome.error)


def _fail(group: Sequence[Job], error: CfosError) -> None:
    for job in group:
        job.done.errback(StorageError(str(error)))
