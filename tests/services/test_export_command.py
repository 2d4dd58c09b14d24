"""C{cfos-cm export}: what a site has written down, from the console."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from cfos_cm.charge_point.queued import QueuedMessage
from cfos_cm.console import main
from cfos_cm.services import export_command
from cfos_cm.services.config import read_config
from cfos_cm.services.gateway_settings import gateway_settings
from cfos_cm.services.output_file import CONSOLE, output_name
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.storage import queue_pages
from cfos_cm.storage.database import Database
from cfos_cm.storage.outbox import Outboxes
from cfos_cm.storage.tags import TagList
from cfos_cm.storage.transactions import Ledger
from tests.services.consoles import ConsoleCase, Ended
from tests.services.sites import BAYS
from tests.storage.cases import NOW
from tests.storage.ledger_contract import start_of, stop_of

CONFIG = f"""\
[ocpp server]
tls = off
[manager]
database = sqlite:///site.sqlite
{BAYS}
[gateway billing]
url = wss://backend.example/ocpp?key=s3cret-word
client_id = K1
evse = bay-1
password = s3cret-other-word
"""

HOUR = timedelta(hours=1)


def table(octets: bytes) -> list[dict[str, str]]:
    """The lines of a table, by its heading."""
    return list(csv.DictReader(io.StringIO(octets.decode(), newline=""), strict=True))


class ExportCase(ConsoleCase, TestCase):
    """A site's file, and its database with something in it."""

    async def filled(self) -> Database:
        """The site's database, with two transactions, two tags and two messages in it."""
        path = self.write(CONFIG)
        url = f"sqlite:///{self.folder}/site.sqlite"
        database = Database(url, reactor, lambda: NOW)
        await database.start()
        self.addCleanup(database.stop)
        ledger = Ledger(database, iter([11, 12]).__next__)
        await ledger.start(start_of(id_tag="=1+1"))
        await ledger.stop(stop_of(11))
        await ledger.start(start_of(started_at=NOW + HOUR, evse="bay-2", id_tag="B"))
        tags = TagList(database)
        await tags.put(Tag("Guest", Verdict.BLOCKED, "FAMILY", NOW))
        await tags.put(Tag("é"))
        (gateway,) = gateway_settings(read_config(str(path)))
        outboxes = Outboxes(database, lambda: "m", lambda: NOW)
        message = QueuedMessage(
            "k1", gateway.key, "StartTransaction", 1, 11, b'{"idTag":"=1+1"}', NOW, False, "m"
        )
        await outboxes.add(message)
        other = evolve(message, key="k2", gateway="gone", action="StopTransaction")
        await outboxes.add(other)
        await outboxes.bury(other, "not wanted")
        return database

    def setUp(self) -> None:
        """Be in Berlin."""
        super().setUp()
        before = os.environ.get("TZ")
        self.addCleanup(_be_in, before)
        _be_in("Europe/Berlin")

    def run_here(self, *arguments: str) -> Ended:
        """Run the command in this process, as far as a thread can."""
        octets, error = io.BytesIO(), io.StringIO()
        output = io.TextIOWrapper(octets, "utf-8", newline="\n", write_through=True)
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(error):
            try:
                status = main(arguments)
            except SystemExit as ended:
                status = int(ended.code or 0)
        return Ended(status, octets.getvalue().decode().splitlines(), error.getvalue())

    async def export(self, *arguments: str, status: int = 0) -> Ended:
        """Run the command while the reactor runs; files are named from the folder on."""
        paths = ("--config", str(self.folder / "tap.cfg"))
        said = [
            str(self.folder / word) if before == "-o" else word
            for before, word in pairwise(("", *arguments))
        ]
        ended: Ended = await deferToThread(self.run_here, "export", said[0], *paths, *said[1:])
        self.assertEqual((status, ""), (ended.status, ended.error), ended)
        return ended

    async def file(self, *arguments: str) -> bytes:
        """What a command writes to a file, which nobody else may read."""
        umask = os.umask(0)
        try:
            await self.export(*arguments, "-o", "out")
        finally:
            os.umask(umask)
        path = self.folder / "out"
        self.assertEqual(0o600, path.stat().st_mode & 0o777)
        self.assertEqual([], list(self.folder.glob(".*")))
        octets = path.read_bytes()
        self.assertNotIn(b"s3cret", octets)
        return octets


class Export(ExportCase):
    """What the commands write."""

    async def test_transactions(self) -> None:
        """Every transaction is written, while the site's database is open."""
        await self.filled()
        rows = table(await self.file("transactions"))
        self.assertEqual(["12", "11"], [one["transaction_id"] for one in rows])
        self.assertEqual(["B", "'=1+1"], [one["id_tag"] for one in rows])
        self.assertEqual(["", "2500"], [one["energy_wh"] for one in rows])
        found = json.loads(await self.file("transactions", "--format", "json"))
        self.assertEqual(["B", "=1+1"], [one["id_tag"] for one in found["transactions"]])

    async def test_afterwards(self) -> None:
        """The same is written when no site runs any more."""
        database = await self.filled()
        before = await self.file("transactions")
        await database.stop()
        self.assertEqual(before, await self.file("transactions"))

    async def test_filters(self) -> None:
        """Only what is sought is written; a time without a zone is the computer's."""
        await self.filled()
        begin = (NOW + HOUR).isoformat()
        here = "2026-11-22T12:06:07.891234"  # in Berlin
        for arguments, expected in (
            (("--from", begin), ["12"]),
            (("--from", here), ["12"]),
            (("--to", begin), ["11"]),
            (("--from", "2026-11-23"), []),
            (("--evse", "bay-2"), ["12"]),
            (("--id-tag", "b"), ["12"]),
        ):
            rows = table(await self.file("transactions", *arguments))
            self.assertEqual(expected, [one["transaction_id"] for one in rows], arguments)

    async def test_statement(self) -> None:
        """A month of the computer's zone, by idTag."""
        await self.filled()
        rows = table(await self.file("statement", "--month", "2026-11"))
        self.assertEqual(["'=1+1", "B"], [one["id_tag"] for one in rows])
        self.assertEqual("CET (+01:00)", rows[0]["time_zone"])
        arguments = ("statement", "--month", "2026-11", "--format", "json", "--id-tag", "b")
        found = json.loads(await self.file(*arguments))
        self.assertEqual(["B"], [one["id_tag"] for one in found["tags"]])
        self.assertEqual([], table(await self.file("statement", "--month", "2026-10")))

    async def test_tags(self) -> None:
        """The list of tags, as it is."""
        await self.filled()
        rows = table(await self.file("tags"))
        moment = NOW.isoformat().replace("+00:00", "Z")
        self.assertEqual(["Guest", "Blocked", "FAMILY", moment], list(rows[0].values()))
        self.assertEqual(["é", "Accepted", "", ""], list(rows[1].values()))
        found = json.loads(await self.file("tags", "--format", "json"))
        self.assertEqual(["Guest", "é"], [one["id_tag"] for one in found["tags"]])

    async def test_queues(self) -> None:
        """What every backend is owed, also what it does not take, and of gateways that went."""
        await self.filled()
        rows = table(await self.file("gateway-queues"))
        self.assertEqual(["billing", ""], [one["gateway"] for one in rows])
        self.assertEqual(["", "not wanted"], [one["why_dead"] for one in rows])
        self.assertEqual('{"idTag":"=1+1"}', rows[0]["payload"])
        found = json.loads(await self.file("gateway-queues", "--format", "json"))
        self.assertEqual(["k1", "k2"], [one["key"] for one in found["messages"]])

    async def test_console(self) -> None:
        """Without a file it is written to the console of a process, and nothing else is."""
        await self.filled()
        ended = await deferToThread(self.run_command, "export", "tags", "--format", "json")
        self.assertEqual((0, ""), (ended.status, ended.error))
        self.assertEqual(2, len(json.loads("\n".join(ended.lines))["tags"]))

    async def test_summary(self) -> None:
        """With a file it is said how much is in it."""
        await self.filled()
        (line,) = (await self.export("tags", "-o", "x.csv")).lines
        self.assertTrue(line.endswith("x.csv: 2 entries"), line)

    async def test_manyPages(self) -> None:
        """More than one page is written as a whole."""
        self.patch(export_command, "_PAGE_ROWS", 1)
        self.patch(queue_pages, "MAX_ENTRIES_READ", 1)
        await self.filled()
        self.assertEqual(2, len(table(await self.file("transactions"))))
        self.assertEqual(2, len(table(await self.file("gateway-queues"))))


class Refused(ExportCase):
    """What cannot be done, in plain words."""

    async def test_noDatabase(self) -> None:
        """Where no manager has run yet nothing is made."""
        self.write(CONFIG)
        ended = await self.export("tags", status=1)
        self.assertIn("no manager has run with it yet", ended.lines[0])
        self.assertEqual(["tap.cfg"], os.listdir(self.folder))

    async def test_noConfig(self) -> None:
        """Settings that are not there are named."""
        ended = await self.export("tags", "--config", "none.cfg", status=1)
        self.assertIn("none.cfg", ended.lines[0])

    async def test_noMonth(self) -> None:
        """A month that is none is named, and a file that was there stays."""
        await self.filled()
        kept = self.write("kept", "out")
        arguments = ("statement", "--month", "13-2026", "-o", "out")
        ended = await self.export(*arguments, status=1)
        self.assertIn("'13-2026' is no month", ended.lines[0])
        self.assertEqual("kept", kept.read_text())

    async def test_noTime(self) -> None:
        """A time that is none is a wrong command line."""
        ended = self.run_here("export", "transactions", "--from", "x")
        self.assertEqual(2, ended.status)
        self.assertIn("2026-11-01", ended.error)

    async def test_cannotBeWritten(self) -> None:
        """A file that cannot be written is named; nothing half done is left."""
        await self.filled()
        (self.folder / "folder").mkdir()
        for name in ("folder", "nowhere/out"):
            ended = await self.export("tags", "-o", name, status=1)
            self.assertIn(name, ended.lines[0])
        self.assertEqual([], list(self.folder.glob("*.new")) + list(self.folder.glob(".*")))

    async def test_noRegularFile(self) -> None:
        """What is no regular file, such as a device, is not replaced by one."""
        await self.filled()
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        (self.folder / "link").symlink_to(pipe)
        for name in ("pipe", "link"):
            ended = await self.export("tags", "-o", name, status=1)
            self.assertIn("is no regular file; allowed: one, or -", ended.lines[0])
        self.assertTrue(pipe.is_fifo())

    def test_standardOutput(self) -> None:
        """The console has another name, which must not be replaced by a file."""
        self.assertEqual(CONSOLE, output_name("/dev/stdout"))
        self.assertEqual("out", output_name("out"))

    async def test_link(self) -> None:
        """What a link points to is not written to."""
        await self.filled()
        target = self.write("kept", "target")
        Path(self.folder / "out").symlink_to(target)
        await self.file("tags")
        self.assertEqual("kept", target.read_text())
        self.assertFalse((self.folder / "out").is_symlink())


def _be_in(zone: str | None) -> None:
    os.environ.pop("TZ", None)
    if zone is not None:
        os.environ["TZ"] = zone
    time.tzset()
