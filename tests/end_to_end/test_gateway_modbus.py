"""A wallbox that speaks Modbus is an OCPP Charge Point to the backend that bills it."""

from __future__ import annotations

import asyncio
from typing import Any

from ocpp.v16 import call

from . import cases
from .billing import Books, Client, billing
from .ports import ports_in_a_row
from .program import Program, free_port
from .station import connected
from .test_modbus_site import SiteCase
from .test_power_brain import COMMAND, READY

CLIENT = "DE*TST*E7"

GATEWAY = """
[gateway bay-1]
evse = bay-1
url = ws://127.0.0.1:{port}/ocpp/
client_id = DE*TST*E7
"""

#: A car that comes when all is ready; its driver has a card.
BOX = """\
[simulator box-1]
type = power_brain
modbus_port = {modbus}
arrives_after = 3
id_tag = {tag}
car_needs = {needs}
leaves_after = 0
time_lapse = {faster}
"""

BILLED = ("StartTransaction", "MeterValues", "StopTransaction")


class BilledCase(SiteCase):
    """A box, a manager, and a backend that is there when it is told to be."""

    def setUp(self) -> None:
        """Nothing runs yet."""
        self.backend_port = free_port()
        self.books = Books()

    def listening(self) -> Any:
        """The backend, for a while."""
        return billing(self.backend_port, self.books)

    async def bring(
        self,
        tag: str = "",
        needs: float = 1000,
        faster: int = 1,
        evse: str = "",
        more: str = "",
    ) -> tuple[Program, Program]:
        """
        A box and its manager.

        @param tag: the card that the driver shows.
        @param needs: what his car takes. [kWh]
        @param faster: how much faster than another one.
        @param evse: more lines for the section of the box.
        @param more: more sections.
        """
        self.modbus = ports_in_a_row(3)
        box = self.program(COMMAND)
        box.configure(BOX.format(modbus=self.modbus, tag=tag, needs=needs, faster=faster))
        gateway = GATEWAY.format(port=self.backend_port)
        await asyncio.to_thread(box.start, READY)
        manager = await asyncio.to_thread(self.manager, 32, "on", f"{evse}\n{gateway}{more}")
        return box, manager

    async def served(self, **status: Any) -> Client:
        """Wait until the backend sees the box so; it can be commanded then."""
        await self.books.hears("StatusNotification", connectorId=1, **status)
        return self.books.clients[CLIENT]

    def order(self) -> list[str]:
        """What was billed, without repetitions of readings."""
        found: list[str] = []
        for one in self.books.of(*BILLED):
            if found[-1:] != [one.action]:
                found.append(one.action)
        return found

    def readings(self) -> list[int]:
        """The register, from the start to the end of a transaction. [Wh]"""
        (start,) = self.books.of("StartTransaction")
        (stop,) = self.books.of("StopTransaction")
        between = [
            int(value["value"])
            for one in self.books.of("MeterValues")
            for value in one.payload["meterValue"][0]["sampledValue"]
            if value["measurand"] == "Energy.Active.Import.Register"
        ]
        return [start.payload["meterStart"], *between, stop.payload["meterStop"]]


class Charge(BilledCase):
    """A charge, as the backend sees it."""

    def test_card(self) -> None:
        """From the card to the end, read in the rhythm that the backend has asked for."""
        self.run_peers(self.card())

    async def card(self) -> None:
        """See L{test_card}."""
        books = self.books
        async with self.listening():
            _, manager = await self.bring(cases.TAG, needs=0.08, faster=10)
            client = await self.served(status="Available")
            boot = await books.hears("BootNotification", count=2)
            self.assertTrue(boot.payload["chargePointModel"].startswith("Power Brain"), boot)
            await self.change(client, "MeterValueSampleInterval", "1")
            await books.hears("Authorize", idTag=cases.TAG)
            start = await books.hears("StartTransaction", connectorId=1, idTag=cases.TAG)
            await self.served(status="Charging")
            await books.hears("MeterValues", count=2, transactionId=1)
            stop = await books.hears("StopTransaction", transactionId=1)
            self.assertEqual("EVDisconnected", stop.payload["reason"])
            self.assertEqual(1, len(books.of("Authorize")))
            self.assertEqual(
                ["StartTransaction", "MeterValues", "StopTransaction"], self.order()
            )
            readings = self.readings()
            self.assertEqual(sorted(readings), readings)
            self.assertLess(readings[0], readings[-1])
            times = [one.payload["timestamp"] for one in (start, stop)]
            between = [
                one.payload["meterValue"][0]["timestamp"] for one in books.of("MeterValues")
            ]
            self.assertEqual([times[0], *between, times[1]], sorted([*times, *between]))
            statuses = [
                one.payload["status"]
                for one in books.of("StatusNotification")
                if one.payload["connectorId"] == 1
            ]
            start_at = statuses.index("Available")
            self.assertEqual(
                ["Available", "Preparing", "Charging"], statuses[start_at : start_at + 3]
            )
            self.assertEqual([], books.doubled)
        rows = manager.rows("select state, id_tag from transactions")
        self.assertEqual([("stopped", cases.TAG)], rows)

    async def change(self, client: Client, key: str, value: str) -> None:
        """Set a key, and see that it is set."""
        changed = await client.call(call.ChangeConfiguration(key=key, value=value))
        self.assertEqual("Accepted", changed.status)
        found = await client.call(call.GetConfiguration(key=[key, "NoSuchKey"]))
        self.assertEqual(
            [{"key": key, "readonly": False, "value": value}], found.configuration_key
        )
        self.assertEqual(["NoSuchKey"], found.unknown_key)

    def test_refused(self) -> None:
        """Neither a card nor a fixed tag is consent: only what the backend says."""
        self.books.tags["FIXED-7"] = "Blocked"
        self.run_peers(self.refused())

    async def refused(self) -> None:
        """See L{test_refused}."""
        books = self.books
        async with self.listening():
            box, manager = await self.bring(evse="fixed_tag = FIXED-7")
            await self.served(status="Available")
            await books.hears("Authorize", idTag="FIXED-7")
            await self.served(status="Preparing")
            await manager.says(r"bay-1: card …D-7 is refused \(blocked\)")
            self.assertEqual([], books.of(*BILLED))
            self.assertNotIn("car takes", "\n".join(box.lines))
            client = books.clients[CLIENT]
            answer = await client.call(
                call.RemoteStartTransaction(id_tag=cases.OTHER_TAG, connector_id=1)
            )
            self.assertEqual("Accepted", answer.status)
            await books.hears("StartTransaction", idTag=cases.OTHER_TAG)
            self.assertEqual(1, len(books.of("StartTransaction")))
            await box.says("box-1's car takes 16 A")


class Commands(BilledCase):
    """What the backend orders."""

    def test_commands(self) -> None:
        """All that can be ordered of it does what it should."""
        self.run_peers(self.commands())

    async def commands(self) -> None:
        """See L{test_commands}."""
        books = self.books
        async with self.listening():
            box, manager = await self.bring()
            client = await self.served(status="Available")
            await self.reserve(client)
            await self.served(status="Preparing")
            answer = await client.call(
                call.RemoteStartTransaction(
                    id_tag=cases.TAG, connector_id=1, charging_profile=_profile(8)
                )
            )
            self.assertEqual("Accepted", answer.status)
            await books.hears("StartTransaction", idTag=cases.TAG)
            await box.says("box-1's car takes 8 A")
            await manager.says("bay-1: may have 8 A: backend bay-1")
            more = {**_profile(32), "transactionId": 1}
            answer = await client.call(
                call.SetChargingProfile(connector_id=1, cs_charging_profiles=more)
            )
            self.assertEqual("Accepted", answer.status)
            await box.says("box-1's car takes 16 A")
            unlocked = await client.call(call.UnlockConnector(connector_id=1))
            self.assertEqual("NotSupported", unlocked.status)
            await client.call(
                call.TriggerMessage(requested_message="MeterValues", connector_id=1)
            )
            values = await books.hears("MeterValues", transactionId=1)
            context = values.payload["meterValue"][0]["sampledValue"][0]["context"]
            self.assertEqual("Trigger", context)
            later = await client.call(
                call.ChangeAvailability(connector_id=1, type="Inoperative")
            )
            self.assertEqual("Scheduled", later.status)
            stopped = await client.call(call.RemoteStopTransaction(transaction_id=1))
            self.assertEqual("Accepted", stopped.status)
            stop = await books.hears("StopTransaction", transactionId=1)
            self.assertEqual("Remote", stop.payload["reason"])
            await box.says("box-1's car takes nothing")
            await self.served(status="Unavailable")
            await self.restarted(manager)

    async def reserve(self, client: Client) -> None:
        """Reserve it for somebody, and take that back."""
        request = call.ReserveNow(
            connector_id=1,
            expiry_date="2099-01-01T00:00:00Z",
            id_tag=cases.OTHER_TAG,
            reservation_id=5,
        )
        self.assertEqual("Accepted", (await client.call(request)).status)
        await self.served(status="Reserved")
        answer = await client.call(
            call.RemoteStartTransaction(id_tag=cases.TAG, connector_id=1)
        )
        self.assertEqual("Rejected", answer.status)
        cancelled = await client.call(call.CancelReservation(reservation_id=5))
        self.assertEqual("Accepted", cancelled.status)

    async def restarted(self, manager: Program) -> None:
        """What is out of service is so after a restart, too, until it is put back."""
        books = self.books
        await asyncio.to_thread(manager.stop)
        books.taken.clear()
        mark = manager.mark()
        await asyncio.to_thread(manager.start)
        await manager.says("bay-1: a car is plugged in", mark)
        client = await self.served(status="Unavailable")
        trigger = call.TriggerMessage(requested_message="StatusNotification", connector_id=1)
        seen = len(books.of("StatusNotification"))
        await client.call(trigger)
        await books.until(lambda: len(books.of("StatusNotification")) > seen)
        last = books.of("StatusNotification")[-1].payload
        self.assertEqual(("Unavailable", None), (last["status"], last.get("info")))
        remote = call.RemoteStartTransaction(id_tag=cases.TAG, connector_id=1)
        self.assertEqual("Rejected", (await client.call(remote)).status)
        back = await client.call(call.ChangeAvailability(connector_id=1, type="Operative"))
        self.assertEqual("Accepted", back.status)
        await self.served(status="Preparing")
        self.assertEqual("Accepted", (await client.call(remote)).status)
        await books.hears("StartTransaction", idTag=cases.TAG)
        boots = len(books.of("BootNotification"))
        self.assertEqual("Accepted", (await client.call(call.Reset(type="Soft"))).status)
        stop = await books.hears("StopTransaction")
        self.assertEqual("SoftReset", stop.payload["reason"])
        await books.hears("BootNotification", count=boots + 1)


class Outages(BilledCase):
    """The backend is away."""

    def test_killed(self) -> None:
        """
        A charge goes on without the backend, and without the manager; all of it is billed,
        with the first and the last reading of the box.
        """
        self.run_peers(self.killed())

    async def killed(self) -> None:
        """See L{test_killed}."""
        books = self.books
        async with self.listening():
            # Ten seconds of charging: the manager is back before the car is full.
            _, manager = await self.bring(cases.TAG, needs=0.3, faster=10)
            client = await self.served(status="Available")
            await client.call(
                call.ChangeConfiguration(key="MeterValueSampleInterval", value="1")
            )
            await books.hears("MeterValues", transactionId=1)
        await asyncio.to_thread(manager.kill)
        mark = manager.mark()
        await asyncio.to_thread(manager.start, "bay-1: transaction .* goes on")
        await manager.says("bay-1: (the car charges|.* kWh so far)", mark)
        await manager.says("bay-1: finished: 0.30 kWh", mark)
        seen = len(books.of("MeterValues"))
        self.assertEqual([], books.of("StopTransaction"))
        async with self.listening():
            stop = await books.hears("StopTransaction", transactionId=1)
            self.assertEqual("EVDisconnected", stop.payload["reason"])
        self.assertEqual(["StartTransaction", "MeterValues", "StopTransaction"], self.order())
        readings = self.readings()
        self.assertEqual(sorted(readings), readings)
        self.assertLessEqual(seen, len(books.of("MeterValues")))
        numbers = {one.payload["transactionId"] for one in books.of("MeterValues")}
        self.assertEqual({1}, numbers)

    def test_unknown(self) -> None:
        """Without the backend nobody charges whom it has not spoken of."""
        self.run_peers(self.unknown())

    async def unknown(self) -> None:
        """See L{test_unknown}."""
        box, manager = await self.bring(cases.TAG)
        await box.says("box-1's driver shows card")
        await manager.says("the backend cannot be asked; nobody judges an idTag: Invalid")
        await manager.says("bay-1: card …E5F6 .*invalid")
        async with self.listening():
            await self.served(status="Preparing")
            self.assertEqual([], self.books.of(*BILLED, "Authorize"))
        self.assertNotIn("car takes", "\n".join(box.lines))


class Mixed(BilledCase):
    """Two EVSEs that are connectors of one Charge Point."""

    def test_mixed(self) -> None:
        """One speaks OCPP and one does not; the backend sees no difference."""
        self.run_peers(self.mixed())

    async def mixed(self) -> None:
        """See L{test_mixed}."""
        books = self.books
        more = "\n[evse bay-2]\ntype = ocpp16\naddress = CP-0002\n" + GATEWAY.format(
            port=self.backend_port
        ).replace("bay-1", "bay-2")
        async with self.listening():
            box, manager = await self.bring(cases.TAG, needs=0.05, faster=10, more=more)
            await self.served(status="Available")
            async with connected(manager, "CP-0002") as station:
                await station.boot()
                await station.status("Available")
                await books.hears("StatusNotification", connectorId=2, status="Available")
                number = await station.charge(cases.OTHER_TAG)
                two = await books.hears("StartTransaction", connectorId=2)
                one = await books.hears("StartTransaction", connectorId=1)
                self.assertEqual(cases.OTHER_TAG, two.payload["idTag"])
                self.assertEqual(cases.TAG, one.payload["idTag"])
                await box.says("box-1's car takes 16 A")
                await station.end_transaction(number, 7000)
                stop = await books.hears("StopTransaction", meterStop=7000)
                theirs = books.number_of(CLIENT, _snake(two.payload))
                self.assertEqual(theirs, stop.payload["transactionId"])
                other = await books.hears("StopTransaction", count=2)
                self.assertNotEqual(theirs, other.payload["transactionId"])
            self.assertEqual([CLIENT], list(books.clients))


def _snake(payload: dict[str, Any]) -> dict[str, Any]:
    """A StartTransaction as the library calls its fields."""
    names = {"connectorId": "connector_id", "idTag": "id_tag", "meterStart": "meter_start"}
    return {names.get(name, name): value for name, value in payload.items()}


def _profile(limit_a: float) -> dict[str, Any]:
    return {
        "chargingProfileId": 7,
        "stackLevel": 1,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_a}],
        },
    }
