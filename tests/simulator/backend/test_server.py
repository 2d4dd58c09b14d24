"""A virtual backend over real sockets, asked by clients that we did not write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import websockets
from ocpp.exceptions import OCPPError
from ocpp.v16 import ChargePoint, call
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from cfos_cm.simulator.backend.service import BackendService
from cfos_cm.simulator.backend.settings import VirtualBackendSettings

T = TypeVar("T")
Talk = Callable[[ChargePoint], Awaitable[T]]

TAG = "04A1B2C3D4"


def start(at: str = "2026-11-23T08:00:00Z", id_tag: str = TAG) -> Any:
    """A StartTransaction."""
    return call.StartTransaction(connector_id=1, id_tag=id_tag, meter_start=500, timestamp=at)


def stop(number: int) -> Any:
    """A StopTransaction."""
    return call.StopTransaction(
        transaction_id=number, meter_stop=8500, timestamp="2026-11-23T09:00:00Z"
    )


def values(number: int, minute: int, **more: str) -> Any:
    """A MeterValues."""
    sampled = [{"value": "1", **more}]
    return call.MeterValues(
        connector_id=1,
        transaction_id=number,
        meter_value=[{"timestamp": f"2026-11-23T08:{minute:02}:00Z", "sampledValue": sampled}],
    )


class BackendCase(TestCase):
    """
    Tests with a backend.

    @ivar lines: what it has shown.
    """

    timeout = 30

    def setUp(self) -> None:
        """Start it."""
        folder = Path(self.mktemp())
        self.book = folder / "book.jsonl"
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self._logged)
        self.addCleanup(globalLogPublisher.removeObserver, self._logged)
        self.backend = self.started()

    def started(self, port: int = 0, tags: tuple[str, ...] = ("*",)) -> BackendService:
        """A backend that listens."""
        settings = VirtualBackendSettings(book=str(self.book), port=port, tags=tags)
        service = BackendService("demo", settings, reactor)
        service.startService()
        self.addCleanup(lambda: service.stopService() if service.running else None)
        return service

    def shown(self, words: str) -> list[str]:
        """The lines with some words in them."""
        return [line for line in self.lines if words in line]

    async def talk(self, work: Talk[T], identity: str = "DE*KLN*E1") -> T:
        """Be a Charge Point for a while."""
        port = self.backend.port

        async def run() -> T:
            async with websockets.connect(
                f"ws://127.0.0.1:{port}/any/path/{identity}",
                subprotocols=["ocpp1.6"],  # type: ignore[list-item]
            ) as connection:
                point = ChargePoint(identity, connection, response_timeout=20)
                listening = asyncio.create_task(point.start())
                try:
                    return await work(point)
                finally:
                    listening.cancel()

        return await deferToThread(lambda: asyncio.run(run()))

    def _logged(self, event: LogEvent) -> None:
        if event.get("log_namespace") == "cfos_cm.backend":
            self.lines.append(formatEvent(event))


class ConversationTests(BackendCase):
    """What it answers; the client checks each answer by the official schemas."""

    async def test_session(self) -> None:
        """A whole session is one bill, with the backend's own number."""

        async def session(point: ChargePoint) -> list[Any]:
            boot = call.BootNotification(charge_point_model="m", charge_point_vendor="v")
            status = call.StatusNotification(
                connector_id=1, error_code="NoError", status="Available"
            )
            firmware = call.FirmwareStatusNotification(status="Idle")
            return [
                await point.call(request)
                for request in (
                    *(boot, status, firmware, call.Heartbeat(), call.Authorize(id_tag=TAG)),
                    *(start(), values(1, 1), values(1, 2), stop(1)),
                )
            ]

        answers = await self.talk(session)
        self.assertEqual(("Accepted", 60), (answers[0].status, answers[0].interval))
        self.assertEqual("Accepted", answers[4].id_tag_info["status"])
        self.assertEqual(1, answers[5].transaction_id)
        (bill,) = self.shown("bill ")
        self.assertIn("DE*KLN*E1 connector 1, card …C3D4", bill)
        self.assertIn("8.00 kWh, 2 meter values, not signed: 3.20 EUR", bill)
        self.assertEqual(1, len(self.shown("is connected, from 127.0.0.1")))

    async def test_signed(self) -> None:
        """A signed value makes the bill say so."""

        async def session(point: ChargePoint) -> None:
            await point.call(start())
            await point.call(values(1, 1, format="SignedData"))
            await point.call(stop(1))

        await self.talk(session)
        self.assertIn("1 meter value, signed", self.shown("bill ")[0])

    async def test_repeated(self) -> None:
        """What is said twice counts once."""

        async def session(point: ChargePoint) -> list[int]:
            numbers = [(await point.call(start())).transaction_id for _ in range(2)]
            for request in (values(1, 1), values(1, 1), stop(1), stop(1), values(1, 2)):
                await point.call(request)
            return numbers

        self.assertEqual([1, 1], await self.talk(session))
        (bill,) = self.shown("bill ")
        self.assertIn("1 meter value,", bill)

    async def test_restart(self) -> None:
        """A backend that was stopped in the middle goes on, and bills what began before."""

        async def begin(point: ChargePoint) -> int:
            await point.call(values(1, 5))
            return int((await point.call(start())).transaction_id)

        async def end(point: ChargePoint) -> list[int]:
            again = (await point.call(start())).transaction_id
            other = (await point.call(start(at="2026-11-23T10:00:00Z"))).transaction_id
            await point.call(values(1, 6))
            await point.call(stop(1))
            return [again, other]

        self.assertEqual(1, await self.talk(begin))
        port = self.backend.port
        await self.backend.stopService()
        self.backend = self.started(port)
        self.assertEqual([1, 2], await self.talk(end))
        self.assertEqual(1, len(self.shown("bill 1: ")))

    async def test_unknown(self) -> None:
        """An end of what never began is acknowledged, and shown."""

        async def session(point: ChargePoint) -> Any:
            return await point.call(stop(4711))

        await self.talk(session)
        self.assertEqual(1, len(self.shown("ends transaction 4711, which is not known here")))

    async def test_cards(self) -> None:
        """A card that it does not know is refused; its transaction is counted all the same."""
        await self.backend.stopService()
        self.backend = self.started(tags=("DE-*",))

        async def session(point: ChargePoint) -> list[Any]:
            return [
                (await point.call(call.Authorize(id_tag="DE-1"))).id_tag_info["status"],
                (await point.call(call.Authorize(id_tag=TAG))).id_tag_info["status"],
                await point.call(start()),
            ]

        known, unknown, begun = await self.talk(session)
        self.assertEqual(("Accepted", "Invalid"), (known, unknown))
        self.assertEqual((1, "Invalid"), (begun.transaction_id, begun.id_tag_info["status"]))
        self.assertEqual([], self.shown(TAG))

    async def test_not_done(self) -> None:
        """A vendor's message is refused as unknown; what no backend does, by a CALLERROR."""

        async def session(point: ChargePoint) -> list[Any]:
            transfer = await point.call(call.DataTransfer(vendor_id="org.example"))
            try:
                await point.call(call.SignCertificate(csr="x"), suppress=False)
            except OCPPError as error:
                return [transfer.status, error.code]
            return [transfer.status]

        self.assertEqual(["UnknownVendorId", "NotSupported"], await self.talk(session))


class ConnectionTests(BackendCase):
    """Who is let in, and how he is treated."""

    async def raw(self, path: str, *sent: str, subprotocol: str = "ocpp1.6") -> list[Any]:
        """What is answered to some texts; or how the connection has ended."""
        port = self.backend.port

        async def run() -> list[Any]:
            answers: list[Any] = []
            try:
                async with websockets.connect(
                    f"ws://127.0.0.1:{port}{path}",
                    subprotocols=[subprotocol],  # type: ignore[list-item]
                ) as connection:
                    for text in sent:
                        await connection.send(text)
                        answers.append(json.loads(await connection.recv()))
            except websockets.InvalidStatus as error:
                answers.append(error.response.status_code)
            except websockets.ConnectionClosed as error:
                answers.append(error.rcvd.code if error.rcvd else None)
            return answers

        return await deferToThread(lambda: asyncio.run(run()))

    async def test_identity(self) -> None:
        """The identity is the last part of the path, percent-encoded; there has to be one."""
        self.assertEqual([], await self.raw("/x/B%C3%BCro%20%231"))
        self.assertEqual(1, len(self.shown("Büro #1 is connected")))
        self.assertEqual([404], await self.raw("/"))

    async def test_subprotocol(self) -> None:
        """It speaks OCPP 1.6 and nothing else."""
        self.assertEqual([400], await self.raw("/CP-1", subprotocol="ocpp2.0.1"))

    async def test_nonsense(self) -> None:
        """What is no message is answered where it can be, and harms nobody."""
        beat = '[2,"2","Heartbeat",{}]'
        answers = await self.raw("/CP-1", '[2,"1","Foo",{}]', '[2,"1","Authorize",{}]', beat)
        self.assertEqual([4, 4, 3], [answer[0] for answer in answers])
        self.assertEqual("NotImplemented", answers[0][2])

    async def test_too_long(self) -> None:
        """A message that is too long ends the connection."""
        self.assertEqual([1009], await self.raw("/CP-1", "x" * 300_000))

    async def test_twice(self) -> None:
        """Of two connections with one identity the newest counts."""

        async def beat(point: ChargePoint) -> Any:
            return await point.call(call.Heartbeat())

        async def both(point: ChargePoint) -> None:
            await beat(point)
            async with websockets.connect(
                f"ws://127.0.0.1:{self.backend.port}/DE*KLN*E1",
                subprotocols=["ocpp1.6"],  # type: ignore[list-item]
            ) as connection:
                await connection.send('[2,"1","Heartbeat",{}]')
                await connection.recv()
                await asyncio.wait_for(point._connection.wait_closed(), 20)

        await self.talk(both)
        self.assertEqual(1, len(self.shown("has connected once more")))

    async def test_full_book(self) -> None:
        """What cannot be kept is not acknowledged."""
        self.backend._book._max_bytes = 0
        text = json.dumps(
            [
                2,
                "1",
                "StartTransaction",
                {
                    "connectorId": 1,
                    "idTag": TAG,
                    "meterStart": 0,
                    "timestamp": "2026-11-23T08:00:00Z",
                },
            ]
        )
        ((kind, _, code, *_),) = await self.raw("/CP-1", text)
        self.assertEqual((4, "InternalError"), (kind, code))
        self.assertEqual(1, len(self.shown("is full")))

    async def test_taken(self) -> None:
        """A port that is taken is said, and whoever started it is told."""
        given_up: list[int] = []
        settings = VirtualBackendSettings(book=str(self.book), port=self.backend.port)
        other = BackendService("other", settings, reactor, lambda: given_up.append(1))
        other.startService()
        await other.stopService()
        self.assertEqual([1], given_up)
        self.assertEqual(1, len(self.shown("other cannot start")))
