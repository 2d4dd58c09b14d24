"""C{cfos-cm fake-charger}, as a process of its own against a server in this one."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol, connectionDone
from twisted.python.failure import Failure

from cfos_cm.console import main
from cfos_cm.simulator.personas.catalogue import NOT_PLAYED, PERSONAS
from tests.services.consoles import MAIN, ROOT, ConsoleCase, Ended

from .stages import IDENTITY, PersonaCase

PASSWORD = "s3cret-pass-word"


class CommandLine(ConsoleCase):
    """What needs no Central System."""

    def usage_error(self, *arguments: str) -> str:
        """What is said of a wrong command line, in one line."""
        error = io.StringIO()
        with contextlib.redirect_stderr(error), self.assertRaises(SystemExit) as caught:
            main(["fake-charger", *arguments])
        self.assertEqual(2, caught.exception.code)
        return " ".join(error.getvalue().split())

    def test_list(self) -> None:
        """Every number is listed, with what it is or why it is not played."""
        ended = self.run_command("fake-charger", "--list")
        self.assertEqual((0, ""), (ended.status, ended.error))
        self.assertEqual(len(PERSONAS) + len(NOT_PLAYED), len(ended.lines))
        self.assertEqual(
            "Q13  has JSON numbers for message ids [go-e]",
            next(line for line in ended.lines if line.startswith("Q13")),
        )

    def test_wrong(self) -> None:
        """A wrong command line says what was found, and what is allowed."""
        url = "ws://127.0.0.1:1/"
        for arguments, said in (
            ([], "one of the arguments --list --all --persona is required"),
            (["--all"], "the URL of a Central System is required"),
            (["--all", "http://127.0.0.1/"], "allowed: ws:// or wss://HOST:PORT/PATH"),
            (
                ["--all", "--ca-certificates", "/nowhere.pem", url],
                "/nowhere.pem cannot be read",
            ),
            (["--all", "--certificate", "x.pem", url], "belong together"),
            (["--persona", "Q99", url], "'Q99' is none of the personas; --list shows them"),
            (["--persona", "Q46", url], "Q46 is not played: it is a billing backend's oddity"),
            (["--all", "--list", url], "not allowed with argument"),
            (["--all", "--id", "a/b", url], "'a/b' is not a ChargeBox ID"),
            (["--all", "--connector", "0", url], "'0' is not a number from 1 to 1000"),
            (["--all", "--id-tag", "x" * 21, url], "1 to 20 printable characters"),
            (["--all", "--timeout", "nan", url], "'nan' is not a number of seconds"),
            (["--all", "--patience", "0", url], "'0' is not a number of seconds"),
        ):
            with self.subTest(arguments=arguments):
                self.assertIn(said, self.usage_error(*arguments))

    def test_hex(self) -> None:
        """A password that is no hexadecimal number is refused, and not repeated."""
        said = self.usage_error(
            *("--all", "--password", PASSWORD, "--password-form", "hex"), "ws://127.0.0.1:1/"
        )
        self.assertIn("hexadecimal digits", said)
        self.assertNotIn(PASSWORD, said)

    def test_nobody(self) -> None:
        """Where nothing answers, that is said in one line."""
        ended = self.run_command("fake-charger", "--all", "ws://127.0.0.1:1/")
        self.assertEqual((1, "", 1), (ended.status, ended.error, len(ended.lines)))
        self.assertTrue(ended.lines[0].startswith("nothing answers at ws://127.0.0.1:1/: "))

    def test_nobody_for_a_program(self) -> None:
        """An output for a program has nothing but objects in it."""
        ended = self.run_command("fake-charger", "--all", "--json", "ws://127.0.0.1:1/")
        self.assertEqual((1, []), (ended.status, ended.lines))
        self.assertTrue(ended.error.startswith("nothing answers at ws://127.0.0.1:1/: "))

    def test_no_name(self) -> None:
        """A host whose name cannot be one is said to be none."""
        ended = self.run_command("fake-charger", "--all", "ws://my_host:1/")
        said = ["nothing answers at ws://my_host:1/: invalid hostname: my_host"]
        self.assertEqual((1, "", said), (ended.status, ended.error, ended.lines))

    def test_any_bytes(self) -> None:
        """A password may be any bytes; what is said is not about it."""
        ended = self.run_command(
            "fake-charger", "--all", "--password", "\udcff", "ws://127.0.0.1:1/"
        )
        self.assertEqual((1, "", 1), (ended.status, ended.error, len(ended.lines)))


class Running(ProcessProtocol):
    """
    The command while it runs.

    @ivar ended: fires at its end.
    """

    def __init__(self) -> None:
        self.ended: Deferred[Ended] = Deferred()
        self._said = {1: b"", 2: b""}

    def childDataReceived(self, descriptor: int, data: bytes) -> None:
        """It has said something."""
        self._said[descriptor] += data

    def processEnded(self, reason: Failure) -> None:
        """It has ended."""
        output, error = (said.decode() for said in self._said.values())
        self.ended.callback(Ended(reason.value.exitCode, output.splitlines(), error))


class Silent(Protocol):
    """A server that takes a connection, and says nothing."""

    def __init__(self) -> None:
        self.taken: Deferred[None] = Deferred()
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """Somebody is there."""
        self.taken.callback(None)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """He has gone."""
        self.lost.callback(None)


class Live(PersonaCase):
    """What it says of a Central System."""

    def begin_against(self, port: int, *arguments: str) -> Running:
        """Start the command, against a port of this machine."""
        running = Running()
        reactor.spawnProcess(
            running,
            sys.executable,
            [
                *(sys.executable, "-c", MAIN, "fake-charger"),
                *(*arguments, f"ws://127.0.0.1:{port}/"),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        )
        return running

    async def run_against(self, port: int, *arguments: str) -> Ended:
        """Run the command to its end, against a port of this machine."""
        return await self.begin_against(port, *arguments).ended

    async def served(self, quirks: str = "auto", server: str = "") -> int:
        """The port of a site that knows the wallbox."""
        _, port = await self.started(
            "[circuit garage]\nmax_current = 40\n"
            f"[evse bay]\ntype = ocpp16\naddress = {IDENTITY}\nquirks = {quirks}\n",
            server=server,
        )
        return port

    async def test_passed(self) -> None:
        """What has passed is told in few lines, and the status is 0."""
        ended = await self.run_against(await self.served(), "--persona", "q24,Q22")
        self.assertEqual((0, ""), (ended.status, ended.error))
        self.assertEqual("Q24 stops a transaction of days ago when it connects", ended.lines[0])
        self.assertEqual("  ok  tolerated connects: ocpp1.6", ended.lines[1])
        self.assertEqual(2, ended.lines.count("  passed"))
        self.assertEqual("2 passed, 0 failed, 0 not shown", ended.lines[-1])

    async def test_failed(self) -> None:
        """What has failed is told with the reason and the evidence, and the status is 1."""
        ended = await self.run_against(
            await self.served("none"), "--persona", "Q1", "--persona", "Q24"
        )
        self.assertEqual((1, ""), (ended.status, ended.error))
        refused = "  BAD refused   connects without it: HTTP 400"
        self.assertTrue(ended.lines[3].startswith(refused), ended.lines)
        self.assertIn(f"  why it matters: {PERSONAS['Q1'].why}", ended.lines)
        self.assertIn(f"  seen in: {PERSONAS['Q1'].evidence[0]}", ended.lines)
        self.assertEqual("1 passed, 1 failed, 0 not shown", ended.lines[-1])

    async def test_not_shown(self) -> None:
        """Where nothing could be shown nothing has passed, and it is said what is missing."""
        ended = await self.run_against(
            await self.served(), "--persona", "Q39", "--patience", "0.1"
        )
        self.assertEqual(1, ended.status)
        waits = "waiting 0.1 s for ChangeAvailability: have it sent to FAKE-1"
        self.assertEqual(waits, ended.lines[0])
        self.assertEqual("0 passed, 0 failed, 1 not shown", ended.lines[-1])

    async def test_interrupted(self) -> None:
        """After a Ctrl-C that is said, and the status is the one that shells have for it."""
        silent = Silent()
        listening = reactor.listenTCP(
            0, Factory.forProtocol(lambda: silent), interface="127.0.0.1"
        )
        self.addCleanup(listening.stopListening)
        running = self.begin_against(listening.getHost().port, "--all")
        await silent.taken
        running.transport.signalProcess("INT")
        ended = await running.ended
        await silent.lost
        said = ["interrupted; FAKE-1 may have left a transaction open"]
        self.assertEqual((130, "", said), (ended.status, ended.error, ended.lines))

    async def test_not_let_in(self) -> None:
        """Where the wallbox is not let in, it is said what to do; nobody has failed."""
        ended = await self.run_against(
            await self.served(), "--persona", "Q1,Q18", "--id", "FAKE-2"
        )
        waits = "the Central System keeps FAKE-2 waiting (Pending): approve it first"
        self.assertEqual((1, ""), (ended.status, ended.error))
        self.assertEqual(2, ended.lines.count(f"      {waits}"), ended.lines)
        self.assertFalse([line for line in ended.lines if "why it matters" in line])
        self.assertEqual("0 passed, 0 failed, 2 not shown", ended.lines[-1])

    async def test_json(self) -> None:
        """For a program each play is one line, and nothing else is."""
        ended = await self.run_against(
            await self.served(), "--persona", "Q24,Q39", "--patience", "0.1", "--json"
        )
        first, second = map(json.loads, ended.lines)
        self.assertEqual(("Q24", "passed"), (first["persona"], first["verdict"]))
        self.assertEqual(("Q39", "not shown"), (second["persona"], second["verdict"]))
        self.assertEqual(
            {"what": "boots", "reaction": "tolerated", "detail": "", "good": True},
            first["findings"][1],
        )
        self.assertNotIn("transcript", first)

    async def test_transcript(self) -> None:
        """On demand all that was said is shown, but no password."""
        port = await self.served(server=f"password = {PASSWORD}")
        ended = await self.run_against(
            port, "--persona", "Q24", "--transcript", "--password", PASSWORD
        )
        self.assertEqual(0, ended.status, ended.lines)
        text = "\n".join(ended.lines)
        self.assertIn("-> GET /FAKE-1 (ocpp1.6, with a password as FAKE-1)", text)
        self.assertIn("<- HTTP 101", text)
        self.assertIn('-> [2, "00000001", "BootNotification"', text)
        self.assertNotIn(PASSWORD, text)

    async def test_password_forms(self) -> None:
        """A password can be given as the hexadecimal form of its bytes."""
        port = await self.served(server=f"password = {PASSWORD}")
        ended = await self.run_against(
            *(port, "--persona", "Q24"),
            *("--password", PASSWORD.encode().hex(), "--password-form", "hex"),
        )
        self.assertEqual(0, ended.status, ended.lines)
