"""The command C{cfos-cm} as a process, as a person starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

__all__ = ["MAIN", "ROOT", "ConsoleCase", "Ended"]

#: The folder of the project: what C{import cfos_cm} has to find.
ROOT = Path(__file__).resolve().parents[2]

#: A program that is the command.
MAIN = "from cfos_cm.console import main; raise SystemExit(main())"


@frozen
class Ended:
    """
    A command that has ended.

    @ivar lines: of its standard output.
    @ivar error: its standard error.
    """

    status: int
    lines: list[str]
    error: str


class ConsoleCase(SynchronousTestCase):
    """
    A test that runs the command in a folder of its own.

    @ivar folder: where it runs.
    """

    def setUp(self) -> None:
        """Make the folder."""
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def write(self, text: str, name: str = "tap.cfg") -> Path:
        """Write a configuration."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def run_command(self, *arguments: str) -> Ended:
        """Run the command to its end."""
        done = subprocess.run(
            [sys.executable, "-c", MAIN, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TZ": "Europe/Berlin", "COLUMNS": "90"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout.splitlines(), done.stderr)
