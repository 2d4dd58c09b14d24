"""The program is restarted while cars charge."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from ocpp.v16 import call

from . import cases
from .program import Program
from .station import DEFAULT, TRANSACTION, Gone, connected

STARTED_AT = "2026-03-01T10:00:00.250Z"
STOPPED_AT = "2026-03-01T12:00:00Z"


class Restart(cases.EndToEndCase):
    """A transaction that is longer than the program's life."""

    def setUp(self) -> None:
        """Start the program."""
        self.manager = self.started()

    def test_stopped(self) -> None:
        """After an orderly stop the transaction goes on."""
        self.run_peers(self.charge(Program.stop))
        self.check_ledger()

    def test_killed(self) -> None:
        """After kill -9 the transaction goes on."""
        self.run_peers(self.charge(Program.kill))
        self.check_ledger()

    async def charge(self, end: Callable[[Program], None]) -> None:
        """A charge with a restart in its middle."""
        async with connected(self.manager, "CP-0001") as station:
            await station.boot()
            self.transaction_id = await station.charge(cases.TAG, 1000)
            await station.ordered(TRANSACTION, 16)
            await station.meter(self.transaction_id, 2000, 16)
            await asyncio.to_thread(end, self.manager)
        mark = self.manager.mark()
        self.manager.start()
        async with connected(self.manager, "CP-0001") as station:
            # No BootNotification and no status: it has only lost its connection.
            standing = await station.ordered(DEFAULT, 0)
            order = await station.ordered(TRANSACTION, 16)
            self.assertEqual(order.transaction_id, self.transaction_id)
            self.assertLess(standing.at_s, order.at_s)
            await station.meter(self.transaction_id, 3000, 16)
            await station.end_transaction(self.transaction_id, 4000)
        for words in ("goes on", r"finished: 3\.00 kWh"):
            self.manager.wait_for(words, mark)

    def check_ledger(self) -> None:
        """One transaction, with its end and both of its meter values."""
        self.assertEqual(
            self.manager.rows(
                "select transaction_id, state, meter_start_wh, meter_stop_wh from transactions"
            ),
            [(self.transaction_id, "stopped", 1000, 4000)],
        )
        # Readings are in the database a moment after their answers, and when it has stopped.
        self.manager.stop()
        values = self.manager.rows("select transaction_id from meter_values")
        self.assertEqual(values, [(self.transaction_id,)] * 2)
        self.assertEqual(self.manager.rows("select * from stray_stops"), [])


class Repetition(cases.EndToEndCase):
    """A station whose messages were answered, but which has not heard it."""

    def setUp(self) -> None:
        """Start the program."""
        self.manager = self.started()

    def test_repeated(self) -> None:
        """What a station says again after a restart is answered the same, and stored once."""
        self.run_peers(self.repeat())
        rows = self.manager.rows("select transaction_id, state from transactions")
        self.assertEqual(rows, [(self.transaction_id, "stopped")])
        self.assertEqual(self.manager.rows("select * from stray_stops"), [])

    async def repeat(self) -> None:
        """Start; after a restart start again and stop; after another one stop again."""
        started = []
        for stops in (False, True):
            async with connected(self.manager, "CP-0001") as station:
                answer = await station.ask(self.start_request())
                started.append(answer.transaction_id)
                self.transaction_id = started[0]
                if stops:
                    await station.ask(self.stop_request())
            self.manager.kill()
            self.manager.start()
        self.assertEqual(started, [self.transaction_id] * 2)
        async with connected(self.manager, "CP-0001") as station:
            await station.ask(self.stop_request())

    def test_answer_lost(self) -> None:
        """A station that is cut off before it has its answers repeats them, to one record."""
        self.run_peers(self.cut_off())
        rows = self.manager.rows("select transaction_id, state from transactions")
        self.assertEqual(rows, [(self.transaction_id, "stopped")])
        self.assertEqual(self.manager.rows("select * from stray_stops"), [])

    async def cut_off(self) -> None:
        """Start and stop, each twice without waiting for the answer, then with it."""
        await self.cut_off_after(self.start_request)
        self.transaction_id = (await self.answered(self.start_request)).transaction_id
        await self.cut_off_after(self.stop_request)
        await self.answered(self.stop_request)

    async def answered(self, request: Callable[[], Any]) -> Any:
        """
        What is answered in the end: a connection that is taken for the rival of one that was
        dropped a moment ago may be closed, and a station comes back then.
        """
        for _ in range(5):
            with contextlib.suppress(Gone):
                async with connected(self.manager, "CP-0001") as station:
                    return await station.ask(request())
        raise AssertionError("not answered over five connections")

    async def cut_off_after(self, request: Callable[[], Any]) -> None:
        """Send a request, and drop the TCP connection."""
        for _ in range(2):
            async with connected(self.manager, "CP-0001") as station:
                asking = asyncio.create_task(station.ask(request()))
                await station.until_sent()
                station.connection.transport.abort()
                with contextlib.suppress(Gone):
                    await asking

    def start_request(self) -> call.StartTransaction:
        """The same each time."""
        return call.StartTransaction(
            connector_id=1, id_tag=cases.TAG, meter_start=10, timestamp=STARTED_AT
        )

    def stop_request(self) -> call.StopTransaction:
        """The same each time."""
        return call.StopTransaction(
            meter_stop=20, timestamp=STOPPED_AT, transaction_id=self.transaction_id
        )
