"""A virtual backend as a process of its own, and how it ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.simulator.backend.process import MAX_LINE_BYTES, BackendProcess, _Lines
from tests.end_to_end.program import ROOT, WAIT_S, free_port


class LogCase(TestCase):
    """
    A test that reads the log of a backend.

    @ivar log: levels and lines.
    """

    timeout = 60

    def setUp(self) -> None:
        """Listen to it."""
        self.log: list[tuple[LogLevel, str]] = []
        self._expected: list[tuple[str, Deferred[str]]] = []
        globalLogPublisher.addObserver(self._logged)
        self.addCleanup(globalLogPublisher.removeObserver, self._logged)

    def said(self, words: str) -> Deferred[str]:
        """Fires with the next line with some words in it."""
        done: Deferred[str] = Deferred()
        self._expected.append((words, done))
        return done

    def _logged(self, event: LogEvent) -> None:
        if event.get("log_namespace") != "cfos_cm.backend":
            return
        line = formatEvent(event)
        self.log.append((event["log_level"], line))
        for one in tuple(self._expected):
            if one[0] in line:
                self._expected.remove(one)
                reactor.callLater(0, one[1].callback, line)  # type: ignore[attr-defined]


class ProcessTests(LogCase):
    """It is started and stopped, by us and by others."""

    def setUp(self) -> None:
        """Write a configuration."""
        super().setUp()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "tap.cfg"
        self.path.write_text(
            f"[simulator demo]\ntype = backend\nbackend_port = {free_port()}\n",
            encoding="utf-8",
        )
        self.process = BackendProcess("demo", str(self.path), reactor, "tap.cfg")
        self.addCleanup(self._stop)

    def _stop(self) -> Deferred[None] | None:
        return self.process.stopService() if self.process.running else None

    async def started(self) -> int:
        """Start it; its process id."""
        ready = self.said("a backend is at ws://")
        self.process.startService()
        await ready
        pid = self.process.pid
        assert pid is not None
        return pid

    def assert_gone(self, pid: int) -> None:
        """There is no such process any more."""
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)

    async def test_whole_life(self) -> None:
        """It says how to stop and start it, shows its lines, and ends when it is told to."""
        pid = await self.started()
        lines = [line for _, line in self.log]
        self.assertIn(f"demo is a process of its own; to stop it: kill {pid}", lines)
        (again,) = [line for line in lines if "to start it again" in line]
        self.assertTrue(again.endswith(" cfos-backend --config tap.cfg --only demo"), again)
        self.assertEqual({LogLevel.info}, {level for level, _ in self.log})
        await self.process.stopService()
        self.assert_gone(pid)
        self.assertIsNone(self.process.pid)

    async def test_ready(self) -> None:
        """Others can wait until it listens; they need not when it does, or will not."""
        self.assertTrue(self.process.ready().called)
        self.process.startService()
        await self.process.ready()
        self.assertIn("a backend is at ws://", self.log[-1][1])
        self.assertTrue(self.process.ready().called)
        await self.process.stopService()
        self.path.write_text("[simulator demo]\ntype = meter\n", encoding="utf-8")
        self.process.startService()
        await self.process.ready()
        self.assertIsNone(self.process.pid)

    async def test_killed(self) -> None:
        """One that somebody kills is not started again; that is said."""
        pid = await self.started()
        ended = self.said("demo has ended: by signal 15")
        os.kill(pid, signal.SIGTERM)
        await ended
        self.assertIsNone(self.process.pid)
        await self.process.stopService()

    async def test_again(self) -> None:
        """It can be started again, also while an earlier one is about to end."""
        first = await self.started()
        ending = self.process.stopService()
        second = await self.started()
        await ending
        self.assertNotEqual(first, second)
        self.assert_gone(first)

    async def test_at_a_terminal(self) -> None:
        """A Ctrl-C, which reaches the group of who has started it, is not for it."""
        pid = await self.started()
        self.assertNotEqual(os.getpgid(0), os.getpgid(pid))

    async def test_mistake(self) -> None:
        """What is wrong is told as an error, and it is not there."""
        self.path.write_text("[simulator demo]\ntype = meter\n", encoding="utf-8")
        ended = self.said("demo has ended: status 1")
        self.process.startService()
        await ended
        loud = [line for level, line in self.log if level is LogLevel.error]
        self.assertTrue(any("has no section [simulator demo]" in line for line in loud), loud)


class OrphanTests(SynchronousTestCase):
    """What is left of it when the other process is killed."""

    def test_kill_9(self) -> None:
        """Nothing: it sees that its input has come to its end."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "tap.cfg").write_text(
            f"[simulator demo]\ntype = backend\nbackend_port = {free_port()}\n",
            encoding="utf-8",
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        parent.stdout.close()
        # It can be read when the process has ended.
        ended, _, _ = select.select([child], [], [], WAIT_S)
        os.close(child)
        self.assertEqual([child], ended)


#: Has a backend, and says its process id when that is ready.
PARENT = """
import os
from twisted.internet import reactor
from twisted.logger import formatEvent, globalLogPublisher
from cfos_cm.simulator.backend.process import BackendProcess

process = BackendProcess("demo", os.path.abspath("tap.cfg"), reactor)

def look(event):
    if "a backend is at" in formatEvent(event):
        print(process.pid, flush=True)

globalLogPublisher.addObserver(look)
reactor.callWhenRunning(process.startService)
reactor.run()
"""


class LineTests(LogCase):
    """How its lines come into our log."""

    def received(self, *pieces: bytes) -> list[tuple[LogLevel, str]]:
        """What is logged of some bytes."""
        lines = _Lines()
        for piece in pieces:
            lines.received(piece)
        return self.log

    def test_levels(self) -> None:
        """A line says how important it is; one that does not is an error."""
        found = self.received(b"info one\nwarn t", b"wo\nthree {x}\n")
        self.assertEqual(
            [(LogLevel.info, "one"), (LogLevel.warn, "two"), (LogLevel.error, "three {x}")],
            found,
        )

    def test_odd(self) -> None:
        """What is no text ends no line and moves no cursor; what has no end is cut."""
        ((_, line),) = self.received(b"info \x1b[2J\xff" + b"x" * 100_000 + b"\n")
        self.assertTrue(line.startswith("?[2J"), line[:9])
        self.assertLessEqual(len(line), MAX_LINE_BYTES)
