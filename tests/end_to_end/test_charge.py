"""A whole charge, as a station sees it, as the console tells it, and as it is on disk."""

from __future__ import annotations

from contextlib import AsyncExitStack

from websockets.exceptions import InvalidStatus

from . import cases
from .program import Program
from .station import DEFAULT, TRANSACTION, Station, connected, dial


def frame_payload(frame: str) -> str:
    """The payload of a CALL that C{ocpp} has written, to the letter."""
    return frame.split(",", 3)[3][:-1]


async def whole_charge(program: Program, station: Station) -> int:
    """
    Charge a car, from the boot of the station to the end of the transaction.

    @return: the transaction's id.
    @raise AssertionError: if the Central System does not play its part.
    """
    booted = await station.boot()
    assert booted.status == "Accepted", booted
    forbidden = await station.ordered(DEFAULT)
    assert forbidden.limit_a == 0, forbidden
    await station.status("Available")
    await station.status("Preparing")
    assert (await station.authorize(cases.TAG))["status"] == "Accepted"
    started = await station.begin_transaction(cases.TAG, 1000)
    assert started.id_tag_info["status"] == "Accepted", started
    assert 0 < started.transaction_id < 2**31, started
    order = await station.ordered(TRANSACTION, 16)
    assert order.transaction_id == started.transaction_id, order
    await station.status("Charging")
    await station.meter(started.transaction_id, 4600, 16)
    await station.meter(started.transaction_id, 8200, 15.5)
    await station.status("Finishing")
    await station.end_transaction(started.transaction_id, 8345)
    await station.status("Available")
    transaction_id: int = started.transaction_id
    return transaction_id


class Charge(cases.EndToEndCase):
    """One car at one EVSE."""

    def setUp(self) -> None:
        """Charge it."""
        self.manager = self.started()
        self.run_peers(self.charge())
        self.manager.wait_for("finished")

    async def charge(self) -> None:
        """The station's part."""
        async with connected(self.manager, "CP-0001") as self.station:
            self.transaction_id = await whole_charge(self.manager, self.station)

    def test_ledger(self) -> None:
        """The transaction is on disk with both readings, and nothing is kept for review."""
        self.manager.stop()
        self.assertEqual(
            self.manager.rows(
                "select transaction_id, charge_point, connector, evse, id_tag, verdict, state,"
                " meter_start_wh, meter_stop_wh, stop_reason from transactions"
            ),
            [
                (
                    self.transaction_id,
                    "CP-0001",
                    1,
                    "bay-1",
                    cases.TAG,
                    "Accepted",
                    "stopped",
                    1000,
                    8345,
                    "Local",
                )
            ],
        )
        self.assertEqual(self.manager.rows("select * from stray_stops"), [])

    def test_texts(self) -> None:
        """What the station sent about its transaction is on disk to the letter."""
        self.manager.stop()
        sent = {
            name: [frame_payload(frame) for frame in self.station.sent if f'"{name}"' in frame]
            for name in ("StartTransaction", "MeterValues", "StopTransaction")
        }
        rows = self.manager.rows("select start_text, stop_text from transactions")
        self.assertEqual(rows, [(*sent["StartTransaction"], *sent["StopTransaction"])])
        values = self.manager.rows(
            "select payload_text, transaction_id from meter_values order by number"
        )
        self.assertEqual(values, [(text, self.transaction_id) for text in sent["MeterValues"]])
        self.assertEqual(len(values), 2)

    def test_console(self) -> None:
        """The console tells it in plain words, in the order in which it happens."""
        mark = 0
        for words in (
            r"bay-1: connected, from 127\.0\.0\.1",
            r"bay-1: has started: Peer Box, firmware 1\.2",
            r"bay-1: a car is plugged in",
            rf"bay-1: card …{cases.TAG[-4:]} is accepted",
            rf"bay-1: transaction {self.transaction_id} has begun",
            r"bay-1: may have 16 A: all that bay-1 can give",
            r"bay-1: the car charges",
            # What its meter says is looked at once in each second; here that is the last of it.
            r"bay-1: \d\.\d0 kWh so far, draws 1[56]",
            rf"bay-1: finished: 7\.3\d kWh, transaction {self.transaction_id} \(Local\)",
            r"bay-1: is free",
        ):
            found = self.manager.wait_for(words, mark)
            mark = self.manager.lines.index(found.string)

    def test_stranger(self) -> None:
        """A stop of a transaction that is not known is answered, and kept for review."""

        async def stop() -> None:
            async with connected(self.manager, "CP-0001") as station:
                await station.end_transaction(self.transaction_id ^ 1, 9000)

        self.run_peers(stop())
        rows = self.manager.rows("select transaction_id, outcome from stray_stops")
        self.assertEqual(rows, [(str(self.transaction_id ^ 1), "unknown")])


class Password(cases.EndToEndCase):
    """A station that has a password."""

    def setUp(self) -> None:
        """Start the program."""
        self.manager = self.started(evse=f"password = {cases.PASSWORD}")

    def test_charge(self) -> None:
        """With its password it charges as the others do."""

        async def peers() -> None:
            async with connected(self.manager, "CP-0001", cases.PASSWORD) as station:
                await whole_charge(self.manager, station)

        self.run_peers(peers())

    def test_impostor(self) -> None:
        """Somebody without it is refused, and the right one's connection does not suffer."""

        async def peers() -> None:
            async with connected(self.manager, "CP-0001", cases.PASSWORD) as station:
                for guess in (None, "guess"):
                    with self.assertRaises(InvalidStatus) as caught:
                        await dial(self.manager, "CP-0001", guess)
                    self.assertEqual(caught.exception.response.status_code, 401)
                await whole_charge(self.manager, station)

        self.run_peers(peers())


class TwoCars(cases.EndToEndCase):
    """Two EVSEs that share 20 A."""

    def setUp(self) -> None:
        """Start the program."""
        self.manager = self.started(places=("CP-0001", "CP-0002"))

    def test_shared(self) -> None:
        """The first car gives way before the second one gets anything."""
        self.run_peers(self.share())

    async def share(self) -> None:
        """One car comes, then another; then the first one leaves."""
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(connected(self.manager, "CP-0001"))
            second = await stack.enter_async_context(connected(self.manager, "CP-0002"))
            await second.ordered(DEFAULT, 0)
            transaction_id = await first.charge(cases.TAG)
            await first.ordered(TRANSACTION, 16)
            mark = len(first.orders)
            await second.charge(cases.OTHER_TAG)
            raised = await second.ordered(TRANSACTION, 10)
            lowered = await first.ordered(TRANSACTION, 10, mark)
            self.assertLess(lowered.at_s, raised.at_s)
            earlier = [order for order in second.orders if order.at_s < lowered.at_s]
            self.assertEqual([order.limit_a for order in earlier if order.limit_a], [])
            await self.manager.says(r"bay-2: may have 10 A: phase L1 of garage")
            await first.end_transaction(transaction_id, 2000)
            await second.ordered(TRANSACTION, 16)
