"""Wallboxes and backends that are not of our making, beside a browser that waits for no one."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import uuid4

import websockets
from ocpp.routing import on
from ocpp.v16 import call_result
from ocpp.v16.enums import Action

from tests.end_to_end.billing import Books, billing
from tests.end_to_end.program import WAIT_S, Program
from tests.end_to_end.station import Station, dial, timestamp

__all__ = ["SECRET_VALUE", "Box", "Peers"]

_T = TypeVar("_T")

#: What a wallbox tells with its configuration and no page may show.
SECRET_VALUE = "of-the-wlan-4711"


class Box(Station):
    """
    A wallbox that is asked more than L{Station} knows.

    @ivar cleared: the payload of every ClearChargingProfile.
    @ivar clears: what it answers to them.
    @ivar set: the configuration keys that were set.
    @ivar resets: which kinds of Reset it was told.
    """

    def __init__(self, identity: str, connection: websockets.ClientConnection) -> None:
        self.cleared: list[dict[str, Any]] = []
        self.clears: str = "Accepted"
        self.set: dict[str, str] = {}
        self.resets: list[str] = []
        self._own: dict[str, asyncio.Future[Any]] = {}
        super().__init__(identity, connection)

    @on(Action.clear_charging_profile)
    def _clear(self, **payload: Any) -> Any:
        self.cleared.append(payload)
        self._news.set()
        if self.clears == "Error":
            raise ValueError("there is no memory left")
        return call_result.ClearChargingProfile(status=self.clears)

    @on(Action.get_configuration)
    def _get(self, **payload: Any) -> Any:
        keys = [
            {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
            {"key": "NumberOfConnectors", "readonly": True, "value": "1"},
            {"key": "WlanPassword", "readonly": False, "value": SECRET_VALUE},
        ]
        return call_result.GetConfiguration(configuration_key=keys)

    @on(Action.change_configuration)
    def _change(self, key: str, value: str) -> Any:
        self.set[key] = value
        self._news.set()
        return call_result.ChangeConfiguration(status="Accepted")

    @on(Action.reset)
    def _reset(self, **payload: Any) -> Any:
        self.resets.append(payload["type"])
        self._news.set()
        return call_result.Reset(status="Accepted")

    async def say(self, action: str, payload: str) -> Any:
        """Say something in just these words; the answer's payload."""
        number = str(uuid4())
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._own[number] = answer
        await self.connection.send(f'[2,"{number}","{action}",{payload}]')
        async with asyncio.timeout(WAIT_S):
            return await answer

    async def route_message(self, raw_msg: str) -> None:
        """A message has come."""
        frame = json.loads(raw_msg)
        own = self._own.pop(frame[1], None)
        if own is not None:
            own.set_result(frame[2])
            return
        await super().route_message(raw_msg)

    async def is_told(self, what: str, count: int = 1) -> None:
        """Wait until one of the lists of what it was told has so many entries."""
        await self.until(lambda: len(getattr(self, what)) >= count)


class Peers:
    """The other ends of a manager, in a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._boxes: list[Box] = []
        self._backends: list[Any] = []

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Have something done there, and wait for it."""
        return asyncio.run_coroutine_threadsafe(_bounded(work), self._loop).result(WAIT_S + 5)

    def box(self, manager: Program, identity: str, **options: Any) -> Box:
        """
        A wallbox that is connected.

        @param options: see L{dial}.
        """

        async def connect() -> Box:
            box = Box(identity, await dial(manager, identity, **options))
            box.begin()
            return box

        box = self.run(connect())
        self._boxes.append(box)
        return box

    def backend(self, port: int) -> Books:
        """A backend that listens."""
        books = Books()

        async def listen() -> Any:
            backend = billing(port, books)
            await backend.__aenter__()
            return backend

        self._backends.append(self.run(listen()))
        return books

    def leave(self, box: Box) -> None:
        """A wallbox hangs up."""
        self._boxes.remove(box)
        self.run(box.end())

    def clean_up(self) -> None:
        """All hang up, and the thread ends."""
        for box in list(self._boxes):
            self.leave(box)
        for backend in self._backends:
            self.run(backend.__aexit__(None, None, None))
        self._backends.clear()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()


async def _bounded(work: Coroutine[Any, Any, _T]) -> _T:
    async with asyncio.timeout(WAIT_S + 2):
        return await work


def boot(vendor: str, model: str, serial: str = "S-1") -> str:
    """The payload of a BootNotification."""
    return json.dumps(
        {
            "chargePointVendor": vendor,
            "chargePointModel": model,
            "chargePointSerialNumber": serial,
            "firmwareVersion": "1.2",
        }
    )


def signed_values(transaction_id: int, value: str, context: str) -> str:
    """The payload of MeterValues, in words that no writer of JSON would write again."""
    return (
        f'{{ "transactionId" : {transaction_id},"meterValue":[{{"sampledValue" :\t['
        f'{{"context":"{context}","format":"SignedData","value":"{value}"}},'
        '{"value":"1.5","unit":"kWh"},'
        '{"value":"11.0","unit":"kW","measurand":"Power.Active.Import"},'
        '{"value":"15.9","unit":"A","phase":"L1","measurand":"Current.Import"},'
        '{"value":"16","unit":"A","phase":"L2","measurand":"Current.Import"},'
        '{"value":"15.8","unit":"A","phase":"L3","measurand":"Current.Import"}],'
        f'"timestamp":"{timestamp()}"}}]  ,"connectorId":1}}'
    )
