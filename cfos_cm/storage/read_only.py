"""A database that is only looked at, by another process than the one that writes it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from cfos_cm.errors import CfosError, StorageError
from cfos_cm.storage.backends import (
    LOCK_TIMEOUT_S,
    PostgresqlBackend,
    SqliteBackend,
    backend_for,
)
from cfos_cm.storage.faults import as_cfos_error
from cfos_cm.storage.schema import alembic_config
from cfos_cm.storage.tables import VERSION_TABLE

__all__ = ["ReadOnlyDatabase", "looked_at"]

T = TypeVar("T")


class ReadOnlyDatabase:
    """
    Work that reads; it cannot write anything.

    It waits for the database, so that it is nothing for a thread with a reactor.
    """

    def __init__(self, engine: Engine, censor: Callable[[str], str]) -> None:
        self._engine = engine
        self._censor = censor

    def run(self, work: Callable[[Connection], T]) -> T:
        """
        Do something that reads.

        @raise StorageError: if the database cannot be read, or C{work} would write.
        """
        try:
            with self._engine.connect() as connection:
                return work(connection)
        except CfosError:
            raise
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise self._stated(error) from error

    def _stated(self, error: Exception) -> StorageError:
        stated = as_cfos_error(error, "the database cannot be read")
        return StorageError(self._censor(str(stated)))


@contextmanager
def looked_at(url: str) -> Iterator[ReadOnlyDatabase]:
    """
    Look at the database of a URL, whether or not a manager runs with it.

    It is neither made nor migrated, and nothing is moved aside.

    @raise StorageError: if it is not there, cannot be read, or is of another version.
    """
    backend = backend_for(url, time.monotonic)
    assert isinstance(backend, SqliteBackend | PostgresqlBackend)
    if isinstance(backend, SqliteBackend):
        engine = _sqlite_engine(backend.place)
    else:
        engine = backend.engine()
        event.listen(engine, "begin", _read_only)
    try:
        database = ReadOnlyDatabase(engine, backend.censor)
        database.run(_check_version)
        yield database
    finally:
        engine.dispose()


def _sqlite_engine(path: str) -> Engine:
    if not Path(path).is_file():
        raise StorageError(f"the database {path} is not there: no manager has run with it yet")

    def connected() -> sqlite3.Connection:
        # Read-only also for SQLite itself; a log that a crash has left is read all the same.
        return sqlite3.connect(
            f"file:{quote(path)}?mode=ro",
            uri=True,
            timeout=LOCK_TIMEOUT_S,
            check_same_thread=False,
        )

    # Without a pool, so that what is open is always closed in the end.
    return create_engine(
        URL.create("sqlite", database=path),
        creator=connected,
        poolclass=NullPool,
        hide_parameters=True,
    )


def _read_only(connection: Connection) -> None:
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def _check_version(connection: Connection) -> None:
    newest = ScriptDirectory.from_config(alembic_config(connection)).get_current_head()
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    found = context.get_current_revision()
    if found != newest:
        raise StorageError(
            f"the database has the schema {found or 'of no version'}, and this program reads"
            f" {newest}: start a manager of this version with it once"
        )
