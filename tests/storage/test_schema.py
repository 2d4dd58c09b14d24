"""The migrations of a file."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from twisted.internet.defer import gatherResults

from cfos_cm.errors import StorageError
from cfos_cm.storage.tables import VERSION_TABLE

from . import cases, database_contract


class SqliteMigrations(cases.SqliteCase, database_contract.MigrationContract):
    """A file is brought to the newest schema."""

    async def test_anotherProgramsDatabase(self) -> None:
        """A database of another program is left as it is."""
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("CREATE TABLE recipes (name TEXT)")
        before = self.path.read_bytes()
        error = await self.assertFailure(self.database().start(), StorageError)
        self.assertIn("another program's", str(error))
        self.assertEqual(self.moved_aside(), [])
        self.assertEqual(self.path.read_bytes(), before)

    async def test_newerIsNeverMoved(self) -> None:
        """A file of a newer version stays where it is, whatever else it holds."""
        database = await self.opened()
        await self.write(database, "DROP TABLE charge_points")
        await self.write(database, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
        await database.stop()
        await self.assertFailure(database.start(), StorageError)
        self.assertEqual(self.moved_aside(), [])

    async def test_twoAtTheSameTime(self) -> None:
        """Two databases of one process can be started at the same moment."""
        databases = [
            self.database(f"sqlite:///{self.folder}/{number}.sqlite") for number in range(3)
        ]
        for database in databases:
            self.addCleanup(database.stop)
        await gatherResults([database.start() for database in databases])
        for database in databases:
            self.assertEqual(await self.rows(database, "SELECT * FROM tags"), [])
