"""A billing backend from another world: Node.js and C{ocpp-rpc}, with strict schemas."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from typing import Any

from . import cases
from .program import WAIT_S, Program
from .station import connected
from .test_gateway import CLIENT, GATEWAY
from .test_node import installed_station


class NodeBackend(cases.EndToEndCase):
    """The program between a wallbox and a backend that checks every message."""

    def setUp(self) -> None:
        """Start the backend."""
        folder = installed_station().parent
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.backend = subprocess.Popen(
            ["node", str(folder / "backend.js"), CLIENT, cases.PASSWORD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.addCleanup(self.stop)
        self.port = self.line()["port"]

    def stop(self) -> None:
        """End the backend."""
        self.backend.communicate(timeout=WAIT_S)

    def line(self) -> dict[str, Any]:
        """The next that the backend says."""
        assert self.backend.stdout is not None
        found: dict[str, Any] = json.loads(self.backend.stdout.readline())
        return found

    async def until(self, key: str, value: str) -> dict[str, Any]:
        """What it says until something; all of it has to be good."""
        while True:
            said = await asyncio.to_thread(self.line)
            self.assertNotIn("bad", said)
            if said.get(key) == value:
                return said

    def test_charge(self) -> None:
        """A charge, and what the backend wants to know of it."""
        manager = self.program()
        gateway = GATEWAY.format(port=self.port) + f"password = {cases.PASSWORD}\n"
        manager.configure(cases.tap_cfg(manager.port) + "\n" + gateway)
        manager.start()
        self.run_peers(self.charge(manager))

    async def charge(self, manager: Program) -> None:
        """See L{test_charge}."""
        async with connected(manager, "CP-0001") as station:
            await station.boot()
            await self.until("told", "BootNotification")
            await station.authorize(cases.TAG)
            transaction_id = await station.charge(cases.TAG, 100)
            self.assertEqual(
                cases.TAG, (await self.until("told", "StartTransaction"))["params"]["idTag"]
            )
            await station.meter(transaction_id, 1100, 16)
            self.assertEqual(
                0, (await self.until("told", "MeterValues"))["params"]["transactionId"]
            )
            found = (await self.until("asked", "GetConfiguration"))["answer"]
            self.assertEqual(["Nonsense"], found["unknownKey"])
            self.assertEqual("300", found["configurationKey"][0]["value"])
            found = (await self.until("asked", "GetLocalListVersion"))["answer"]
            self.assertEqual({"listVersion": 0}, found)
            found = (await self.until("asked", "RemoteStopTransaction"))["answer"]
            self.assertEqual({"status": "Accepted"}, found)
            self.assertEqual([transaction_id], station.remote_stops)
            await station.end_transaction(transaction_id, 2100)
            stop = (await self.until("told", "StopTransaction"))["params"]
            self.assertEqual((0, 2100), (stop["transactionId"], stop["meterStop"]))
