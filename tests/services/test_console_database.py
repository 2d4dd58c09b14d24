"""The site's database on the console, alone and while the site runs."""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.utils import getProcessOutputAndValue

from cfos_cm.site.tag import Verdict
from tests.services.consoles import MAIN, ROOT, ConsoleCase
from tests.services.sites import BAYS, SiteCase
from tests.services.test_tag_command import FIRST

#: Opens the database for some work, and prints the exit status as the last line.
PROGRAM = """\
from cfos_cm.services.console_database import with_database

async def work(database):
    {work}

status = with_database("tap.cfg", work, print)
import threading
print(status, threading.active_count())
"""


class Work(ConsoleCase):
    """A piece of work, in a process of its own."""

    def run_work(self, work: str) -> tuple[list[str], str]:
        """What is printed for a piece of work, and what is said in addition."""
        self.write("[ocpp server]\ntls = off\n" + BAYS)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(work=work)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout.splitlines(), done.stderr

    def test_status(self) -> None:
        """The exit status is the work's, and no thread is left."""
        for status in (0, 3):
            self.assertEqual(([f"{status} 1"], ""), self.run_work(f"return {status}"))

    def test_error(self) -> None:
        """An error that was meant is a line, and the status is 1."""
        work = "from cfos_cm.errors import StorageError; raise StorageError('no room')"
        self.assertEqual((["no room", "1 1"], ""), self.run_work(work))

    def test_mistake(self) -> None:
        """Any other is told with its traceback; the database is closed all the same."""
        lines, error = self.run_work("raise ZeroDivisionError('a mistake')")
        self.assertEqual(["1 1"], lines)
        self.assertIn("ZeroDivisionError: a mistake", error)


class WhileTheSiteRuns(SiteCase):
    """Two processes with one database."""

    def run_command(self, *arguments: str) -> Deferred[tuple[bytes, bytes, int]]:
        """Run the command beside the site; its output, what it says of errors, its status."""
        return getProcessOutputAndValue(
            sys.executable,
            ["-c", MAIN, *arguments, "--config", str(self.path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            reactor=reactor,
        )

    async def test_takes_effect(self) -> None:
        """What is changed on the console holds for the next wallbox that asks."""
        _, port = await self.started()
        station = await self.station(port, "CP-1")

        async def status(id_tag: str) -> str:
            answer = await station.call("Authorize", {"idTag": id_tag})
            found: str = answer["idTagInfo"]["status"]
            return found

        self.assertEqual(Verdict.ACCEPTED.value, await status("CARD-1"))
        self.assertEqual(
            (b"CARD-2: blocked\n" + FIRST.encode() + b"\n", b"", 0),
            await self.run_command("tag", "set", "CARD-2", "--status", "blocked"),
        )
        self.assertEqual(Verdict.BLOCKED.value, await status("card-2"))
        self.assertEqual(Verdict.INVALID.value, await status("CARD-1"))
        self.assertEqual((b"CARD-2: blocked\n", b"", 0), await self.run_command("tag", "list"))
        self.assertEqual(
            (b"CARD-2: removed\nthe list is empty now: everybody may charge\n", b"", 0),
            await self.run_command("tag", "remove", "CARD-2"),
        )
        self.assertEqual(Verdict.ACCEPTED.value, await status("CARD-1"))
