"""A wallbox that loses nothing: it says each message until it is answered."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import websockets

__all__ = ["Charger"]

#: A connection that does not come about is tried again after this time. [s]
RETRY_S = 0.1


class Charger:
    """
    It charges again and again, and notes what was acknowledged.

    @ivar identity: its ChargeBox ID.
    @ivar acknowledged: the payloads of all messages that were answered, by action.
    @ivar transactions: how many it has ended.
    """

    def __init__(self, identity: str, port: int, readings: int = 4) -> None:
        self.identity = identity
        self.acknowledged: list[tuple[str, dict[str, Any]]] = []
        self.transactions = 0
        self._url = f"ws://127.0.0.1:{port}/{identity}"
        self._readings = readings
        self._socket: websockets.ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}
        self._clock = datetime(2026, 3, 1, tzinfo=UTC)
        self._energy_wh = 1000
        self._last: int | None = None

    async def run(self) -> None:
        """Charge until it is told to stop; the last charge is ended."""
        await self._say("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        for number in itertools.count(1):
            if self._last is not None and number > self._last:
                break
            await self._charge(f"{self.identity[-4:]}T{number}")
        await self._hang_up()

    def stop(self) -> None:
        """End with the transaction that runs."""
        self._last = self.transactions + 1

    def stop_after(self, transactions: int) -> None:
        """End with that transaction, counted from 1."""
        self._last = transactions

    async def _charge(self, id_tag: str) -> None:
        started = await self._say(
            "StartTransaction",
            {
                "connectorId": 1,
                "idTag": id_tag,
                "meterStart": self._energy_wh,
                "timestamp": self._tick(),
            },
        )
        number = started["transactionId"]
        for index in range(self._readings):
            self._energy_wh += 10
            context = "Transaction.Begin" if index == 0 else "Sample.Periodic"
            await self._say(
                "MeterValues",
                {
                    "connectorId": 1,
                    "transactionId": number,
                    "meterValue": [
                        {
                            "timestamp": self._tick(),
                            "sampledValue": [
                                {"value": str(self._energy_wh), "context": context}
                            ],
                        }
                    ],
                },
            )
        await self._say(
            "StopTransaction",
            {
                "transactionId": number,
                "meterStop": self._energy_wh,
                "timestamp": self._tick(),
                "idTag": id_tag,
            },
        )
        self.transactions += 1

    async def _say(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        message_id = str(uuid4())
        text = json.dumps([2, message_id, action, payload])
        while True:
            try:
                answer = await self._exchanged(message_id, text)
            except (OSError, websockets.WebSocketException, asyncio.CancelledError):
                await self._hang_up()
                await asyncio.sleep(RETRY_S)
                continue
            if answer[0] == 3:
                self.acknowledged.append((action, payload))
                found: dict[str, Any] = answer[2]
                return found
            await asyncio.sleep(RETRY_S)

    async def _exchanged(self, message_id: str, text: str) -> list[Any]:
        if self._socket is None:
            self._socket = await websockets.connect(
                self._url, subprotocols=[websockets.Subprotocol("ocpp1.6")], proxy=None
            )
            self._reading = asyncio.create_task(self._read(self._socket))
        answer = self._answers[message_id] = asyncio.get_running_loop().create_future()
        await self._socket.send(text)
        return await answer

    async def _read(self, socket: websockets.ClientConnection) -> None:
        with suppress(websockets.ConnectionClosed):
            async for text in socket:
                frame = json.loads(text)
                if frame[0] == 2:
                    await socket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
                elif frame[1] in self._answers:
                    self._answers.pop(frame[1]).set_result(frame)
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            answer.set_exception(ConnectionError("the connection is gone"))

    async def _hang_up(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()
        if self._reading is not None:
            await asyncio.wait([self._reading])

    def _tick(self) -> str:
        self._clock += timedelta(seconds=1)
        return self._clock.isoformat(timespec="milliseconds").replace("+00:00", "Z")
