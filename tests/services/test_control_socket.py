"""The console's way into a manager that runs, over real sockets."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from cfos_cm.errors import LocalProtocolError
from cfos_cm.services import control_client, control_socket
from cfos_cm.services.config import read_config
from cfos_cm.services.control_client import CommandFailed, NotRunning, ask
from cfos_cm.services.control_place import MAX_ADDRESS_BYTES
from cfos_cm.services.control_socket import ControlSocket

from .sites import BAYS, LeftBehind


async def echo(said: Mapping[str, object]) -> Mapping[str, object]:
    """Answer what was said."""
    return {"said": said}


async def refuse(said: Mapping[str, object]) -> Mapping[str, object]:
    """A command that cannot be carried out."""
    raise LocalProtocolError("not today")


async def fail(said: Mapping[str, object]) -> Mapping[str, object]:
    """A command with a mistake in it."""
    raise ZeroDivisionError("a mistake")


class Console:
    """A connection that says whatever it is told to."""

    def __init__(self, path: Path) -> None:
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection.settimeout(30)
        self._connection.connect(str(path))
        self._lines = self._connection.makefile("rb")

    async def say(self, text: bytes) -> None:
        """Send bytes."""
        await deferToThread(self._connection.sendall, text)

    async def hear(self) -> Any:
        """The next answer; C{None}: the connection has ended."""
        line = await deferToThread(self._line)
        return json.loads(line) if line else None

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._connection.close()

    def _line(self) -> bytes:
        try:
            return self._lines.readline()
        except ConnectionResetError:
            return b""


class ControlCase(TestCase):
    """
    A site's folder, and a socket in its state directory.

    @ivar folder: where tap.cfg is.
    @ivar path: where the socket is.
    """

    state_directory = "var"

    async def setUp(self) -> None:
        """Listen."""
        self.folder = Path(tempfile.mkdtemp(prefix="cfos_cm."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        text = (
            f"[ocpp server]\ntls = off\n[manager]\nstate_directory = {self.state_directory}\n"
        )
        (self.folder / "tap.cfg").write_text(text + BAYS)
        self.config = read_config(str(self.folder / "tap.cfg"))
        self.path = Path(self.config.state_directory) / "control"
        self.control = self.socket()
        await self.control.open()

    def socket(self, clock: Any = reactor) -> ControlSocket:
        """One that does not listen yet; closed after the test."""
        commands = {"echo": echo, "refuse": refuse, "fail": fail, "wait": self.wait}
        control = ControlSocket(clock, self.config.state_directory, commands)
        self.addCleanup(control.close)
        return control

    async def wait(self, said: Mapping[str, object]) -> Mapping[str, object]:
        """A command that takes until C{self.done} has fired."""
        self.done: Deferred[None] = Deferred()
        await self.done
        return {}

    def console(self) -> Console:
        """Connect; it is closed after the test."""
        console = Console(self.path)
        self.addCleanup(console.close)
        return console

    def ask(self, command: str, **said: object) -> Deferred[Mapping[str, Any]]:
        """Ask as the console does, which waits for the answer."""
        return deferToThread(ask, self.config, command, **said)


class Commands(ControlCase):
    """What is answered."""

    async def test_answer(self) -> None:
        """A command is given what was said, and its answer comes back to the letter."""
        said = {"text": "Grüße 😀\n", "number": 4200, "none": None, "yes": True}
        answer = await self.ask("echo", **said)
        self.assertEqual({"ok": True, "said": said}, answer)

    async def test_refused(self) -> None:
        """What cannot be done is said in words."""
        error = await self.assertFailure(self.ask("refuse"), CommandFailed)
        self.assertEqual("not today", str(error))

    async def test_mistake(self) -> None:
        """A mistake in a command is in the log, and the next one is answered."""
        error = await self.assertFailure(self.ask("fail"), CommandFailed)
        self.assertIn("the log of the manager", str(error))
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertTrue((await self.ask("echo"))["ok"])

    async def test_unknown(self) -> None:
        """A command that is none is told which there are."""
        error = await self.assertFailure(self.ask("ecko"), CommandFailed)
        self.assertIn("did you mean 'echo'?); there are: echo, refuse", str(error))

    async def test_no_command(self) -> None:
        """What is no command is answered with what one is."""
        console = self.console()
        for line in (b"", b"{", b'{"command": 1}', b"[]", b'{"a": NaN}', b"\xff", b"[" * 99):
            await console.say(line + b"\n")
            answer = await console.hear()
            self.assertFalse(answer["ok"])
            self.assertIn("a line is n", answer["error"])

    async def test_in_order(self) -> None:
        """Commands of one connection are answered one after the other."""
        console = self.console()
        await console.say(b'{"command": "wait"}\n{"command": "echo", "a": 1}\n')
        self.assertTrue((await self.ask("echo"))["ok"])
        self.done.callback(None)
        self.assertEqual(
            [{"ok": True}, {"ok": True, "said": {"a": 1}}],
            [await console.hear(), await console.hear()],
        )


class Bounds(ControlCase):
    """What nobody can have more of."""

    async def test_line(self) -> None:
        """Whoever says a line without an end is told so, and hung up on."""
        console = self.console()
        await console.say(b" " * (control_socket.MAX_LINE_BYTES + 1))
        self.assertIn("16384 bytes", (await console.hear())["error"])
        self.assertIsNone(await console.hear())

    async def test_waiting(self) -> None:
        """So is whoever has too many commands wait."""
        console = self.console()
        await console.say(b'{"command": "wait"}\n' * (control_socket.MAX_WAITING + 1))
        self.assertIn("20 commands wait", (await console.hear())["error"])
        self.assertIsNone(await console.hear())

    async def test_connections(self) -> None:
        """Above the bound one is told so; when another has gone there is room again."""
        self.patch(control_socket, "MAX_CONNECTIONS", 1)
        first, second = self.console(), self.console()
        self.assertIn("1 consoles", (await second.hear())["error"])
        self.assertIsNone(await second.hear())
        await first.say(b'{"command": "echo"}\n')
        self.assertTrue((await first.hear())["ok"])
        first.close()
        while self.control._connections:
            await deferToThread(lambda: None)
        self.assertTrue((await self.ask("echo"))["ok"])

    async def test_silence(self) -> None:
        """Whoever says nothing for too long is hung up on."""
        self.patch(control_socket, "SILENCE_S", 0.001)
        self.assertIsNone(await self.console().hear())

    async def test_nothing_left(self) -> None:
        """When it has closed there is no timer, no file and no socket of it left."""
        console = self.console()
        await console.say(b'{"command": "echo"}\n')
        await console.hear()
        console.close()
        await self.control.close()
        before = await LeftBehind.now()
        await self.control.open()
        console = self.console()
        await console.say(b'{"command": "wait"}\n{"command": "echo"}\n')
        await self.ask("echo")
        await self.control.close()
        self.assertIsNone(await console.hear())
        console.close()
        self.done.callback(None)
        self.assertEqual(before, await LeftBehind.now())
        self.assertFalse(self.path.exists())


class Place(ControlCase):
    """Where the socket is."""

    async def test_modes(self) -> None:
        """Nobody but the user of the manager can open it, or the folder that it is in."""
        for path, mode in ((self.path, 0o600), (self.path.parent, 0o700)):
            self.assertEqual(mode, stat.S_IMODE(path.stat().st_mode))

    async def test_left_over(self) -> None:
        """The socket of a program that was killed is replaced."""
        await self.control.close()
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(str(self.path))
        self.assertTrue(self.path.exists())
        await self.assertFailure(self.ask("echo"), NotRunning)
        await self.control.open()
        self.assertTrue((await self.ask("echo"))["ok"])

    async def test_second_program(self) -> None:
        """A second one in the same folder is told so, and the first one is not disturbed."""
        with capturedLogs() as logged:
            await self.socket().open()
        (line,) = [formatEvent(event) for event in logged if event["log_level"].name == "error"]
        self.assertIn(f"{self.path}: another program runs with this state_directory", line)
        self.assertTrue((await self.ask("echo"))["ok"])

    async def test_no_socket(self) -> None:
        """A file of that name is left as it is, and the log says so."""
        await self.control.close()
        self.path.write_text("dear")
        with capturedLogs() as logged:
            await self.control.open()
        self.assertIn("is no socket", formatEvent(logged[-1]))
        self.assertEqual("dear", self.path.read_text())

    async def test_taken_away(self) -> None:
        """When somebody has removed the socket, closing says so and closes all the same."""
        self.path.unlink()
        with capturedLogs() as logged:
            await self.control.close()
        self.assertIn("No such file", formatEvent(logged[-1]))

    async def test_without_unix(self) -> None:
        """A reactor without UNIX sockets goes on without."""
        await self.control.close()
        with capturedLogs() as logged:
            await self.socket(Clock()).open()
        self.assertIn("Clock has no UNIX sockets", formatEvent(logged[-1]))

    async def test_not_running(self) -> None:
        """When nobody listens the console says how to start."""
        await self.control.close()
        error = await self.assertFailure(self.ask("echo"), NotRunning)
        self.assertIn("No such file or directory", str(error))
        self.assertIn(f"twistd -n cfos-cm --config {self.config.path}", str(error))

    async def test_ended_meanwhile(self) -> None:
        """A manager that ends before it answers is said to have."""
        asking = self.ask("wait")
        while not hasattr(self, "done"):
            await deferToThread(lambda: None)
        await self.control.close()
        error = await self.assertFailure(asking, CommandFailed)
        self.assertIn("before it gave an answer", str(error))
        self.done.callback(None)

    async def test_too_slow(self) -> None:
        """One that does not answer is not waited for without end."""
        self.patch(control_client, "ANSWER_S", 0.01)
        error = await self.assertFailure(self.ask("wait"), CommandFailed)
        self.assertIn("within 0.01 s", str(error))
        self.done.callback(None)


class LongPath(ControlCase):
    """A state directory with a path that is too long for a socket."""

    state_directory = "/".join(["a" * 40] * 4)

    async def test_reached(self) -> None:
        """It is reached all the same."""
        self.assertGreater(len(os.fsencode(self.path)), MAX_ADDRESS_BYTES)
        self.assertTrue((await self.ask("echo"))["ok"])
        self.assertTrue(self.path.is_socket())
        await self.control.close()
        self.assertFalse(self.path.exists())
