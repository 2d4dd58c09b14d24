"""Looking at a database that another process writes, or has left."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from sqlalchemy import text

from cfos_cm.errors import StorageError
from cfos_cm.storage.read_only import looked_at
from cfos_cm.storage.tags import read_tags

from . import cases, read_only_contract
from .database_contract import put_tag


class SqliteReadOnly(cases.SqliteCase, read_only_contract.ReadOnlyContract):
    """A file that is looked at."""

    def refused(self, url: str | None = None) -> str:
        """Why it cannot be looked at."""
        with self.assertRaises(StorageError) as caught, looked_at(url or self.url):
            pass
        return str(caught.exception)

    def test_notThere(self) -> None:
        """A file that is not there is not made."""
        self.assertIn("is not there", self.refused())
        self.assertEqual([], os.listdir(self.folder))

    def test_noDatabase(self) -> None:
        """What is no database, or another program's, is said to be, and left as it is."""
        self.path.write_bytes(b"hello" * 1000)
        self.assertIn("cannot be read", self.refused())
        self.assertEqual(b"hello" * 1000, self.path.read_bytes())
        self.path.unlink()
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("CREATE TABLE recipes (name TEXT)")
        self.assertIn("no version", self.refused())
        self.assertIn("scheme", self.refused("nonsense"))

    async def test_oddName(self) -> None:
        """Signs that mean something in the address of a file are part of its name."""
        self.path = self.folder / "a b#y%20ü.sqlite"
        self.url = f"sqlite:///{self.path}"
        database = await self.opened()
        await database.run(put_tag("a"))
        with looked_at(self.url) as looked:
            self.assertEqual(1, len(looked.run(read_tags)))

    async def test_afterAKill(self) -> None:
        """What a manager that was killed has left in the log is seen, and stays there."""
        program = (
            "import os, sqlite3, sys\n"
            "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            'connection.execute("INSERT INTO tags (folded_id_tag, id_tag, status)'
            " VALUES ('late', 'late', 'Accepted')\")\n"
            "os.kill(os.getpid(), 9)\n"
        )
        database = await self.opened()
        await database.run(put_tag("a"))
        await database.stop()
        subprocess.run([sys.executable, "-c", program, self.path], check=False, timeout=60)
        log = Path(f"{self.path}-wal")
        before = log.read_bytes()
        self.assertTrue(before)
        with looked_at(self.url) as looked:
            found = [tag.id_tag for tag in looked.run(read_tags)]
            self.assertRaises(
                StorageError, looked.run, lambda it: it.execute(text("DELETE FROM tags"))
            )
        self.assertEqual(["a", "late"], found)
        self.assertEqual(before, log.read_bytes())
