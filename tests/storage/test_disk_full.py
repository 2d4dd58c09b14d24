"""A full disk: nothing is acknowledged that is not stored, and it passes without a restart."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import SkipTest

from twisted.internet.defer import gatherResults
from twisted.logger import capturedLogs

from cfos_cm.charge_point.queued import Route
from cfos_cm.errors import StorageError
from cfos_cm.storage.forwarding import ForwardingLedger
from cfos_cm.storage.outbox import Outboxes
from cfos_cm.storage.readings import StoredMeterValues
from cfos_cm.storage.transactions import Ledger

from . import cases
from .ledger_contract import start_of
from .outbox_contract import message


class FileLimit(cases.SqliteCase):
    """Files that may not grow."""

    def test_limit(self) -> None:
        """Work fails while files may not grow, and is done when they may again."""
        program = Path(__file__).with_name("limited_child.py")
        ran = subprocess.run(
            [sys.executable, str(program), str(self.path)],
            env={**os.environ, "PYTHONPATH": str(program.parents[2])},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        self.assertEqual((ran.stdout, ran.returncode), ("ok\n", 0), ran.stderr)


class FullDisk(cases.SqliteCase):
    """A small disk that is full."""

    def setUp(self) -> None:
        """Mount a small disk."""
        super().setUp()
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        _mount_small_disk(self.disk)
        self.addCleanup(_run, "umount", str(self.disk))
        self.path = self.disk / "cfos_cm.sqlite"
        self.url = f"sqlite:///{self.path}"

    async def test_full(self) -> None:
        """Acknowledged readings are all there after a full disk, and new ones are taken."""
        ballast = self.disk / "ballast"
        ballast.write_bytes(bytes(2_400_000))
        database = await self.opened()
        ledger = Ledger(database, lambda: 1)
        stored: list[str] = []
        with capturedLogs() as events:
            error = await self.fill(ledger, stored)
            self.assertIn("full", str(error))
            for _ in range(3):
                await self.assertFailure(
                    ledger.add_meter_values("CP-1", 1, None, cases.NOW, "x" * 4000),
                    StorageError,
                )
            ballast.unlink()
            await ledger.add_meter_values("CP-1", 1, None, cases.NOW, "after")
        levels = [entry["log_level"].name for entry in events]
        self.assertEqual(levels, ["critical", "info"])
        await database.stop()
        await database.start()
        kept = _texts(await ledger.meter_values("CP-1", None))
        self.assertEqual(list(kept), [*stored, "after"])

    async def test_queueOnAFullDisk(self) -> None:
        """No message is acknowledged that is not stored; ledger and queues stay in step."""
        ballast = self.disk / "ballast"
        ballast.write_bytes(bytes(2_400_000))
        database = await self.opened()
        outboxes = Outboxes(database, lambda: "new", lambda: cases.NOW)
        numbers, keys = itertools.count(1), itertools.count(1)
        ledger = ForwardingLedger(
            database, lambda: next(numbers), lambda: str(next(keys)), lambda: cases.NOW
        )
        stored: list[str] = []
        with capturedLogs():
            error = await self.fill_queue(outboxes, ledger, stored)
            self.assertIn("full", str(error))
            long = message("long", payload=b"x" * 4000)
            for _ in range(3):
                await self.assertFailure(outboxes.add(long), StorageError)
            ballast.unlink()
            await outboxes.add(long)
        await database.stop()
        await database.start()
        found: list[str] = []
        while waiting := await outboxes.first("north", 100):
            found += [one.key for one in waiting]
            await gatherResults([outboxes.delivered(one) for one in waiting])
        self.assertEqual([*stored, "long"], found)
        begun = len(await ledger.open_transactions())
        self.assertEqual(sum(not key.startswith("reading") for key in stored), begun)
        self.assertEqual(begun, len(await outboxes.transactions("north")))
        self.assertEqual({}, await outboxes.gateways())

    async def fill_queue(
        self, outboxes: Outboxes, ledger: ForwardingLedger, stored: list[str]
    ) -> StorageError:
        """Queue readings and starts until that fails."""
        for number in range(500):
            reading = message(f"reading-{number}", payload=b"x" * 4000)
            words = f"{number} " + "x" * 4000
            start = start_of(connector=number, request_text=words)
            try:
                await outboxes.add(reading)
                stored.append(reading.key)
                _, queued = await ledger.start_and_queue(start, [Route("north", 1)])
            except StorageError as error:
                return error
            stored += [one.key for one in queued]
        raise AssertionError("the disk was never full")

    async def test_fullAtTheStart(self) -> None:
        """A start on a full disk is an error, not damage, and works when there is space."""
        ballast = self.disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(bytes(4096))
                except OSError:
                    break
        database = self.database()
        await self.assertFailure(database.start(), StorageError)
        ballast.unlink()
        await database.start()
        self.addCleanup(database.stop)
        self.assertEqual(self.moved_aside(), [])

    async def fill(self, ledger: Ledger, stored: list[str]) -> StorageError:
        """Store readings until that fails."""
        for number in range(2000):
            text = f"{number} " + "x" * 4000
            try:
                await ledger.add_meter_values("CP-1", 1, None, cases.NOW, text)
            except StorageError as error:
                return error
            stored.append(text)
        raise AssertionError("the disk was never full")


def _texts(found: tuple[StoredMeterValues, ...]) -> Iterator[str]:
    return (values.payload_text for values in found)


def _mount_small_disk(place: Path) -> None:
    if os.getuid() != 0:
        raise SkipTest("only root may mount a small disk")
    mounted = _run("mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place))
    if mounted.returncode:
        raise SkipTest(f"a small disk cannot be mounted: {mounted.stderr.strip()}")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
