"""The database in a file: starting, stopping, working in groups, and its places."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.logger import capturedLogs

from cfos_cm.errors import StorageError
from cfos_cm.storage import backends, store

from . import cases, database_contract


class SqliteDatabase(cases.SqliteCase, database_contract.DatabaseContract):
    """A file keeps every promise of a database, and some of its own."""

    async def test_settings(self) -> None:
        """A commit is on disk before it is over, and references are checked."""
        database = await self.opened()
        for pragma, value in (
            ("journal_mode", "wal"),
            ("synchronous", 2),
            ("foreign_keys", 1),
            ("busy_timeout", 2000),
        ):
            self.assertEqual(await self.rows(database, f"PRAGMA {pragma}"), [(value,)])

    async def test_modes(self) -> None:
        """Folders that had to be made, the file, and what is beside it, are for us alone."""
        umask = os.umask(0)
        self.addCleanup(os.umask, umask)
        path = self.folder / "a" / "b" / "c.sqlite"
        database = self.database(f"sqlite:///{path}")
        await database.start()
        self.addCleanup(database.stop)
        await database.run(database_contract.put_tag("a"))
        for folder in (path.parent, path.parent.parent):
            self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        found = sorted(path.parent.iterdir())
        self.assertEqual(len(found), 3)
        for file in found:
            self.assertEqual(file.stat().st_mode & 0o777, 0o600, file)

    async def test_tooOpen(self) -> None:
        """A file that others may read is closed to them at the next start."""
        database = await self.opened()
        await database.stop()
        self.path.chmod(0o644)
        await database.start()
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    async def test_noFileIsLeftOpen(self) -> None:
        """A stopped database has no open file, and none but its own on disk."""
        database = await self.opened()
        await database.run(database_contract.put_tag("a"))
        await database.stop()
        names = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
        self.assertEqual([name for name in names if str(self.folder) in name], [])
        self.assertEqual(list(self.folder.iterdir()), [self.path])

    async def test_link(self) -> None:
        """A symbolic link leads to the file."""
        link = self.folder / "link.sqlite"
        link.symlink_to(self.path)
        database = self.database(f"sqlite:///{link}")
        await database.start()
        await database.stop()
        self.assertTrue(link.is_symlink())
        self.assertTrue(self.path.is_file())

    async def test_unusablePlaces(self) -> None:
        """A path that cannot be a database is an error with the path and the reason."""
        (self.folder / "file").write_text("")
        os.mkfifo(self.folder / "fifo")
        for place, reason in (
            ("file/x.sqlite", "Not a directory"),
            (".", "is a folder"),
            ("fifo", "is not a file"),
            ("x" * 300, "File name too long"),
        ):
            database = self.database(f"sqlite:///{self.folder}/{place}")
            error = await self.assertFailure(database.start(), StorageError)
            self.assertIn(reason, str(error))
            self.assertIn(str(self.folder), str(error))
        self.assertEqual(cases.writer_threads(), [])

    async def test_readOnlyPlace(self) -> None:
        """A file that may not be written is an error, and stays where it is."""
        self.path.write_bytes(b"")
        self.patch(os, "access", lambda path, mode: False)
        error = await self.assertFailure(self.database().start(), StorageError)
        self.assertIn("may not be read and written", str(error))
        self.assertEqual(self.moved_aside(), [])

    async def test_startAfterAFailedStart(self) -> None:
        """When the cause has gone, the same object can be started."""
        self.path.mkdir()
        database = self.database()
        await self.assertFailure(database.start(), StorageError)
        self.failureResultOf(database.run(database_contract.put_tag("a")), StorageError)
        self.path.rmdir()
        await database.start()
        self.addCleanup(database.stop)
        self.assertEqual(await database.run(database_contract.put_tag("a")), "a")

    async def test_workThatWaitsForAFailingStart(self) -> None:
        """Work that was asked for during a start that fails, fails too."""
        self.path.mkdir()
        database = self.database()
        started = database.start()
        done = database.run(database_contract.put_tag("a"))
        await self.assertFailure(started, StorageError)
        self.failureResultOf(done, StorageError)

    async def test_locked(self) -> None:
        """While another program holds the lock nothing is acknowledged; then all is well."""
        self.patch(backends, "LOCK_TIMEOUT_S", 0)
        database = await self.opened()
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with capturedLogs() as events:
                for _ in range(3):
                    failing = database.run(database_contract.put_tag("a"))
                    error = await self.assertFailure(failing, StorageError)
                    self.assertIn("locked", str(error))
                other.execute("ROLLBACK")
                self.assertEqual(await database.run(database_contract.put_tag("a")), "a")
        levels = [entry["log_level"].name for entry in events]
        self.assertEqual(levels, ["critical", "info"])

    async def test_deletedWhileOpen(self) -> None:
        """A file that is taken away is noticed: nothing is written to where nobody looks."""
        database = await self.opened()
        await database.run(database_contract.put_tag("before"))
        for path in self.folder.iterdir():
            path.unlink()
        with capturedLogs() as events:
            await database.run(database_contract.put_tag("after"))
        self.assertIn("was moved or deleted", events[0]["log_format"])
        with closing(sqlite3.connect(self.path)) as other:
            self.assertEqual(other.execute("SELECT id_tag FROM tags").fetchall(), [("after",)])

    async def test_transactionEndedBySqlite(self) -> None:
        """
        SQLite gives up a whole transaction after some errors, and its driver then takes a
        commit for done: nobody of that group may be told that it was.
        """
        database = await self.opened()

        def give_up(connection: Any) -> None:
            connection.connection.driver_connection.execute("ROLLBACK")
            raise sqlite3.OperationalError("database or disk is full")

        let_go, _ = self.held(database)
        works = (database_contract.put_tag("a"), give_up, database_contract.put_tag("b"))
        waiting = [database.run(work) for work in works]
        let_go()
        for done in waiting:
            error = await self.assertFailure(done, StorageError)
            self.assertIn("database or disk is full", str(error))
        self.assertEqual(await self.rows(database, "SELECT * FROM tags"), [])

    async def test_commitOfNothing(self) -> None:
        """
        SQLite's driver takes a commit for done when there is no transaction any more; whoever
        waits for that commit is not told so.
        """
        database = await self.opened()

        def begin_another(connection: Any) -> None:
            driver = connection.connection.driver_connection
            driver.execute("ROLLBACK")
            # The savepoint that is released after this work; it ends what it has begun.
            driver.execute(f"SAVEPOINT {store.SAVEPOINT}")

        error = await self.assertFailure(database.run(begin_another), StorageError)
        self.assertIn("ended before its commit", str(error))


class Urls(cases.SqliteCase):
    """Which URLs name a database."""

    async def test_refused(self) -> None:
        """What names no database is refused with what is allowed, and without its secrets."""
        for url in (
            "",
            "nonsense",
            "mysql://user:s3cret@host/name",
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite:///x.sqlite?mode=memory&uri=true",
            "sqlite://user:s3cret@host/x.sqlite",
            "postgresql+asyncpg://user:s3cret@host/name",
            "postgresql://user:s3cret@host:notaport/name",
        ):
            error = await self.assertFailure(self.database(url).start(), StorageError)
            self.assertIn("allowed: sqlite:///FILE", str(error), url)
            self.assertNotIn("s3cret", str(error))

    async def test_serverThatIsNotThere(self) -> None:
        """A server that cannot be reached is an error without the password."""
        for url in (
            f"postgresql://user:s3cret@/name?host={self.folder}",
            f"postgresql+psycopg://user@/name?host={self.folder}&password=s3cret",
            "postgresql://user:s3cret@127.0.0.1:1/name",
        ):
            error = await self.assertFailure(self.database(url).start(), StorageError)
            self.assertNotIn("s3cret", str(error))
            self.assertIn("name on", str(error))
        self.assertEqual(cases.writer_threads(), [])

    def test_secretsInADriversText(self) -> None:
        """What a driver says is shown without any secret of the URL."""
        url = "postgresql://user:pass-1@host/name?password=pass-2&sslpassword=pass-3"
        backend = backends.backend_for(url, lambda: 0.0)
        said = backend.censor("user, pass-1, pass-2 and pass-3")
        self.assertEqual(said, "user, ***, *** and ***")

    def test_cheapImport(self) -> None:
        """Whoever only imports the module does not pay for SQLAlchemy."""
        code = (
            "import sys, cfos_cm.storage.database;"
            "sys.exit('sqlalchemy' in sys.modules or 'twisted.internet.reactor' in sys.modules)"
        )
        root = Path(__file__).parents[2]
        ran = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
        self.assertEqual(ran.returncode, 0)
