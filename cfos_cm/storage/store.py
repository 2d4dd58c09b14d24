"""One open database: work in groups, one commit for each, and starting over after a failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, NestedTransaction

from cfos_cm.errors import CfosError, StorageError
from cfos_cm.storage.backends import Backend
from cfos_cm.storage.faults import as_cfos_error
from cfos_cm.storage.outcomes import Done, Failed, Outcome
from cfos_cm.storage.schema import migrate

__all__ = ["Alarm", "Store", "Work"]

Work = Callable[[Connection], Any]


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
    @ivar _failing: the last group was lost; so that people are told once, not at each group.
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
        self._failing = False

    def open(self) -> None:
        """
        Open the database, and bring it to this version's schema.

        A damaged file is moved aside, said loudly, and an empty one made in its place.

        @raise StorageError: when it cannot be opened.
        """
        try:
            self._open_once()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported in words
            damage = self._backend.damage(error)
            if damage is None:
                raise self._stated(error) from None
            self._replace(damage)

    def run(self, group: Sequence[Work]) -> list[Outcome]:
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
        if self._failing:
            self._failing = False
            self._calm("The database {place} works again.", place=self._backend.place)
        return outcomes

    def close(self) -> None:
        """Close it. It can be opened again."""
        engine, self._engine = self._engine, None
        if engine is not None:
            # What is committed is safe, so that a failure here costs nothing.
            with suppress(Exception):
                engine.dispose()

    def _open_once(self) -> None:
        self._backend.prepare()
        engine = self._backend.engine()
        try:
            with engine.begin() as connection:
                migrate(connection)
        except BaseException:
            engine.dispose()
            raise
        self._engine = engine
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

    def _commit(self, group: Sequence[Work]) -> list[Outcome]:
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
        with self._engine.connect() as connection, connection.begin():
            outcomes = [self._run_one(connection, work) for work in group]
            if not self._backend.in_transaction(connection):
                raise StorageError("the transaction ended before its commit")
        return outcomes

    def _run_one(self, connection: Connection, work: Work) -> Outcome:
        savepoint = connection.begin_nested()
        try:
            value = work(connection)
        except Exception as error:
            if self._backend.damage(error) is not None or not _undone(connection, savepoint):
                raise _TransactionLostError from error
            return Failed(self._stated(error))
        savepoint.commit()
        return Done(value)

    def _lose(self, error: Exception) -> str:
        """A group was lost: close, so that the next one starts with a new connection."""
        cause = error.__cause__ if isinstance(error, _TransactionLostError) else None
        cause = cause or error
        reason = str(self._stated(cause))
        if self._backend.damage(cause) is not None:
            self.close()  # the next group opens it again, and looks for the damage
        elif self._engine is not None:
            self._engine.dispose()
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


def _undone(connection: Connection, savepoint: NestedTransaction) -> bool:
    """Take back one piece of work; C{False} when the transaction around it is gone too."""
    try:
        savepoint.rollback()
    except Exception:  # noqa: BLE001 - the reason is the error that led here
        return False
    return not connection.invalidated
