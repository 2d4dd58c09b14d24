"""Where a storage test has its database: in a file, or on a server."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from cfos_cm.storage.database import Database
from cfos_cm.storage.writer import THREAD_NAME

__all__ = ["NOW", "DatabaseCase", "SqliteCase", "Stopper", "writer_threads"]

NOW = datetime(2026, 11, 22, 10, 6, 7, 891234, tzinfo=UTC)


def writer_threads() -> list[threading.Thread]:
    """The threads of databases that are there now."""
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


class Stopper:
    """Work that keeps the writer's thread busy until it is let go."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self._go = threading.Event()

    def __call__(self, connection: object) -> str:
        """The work; returns when L{let_go} was called."""
        self.started.set()
        if not self._go.wait(30):
            raise TimeoutError
        return "let go"

    def let_go(self) -> None:
        """Let the writer go on."""
        self._go.set()


class DatabaseCase(TestCase):
    """
    A test with a database of its own.

    @ivar url: where it is; set by the subclass.
    """

    url: str

    def database(self, url: str | None = None) -> Database:
        """A database that is not open yet; the clock says L{NOW}."""
        return Database(self.url if url is None else url, reactor, lambda: NOW)

    async def opened(self) -> Database:
        """A database that is open; it is stopped after the test."""
        database = self.database()
        await database.start()
        self.addCleanup(database.stop)
        return database

    async def rows(self, database: Database, statement: str) -> list[tuple[Any, ...]]:
        """What a query finds."""
        return await database.run(
            lambda connection: [tuple(row) for row in connection.execute(text(statement))]
        )

    async def write(self, database: Database, statement: str) -> None:
        """Have one statement done."""
        await database.run(lambda connection: _execute(connection, statement))

    def held(self, database: Database) -> tuple[Callable[[], None], Any]:
        """Keep the writer busy; returns what lets it go, and the Deferred of that work."""
        stopper = Stopper()
        self.addCleanup(stopper.let_go)
        done = database.run(stopper)
        stopper.started.wait(30)
        return stopper.let_go, done


def _execute(connection: Any, statement: str) -> None:
    connection.execute(text(statement))


class SqliteCase(DatabaseCase):
    """
    A test with a database in a file.

    @ivar folder: exists, and is removed after the test.
    @ivar path: the file; does not exist yet.
    """

    def setUp(self) -> None:
        """Make the folder."""
        self.folder = Path(tempfile.mkdtemp(prefix="cfos_cm."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.path = self.folder / "cfos_cm.sqlite"
        self.url = f"sqlite:///{self.path}"

    def killed_after(self, program: Path, run: int, lines: int) -> list[str]:
        """
        Run a program with this database, and kill it by C{kill -9} after so many lines.

        @return: all the whole lines that it has said.
        """
        child = subprocess.Popen(
            [sys.executable, str(program), self.url, str(run)],
            env={**os.environ, "PYTHONPATH": str(program.parents[2])},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        with child, child.stdout:
            said = [child.stdout.readline() for _ in range(lines)]
            child.send_signal(signal.SIGKILL)
            said += child.stdout.readlines()
        self.assertEqual(child.returncode, -signal.SIGKILL)
        return [line.strip() for line in said if line.endswith("\n")]

    def moved_aside(self) -> list[Path]:
        """The main files of the databases that were found damaged."""
        return sorted(
            path
            for path in self.folder.glob("*.damaged-*")
            if not path.name.endswith(("-wal", "-shm", "-journal"))
        )
