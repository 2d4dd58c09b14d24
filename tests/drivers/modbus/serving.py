"""Tests with pymodbus's own server in a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

__all__ = ["ROOT", "ServedCase"]

#: The folder of the project.
ROOT = Path(__file__).resolve().parents[3]


class ServedCase(TestCase):
    """
    Has servers of its own.

    @cvar served: the module that is run as a process.
    """

    timeout = 30
    served = "tests.drivers.modbus.served"

    def serve(self, port: int = 0) -> tuple[subprocess.Popen[str], int]:
        """A server, which listens already, and its port."""
        server = subprocess.Popen(
            [sys.executable, "-m", self.served, str(port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.addCleanup(server.wait)
        assert server.stdout is not None
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.kill)
        return server, int(server.stdout.readline())
