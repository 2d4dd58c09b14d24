"""Readings on their way into the database: none is lost, none is there twice."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any
from unittest import mock

from alembic import command
from sqlalchemy import text
from twisted.internet.defer import fail
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from cfos_cm.errors import StorageError
from cfos_cm.storage import backends, intake, lots, readings_log
from cfos_cm.storage.database import Database
from cfos_cm.storage.intake import (
    DRAIN_AFTER_S,
    DRAIN_AT,
    RETRY_S,
    TRIES_FOR_NOTHING,
    ReadingsIntake,
)
from cfos_cm.storage.reading_records import parsed, record_of
from cfos_cm.storage.readings import Reading
from cfos_cm.storage.readings_log import ReadingsLog
from cfos_cm.storage.schema import alembic_config
from cfos_cm.storage.transactions import Ledger
from tests.storage.cases import NOW, SqliteCase


def reading(number: int) -> Reading:
    """One of many, told apart by its words."""
    return "CP-1", 1, None, NOW, f'{{"number":{number}}}'


class IntakeCase(SqliteCase):
    """A test with an SQLite file, and a log beside it."""

    async def start(self) -> None:
        """The program starts."""
        self.clock = Clock()
        self.base = self.database()
        await self.base.start()
        self.log = ReadingsLog(str(self.folder / "readings"))
        self.intake = ReadingsIntake(self.base, self.log, self.clock)
        await self.intake.open()

    async def stop(self) -> None:
        """It stops in good order."""
        await self.intake.close()
        await self.base.stop()
        self.assertEqual([], self.clock.getDelayedCalls())

    async def kill(self) -> None:
        """It ends without a word."""
        self.log.close()
        await self.base.stop()

    async def stored(self, base: Database | None = None) -> list[str]:
        """The words of the readings in the database."""
        rows = await self.rows(
            base or self.base, "SELECT payload_text FROM meter_values ORDER BY number"
        )
        return [words for (words,) in rows]

    def words(self, *numbers: int) -> list[str]:
        """The words of some readings."""
        return [reading(number)[-1] for number in numbers]

    def files(self) -> list[str]:
        """The segments that are on disk."""
        there = os.listdir(self.folder / "readings")
        return sorted(one for one in there if one not in ("id", "lock"))


class Intake(IntakeCase):
    """Readings go into the database, whatever happens to it or to the program."""

    async def test_inTime(self) -> None:
        """A moment later it is in the database, and the file is gone."""
        await self.start()
        self.assertIsNone(self.intake.take(reading(1)))
        self.assertEqual([], await self.stored())
        self.clock.advance(DRAIN_AFTER_S)
        await self.intake.drained()
        self.assertEqual((self.words(1), []), (await self.stored(), self.files()))
        await self.stop()

    async def test_many(self) -> None:
        """Where many come, nobody waits for the time."""
        await self.start()
        for number in range(DRAIN_AT):
            self.assertIsNone(self.intake.take(reading(number)))
        self.assertEqual([], self.clock.getDelayedCalls())
        await self.intake.drained()
        self.assertEqual(DRAIN_AT, len(await self.stored()))
        await self.stop()

    async def test_stop(self) -> None:
        """A stop waits for what has come."""
        await self.start()
        self.intake.take(reading(1))
        await self.stop()
        await self.start()
        self.assertEqual(self.words(1), await self.stored())
        await self.stop()

    async def test_killed(self) -> None:
        """What was taken is stored by the next start, once, and in its order."""
        await self.start()
        for number in (1, 2, 3):
            self.intake.take(reading(number))
        await self.kill()
        await self.start()
        self.intake.take(reading(4))
        await self.intake.drained()
        self.assertEqual((self.words(1, 2, 3, 4), []), (await self.stored(), self.files()))
        await self.stop()

    async def test_killedBeforeForgetting(self) -> None:
        """What was stored, and not removed from the log any more, is not stored again."""
        await self.start()
        self.intake.take(reading(1))
        kept = self.folder / "kept"
        shutil.copytree(self.folder / "readings", kept)
        await self.intake.drained()
        await self.kill()
        shutil.rmtree(self.folder / "readings")
        shutil.move(kept, self.folder / "readings")
        await self.start()
        await self.intake.drained()
        self.assertEqual((self.words(1), []), (await self.stored(), self.files()))
        await self.stop()

    async def test_databaseAway(self) -> None:
        """While the database cannot be written, readings are kept; nobody is refused."""
        await self.start()
        await self.write(self.base, "ALTER TABLE drained_readings RENAME TO away")
        self.assertIsNone(self.intake.take(reading(1)))
        await self.intake.drained()
        self.assertIsNone(self.intake.take(reading(2)))
        await self.write(self.base, "ALTER TABLE away RENAME TO drained_readings")
        self.clock.advance(RETRY_S)
        await self.intake.drained()
        self.assertEqual(self.words(1, 2), await self.stored())
        await self.stop()

    async def test_stopWithoutDatabase(self) -> None:
        """What cannot be stored at the end waits for the next start."""
        await self.start()
        await self.write(self.base, "ALTER TABLE drained_readings RENAME TO away")
        self.intake.take(reading(1))
        await self.intake.close()
        await self.write(self.base, "ALTER TABLE away RENAME TO drained_readings")
        await self.base.stop()
        await self.start()
        await self.intake.drained()
        self.assertEqual(self.words(1), await self.stored())
        await self.stop()

    async def test_bound(self) -> None:
        """More than a bound is not kept for a database that does not come back."""
        self.patch(intake, "DRAIN_AT", 1)
        self.patch(intake, "MAX_WAITING_READINGS", 2)
        await self.start()
        let_go, _ = self.held(self.base)
        for number in (1, 2):
            self.assertIsNone(self.intake.take(reading(number)))
        self.failureResultOf(self.intake.take(reading(3)), StorageError)
        let_go()
        await self.intake.drained()
        self.assertIsNone(self.intake.take(reading(4)))
        await self.stop()
        self.assertEqual([], self.files())

    async def test_boundOfLongOnes(self) -> None:
        """Few that are long are as many that are short: some are drained, more are refused."""
        self.patch(intake, "DRAIN_AT_BYTES", 100)
        self.patch(intake, "SLOW_DOWN_AT_BYTES", 200)
        self.patch(intake, "MAX_WAITING_BYTES", 300)
        await self.start()
        let_go, _ = self.held(self.base)
        long = ("CP-1", 1, None, NOW, "x" * 100)
        self.assertIsNone(self.intake.take(long))
        self.assertEqual([], self.clock.getDelayedCalls())
        waiting = [self.intake.take(long) for _ in range(2)]
        self.failureResultOf(self.intake.take(long), StorageError)
        for one in waiting:
            self.assertNoResult(one)
        let_go()
        for one in waiting:
            await one
        await self.intake.drained()
        self.assertEqual(3, len(await self.stored()))
        await self.stop()

    async def test_slowedDown(self) -> None:
        """Whoever sends faster than the database takes it has to wait, and is not refused."""
        self.patch(intake, "DRAIN_AT", 2)
        self.patch(intake, "SLOW_DOWN_AT", 3)
        await self.start()
        let_go, _ = self.held(self.base)
        for number in (1, 2):
            self.assertIsNone(self.intake.take(reading(number)))
        waiting = [self.intake.take(reading(number)) for number in (3, 4)]
        for one in waiting:
            self.assertNoResult(one)
        let_go()
        for one in waiting:
            await one
        await self.intake.drained()
        self.assertEqual(self.words(1, 2, 3, 4), await self.stored())
        await self.stop()

    async def test_slowedDownNoLonger(self) -> None:
        """Who waits goes on as soon as there is room, before all is stored."""
        self.patch(intake, "DRAIN_AT", 1)
        self.patch(intake, "SLOW_DOWN_AT", 2)
        await self.start()
        let_go, _ = self.held(self.base)
        self.assertIsNone(self.intake.take(reading(1)))
        slowed = self.intake.take(reading(2))
        assert slowed is not None
        slowed.addCallback(lambda _: self.assertNoResult(self.intake.drained()))
        let_go()
        await slowed
        await self.stop()

    async def test_slowedDownForNothing(self) -> None:
        """Nobody is held up for a database that cannot be written."""
        self.patch(intake, "DRAIN_AT", 1)
        self.patch(intake, "SLOW_DOWN_AT", 2)
        await self.start()
        await self.write(self.base, "ALTER TABLE drained_readings RENAME TO away")
        let_go, _ = self.held(self.base)
        self.assertIsNone(self.intake.take(reading(1)))
        slowed = self.intake.take(reading(2))
        self.assertNoResult(slowed)
        let_go()
        await slowed
        await self.write(self.base, "ALTER TABLE away RENAME TO drained_readings")
        await self.stop()
        self.assertEqual([], self.files())

    async def test_newDatabase(self) -> None:
        """A log beside a database that was deleted goes into the new one."""
        await self.start()
        self.intake.take(reading(1))
        await self.intake.drained()
        self.intake.take(reading(2))
        await self.kill()
        for path in self.folder.glob("cfos_cm.sqlite*"):
            path.unlink()
        await self.start()
        await self.intake.drained()
        self.assertEqual(self.words(2), await self.stored())
        await self.stop()

    async def test_twoPrograms(self) -> None:
        """Two programs on one database have a log each, and neither misses a reading."""
        await self.start()
        base = self.database()
        await base.start()
        other = ReadingsIntake(base, ReadingsLog(str(self.folder / "other")), Clock())
        await other.open()
        for number in (1, 2, 3):
            self.intake.take(reading(number))
            other.take(reading(-number))
            await self.intake.drained()
            await other.drained()
        await other.close()
        await base.stop()
        self.assertEqual(self.words(1, -1, 2, -2, 3, -3), await self.stored())
        await self.stop()

    async def test_databaseComesBack(self) -> None:
        """A database that was away meanwhile, and has had more segments, takes what comes."""
        repaired = self.folder / "repaired"
        await self.start()
        for number in range(5):
            self.intake.take(reading(number))
            await self.intake.drained()
        await self.stop()
        self.path.rename(repaired)
        await self.start()
        self.intake.take(reading(5))
        await self.intake.drained()
        self.intake.take(reading(6))
        await self.kill()
        repaired.rename(self.path)
        await self.start()
        await self.intake.drained()
        self.assertEqual(self.words(0, 1, 2, 3, 4, 6), await self.stored())
        await self.stop()

    async def test_fromBeforeIds(self) -> None:
        """What a version left whose logs had no id is stored, but for what it had stored."""
        backend = backends.backend_for(self.url, time.monotonic)
        backend.prepare()
        engine = backend.engine()
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "0002")
            connection.execute(text("INSERT INTO drained_readings VALUES (7)"))
        engine.dispose()
        folder = self.folder / "readings"
        folder.mkdir()
        for _ in range(2):
            # The second time it is as if it had been killed before it could remove them.
            for number in (7, 8, 9):
                path = folder / f"{number:012}.readings"
                path.write_bytes(record_of(reading(number)))
            await self.start()
            await self.intake.drained()
            self.assertEqual((self.words(8, 9), []), (await self.stored(), self.files()))
            await self.kill()

    async def test_outage(self) -> None:
        """While the database is away, few readings do not become many files and commits."""
        await self.start()
        run = self.base.run
        self.base.run = lambda work: fail(StorageError("away"))
        many = 2 * DRAIN_AT + 10
        with capturedLogs():
            for number in range(many):
                self.intake.take(reading(number))
                self.clock.advance(RETRY_S)
                await self.intake.drained()
        # The first one, those that were as many as are stored at once, and the others.
        self.assertEqual(4, len(self.files()))
        commits: list[object] = []
        self.base.run = lambda work: (commits.append(work), run(work))[1]
        await self.intake.drained()
        self.base.run = run
        self.assertLessEqual(len(commits), 4)
        self.assertEqual(self.words(*range(many)), await self.stored())
        await self.stop()

    async def test_storedTogether(self) -> None:
        """Short segments go into the database together, as many readings as one long one."""
        await self.start()
        await self.kill()
        for number in range(10):
            path = self.folder / "readings" / f"{number + 1:012}.readings"
            path.write_bytes(record_of(reading(number)) * (DRAIN_AT // 5))
        runs: list[object] = []
        run = Database.run
        self.patch(Database, "run", lambda base, work: (runs.append(work), run(base, work))[1])
        await self.start()
        await self.intake.drained()
        # The number of the last one is asked for, and there are two times five segments.
        self.assertEqual(3, len(runs))
        self.assertEqual((2 * DRAIN_AT, []), (len(await self.stored()), self.files()))
        await self.stop()

    async def test_damagedLog(self) -> None:
        """What can be read of a damaged log is stored; what cannot is kept, and that said."""
        await self.start()
        for number in range(3):
            self.intake.take(reading(number))
        await self.kill()
        (path,) = (self.folder / "readings").glob("*.readings")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        self.clock.getDelayedCalls()[0].cancel()
        with capturedLogs() as events:
            await self.start()
            await self.intake.drained()
        (said,) = events
        self.assertEqual("critical", said["log_level"].name)
        self.assertTrue(os.path.exists(said["kept"]))
        self.assertEqual(self.words(0, 2), await self.stored())
        await self.stop()

    async def test_notCutOff(self) -> None:
        """Who asks again after a disk that failed in the middle of a reading is not refused."""
        await self.start()
        self.assertIsNone(self.intake.take(reading(1)))
        real = os.write
        with (
            mock.patch("os.write", lambda file, data: real(file, data[:9])),
            mock.patch("os.ftruncate", side_effect=OSError(5, "Input/output error")),
        ):
            self.failureResultOf(self.intake.take(reading(2)), StorageError)
        self.assertIsNone(self.intake.take(reading(2)))
        await self.intake.drained()
        self.assertEqual((self.words(1, 2), []), (await self.stored(), self.files()))
        await self.stop()

    async def test_heldInMemory(self) -> None:
        """What waits is bounded by what it takes in memory, not in the file."""
        self.patch(intake, "DRAIN_AT", 1)
        self.patch(intake, "MAX_WAITING_BYTES", 4096)
        await self.start()
        self.base.run = lambda work: fail(StorageError("away"))
        wide = ("CP-1", 1, None, NOW, "\U0001f600" + "x" * 1024)
        with capturedLogs():
            self.assertIsNone(self.intake.take(wide))
            self.failureResultOf(self.intake.take(wide), StorageError)
            await self.intake.close()
        await self.base.stop()

    async def test_notOpened(self) -> None:
        """Where the database cannot be asked, the next try finds the log free."""
        await self.start()
        await self.kill()
        for _ in range(2):
            log = ReadingsLog(str(self.folder / "readings"))
            opening = ReadingsIntake(self.base, log, self.clock).open()
            error = self.failureResultOf(opening, StorageError)
            self.assertIn("closed", str(error.value))


class Refused(IntakeCase):
    """Readings that a database which works does not take."""

    async def start(self) -> None:
        """The program starts, and the database has something against some words."""
        await super().start()
        await self.write(
            self.base,
            "CREATE TRIGGER IF NOT EXISTS choosy BEFORE INSERT ON meter_values"
            " WHEN NEW.payload_text LIKE '%bad%' BEGIN SELECT RAISE(ABORT, 'no'); END",
        )

    def take(self, *words: str) -> None:
        """Some readings come, and a second passes."""
        for one in words:
            self.intake.take(("CP-1", 1, None, NOW, one))
        self.clock.advance(DRAIN_AFTER_S)

    def aside(self) -> list[list[str]]:
        """The words in the files that were set aside, file by file."""
        found = []
        for path in sorted((self.folder / "readings").glob("*.refused")):
            self.assertEqual(0o600, path.stat().st_mode & 0o777)
            found.append([one[-1] for one in parsed(path.read_bytes())[0]])
        return found

    async def waited(self) -> None:
        """As long as it takes until all of some readings is set aside."""
        for _ in range(TRIES_FOR_NOTHING):
            await self.intake.drained()
            self.assertEqual([], self.aside())
            self.clock.advance(RETRY_S)
        await self.intake.drained()

    async def test_none(self) -> None:
        """Where nothing of a segment can be stored it is set aside; the next goes on."""
        await self.start()
        with capturedLogs() as events:
            self.take("bad 1", "bad 2")
            await self.waited()
            self.take("good")
            await self.intake.drained()
        self.assertEqual(["good"], await self.stored())
        self.assertEqual([["bad 1", "bad 2"]], self.aside())
        *tries, said = events
        self.assertEqual(["warn"] * TRIES_FOR_NOTHING, [one["log_level"].name for one in tries])
        self.assertEqual("critical", said["log_level"].name)
        self.assertEqual((2, "no"), (said["count"], said["reason"]))
        await self.stop()

    async def test_some(self) -> None:
        """What can be stored is, and what cannot is set aside."""
        await self.start()
        with capturedLogs():
            self.take("1", "bad", "2")
            await self.intake.drained()
        self.assertEqual(["1", "2"], await self.stored())
        self.assertEqual([["bad"]], self.aside())
        await self.stop()

    async def test_saidOnce(self) -> None:
        """It is said once, and again when it was all well in between."""
        await self.start()
        with capturedLogs() as events:
            for words in (("bad 1", "1"), ("bad 2",), ("good",), ("bad 3", "3")):
                self.take(*words)
                await self.intake.drained()
        self.assertEqual(["critical"] * 2, [one["log_level"].name for one in events])
        self.assertEqual([["bad 1"], ["bad 2"], ["bad 3"]], self.aside())
        await self.stop()

    async def test_tooMuch(self) -> None:
        """What is set aside is bounded; what goes for that is said."""
        self.patch(readings_log, "MAX_REFUSED_FILES", 1)
        await self.start()
        with capturedLogs() as events:
            for words in (("bad 1", "1"), ("bad 2",)):
                self.take(*words)
                await self.intake.drained()
        self.assertEqual([["bad 2"]], self.aside())
        self.assertEqual(["critical"] * 2, [one["log_level"].name for one in events])
        self.assertEqual((1, True), (events[-1]["count"], "1.refused" in events[-1]["last"]))
        await self.stop()

    async def test_takenAfterAll(self) -> None:
        """A mistake that is put right soon enough has cost nothing."""
        await self.start()
        with capturedLogs():
            self.take("bad")
            await self.intake.drained()
            # Asking again at once is not waiting.
            for _ in range(2 * TRIES_FOR_NOTHING):
                await self.intake.drained()
            self.clock.advance(RETRY_S)
            await self.intake.drained()
        self.assertEqual([], self.aside())
        await self.write(self.base, "DROP TRIGGER choosy")
        self.clock.advance(RETRY_S)
        await self.intake.drained()
        self.assertEqual((["bad"], []), (await self.stored(), self.files()))
        await self.stop()

    async def test_tableMissing(self) -> None:
        """A table that is not there is not the readings' fault, however long it is away."""
        await self.start()
        await self.write(self.base, "ALTER TABLE meter_value_buckets RENAME TO away")
        with capturedLogs():
            self.take("1", "2")
            for _ in range(2 * TRIES_FOR_NOTHING):
                await self.intake.drained()
                self.clock.advance(RETRY_S)
            await self.intake.drained()
        self.assertEqual([], self.aside())
        await self.write(self.base, "ALTER TABLE away RENAME TO meter_value_buckets")
        await self.intake.drained()
        self.assertEqual(["1", "2"], await self.stored())
        await self.stop()

    async def test_commitFails(self) -> None:
        """What was set aside for a commit that failed goes when all of it is stored."""
        await self.start()
        run = self.base.run

        def failing(work: Any) -> Any:
            def and_fail(connection: Any) -> None:
                work(connection)
                raise StorageError("the connection is lost")

            return run(and_fail)

        with capturedLogs():
            self.base.run = failing
            self.take("1", "bad")
            await self.intake.drained()
            self.base.run = run
            self.assertEqual([["bad"]], self.aside())
            await self.write(self.base, "DROP TRIGGER choosy")
            await self.intake.drained()
        self.assertEqual((["1", "bad"], []), (await self.stored(), self.files()))
        await self.stop()

    async def test_commitFailsUntold(self) -> None:
        """What was set aside for a commit that had not failed at all stays."""
        await self.start()
        run = self.base.run

        def untold(work: Any) -> Any:
            return run(work).addCallback(lambda _: fail(StorageError("the connection is lost")))

        with capturedLogs():
            self.base.run = untold
            self.take("1", "bad")
            await self.intake.drained()
            self.base.run = run
            await self.intake.drained()
        self.assertEqual((["1"], [["bad"]]), (await self.stored(), self.aside()))
        await self.stop()

    async def test_afterARestart(self) -> None:
        """What was set aside stays there, and is not tried again."""
        await self.start()
        with capturedLogs():
            self.take("bad")
            await self.waited()
            await self.stop()
        await self.start()
        await self.intake.drained()
        self.assertEqual(([], [["bad"]]), (await self.stored(), self.aside()))
        await self.stop()

    async def test_theDatabaseIsToBlame(self) -> None:
        """While another program holds the database nothing is set aside."""
        self.patch(backends, "LOCK_TIMEOUT_S", 0)
        await self.start()
        with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with capturedLogs():
                self.take("good")
                await self.intake.drained()
            other.execute("ROLLBACK")
        self.assertEqual([], self.aside())
        self.clock.advance(RETRY_S)
        await self.intake.drained()
        self.assertEqual(["good"], await self.stored())
        await self.stop()

    async def test_theDatabaseIsToBlameLater(self) -> None:
        """Nor is it when the database fails with the readings themselves, for want of space."""
        await self.start()

        def full(connection: object, readings: object) -> None:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

        real = lots.keep_meter_values
        self.patch(lots, "keep_meter_values", full)
        with capturedLogs():
            self.take("good")
            await self.intake.drained()
        self.patch(lots, "keep_meter_values", real)
        self.clock.advance(RETRY_S)
        await self.intake.drained()
        self.assertEqual((["good"], []), (await self.stored(), self.aside()))
        await self.stop()

    async def test_connectionLost(self) -> None:
        """Nor is it when the connection is gone, whatever is said of a reading by then."""
        await self.start()
        asked: list[int] = []

        def cut(connection: Any, readings: Sequence[Reading]) -> None:
            asked.append(len(readings))
            connection.invalidate()
            raise sqlite3.IntegrityError("not this one")

        real = lots.keep_meter_values
        self.patch(lots, "keep_meter_values", cut)
        with capturedLogs():
            self.take("1", "2")
            await self.intake.drained()
        self.assertEqual(([2], []), (asked, self.aside()))
        self.patch(lots, "keep_meter_values", real)
        with capturedLogs():
            self.clock.advance(RETRY_S)
            await self.intake.drained()
        self.assertEqual(["1", "2"], await self.stored())
        await self.stop()

    async def test_staleMemory(self) -> None:
        """What failed because of what was remembered of the database is not set aside."""
        await self.start()
        asked: list[int] = []
        real = lots.keep_meter_values

        def once(connection: Any, readings: Sequence[Reading]) -> None:
            asked.append(len(readings))
            if len(asked) == 1:
                raise sqlite3.IntegrityError("UNIQUE constraint failed: meter_values.number")
            real(connection, readings)

        self.patch(lots, "keep_meter_values", once)
        self.take("1", "2")
        await self.intake.drained()
        self.assertEqual((["1", "2"], [2, 2]), (await self.stored(), asked))
        await self.stop()

    async def test_notNoted(self) -> None:
        """Where the segment cannot be noted either, all of it waits, and is found later."""
        await self.start()
        await self.write(
            self.base,
            "CREATE TRIGGER stuck BEFORE INSERT ON drained_readings"
            " BEGIN SELECT RAISE(ABORT, 'not this either'); END",
        )
        with capturedLogs():
            self.take("good")
            await self.intake.drained()
        self.assertEqual([], await self.stored())
        await self.write(self.base, "DROP TRIGGER stuck")
        self.clock.advance(RETRY_S)
        await self.intake.drained()
        found = await Ledger(self.base, lambda: 1).meter_values("CP-1", None)
        self.assertEqual(["good"], [one.payload_text for one in found])
        await self.stop()


class ThroughLedger(SqliteCase):
    """What the ledger does with it."""

    async def test_evidence(self) -> None:
        """What a bill hangs on is in the database at once; the rest a moment later."""
        base = await self.opened()
        log = ReadingsLog(str(self.folder / "readings"))
        readings = ReadingsIntake(base, log, Clock())
        await readings.open()
        self.addCleanup(readings.close)
        ledger = Ledger(base, lambda: 1, readings)
        for words in (
            '{"format":"SignedData"}',
            '{"context":"Transaction.End"}',
            '{"format":"\\u0053ignedData"}',
            '{"context":"Transaction\\u002eEnd"}',
        ):
            kept = ledger.add_meter_values("CP-1", 1, None, NOW, words)
            assert kept is not None, words
            await kept
        for words in ("{}", '{"unit":"Wh\\/h\\u003c\\u00e9"}'):
            self.assertIsNone(ledger.add_meter_values("CP-1", 1, None, NOW, words))

        def count(connection: Any) -> int:
            return int(connection.scalar(text("SELECT count(*) FROM meter_values")))

        self.assertEqual(4, await base.run(count))
        self.assertEqual(6, len(await ledger.meter_values("CP-1", None)))
