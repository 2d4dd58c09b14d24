"""What is promised to those who only look at a database, whatever kind it is."""

from __future__ import annotations

from cfos_cm.errors import StorageError
from cfos_cm.storage.read_only import looked_at
from cfos_cm.storage.tables import VERSION_TABLE
from cfos_cm.storage.tags import read_tags

from .cases import DatabaseCase
from .database_contract import put_tag


class ReadOnlyContract(DatabaseCase):
    """What is promised wherever it is."""

    async def test_whileItRuns(self) -> None:
        """What is committed is seen while somebody else has the database open."""
        database = await self.opened()
        await database.run(put_tag("a"))
        with looked_at(self.url) as looked:
            self.assertEqual(["a"], [tag.id_tag for tag in looked.run(read_tags)])
            await database.run(put_tag("b"))
            self.assertEqual(["a", "b"], [tag.id_tag for tag in looked.run(read_tags)])

    async def test_afterwards(self) -> None:
        """And when nobody has it open any more."""
        database = await self.opened()
        await database.run(put_tag("a"))
        await database.stop()
        with looked_at(self.url) as looked:
            self.assertEqual(["a"], [tag.id_tag for tag in looked.run(read_tags)])

    async def test_writesNothing(self) -> None:
        """Work that writes fails, and nothing of it is kept."""
        database = await self.opened()
        with looked_at(self.url) as looked:
            error = self.assertRaises(StorageError, looked.run, put_tag("a"))
            self.assertIn("cannot be read", str(error))
        self.assertEqual((), await database.run(read_tags))

    async def test_otherVersion(self) -> None:
        """A database of another version is left as it is, and it is said what to do."""
        database = await self.opened()
        await self.write(database, f"UPDATE {VERSION_TABLE} SET version_num = '0001'")
        with self.assertRaises(StorageError) as caught, looked_at(self.url):
            pass
        self.assertIn("0001", str(caught.exception))
        found = await self.rows(database, f"SELECT version_num FROM {VERSION_TABLE}")
        self.assertEqual([("0001",)], found)
