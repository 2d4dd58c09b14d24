"""A hundred stations that all speak at the same moment, again and again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import websockets

from . import cases
from .program import Program
from .station import dial, timestamp

STATIONS = 100
ROUNDS = 10


class Frank:
    """
    A station that speaks in plain frames and says yes to everything.

    @ivar refusals: the CALLERRORs that it got.
    """

    def __init__(self, connection: websockets.ClientConnection) -> None:
        self.connection = connection
        self.refusals: list[Any] = []
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._numbers = iter(range(1_000_000))
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self.connection:
            frame = json.loads(text)
            if frame[0] == 2:
                await self.connection.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
                continue
            if frame[0] == 4:
                self.refusals.append(frame)
            self._answers.pop(frame[1]).set_result(frame[2])

    async def ask(self, action: str, payload: Mapping[str, Any]) -> Any:
        """Say something and wait for its answer."""
        unique_id = str(next(self._numbers))
        answer = asyncio.get_running_loop().create_future()
        self._answers[unique_id] = answer
        await self.connection.send(json.dumps([2, unique_id, action, payload]))
        async with asyncio.timeout(cases.TEST_TIMEOUT_S):
            return await answer

    async def end(self) -> None:
        """Hang up."""
        await self.connection.close()
        await asyncio.wait([self._reading])


def meter_value(energy_wh: int) -> dict[str, Any]:
    """A reading."""
    return {
        "timestamp": timestamp(),
        "sampledValue": [
            {"value": str(energy_wh), "unit": "Wh"},
            {"value": "16.0", "measurand": "Current.Import", "unit": "A"},
        ],
    }


class Burst(cases.EndToEndCase):
    """All of a large garage at once."""

    def test_burst(self) -> None:
        """
        Ten times, at a signal, each says its state, its readings and that it starts: every one
        of them is answered, none with a CALLERROR, and everything is on disk once.
        """
        places = tuple(f"CP-{number:04}" for number in range(STATIONS))
        manager = self.started(places=places, fuse_a=2000)
        self.run_peers(self.garage(manager, places))
        manager.stop()
        for table in ("transactions", "meter_values"):
            ((stored,),) = manager.rows(f"SELECT count(*) FROM {table}")
            self.assertEqual(STATIONS * ROUNDS, stored, table)

    async def garage(self, manager: Program, places: tuple[str, ...]) -> None:
        """The stations' part."""
        stations = [Frank(await dial(manager, place)) for place in places]
        await asyncio.gather(*(self.boot(station) for station in stations))
        for number in range(ROUNDS):
            together = asyncio.Barrier(len(stations))
            await asyncio.gather(
                *(self.speak(station, number, together) for station in stations)
            )
        for station in stations:
            self.assertEqual([], station.refusals)
            await station.end()

    async def boot(self, station: Frank) -> None:
        """Say what it is."""
        device = {"chargePointVendor": "Peer", "chargePointModel": "Frank"}
        booted = await station.ask("BootNotification", device)
        self.assertEqual("Accepted", booted["status"])

    async def speak(self, station: Frank, number: int, together: asyncio.Barrier) -> None:
        """One round."""
        await together.wait()
        state = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}
        start = {
            "connectorId": 1,
            "idTag": cases.TAG,
            "meterStart": 1000 * number,
            "timestamp": timestamp(),
        }
        values = {"connectorId": 1, "meterValue": [meter_value(1000 * number)]}
        *_, started = await asyncio.gather(
            station.ask("StatusNotification", state),
            station.ask("MeterValues", values),
            station.ask("StartTransaction", start),
        )
        self.assertGreater(started["transactionId"], 0)
