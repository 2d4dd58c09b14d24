"""A database file that is moved or replaced while it is open: no two files are mixed."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.logger import capturedLogs

from cfos_cm.errors import StorageError
from cfos_cm.storage import backends
from cfos_cm.storage.database import Database

from . import cases
from .database_contract import put_tag


def tags_in(path: Path) -> list[str]:
    """The tags of a file that is whole."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [tag for (tag,) in connection.execute("SELECT id_tag FROM tags ORDER BY id_tag")]


class ReplacedFiles(cases.SqliteCase):
    """What was committed stays with the file that it was committed to."""

    def setUp(self) -> None:
        """Say where the files go, and where one comes from."""
        super().setUp()
        self.backup = self.folder / "backup.sqlite"
        self.moved = self.folder / "moved.sqlite"

    async def with_backup(self) -> Database:
        """A database that is open, and a copy of it with the tag C{old} and no other."""
        database = await self.opened()
        await database.run(put_tag("old"))
        await database.stop()
        shutil.copy(self.path, self.backup)
        await database.start()
        return database

    async def test_movedAlone(self) -> None:
        """A file that is moved without its log has all that was stored in it."""
        database = await self.opened()
        await database.run(put_tag("before"))
        os.rename(self.path, self.moved)
        await database.run(put_tag("after"))
        await database.stop()
        self.assertEqual((["before"], ["after"]), (tags_in(self.moved), tags_in(self.path)))

    async def test_backup(self) -> None:
        """A copy that is put in its place gets nothing of it."""
        database = await self.with_backup()
        for number in range(200):
            await database.run(put_tag(f"{number:0200}"))
        os.rename(self.backup, self.path)
        await database.run(put_tag("new"))
        self.assertEqual([("new",), ("old",)], await self.tags(database))
        await database.stop()
        self.assertEqual(["new", "old"], tags_in(self.path))

    async def test_logBegunAnew(self) -> None:
        """Nor does it where the log was written into the file and begun again."""
        self.patch(backends, "_LOG_BYTES", 8 * backends._PAGE_BYTES)
        database = await self.with_backup()
        for number in range(303):
            await database.run(put_tag(f"{number:0400}"))
        os.rename(self.backup, self.path)
        await database.run(put_tag("new"))
        await database.stop()
        self.assertEqual(["new", "old"], tags_in(self.path))

    async def test_beforeTheFirstWork(self) -> None:
        """It is the same right behind the start, when no more than the tables were written."""
        other = self.database(f"sqlite:///{self.backup}")
        await other.start()
        await other.run(put_tag("old"))
        await other.stop()
        database = await self.opened()
        os.rename(self.backup, self.path)
        await database.run(put_tag("new"))
        await database.stop()
        self.assertEqual(["new", "old"], tags_in(self.path))

    async def test_beforeTheStop(self) -> None:
        """It is the same when the program stops and has nothing to write any more."""
        database = await self.with_backup()
        await database.run(put_tag("lost"))
        os.rename(self.backup, self.path)
        await database.stop()
        self.assertEqual(["old"], tags_in(self.path))

    async def test_withItsLog(self) -> None:
        """The log that came with the other file is that file's, and is used."""
        database = await self.with_backup()
        await database.run(put_tag("moved"))
        with closing(sqlite3.connect(self.backup, isolation_level=None)) as other:
            other.execute(
                "INSERT INTO tags (folded_id_tag, id_tag, status) VALUES ('a', 'logged', 'a')"
            )
            self.assertGreater(Path(f"{self.backup}-wal").stat().st_size, 0)
            for ending in ("-wal", ""):
                os.rename(f"{self.path}{ending}", f"{self.moved}{ending}")
                os.rename(f"{self.backup}{ending}", f"{self.path}{ending}")
            await database.run(put_tag("new"))
            self.assertEqual([("logged",), ("new",), ("old",)], await self.tags(database))
        await database.stop()
        self.assertEqual(["moved", "old"], tags_in(self.moved))
        self.assertEqual([], list(self.folder.glob("*.replaced-*")))

    async def test_logThatSomebodyReads(self) -> None:
        """A log that cannot be written out is kept aside, and that is said."""
        self.patch(backends, "LOCK_TIMEOUT_S", 0)
        database = await self.with_backup()
        await database.run(put_tag("read"))
        with closing(sqlite3.connect(self.path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            self.assertEqual(2, len(reader.execute("SELECT * FROM tags").fetchall()))
            await database.run(put_tag("not written out"))
            os.rename(self.backup, self.path)
            with capturedLogs() as events:
                await database.run(put_tag("new"))
        await database.stop()
        self.assertEqual(["new", "old"], tags_in(self.path))
        (kept,) = self.folder.glob("*-wal")
        self.assertEqual(f"{self.path.name}.replaced-20261122T100607Z-wal", kept.name)
        self.assertGreater(kept.stat().st_size, 0)
        self.assertEqual(
            [("critical", None), ("critical", str(kept))],
            [(entry["log_level"].name, entry.get("kept")) for entry in events],
        )

    async def test_logThatCannotBeMoved(self) -> None:
        """While such a log is in the way, nothing is done with the other file."""
        self.patch(backends, "LOCK_TIMEOUT_S", 0)
        database = await self.with_backup()

        def refuse(old: str, new: str) -> None:
            raise PermissionError(1, "Operation not permitted")

        with closing(sqlite3.connect(self.path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM tags").fetchall()
            await database.run(put_tag("not written out"))
            os.rename(self.backup, self.path)
            refusing = self.patch(os, "rename", refuse)
            with capturedLogs():
                for _ in range(2):
                    error = await self.assertFailure(database.run(put_tag("new")), StorageError)
                    self.assertIn("is another database's", str(error))
            refusing.restore()
            await database.run(put_tag("new"))
        await database.stop()
        self.assertEqual(["new", "old"], tags_in(self.path))

    async def tags(self, database: Database) -> list[tuple[Any, ...]]:
        """What the program finds."""
        return await self.rows(database, "SELECT id_tag FROM tags ORDER BY id_tag")
