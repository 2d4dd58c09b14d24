"""The two kinds of database: an SQLite file, and a PostgreSQL server."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from cfos_cm.errors import StorageError
from cfos_cm.storage.faults import damage_in
from cfos_cm.storage.sqlite_file import SqliteFile
from cfos_cm.storage.tables import VERSION_TABLE, metadata

__all__ = ["ALLOWED_URLS", "Backend", "PostgresqlBackend", "SqliteBackend", "backend_for"]

ALLOWED_URLS = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"

#: How long to wait for another program's lock before the work fails. [s]
LOCK_TIMEOUT_S = 2

#: How long a PostgreSQL server may take for one statement, or be silent. [s]
SERVER_TIMEOUT_S = 30


#: Of a file that is made now; one that is there keeps its own. A page that holds some meter
#: values is written with fewer calls than those values one by one. [bytes]
_PAGE_BYTES = 16384

#: How much of the file SQLite keeps in memory. [KiB]
_CACHE_KIB = 8192

#: When the log is written into the file. A page that was written again in between goes there
#: once, which costs less time, and less of a memory card's life. [bytes]
_LOG_BYTES = 4 * 1024 * 1024


class Backend(Protocol):
    """
    What differs between databases.

    @ivar place: where it is, for people; without any secret.
    """

    place: str

    def prepare(self) -> None:
        """See that the database can be opened; raises what L{damage} understands."""

    def engine(self) -> Engine:
        """A new engine with at most one connection; opens nothing yet."""

    def opened(self) -> None:
        """The database is open now."""

    def was_replaced(self) -> bool:
        """Whether what is open is not what is at C{place} any more."""

    def write_out(self, connection: Connection) -> None:
        """
        If what is open was replaced, have all of it in one place, wherever that is now.

        To be called before the connection is closed.
        """

    def clear_place(self, now: datetime) -> str | None:
        """
        Put away what was replaced and would be taken for a part of what is at C{place} now.

        To be called when nothing is open.

        @return: where it is kept; C{None}: there is nothing.
        @raise StorageError: when that is not possible.
        """

    def check_alive(self, connection: Connection) -> None:
        """Raises when whoever was at the other end of an idle connection has gone."""

    def changes(self, connection: Connection) -> int:
        """A number that differs after something was written, and stays when it was read."""

    def in_transaction(self, connection: Connection) -> bool:
        """
        Whether the transaction is still there and sound.

        Databases end a transaction by themselves after some errors, and drivers then take a
        commit for done that did nothing.
        """

    def damage(self, error: BaseException) -> str | None:
        """What is broken, when an error says that the content is and it can be set aside."""

    def move_aside(self, now: datetime) -> str:
        """Put a damaged database away; returns where it is kept."""

    def censor(self, text: str) -> str:
        """A text without the secrets of the URL."""


class SqliteBackend:
    """
    An SQLite file: write-ahead log, every commit synchronised with the disk.

    @ivar place: the file's absolute path.
    @ivar _mark: of the file that is open, or was when it was closed; C{None} while another one
        is being opened.
    @ivar _log_mark: of the log of the last connection.
    """

    def __init__(self, path: str, now_s: Callable[[], float]) -> None:
        self._file = SqliteFile(path)
        self._now_s = now_s
        self._mark: tuple[int, int] | None = None
        self._log_mark: tuple[int, int] | None = None
        self.place = self._file.path

    def prepare(self) -> None:
        """See L{Backend.prepare}."""
        self._file.prepare(self._now_s, (VERSION_TABLE, *metadata.tables))

    def engine(self) -> Engine:
        """See L{Backend.engine}."""
        self._mark = None
        engine = create_engine(
            URL.create("sqlite", database=self._file.path),
            pool_size=1,
            max_overflow=0,
            hide_parameters=True,
            connect_args={"timeout": LOCK_TIMEOUT_S},
        )
        event.listen(engine, "connect", self._set_up)
        event.listen(engine, "begin", _begin_immediate)
        return engine

    def opened(self) -> None:
        """See L{Backend.opened}."""
        self._mark = self._file.mark()
        # A file that is new gets its log with its first table.
        self._log_mark = self._file.log_mark()

    def was_replaced(self) -> bool:
        """See L{Backend.was_replaced}."""
        return self._file.mark() != self._mark

    def write_out(self, connection: Connection) -> None:
        """See L{Backend.write_out}: SQLite itself does so only where a file has not moved."""
        if self._mark is None or not self.was_replaced() or connection.invalidated:
            return
        driver = _sqlite(connection)
        driver.rollback()
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def clear_place(self, now: datetime) -> str | None:
        """See L{Backend.clear_place}."""
        if self._mark is None or not self.was_replaced():
            return None
        return self._file.move_log_aside(self._log_mark, now)

    def _set_up(self, driver: sqlite3.Connection, record: object) -> None:
        _set_up_sqlite(driver)
        self._log_mark = self._file.log_mark()

    def check_alive(self, connection: Connection) -> None:
        """See L{Backend.check_alive}; a file does not go away by itself."""

    def changes(self, connection: Connection) -> int:
        """See L{Backend.changes}."""
        return _sqlite(connection).total_changes

    def in_transaction(self, connection: Connection) -> bool:
        """See L{Backend.in_transaction}."""
        return _sqlite(connection).in_transaction

    def damage(self, error: BaseException) -> str | None:
        """See L{Backend.damage}."""
        return damage_in(error)

    def move_aside(self, now: datetime) -> str:
        """See L{Backend.move_aside}."""
        return self._file.move_aside(now)

    def censor(self, text: str) -> str:
        """See L{Backend.censor}; a file has no secrets."""
        return text


class PostgresqlBackend:
    """
    A database of a PostgreSQL server.

    @ivar place: its host and name.
    """

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername="postgresql+psycopg")
        host = url.host or _text(url.query.get("host")) or "the local server"
        self.place = f"{url.database or 'postgres'} on {host}"

    def prepare(self) -> None:
        """See L{Backend.prepare}; a server looks after itself."""

    def engine(self) -> Engine:
        """See L{Backend.engine}."""
        wanted: dict[str, Any] = {
            "connect_timeout": LOCK_TIMEOUT_S,
            "tcp_user_timeout": SERVER_TIMEOUT_S * 1000,
            "application_name": "cfos_cm",
        }
        engine = create_engine(
            self._url,
            pool_size=1,
            max_overflow=0,
            hide_parameters=True,
            connect_args={
                option: value
                for option, value in wanted.items()
                if option not in self._url.query
            },
        )
        event.listen(engine, "connect", _set_up_postgresql)
        return engine

    def opened(self) -> None:
        """See L{Backend.opened}."""

    def was_replaced(self) -> bool:
        """See L{Backend.was_replaced}; a connection stays with its server."""
        return False

    def write_out(self, connection: Connection) -> None:
        """See L{Backend.write_out}; there is nothing."""

    def clear_place(self, now: datetime) -> str | None:
        """See L{Backend.clear_place}; there is nothing."""
        return None

    def check_alive(self, connection: Connection) -> None:
        """See L{Backend.check_alive}."""
        driver: Any = connection.connection.driver_connection
        connection.dialect.do_ping(driver)

    def changes(self, connection: Connection) -> int:
        """See L{Backend.changes}."""
        # A transaction gets its number when it writes for the first time.
        return int(
            connection.exec_driver_sql("SELECT txid_current_if_assigned()").scalar() or 0
        )

    def in_transaction(self, connection: Connection) -> bool:
        """See L{Backend.in_transaction}."""
        driver: Any = connection.connection.driver_connection
        return driver is not None and driver.info.transaction_status.name == "INTRANS"

    def damage(self, error: BaseException) -> str | None:
        """See L{Backend.damage}; a server's database is never set aside."""
        return None

    def move_aside(self, now: datetime) -> str:
        """See L{Backend.move_aside}; L{damage} never asks for it."""
        raise StorageError(f"the database {self.place} cannot be moved aside")

    def censor(self, text: str) -> str:
        """See L{Backend.censor}."""
        secrets = [self._url.password or ""]
        secrets += [_text(self._url.query.get(name)) for name in ("password", "sslpassword")]
        for secret in secrets:
            text = text.replace(secret, "***") if secret else text
        return text


def backend_for(url: str, now_s: Callable[[], float]) -> Backend:
    """
    The database that a URL names; opens nothing.

    @param now_s: a clock that never goes back. [s]
    @raise StorageError: when the URL names none; it says what is allowed, and no secret.
    """
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        raise _bad_url(url) from None
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return PostgresqlBackend(parsed)
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise _bad_url(url)
    if not parsed.database or parsed.database == ":memory:":
        raise StorageError("the database has to outlive the program; allowed: sqlite:///FILE")
    if parsed.query or parsed.host:
        raise StorageError(
            "an SQLite database takes no host or options; allowed: sqlite:///FILE"
        )
    return SqliteBackend(parsed.database, now_s)


def _bad_url(url: str) -> StorageError:
    # Only the scheme is shown: the rest may hold a password.
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,30}(?=://)", url)
    found = f"found {scheme.group()}://…" if scheme else "it has no scheme"
    return StorageError(f"not a database URL: {found}; allowed: {ALLOWED_URLS}")


def _text(value: tuple[str, ...] | str | None) -> str:
    return value if isinstance(value, str) else ",".join(value or ())


def _sqlite(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _set_up_sqlite(driver: sqlite3.Connection) -> None:
    # The driver would begin transactions by itself, and not before everything.
    driver.isolation_level = None
    for pragma in (
        f"page_size={_PAGE_BYTES}",
        f"cache_size=-{_CACHE_KIB}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={LOCK_TIMEOUT_S * 1000}",
    ):
        driver.execute(f"PRAGMA {pragma}").close()
    ((page_bytes,),) = driver.execute("PRAGMA page_size").fetchall()
    driver.execute(f"PRAGMA wal_autocheckpoint={_LOG_BYTES // page_bytes}").close()


def _begin_immediate(connection: Connection) -> None:
    # A transaction that starts by reading cannot wait for another program's lock later.
    _sqlite(connection).execute("BEGIN IMMEDIATE").close()


def _set_up_postgresql(driver: Any, record: object) -> None:
    with driver.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        (encoding,) = cursor.fetchone()
        if encoding != "UTF8":
            raise StorageError(f"the database's encoding is {encoding}; allowed: UTF8")
        cursor.execute(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'")
        cursor.execute(f"SET statement_timeout = '{SERVER_TIMEOUT_S}s'")
        cursor.execute("SHOW synchronous_commit")
        (waits_for_disk,) = cursor.fetchone()
        if waits_for_disk == "off":
            cursor.execute("SET synchronous_commit = on")
    driver.commit()
