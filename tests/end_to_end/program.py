"""The program as a process of its own, started, watched and ended as its user does it."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["ROOT", "WAIT_S", "Program", "free_port"]

#: The folder of the project.
ROOT = Path(__file__).resolve().parents[2]

#: Nothing that a test waits for takes anywhere near this long; it is only there so that a test
#: fails instead of hanging. [s]
WAIT_S = 30.0

#: How much of the log is shown when a test fails. [lines]
_SHOWN_LINES = 60


def free_port() -> int:
    """
    A TCP port that nobody listens on.

    Below the range that the kernel takes the ports of outgoing connections from: the program
    is restarted on the same port, and nobody must have got it in between.
    """
    for _ in range(1000):
        # At random, for tests in other processes look for ports at the same time.
        port = _draw.randrange(20_000, 30_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _taken:
            _taken.add(port)
            return port
    raise AssertionError("no port between 20000 and 30000 is free")


_draw = random.SystemRandom()

#: The ports that were given out already.
_taken: set[int] = set()


#: A program that is started in the background inherits that SIGINT is ignored; ours has to see
#: what it would see in a terminal, wherever the tests run.
_AS_IN_A_TERMINAL = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


class Program:
    """
    C{twistd} with the charging manager in it.

    @ivar folder: where it runs; its files are there.
    @ivar port: where its Charge Points connect to.
    @ivar command: the arguments of C{twistd} after C{-n --pidfile=}.
    @ivar packages: a folder with more packages than ours and those that are installed.
    @ivar lines: all that it has written, over all its starts.
    """

    #: Written when the door is open.
    READY = r"wallboxes connect to wss?://"

    def __init__(self, folder: Path, port: int, command: Sequence[str] = ()) -> None:
        self.folder = folder
        self.port = port
        self.command = tuple(command) or ("cfos-cm", "--config", "tap.cfg")
        self.packages: Path | None = None
        self.lines: list[str] = []
        self._said = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._is_silent = False

    def configure(self, text: str) -> None:
        """Write its configuration."""
        (self.folder / "tap.cfg").write_text(text, encoding="utf-8")

    def start(self, words: str = READY) -> None:
        """
        Start it.

        @param words: what to wait for in its log; usually that Charge Points can connect.
        """
        if self._reader is not None:
            # It says at its end that nothing more will come; that is not said of the new one.
            self._reader.join(WAIT_S)
        mark = len(self.lines)
        twistd = [sys.executable, _script("twistd"), "-n", "--pidfile=", *self.command]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _AS_IN_A_TERMINAL, *twistd],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self._is_silent = False
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        self.wait_for(words, mark)

    def mark(self) -> int:
        """The place in the log that is its end now."""
        with self._said:
            return len(self.lines)

    def wait_for(self, pattern: str, mark: int = 0) -> re.Match[str]:
        """
        Wait for a line of the log.

        @param pattern: is searched in each line.
        @param mark: where to begin.
        @raise AssertionError: if the line does not come.
        """
        deadline_s = time.monotonic() + WAIT_S
        with self._said:
            while True:
                for line in self.lines[mark:]:
                    found = re.search(pattern, line)
                    if found is not None:
                        return found
                mark = len(self.lines)
                left_s = deadline_s - time.monotonic()
                ended = self._reader is None or self._is_silent
                if left_s <= 0 or ended or not self._said.wait(left_s):
                    raise AssertionError(f"{pattern!r} is not in the log:\n{self.tail()}")

    async def says(self, pattern: str, mark: int = 0) -> re.Match[str]:
        """L{wait_for} beside other things."""
        return await asyncio.to_thread(self.wait_for, pattern, mark)

    def tail(self) -> str:
        """The end of the log, for the message of a test that fails."""
        return "\n".join(self.lines[-_SHOWN_LINES:])

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it by C{kill -9}, at once."""
        self.send(signal.SIGKILL)
        self.ended()

    def stop(self) -> None:
        """End it as C{systemd} does."""
        self.send(signal.SIGTERM)
        self.ended()

    def ended(self, within_s: float = WAIT_S) -> int:
        """
        Wait for its end.

        @return: its exit status; negative: the signal that it ended by.
        @raise subprocess.TimeoutExpired: if it does not end.
        """
        assert self._process is not None
        assert self._reader is not None
        status = self._process.wait(within_s)
        self._reader.join(WAIT_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return status

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def clean_up(self) -> None:
        """End it however it is; does nothing when it has ended."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def console(self, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        """
        Run C{cfos-cm} in its folder, as its user does in another terminal.

        @param said: what it reads from its standard input.
        """
        code = "import sys; from cfos_cm.console import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.folder,
            env=self._environment(),
            input=said,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """What is in its database, read by somebody else than its own code."""
        path = self.folder / "var" / "cfos_cm.sqlite"
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=WAIT_S)
        try:
            return list(connection.execute(query, values))
        finally:
            connection.close()

    def _environment(self) -> dict[str, str]:
        packages = [str(ROOT)] if self.packages is None else [str(self.packages), str(ROOT)]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(packages)}

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with self._said:
                self.lines.append(line.rstrip("\n"))
                self._said.notify_all()
        with self._said:
            self._is_silent = True
            self._said.notify_all()


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
