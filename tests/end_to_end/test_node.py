"""A Charge Point from another world: Node.js and C{ocpp-rpc}, with strict schemas."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from . import cases

SOURCES = Path(__file__).with_name("node_station")
INSTALL_TIMEOUT_S = 90
PLAY_TIMEOUT_S = 60


def installed_station() -> Path:
    """
    The station's script, with the packages that it needs beside it.

    @raise SkipTest: if this machine has no Node.js, or cannot fetch the packages.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise SkipTest("Node.js and npm are not installed")
    folder = Path(tempfile.mkdtemp(prefix="cfos_cm-node-"))
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
    found = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    if found.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        raise SkipTest(f"the packages of the station cannot be fetched: {found.stderr[-300:]}")
    return folder / "station.js"


class NodeStation(cases.EndToEndCase):
    """The program, and a station that checks every message of it."""

    def play(self, *arguments: str) -> dict[str, Any]:
        """Play one charge; returns all that the station has to say about it."""
        script = installed_station()
        self.addCleanup(shutil.rmtree, script.parent, ignore_errors=True)
        played = subprocess.run(
            ["node", str(script), *arguments],
            capture_output=True,
            text=True,
            timeout=PLAY_TIMEOUT_S,
            check=False,
        )
        said: dict[str, Any] = {}
        for line in played.stdout.splitlines():
            said |= json.loads(line)
        self.assertNotIn("error", said, played.stderr)
        self.assertEqual(0, played.returncode, played.stderr)
        return said

    def test_charge(self) -> None:
        """A whole charge, with a password; each refusal has the code that is made for it."""
        manager = self.started(server=f"password = {cases.PASSWORD}")
        said = self.play(f"ws://127.0.0.1:{manager.port}/ocpp", "CP-0001", cases.PASSWORD)
        self.assertEqual(
            {
                "protocol": "ocpp1.6",
                "boot": "Accepted",
                "interval": 300,
                "standing": 0,
                "authorize": "Accepted",
                "start": "Accepted",
                "limit": 16,
                "data": "UnknownVendorId",
                "unknown": "NotImplemented",
                "direction": "NotSupported",
                "missing": "OccurenceConstraintViolation",
                "end": True,
            },
            said,
        )
        self.assertEqual(
            [(100, 2100, "stopped")],
            manager.rows("SELECT meter_start_wh, meter_stop_wh, state FROM transactions"),
        )
