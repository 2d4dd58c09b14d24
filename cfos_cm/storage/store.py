"""One open database: work in groups, one commit for each, and starting over after a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol, cast

from sqlalchemy import Connection, Engine

from cfos_cm.errors import CfosError, StorageError
from cfos_cm.storage.backends import Backend
from cfos_cm.storage.faults import as_cfos_error
from cfos_cm.storage.outcomes import Done, Failed, Outcome
from cfos_cm.storage.schema import migrate
from cfos_cm.storage.work import CommonWork, Share, Work

__all__ = ["SAVEPOINT", "Alarm", "Store"]

#: The name of the savepoint that each piece of work has.
SAVEPOINT = "cfos_cm_work"


class Alarm(Protocol):
    """Where a store says what people have to know; called in the writer's thread."""

    def __call__(self, text: str, /, **fields: object) -> None:
        """Say it; C{text} is a format for C{twisted.logger}."""


class _TransactionLostError(Exception):
    """The database has given up the whole transaction; C{__cause__} says why."""


class Store:
    """
    A database that does work in groups. Belongs to one thread.

    @ivar _engine: C{None} while the database is not open.
    @ivar _connection: is kept from group to group; C{None} until the first one, and after a
        failure.
    @ivar _failing: a group was lost, and nothing was written since; so that people are told
        once, not at each group.
    @ivar _has_written: while failing: a piece of work has written something.
    """

    def __init__(
        self,
        backend: Backend,
        clock_now: Callable[[], datetime],
        alarm: Alarm,
        calm: Alarm,
    ) -> None:
        self._backend = backend
        self._clock_now = clock_now
        self._alarm = alarm
        self._calm = calm
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._failing = False
        self._has_written = False

    def open(self) -> None:
        """
        Open the database, and bring it to this version's schema.

        A damaged file is moved aside, said loudly, and an empty one made in its place.

        @raise StorageError: when it cannot be opened.
        """
        self._clear_place()
        try:
            self._open_once()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported in words
            damage = self._backend.damage(error)
            if damage is None:
                raise self._stated(error) from None
            self._replace(damage)

    def run(self, group: Sequence[Work | Share]) -> list[Outcome]:
        """
        Do a group of work in one transaction, each piece in a savepoint of its own.

        @return: what became of each piece, in their order, when all of it is on disk. When the
            commit fails, every piece of the group has failed. Never raises.
        """
        try:
            outcomes = self._commit(group)
        except Exception as error:  # noqa: BLE001 - no failure may end the writer's thread
            reason = self._lose(error)
            return [Failed(StorageError(reason)) for _ in group]
        if self._has_written:
            # Reading works on a full disk too, and so does the commit of nothing.
            self._failing = self._has_written = False
            self._calm("The database {place} works again.", place=self._backend.place)
        return outcomes

    def close(self) -> None:
        """Close it. It can be opened again."""
        self._close()
        try:
            self._clear_place()
        except StorageError as error:
            self._alarm("{error!s}", error=error)

    def _close(self) -> None:
        self._disconnect()
        engine, self._engine = self._engine, None
        if engine is not None:
            # What is committed is safe, so that a failure here costs nothing.
            with suppress(Exception):
                engine.dispose()

    def _clear_place(self) -> None:
        kept = self._backend.clear_place(self._clock_now())
        if kept is not None:
            self._alarm(
                "The database that was at {place} was taken away, and not all that was in it:"
                " the rest was moved to {kept}.",
                place=self._backend.place,
                kept=kept,
            )

    def _open_once(self) -> None:
        self._backend.prepare()
        self._engine = self._backend.engine()
        try:
            # It stays: another one might meet a file that was put there meanwhile, beside the
            # log of this one.
            self._connection = self._engine.connect()
            with self._connection.begin():
                migrate(self._connection)
        except BaseException:
            self._close()
            raise
        self._backend.opened()

    def _replace(self, damage: str) -> None:
        kept = self._backend.move_aside(self._clock_now())
        self._alarm(
            "THE DATABASE {place} IS DAMAGED ({damage}). It was moved to {kept}, and an empty"
            " one takes its place: transactions and tags start anew.",
            place=self._backend.place,
            damage=damage,
            kept=kept,
        )
        try:
            self._open_once()
        except Exception as error:  # noqa: BLE001 - see open()
            raise self._stated(error) from None

    def _commit(self, group: Sequence[Work | Share]) -> list[Outcome]:
        self._has_written = False
        connection = self._connected()
        with connection.begin():
            outcomes = list(self._run_all(connection, group))
            if not self._backend.in_transaction(connection):
                raise StorageError("the transaction ended before its commit")
        return outcomes

    def _connected(self) -> Connection:
        if self._engine is not None and self._backend.was_replaced():
            self._alarm(
                "The database {place} was moved or deleted while it was open; what is at that"
                " place is opened now.",
                place=self._backend.place,
            )
            self.close()
        if self._engine is None:
            self.open()
        assert self._engine is not None
        if self._connection is not None:
            try:
                self._backend.check_alive(self._connection)
            except Exception:  # noqa: BLE001 - a new connection shows what it is
                self._disconnect()
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                self._backend.write_out(connection)
            # Not back to the pool: what is left of it may not be usable.
            with suppress(Exception):
                connection.invalidate()
            with suppress(Exception):
                connection.close()

    def _run_all(
        self, connection: Connection, group: Sequence[Work | Share]
    ) -> Iterator[Outcome]:
        for common, pieces in groupby(group, _common_work):
            if common is None:
                works = cast("Iterator[Work]", pieces)
                yield from (self._run_one(connection, work) for work in works)
            else:
                items = [share.item for share in cast("Iterator[Share]", pieces)]
                yield from self._run_shares(connection, common, items)

    def _run_shares(
        self, connection: Connection, work: CommonWork, items: Sequence[Any]
    ) -> Sequence[Outcome]:
        together = self._run_one(connection, lambda connection: work(connection, items))
        if isinstance(together, Done) or len(items) == 1:
            return [together] * len(items)
        return [
            outcome for item in items for outcome in self._run_shares(connection, work, [item])
        ]

    def _run_one(self, connection: Connection, work: Work) -> Outcome:
        # Straight to the driver: SQLAlchemy's own savepoints cost more than most work.
        driver: Any = connection.connection.driver_connection
        driver.execute(f"SAVEPOINT {SAVEPOINT}")
        changes = self._backend.changes(connection) if self._failing else 0
        try:
            value = work(connection)
        except Exception as error:
            if self._backend.damage(error) is not None or not _undone(driver):
                raise _TransactionLostError from error
            return Failed(self._stated(error))
        if self._failing and self._backend.changes(connection) != changes:
            self._has_written = True
        driver.execute(f"RELEASE SAVEPOINT {SAVEPOINT}")
        return Done(value)

    def _lose(self, error: Exception) -> str:
        """A group was lost: close, so that the next one starts with a new connection."""
        cause = error.__cause__ if isinstance(error, _TransactionLostError) else None
        cause = cause or error
        reason = str(self._stated(cause))
        if self._backend.damage(cause) is not None:
            self.close()  # the next group opens it again, and looks for the damage
        self._disconnect()
        if not self._failing:
            self._failing = True
            self._alarm(
                "The database cannot be written ({reason}). Until it can, no transaction is"
                " acknowledged to a Charge Point.",
                reason=reason,
            )
        return reason

    def _stated(self, error: BaseException) -> CfosError:
        stated = as_cfos_error(error, f"the database {self._backend.place}")
        censored = self._backend.censor(str(stated))
        return stated if censored == str(stated) else StorageError(censored)


def _common_work(piece: Work | Share) -> CommonWork | None:
    return piece.work if isinstance(piece, Share) else None


def _undone(driver: Any) -> bool:
    """Take back one piece of work; C{False} when the transaction around it is gone too."""
    try:
        driver.execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
        driver.execute(f"RELEASE SAVEPOINT {SAVEPOINT}")
    except Exception:  # noqa: BLE001 - the reason is the error that led here
        return False
    return True
