"""Readings on their way into the database: none is lost, none is there twice."""

from __future__ import annotations

import os
import shutil
from typing import Any

from attrs import evolve
from sqlalchemy import text
from twisted.internet.task import Clock

from cfos_cm.errors import StorageError
from cfos_cm.storage import intake
from cfos_cm.storage.database import Database
from cfos_cm.storage.intake import DRAIN_AFTER_S, DRAIN_AT, RETRY_S, ReadingsIntake
from cfos_cm.storage.readings import StoredMeterValues
from cfos_cm.storage.readings_log import ReadingsLog
from cfos_cm.storage.transactions import Ledger
from tests.storage.cases import NOW, SqliteCase

READING = StoredMeterValues("CP-1", 1, None, NOW, "{}")


def reading(number: int) -> StoredMeterValues:
    """One of many, told apart by its words."""
    return evolve(READING, payload_text=f'{{"number":{number}}}')


class Intake(SqliteCase):
    """An SQLite file, and a log beside it."""

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
        return [reading(number).payload_text for number in numbers]

    def files(self) -> list[str]:
        """The segments that are on disk."""
        return [one for one in os.listdir(self.folder / "readings") if one != "lock"]

    async def test_inTime(self) -> None:
        """A moment later it is in the database, and the file is gone."""
        await self.start()
        self.successResultOf(self.intake.take(reading(1)))
        self.assertEqual([], await self.stored())
        self.clock.advance(DRAIN_AFTER_S)
        await self.intake.drained()
        self.assertEqual((self.words(1), []), (await self.stored(), self.files()))
        await self.stop()

    async def test_many(self) -> None:
        """Where many come, nobody waits for the time."""
        await self.start()
        for number in range(DRAIN_AT):
            self.successResultOf(self.intake.take(reading(number)))
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
        await self.write(self.base, "ALTER TABLE meter_values RENAME TO away")
        self.successResultOf(self.intake.take(reading(1)))
        await self.intake.drained()
        self.successResultOf(self.intake.take(reading(2)))
        await self.write(self.base, "ALTER TABLE away RENAME TO meter_values")
        self.clock.advance(RETRY_S)
        await self.intake.drained()
        self.assertEqual(self.words(1, 2), await self.stored())
        await self.stop()

    async def test_stopWithoutDatabase(self) -> None:
        """What cannot be stored at the end waits for the next start."""
        await self.start()
        await self.write(self.base, "ALTER TABLE meter_values RENAME TO away")
        self.intake.take(reading(1))
        await self.intake.close()
        await self.write(self.base, "ALTER TABLE away RENAME TO meter_values")
        await self.base.stop()
        await self.start()
        await self.intake.drained()
        self.assertEqual(self.words(1), await self.stored())
        await self.stop()

    async def test_bound(self) -> None:
        """More than a bound is not kept for a database that does not come back."""
        self.patch(intake, "MAX_WAITING_READINGS", 2)
        await self.start()
        for number in (1, 2):
            self.successResultOf(self.intake.take(reading(number)))
        self.failureResultOf(self.intake.take(reading(3)), StorageError)
        await self.intake.drained()
        self.successResultOf(self.intake.take(reading(4)))
        await self.stop()

    async def test_slowedDown(self) -> None:
        """Whoever sends faster than the database takes it has to wait, and is not refused."""
        self.patch(intake, "SLOW_DOWN_AT", 3)
        await self.start()
        for number in (1, 2):
            self.successResultOf(self.intake.take(reading(number)))
        let_go, _ = self.held(self.base)
        waiting = [self.intake.take(reading(number)) for number in (3, 4)]
        for one in waiting:
            self.assertNoResult(one)
        let_go()
        for one in waiting:
            await one
        self.assertEqual(self.words(1, 2, 3, 4), await self.stored())
        await self.stop()

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
        for words in ('{"format":"SignedData"}', '{"context":"Transaction.End"}', "{}"):
            await ledger.add_meter_values("CP-1", 1, None, NOW, words)

        def count(connection: Any) -> int:
            return int(connection.scalar(text("SELECT count(*) FROM meter_values")))

        self.assertEqual(2, await base.run(count))
        self.assertEqual(3, len(await ledger.meter_values("CP-1", None)))
