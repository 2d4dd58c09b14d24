"""Damaged database files: the program starts, says so, and keeps what was there."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from attrs import evolve
from twisted.logger import LogLevel, capturedLogs

from cfos_cm.errors import StorageError
from cfos_cm.storage.faults import DamageError
from cfos_cm.storage.sqlite_file import SqliteFile, quick_check
from cfos_cm.storage.tables import VERSION_TABLE
from cfos_cm.storage.transactions import Ledger

from . import cases, database_contract, ledger_contract

Damage = Callable[[bytearray], None]

PAGE_BYTES = 8192


def write_at(place: int, content: bytes) -> Damage:
    """Damage that overwrites some bytes."""

    def damage(file: bytearray) -> None:
        file[place : place + len(content)] = content

    return damage


def cut_to(size_bytes: int) -> Damage:
    """Damage that takes the end away."""

    def damage(file: bytearray) -> None:
        del file[size_bytes:]

    return damage


#: Damage that no check may miss.
CERTAIN: dict[str, Damage] = {
    "garbage": write_at(0, bytes(range(256)) * 64),
    "text": lambda file: file.__setitem__(slice(None), b"[manager]\ntitle = x\n"),
    "magic": write_at(0, b"sqLite format 3\0"),
    "page size": write_at(16, b"\x12\x34"),
    "write version": write_at(18, b"\x09"),
    "read version": write_at(19, b"\x09"),
    "zeroed first page": write_at(0, bytes(PAGE_BYTES)),
    "zeroed second page": write_at(PAGE_BYTES, bytes(PAGE_BYTES)),
    "zeroed everything": lambda file: file.__setitem__(slice(None), bytes(len(file))),
    # SQLite takes a file of one byte for an empty one.
    "two bytes": cut_to(2),
    "half a header": cut_to(50),
    "half a page": cut_to(2048),
    "one page": cut_to(PAGE_BYTES),
    "three pages": cut_to(3 * PAGE_BYTES),
    "an odd size": cut_to(3 * PAGE_BYTES + 77),
    "a few bytes short": cut_to(-50),
    "table's name": lambda file: file.__setitem__(
        slice(None), bytes(file).replace(b"charge_points", b"charge_pointz")
    ),
}


class DamagedFiles(cases.SqliteCase):
    """A file whose content is broken."""

    async def written(self) -> bytes:
        """What a file with some transactions holds."""
        database = await self.opened()
        numbers = iter(range(1, 1000))
        ledger = Ledger(database, lambda: next(numbers))
        for connector in range(60):
            start = evolve(ledger_contract.START, connector=connector, request_text="x" * 300)
            await ledger.start(start)
        await database.stop()
        return self.path.read_bytes()

    async def survives(self) -> list[dict[str, object]]:
        """Start on what is there, store a transaction; gives what was said loudly."""
        database = self.database()
        with capturedLogs() as events:
            await database.start()
        ledger = Ledger(database, lambda: 2**31 - 1)
        try:
            start = evolve(ledger_contract.START, connector=1000)
            self.assertFalse((await ledger.start(start)).repeated)
        finally:
            await database.stop()
        return [entry for entry in events if entry["log_level"] is LogLevel.critical]

    async def test_certainDamage(self) -> None:
        """Each damage of the corpus is found, said, and kept; a new file takes its place."""
        whole = await self.written()
        for name, damage in CERTAIN.items():
            content = bytearray(whole)
            damage(content)
            self.path.write_bytes(content)
            (said,) = await self.survives()
            (kept,) = self.moved_aside()
            self.assertEqual(kept.read_bytes(), bytes(content), name)
            self.assertEqual(said["kept"], str(kept))
            kept.unlink()
            self.path.unlink()

    async def test_bitFlips(self) -> None:
        """
        Wherever some bits flip, the program either works with the file, or with a new one and
        the old one kept; or it takes the file for one of a newer version and says so.
        """
        whole = await self.written()
        draw = random.Random(20261122)
        for _ in range(150):
            content = bytearray(whole)
            for _ in range(draw.choice((1, 1, 4, 32))):
                content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
            self.path.write_bytes(content)
            try:
                said = await self.survives()
            except StorageError as error:
                self.assertIn("newer version", str(error))
                self.assertEqual(self.moved_aside(), [])
                continue
            kept = self.moved_aside()
            self.assertEqual([entry["kept"] for entry in said], [str(path) for path in kept])
            for path in kept:
                path.unlink()

    async def test_cutAnywhere(self) -> None:
        """Wherever the file ends too early, the program starts, and keeps what was there."""
        whole = await self.written()
        draw = random.Random(4711)
        for _ in range(40):
            size_bytes = draw.randrange(2, len(whole))
            self.path.write_bytes(whole[:size_bytes])
            await self.survives()
            self.assertEqual([kept.stat().st_size for kept in self.moved_aside()], [size_bytes])
            (kept,) = self.moved_aside()
            kept.unlink()
            self.path.unlink()

    async def test_lostVersion(self) -> None:
        """A file with our tables that does not say of which version they are is damaged."""
        for statement in (f"DELETE FROM {VERSION_TABLE}", f"DROP TABLE {VERSION_TABLE}"):
            await self.written()
            with closing(sqlite3.connect(self.path)) as other:
                other.execute(statement)
                other.commit()
            (said,) = await self.survives()
            self.assertEqual(said["damage"], "it has tables and no schema version")
            self.path.unlink()

    async def test_emptyFile(self) -> None:
        """An empty file is a new database: there is nothing to keep."""
        self.path.touch()
        self.assertEqual(await self.survives(), [])
        self.assertEqual(self.moved_aside(), [])

    async def test_folderInItsPlace(self) -> None:
        """A folder in the file's place is no damage: it is named, and left alone."""
        self.path.mkdir()
        (self.path / "precious").touch()
        await self.assertFailure(self.database().start(), StorageError)
        self.assertTrue((self.path / "precious").exists())

    async def test_name(self) -> None:
        """The name says when; an older one is never overwritten."""
        names = []
        for content in (b"first " * 99, b"second" * 99, b"third " * 99):
            self.path.write_bytes(content)
            await self.survives()
            names = [path.name for path in self.moved_aside()]
            self.path.unlink()
        stem = "cfos_cm.sqlite.damaged-20261122T100607Z"
        self.assertEqual(names, [stem, f"{stem}-2", f"{stem}-3"])
        contents = [path.read_bytes()[:5] for path in self.moved_aside()]
        self.assertEqual(contents, [b"first", b"secon", b"third"])

    async def test_companions(self) -> None:
        """The log and the index of a damaged file go with it, under names that fit."""
        self.path.write_bytes(b"garbage" * 99)
        file = SqliteFile(str(self.path))
        for ending in ("-wal", "-shm"):
            Path(f"{self.path}{ending}").write_text(ending)
        kept = file.move_aside(cases.NOW)
        self.assertEqual(list(self.folder.glob("cfos_cm.sqlite-*")), [])
        self.assertFalse(self.path.exists())
        for ending in ("-wal", "-shm"):
            self.assertEqual(Path(kept + ending).read_text(), ending)

    async def test_logWithoutItsFile(self) -> None:
        """A log whose main file is gone or empty is kept: SQLite would delete it."""
        log = Path(f"{self.path}-wal")
        for main_file_is_there in (False, True):
            log.write_bytes(b"what was not in the main file yet")
            if main_file_is_there:
                self.path.touch()
            self.assertEqual(len(await self.survives()), 1)
            (kept,) = self.folder.glob("*.damaged-*-wal")
            self.assertEqual(kept.read_bytes(), b"what was not in the main file yet")
            for path in self.folder.iterdir():
                path.unlink()

    async def test_lostLog(self) -> None:
        """A log that is lost or broken costs what was in it, and nothing else."""
        database = await self.opened()
        await database.run(database_contract.put_tag("a"))
        log = Path(f"{self.path}-wal")
        main, logged = self.path.read_bytes(), bytearray(log.read_bytes())
        await database.stop()
        logged[len(logged) // 2] ^= 0xFF
        self.path.write_bytes(main)
        log.write_bytes(logged)
        await self.survives()
        self.path.write_bytes(main)
        await self.survives()

    async def test_cannotBeMoved(self) -> None:
        """When a damaged file cannot be moved aside, that is an error, and it stays."""
        self.path.write_bytes(b"garbage" * 99)

        def refuse(old: str, new: str) -> None:
            raise PermissionError(1, "Operation not permitted")

        self.patch(os, "rename", refuse)
        error = await self.assertFailure(self.database().start(), StorageError)
        self.assertIn("cannot be moved aside: Operation not permitted", str(error))
        self.assertEqual(self.path.read_bytes(), b"garbage" * 99)

    async def test_damagedWhileOpen(self) -> None:
        """A file that breaks while it is open is replaced without a restart."""
        database = await self.opened()
        for number in range(300):
            await database.run(database_contract.put_tag(f"{number:0200}"))
        await database.stop()
        await database.start()
        size_bytes = self.path.stat().st_size
        with self.path.open("r+b") as file:
            file.seek(PAGE_BYTES)
            file.write(b"\xff" * (size_bytes - PAGE_BYTES))
        with capturedLogs() as events:
            failing = self.rows(database, "SELECT * FROM tags")
            with self.assertRaises(StorageError):
                await failing
            self.assertEqual(await self.rows(database, "SELECT * FROM tags"), [])
        self.assertEqual(len(self.moved_aside()), 1)
        self.assertIn("IS DAMAGED", "".join(entry["log_format"] for entry in events))

    async def test_checkIsBounded(self) -> None:
        """The look for damage ends after its time, and says that it did not finish."""
        await self.written()
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("CREATE TABLE big (x)")
            other.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                " WHERE i < 30000) INSERT INTO big SELECT hex(randomblob(100)) FROM n"
            )
            other.commit()
        ticks = iter(range(10**6))
        self.assertFalse(quick_check(str(self.path), lambda: next(ticks), 5.0))
        self.assertTrue(quick_check(str(self.path), lambda: 0.0, 5.0))

    async def test_checkSaysWhatItFound(self) -> None:
        """What is broken is told in one line."""
        whole = bytearray(await self.written())
        whole[PAGE_BYTES : 2 * PAGE_BYTES] = bytes(PAGE_BYTES)
        self.path.write_bytes(whole)
        error = self.assertRaises(
            (DamageError, sqlite3.DatabaseError), quick_check, str(self.path), lambda: 0.0, 5.0
        )
        self.assertNotIn("\n", str(error))
