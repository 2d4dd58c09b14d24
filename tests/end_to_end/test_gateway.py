"""Wallboxes with OCPP, and the backend that bills what they charge."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import websockets
from ocpp.v16 import call

from . import cases
from .billing import Books, billing
from .program import WAIT_S, Program, free_port
from .station import TRANSACTION, connected, dial

GATEWAY = """\
[gateway bay-1]
evse = bay-1
url = ws://127.0.0.1:{port}/ocpp/
client_id = DE*TST*E1
"""

CLIENT = "DE*TST*E1"


class GatewayCase(cases.EndToEndCase):
    """A manager with a wallbox and its backend."""

    def manager(self, more: str = "", gateway: str = GATEWAY, **options: Any) -> Program:
        """A manager that runs; its backend may not be there yet."""
        self.backend_port = free_port()
        self.books = Books()
        manager = self.program()
        text = cases.tap_cfg(manager.port, **options)
        manager.configure(text + "\n" + gateway.format(port=self.backend_port) + more)
        manager.start()
        return manager

    def listening(self) -> Any:
        """The backend, for a while."""
        return billing(self.backend_port, self.books)


class Charge(GatewayCase):
    """A charge, as its backend sees it."""

    def test_charge(self) -> None:
        """The backend sees all of it, with its own numbers."""
        self.run_peers(self.charge(self.manager()))

    async def charge(self, manager: Program) -> None:
        """From the card to the end."""
        books = self.books
        async with self.listening(), connected(manager, "CP-0001") as station:
            await station.boot()
            boot = await books.hears("BootNotification", chargePointModel="Box")
            self.assertEqual("Peer", boot.payload["chargePointVendor"])
            await books.hears("StatusNotification", connectorId=0)
            await station.status("Available")
            await books.hears("StatusNotification", connectorId=1, status="Available")
            self.assertEqual("Accepted", (await station.authorize(cases.TAG))["status"])
            await books.hears("Authorize", idTag=cases.TAG)
            transaction_id = await station.charge(cases.TAG, 1000)
            start = await books.hears("StartTransaction")
            self.assertEqual(
                {"connectorId": 1, "idTag": cases.TAG, "meterStart": 1000},
                {name: start.payload[name] for name in ("connectorId", "idTag", "meterStart")},
            )
            await station.ordered(TRANSACTION, 16)
            await station.meter(transaction_id, 2000, 16)
            values = await books.hears("MeterValues", transactionId=1, connectorId=1)
            sampled = values.payload["meterValue"][0]["sampledValue"]
            self.assertEqual("2000", sampled[0]["value"])
            await station.end_transaction(transaction_id, 3000)
            stop = await books.hears("StopTransaction", transactionId=1, meterStop=3000)
            self.assertEqual(1, len(books.of("Authorize")))
            self.assertNotIn(str(transaction_id), stop.text)
            self.assertEqual([], books.doubled)
            order = [one.action for one in books.of(*_BILLED)]
            self.assertEqual(["StartTransaction", "MeterValues", "StopTransaction"], order)

    def test_never_ended(self) -> None:
        """What the wallbox has forgotten is ended before its next charge begins."""
        self.run_peers(self.never_ended(self.manager()))

    async def never_ended(self, manager: Program) -> None:
        """See L{test_never_ended}."""
        async with self.listening(), connected(manager, "CP-0001") as station:
            await station.boot()
            await self.books.hears("StatusNotification", connectorId=0)
            await station.meter(await station.charge(cases.TAG, 1000), 2500, 16)
            await station.status("Available")
            await station.charge(cases.OTHER_TAG, 2600)
            await self.books.hears("StartTransaction", count=2)
            told = [(one.action, one.payload.get("meterStop")) for one in self.books.of(*_ENDS)]
            start = ("StartTransaction", None)
            self.assertEqual([start, ("StopTransaction", 2600), start], told)
            await manager.says("was never ended by its wallbox")

    def test_refused(self) -> None:
        """A card that the backend does not know charges nothing, and it is asked once."""
        self.run_peers(self.refused(self.manager()))

    async def refused(self, manager: Program) -> None:
        """See L{test_refused}."""
        self.books.tags[cases.TAG] = "Blocked"
        async with self.listening(), connected(manager, "CP-0001") as station:
            await station.boot()
            await self.books.hears("StatusNotification", connectorId=0)
            self.assertEqual("Blocked", (await station.authorize(cases.TAG))["status"])
            started = await station.begin_transaction(cases.TAG)
            self.assertEqual("Blocked", started.id_tag_info["status"])
            self.assertEqual(1, len(self.books.of("Authorize")))
            await self.books.hears("StartTransaction")

    def test_commands(self) -> None:
        """The backend starts, limits and stops a charge; the wallbox knows our numbers only."""
        self.run_peers(self.commands(self.manager()))

    async def commands(self, manager: Program) -> None:
        """See L{test_commands}."""
        books = self.books
        async with self.listening(), connected(manager, "CP-0001") as station:
            await station.boot()
            await station.status("Preparing")
            await books.hears("StatusNotification", status="Preparing")
            client = books.clients[CLIENT]
            answer = await client.call(
                call.RemoteStartTransaction(id_tag=cases.TAG, connector_id=1)
            )
            self.assertEqual("Accepted", answer.status)
            self.assertEqual({"id_tag": cases.TAG, "connector_id": 1}, station.remote_starts[0])
            transaction_id = await station.charge(cases.TAG)
            await station.ordered(TRANSACTION, 16)
            await station.meter(transaction_id, 1100, 16)
            await books.hears("MeterValues", transactionId=1)
            limit = await client.call(
                call.SetChargingProfile(connector_id=1, cs_charging_profiles=_profile(8, 1))
            )
            self.assertEqual("Accepted", limit.status)
            order = await station.ordered(TRANSACTION, 8)
            self.assertEqual(transaction_id, order.transaction_id)
            manager.wait_for("bay-1: may have 8 A: backend bay-1")
            composite = await client.call(
                call.GetCompositeSchedule(connector_id=1, duration=60, charging_rate_unit="A")
            )
            periods = composite.charging_schedule["charging_schedule_period"]
            self.assertEqual([8.0], [one["limit"] for one in periods])
            answer = await client.call(call.RemoteStopTransaction(transaction_id=99))
            self.assertEqual("Rejected", answer.status)
            answer = await client.call(call.RemoteStopTransaction(transaction_id=1))
            self.assertEqual("Accepted", answer.status)
            self.assertEqual([transaction_id], station.remote_stops)

    def test_frames(self) -> None:
        """
        What is signed, DataTransfer and what nobody here knows go through as they are, and the
        answers come back so.
        """
        self.run_peers(self.frames(self.manager()))

    async def frames(self, manager: Program) -> None:
        """See L{test_frames}."""
        books = self.books
        books.is_lenient = True
        async with self.listening(), raw(manager, "CP-0001") as ask:
            await ask("BootNotification", '{"chargePointVendor":"V","chargePointModel":"M"}')
            await books.hears("StatusNotification", connectorId=0)
            start = await ask(
                "StartTransaction",
                '{ "connectorId" : 1,"idTag":"A","meterStart":5,"timestamp":"'
                '2026-03-01T10:00:00.250Z","odd":[1.0,1e0,"\\u00e9\\/"]}',
            )
            number = json.loads(start)["transactionId"]
            payload = SIGNED.replace("NUMBER", str(number))
            self.assertEqual("{}", await ask("MeterValues", payload))
            values = await books.hears("MeterValues")
            self.assertTrue(values.text.endswith(f",{SIGNED.replace('NUMBER', '1')}]"))
            told = await books.hears("StartTransaction")
            self.assertIn('"odd":[1.0,1e0,"\\u00e9\\/"]}', told.text)
            giro = (
                '{"vendorId":"GIRO-E","messageId":"Txn\\/1","data":"{\\"a\\": \\"\\u00e9\\"}"}'
            )
            answer = await ask("DataTransfer", giro)
            self.assertEqual({"status": "Accepted", "data": "thanks"}, json.loads(answer))
            self.assertTrue((await books.hears("DataTransfer")).text.endswith(f",{GIRO_E}]"))
            answer = await ask("VendorThing", '{"x": 1.50}')
            self.assertEqual('{"odd": "\\u00e9"}', answer)
            self.assertTrue((await books.hears("VendorThing")).text.endswith(',{"x": 1.50}]'))


class Outages(GatewayCase):
    """The backend is away; the wallbox does not notice."""

    def test_away(self) -> None:
        """A charge that begins and goes on without the backend is billed when it is back."""
        self.run_peers(self.away(self.manager(), kills=False))

    def test_killed(self) -> None:
        """So it is when the manager is killed meanwhile."""
        self.run_peers(self.away(self.manager(), kills=True))

    async def away(self, manager: Program, *, kills: bool) -> None:
        """The backend is there, and goes; a charge; it is back."""
        books = self.books
        async with self.listening(), connected(manager, "CP-0001") as station:
            await station.boot()
            await books.hears("StatusNotification", connectorId=0)
            await station.authorize(cases.TAG)
        async with connected(manager, "CP-0001") as station:
            self.assertEqual("Accepted", (await station.authorize(cases.TAG))["status"])
            unknown = await station.authorize(cases.OTHER_TAG)
            self.assertEqual("Invalid", unknown["status"])
            transfer = await station.ask(call.DataTransfer(vendor_id="X", data="?"))
            self.assertEqual("Rejected", transfer.status)
            transaction_id = await station.charge(cases.TAG, 1000)
            await station.ordered(TRANSACTION, 16)
            for energy_wh in (1100, 1200, 1300):
                await station.meter(transaction_id, energy_wh, 16)
            if kills:
                await asyncio.to_thread(manager.kill)
                await asyncio.to_thread(manager.start)
        async with connected(manager, "CP-0001") as station:
            await station.meter(transaction_id, 1400, 16)
            await station.end_transaction(transaction_id, 1500)
            self.assertEqual([], books.of(*_BILLED))
            async with self.listening():
                await books.hears("StopTransaction", transactionId=1, meterStop=1500)
                # Before the wallbox has said what it is the gateway has a name of its own.
                models = [one.payload["chargePointModel"] for one in books.of(_BOOT)]
                self.assertEqual(2 if kills else 1, models.count("Box"))
        readings = [
            int(one.payload["meterValue"][0]["sampledValue"][0]["value"])
            for one in books.of("MeterValues")
        ]
        self.assertEqual([1100, 1200, 1300, 1400], readings)
        order = [one.action for one in books.of(*_BILLED)]
        self.assertEqual(["StartTransaction", *["MeterValues"] * 4, "StopTransaction"], order)
        self.assertEqual({1}, {one.payload["transactionId"] for one in books.of("MeterValues")})
        self.assertEqual([], books.doubled)

    def test_refused_later(self) -> None:
        """Who was let in without the backend, which does not want him, is stopped and shown."""
        self.run_peers(self.refused_later(self.manager()))

    async def refused_later(self, manager: Program) -> None:
        """See L{test_refused_later}."""
        books = self.books
        async with self.listening(), connected(manager, "CP-0001") as station:
            await station.boot()
            await books.hears("StatusNotification", connectorId=0)
            await station.authorize(cases.TAG)
        books.tags[cases.TAG] = "Blocked"
        async with connected(manager, "CP-0001") as station:
            transaction_id = await station.charge(cases.TAG, 1000)
            await station.ordered(TRANSACTION, 16)
            async with self.listening():
                await books.hears("StartTransaction")
                await station.until(lambda: station.remote_stops == [transaction_id])
                await manager.says("the backend does not accept who charges at bay-1")
                await station.ordered(TRANSACTION, 0)
                await station.end_transaction(transaction_id, 1010)
                await books.hears("StopTransaction", transactionId=1)

    def test_strict(self) -> None:
        """With outage = strict the wallbox is closed out as long as the backend is away."""
        gateway = GATEWAY + "outage = strict\n"
        self.run_peers(self.strict(self.manager(gateway=gateway)))

    async def strict(self, manager: Program) -> None:
        """See L{test_strict}."""
        with self.assertRaises(websockets.InvalidStatus) as caught:
            await dial(manager, "CP-0001")
        self.assertEqual(503, caught.exception.response.status_code)
        async with self.listening():
            await self.books.hears("BootNotification")
            await manager.says("bay-1: .*backend lets it charge")
            async with connected(manager, "CP-0001") as station:
                await station.boot()
                await station.status("Available")
                await self.books.hears("StatusNotification", connectorId=1, status="Available")
                closed = station.connection
        await asyncio.wait_for(closed.wait_closed(), WAIT_S)


class Several(GatewayCase):
    """More than one backend, and more than one EVSE."""

    def test_reporter(self) -> None:
        """One decides; the other is told all, and may order nothing."""
        other = free_port()
        more = (
            f"\n[gateway ere]\nevse = bay-1\nurl = ws://127.0.0.1:{other}/\n"
            "client_id = ERE 1\nrole = report\n"
        )
        self.run_peers(self.reporter(self.manager(more), other))

    async def reporter(self, manager: Program, other: int) -> None:
        """See L{test_reporter}."""
        books, copies = self.books, Books()
        copies.numbers["somebody else"] = 1
        async with (
            self.listening(),
            billing(other, copies),
            connected(manager, "CP-0001") as station,
        ):
            await station.boot()
            for each in (books, copies):
                await each.hears("StatusNotification", connectorId=0)
            self.assertEqual(["/ERE%201"], copies.paths)
            transaction_id = await station.charge(cases.TAG)
            await copies.hears("StartTransaction")
            await station.meter(transaction_id, 1200, 16)
            await books.hears("MeterValues", transactionId=1)
            await copies.hears("MeterValues", transactionId=2)
            stop = call.RemoteStopTransaction(transaction_id=2)
            refused = await copies.clients["ERE 1"].call(stop)
            self.assertTrue(refused is None or refused.status == "Rejected", refused)
            self.assertEqual([], station.remote_stops)
            await station.end_transaction(transaction_id, 1300)
            await books.hears("StopTransaction", transactionId=1)
            await copies.hears("StopTransaction", transactionId=2)
            self.assertEqual([], copies.of("Authorize"))

    def test_tags(self) -> None:
        """A backend is asked about its own tags, and told of no others."""
        gateway = GATEWAY + "tags = DE-*, 04*\n"
        self.run_peers(self.tags(self.manager(gateway=gateway)))

    async def tags(self, manager: Program) -> None:
        """See L{test_tags}."""
        async with self.listening(), connected(manager, "CP-0001") as station:
            await station.boot()
            await self.books.hears("StatusNotification", connectorId=0)
            self.assertEqual("Accepted", (await station.authorize(cases.OTHER_TAG))["status"])
            transaction_id = await station.charge(cases.OTHER_TAG)
            await station.meter(transaction_id, 1200, 16)
            await station.end_transaction(transaction_id, 1300)
            transaction_id = await station.charge(cases.TAG)
            await self.books.hears("StartTransaction", idTag=cases.TAG)
            self.assertEqual(1, len(self.books.of("StartTransaction")))
            self.assertEqual([], self.books.of("MeterValues", "StopTransaction"))

    def test_one_identity(self) -> None:
        """Two wallboxes are connectors 1 and 2 of one Charge Point."""
        more = GATEWAY.replace("bay-1", "bay-2")
        manager = self.manager(places=("CP-0001", "CP-0002"), gateway=GATEWAY + "\n" + more)
        self.run_peers(self.one_identity(manager))

    async def one_identity(self, manager: Program) -> None:
        """See L{test_one_identity}."""
        books = self.books
        async with (
            self.listening(),
            connected(manager, "CP-0001") as one,
            connected(manager, "CP-0002") as two,
        ):
            for station in (one, two):
                await station.boot()
                await station.status("Available")
            await books.hears("StatusNotification", connectorId=2, status="Available")
            self.assertEqual([CLIENT], list(books.clients))
            first = await one.charge(cases.TAG)
            second = await two.charge(cases.OTHER_TAG)
            await books.until(lambda: len(books.of("StartTransaction")) == 2)
            by_connector = {
                each.payload["connectorId"]: each.payload["idTag"]
                for each in books.of("StartTransaction")
            }
            self.assertEqual({1: cases.TAG, 2: cases.OTHER_TAG}, by_connector)
            await two.end_transaction(second, 2000)
            stop = await books.hears("StopTransaction")
            await one.end_transaction(first, 3000)
            other = await books.hears("StopTransaction", count=2)
            found = {
                one.payload["transactionId"]: one.payload["meterStop"] for one in (stop, other)
            }
            self.assertEqual({2000, 3000}, set(found.values()))


_BOOT = "BootNotification"
_ENDS = ("StartTransaction", "StopTransaction")
_BILLED = ("StartTransaction", "MeterValues", "StopTransaction")

GIRO_E = '{"vendorId":"GIRO-E","messageId":"Txn\\/1","data":"{\\"a\\": \\"\\u00e9\\"}"}'

#: An OCMF record in it, spelled as some spell it.
SIGNED = (
    '{"transactionId" : NUMBER, "connectorId":1,"meterValue":[{"timestamp":'
    '"2026-03-01T10:01:00Z","sampledValue":[{"value":"OCMF|{\\"FV\\":\\"1.0\\",\\"RD\\":[{'
    '\\"TM\\":\\"2026-03-01T10:01:00,000+0000 S\\",\\"RV\\":2935.600,\\"RU\\":\\"kWh\\"}]}'
    '|{\\"SD\\":\\"3046\\/AB\\u00e9\\"}","format":"SignedData","context":"Transaction.Begin"},'
    '{"value":"2935600","unit":"Wh", "x" :1.0}]}]}'
)


def _profile(limit_a: float, transaction_id: int) -> dict[str, Any]:
    return {
        "chargingProfileId": 7,
        "stackLevel": 1,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "transactionId": transaction_id,
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "startSchedule": "2026-01-01T00:00:00Z",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_a}],
        },
    }


@asynccontextmanager
async def raw(manager: Program, identity: str) -> AsyncIterator[Any]:
    """A wallbox that says what it is told to, to the letter; it answers every order."""
    socket = await dial(manager, identity)
    answers: dict[str, asyncio.Future[str]] = {}

    async def listen() -> None:
        async for text in socket:
            assert isinstance(text, str)
            frame = json.loads(text)
            if frame[0] == 2:
                await socket.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
            elif frame[1] in answers:
                found = re.fullmatch(r'\[3,"[^"]*",(.*)\]', text, re.DOTALL)
                answers[frame[1]].set_result(text if found is None else found[1])

    async def ask(action: str, payload: str) -> str:
        number = str(len(answers))
        answers[number] = asyncio.get_running_loop().create_future()
        await socket.send(f'[2,"{number}","{action}",{payload}]')
        return await asyncio.wait_for(answers[number], WAIT_S)

    listening = asyncio.create_task(listen())
    try:
        yield ask
    finally:
        await socket.close()
        await asyncio.wait([listening], timeout=WAIT_S)
