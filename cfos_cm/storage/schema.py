"""Bringing a database to the schema of this version, and telling whose schema it has."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SQLAlchemyError

from cfos_cm.errors import StorageError
from cfos_cm.storage.faults import DamageError, is_nonsense, plain_reason
from cfos_cm.storage.tables import VERSION_TABLE, metadata

__all__ = ["alembic_config", "migrate"]

#: How long a migration of a PostgreSQL database may wait for another program's lock: meanwhile
#: nobody else gets one either, and a start that fails is tried again. What it does when it has
#: it takes as long as there are rows, and has no bound. [s]
_LOCK_TIMEOUT_S = 10

#: Alembic keeps the running migration in a global, so that two databases of one process have to
#: take turns.
_alembic_turn = threading.Lock()


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration, without an ini file, for a connection that is open already."""
    config = Config()
    config.set_main_option("path_separator", "os")
    # A per cent sign in the path would be an interpolation.
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def migrate(connection: Connection) -> None:
    """
    Bring a database to the newest schema, inside the transaction that the caller has begun.

    Nothing is changed when it has it already.

    @raise StorageError: when its schema is newer than this program, or another program's.
    @raise DamageError: when it says that it has our schema and does not have it.
    """
    config = alembic_config(connection)
    script = ScriptDirectory.from_config(config)
    newest = script.get_current_head()
    with _reading_schema(connection):
        found = _revision_of(connection)
    if found != newest:
        known = {step.revision for step in script.walk_revisions()}
        _check_may_migrate(connection, found, known, str(newest))
        _take_time(connection)
        with _alembic_turn:
            command.upgrade(config, "head")
    with _reading_schema(connection):
        _check_is_ours(connection)


def _take_time(connection: Connection) -> None:
    """Change the bounds of this transaction to those of a migration."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_S}s'")


@contextmanager
def _reading_schema(connection: Connection) -> Iterator[None]:
    """
    What SQLite says about a schema that is nonsense, as what it is.

    Only reading is in here: a migration that fails is no sign that the file is damaged.
    """
    try:
        yield
    except (ValueError, SQLAlchemyError) as error:
        if connection.dialect.name == "sqlite" and is_nonsense(error):
            raise DamageError(f"its schema cannot be read: {plain_reason(error)}") from error
        raise


def _revision_of(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    revisions = context.get_current_heads()
    if len(revisions) > 1:
        raise DamageError(f"it is of {len(revisions)} schemas at once")
    return revisions[0] if revisions else None


def _check_may_migrate(
    connection: Connection, found: str | None, known: set[str], newest: str
) -> None:
    if found is not None:
        if found not in known:
            raise StorageError(
                f"the database's schema is {found!r}, and this program knows none newer than"
                f" {newest!r}: it was written by a newer version; it was left as it is"
            )
        return
    there = set(inspect(connection).get_table_names())
    if there & set(metadata.tables):
        raise DamageError("it has tables and no schema version")


def _check_is_ours(connection: Connection) -> None:
    inspector = inspect(connection)
    there = set(inspector.get_table_names())
    for table in metadata.sorted_tables:
        if table.name not in there:
            raise DamageError(f"its table {table.name} is missing")
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        missing = [column.name for column in table.columns if column.name not in columns]
        if missing:
            raise DamageError(f"its table {table.name} has no {missing[0]}")
