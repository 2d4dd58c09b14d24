"""What the ledger that tells backends promises, whatever database it is in."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

from alembic import command
from sqlalchemy import text

from cfos_cm.charge_point.queued import BoundTransaction, Route
from cfos_cm.errors import LocalProtocolError, StorageError
from cfos_cm.site.records import StopOutcome
from cfos_cm.storage import backends
from cfos_cm.storage.forwarding import ForwardingLedger
from cfos_cm.storage.gateway_memory import GatewayMemory
from cfos_cm.storage.outbox import Outboxes
from cfos_cm.storage.schema import alembic_config

from .cases import NOW, DatabaseCase
from .ledger_contract import START, start_of, stop_of

NORTH, SOUTH = Route("north", 3), Route("south", 1)

#: As a Charge Point wrote it.
TEXT = '{"idTag" :"\\u0041\\/é", "meterStart":1e3}'

#: What a database of the version before holds.
BEFORE = (
    "INSERT INTO transactions (transaction_id, charge_point, connector, id_tag, verdict,"
    " started_at, meter_start_wh, start_text, state) VALUES (1, 'CP-1', 1, 'A', 'Accepted',"
    " '2026-01-02 03:04:05.000000', 1000, '{}', 'open')"
)


class ForwardingContract(DatabaseCase):
    """Starts and stops that backends are owed."""

    async def ledger(self, keys: Iterator[str] | None = None) -> ForwardingLedger:
        """A ledger whose ids are 1, 2, …, and whose keys are key-1, key-2, …"""
        self.db = await self.opened()
        there = await self.rows(self.db, "SELECT count(*) FROM transactions")
        numbers = itertools.count(there[0][0] + 1)
        made = keys or (f"key-{number}" for number in itertools.count(1))
        self.outboxes = Outboxes(self.db, lambda: "new", lambda: NOW)
        return ForwardingLedger(self.db, lambda: next(numbers), lambda: next(made), lambda: NOW)

    async def actions(self, gateway: str) -> list[tuple[str, int | None]]:
        """What a backend is owed, and about which transactions."""
        waiting = await self.outboxes.first(gateway, 100)
        return [(message.action, message.transaction_id) for message in waiting]

    async def test_start(self) -> None:
        """A start is owed to each of its backends, to the letter, by their own numbers."""
        ledger = await self.ledger()
        start = start_of(request_text=TEXT)
        stored, queued = await ledger.start_and_queue(start, [NORTH, SOUTH])
        self.assertEqual((1, False), (stored.transaction.transaction_id, stored.repeated))
        self.assertEqual((queued[0],), await self.outboxes.first("north", 9))
        self.assertEqual((queued[1],), await self.outboxes.first("south", 9))
        self.assertEqual(4, len({name for one in queued for name in (one.key, one.message_id)}))
        first = queued[0]
        self.assertEqual(("StartTransaction", 3, 1), (first.action, first.connector, 1))
        self.assertEqual((TEXT.encode(), NOW), (first.payload, first.queued_at))
        self.assertEqual((False, 0), (first.is_periodic, first.attempts))
        bound = BoundTransaction(1, 3, START.id_tag, NOW)
        self.assertEqual((bound,), await self.outboxes.transactions("north"))

    async def test_superseded(self) -> None:
        """
        Whoever was told of a transaction that was never ended is told its end before the next
        start at its connector, and not once more when it is told after all.
        """
        ledger = await self.ledger()
        await ledger.start_and_queue(start_of(meter_start_wh=1000), [NORTH])
        other = start_of(id_tag="B", meter_start_wh=5000)
        _, queued = await ledger.start_and_queue(other, [NORTH, SOUTH])
        told = [(one.gateway, one.action, one.transaction_id) for one in queued]
        self.assertEqual(
            [
                ("north", "StopTransaction", 1),
                ("north", "StartTransaction", 2),
                ("south", "StartTransaction", 2),
            ],
            told,
        )
        end = json.loads(queued[0].payload)
        self.assertEqual(
            (5000, 1, "Other"), (end["meterStop"], end["transactionId"], end["reason"])
        )
        stopped, late = await ledger.stop_and_queue(stop_of(1))
        self.assertEqual((StopOutcome.STOPPED, ()), (stopped.outcome, late))

    async def test_supersededLastReading(self) -> None:
        """Where a meter begins anew with each transaction, what it showed last counts."""
        ledger = await self.ledger()
        await ledger.start_and_queue(start_of(meter_start_wh=0), [NORTH])
        other = start_of(id_tag="B", meter_start_wh=0)
        _, queued = await ledger.start_and_queue(other, [NORTH], last_wh=7000)
        self.assertEqual(7000, json.loads(queued[0].payload)["meterStop"])

    async def test_withoutBackends(self) -> None:
        """Where nobody is to be told, nothing is queued, now or at the stop."""
        ledger = await self.ledger()
        stored, queued = await ledger.start_and_queue(START)
        again, queued_again = await ledger.start_and_queue(START, [NORTH])
        self.assertTrue(again.repeated)
        stopped, at_the_stop = await ledger.stop_and_queue(
            stop_of(stored.transaction.transaction_id)
        )
        self.assertEqual(StopOutcome.STOPPED, stopped.outcome)
        self.assertEqual(((), (), ()), (queued, queued_again, at_the_stop))
        self.assertEqual({}, await self.outboxes.gateways())

    async def test_repeatedStart(self) -> None:
        """A start that is said again is owed once."""
        ledger = await self.ledger()
        await ledger.start_and_queue(START, [NORTH])
        stored, queued = await ledger.start_and_queue(START, [NORTH, SOUTH])
        self.assertTrue(stored.repeated)
        self.assertEqual((), queued)
        self.assertEqual([("StartTransaction", 1)], await self.actions("north"))
        self.assertEqual([], await self.actions("south"))

    async def test_sameGatewayTwice(self) -> None:
        """A gateway that is named twice is told once, by what was named first."""
        ledger = await self.ledger()
        _, queued = await ledger.start_and_queue(START, [NORTH, SOUTH, Route("north", 9)])
        self.assertEqual([NORTH, SOUTH], [Route(one.gateway, one.connector) for one in queued])

    async def test_stop(self) -> None:
        """A stop is owed to whoever was told of the start, and that transaction is over."""
        ledger = await self.ledger()
        await ledger.start_and_queue(START, [NORTH, SOUTH])
        await ledger.start_and_queue(start_of(connector=2), [NORTH])
        stored, queued = await ledger.stop_and_queue(stop_of(1, request_text=TEXT))
        self.assertEqual((StopOutcome.STOPPED, 2500), (stored.outcome, stored.energy_wh))
        self.assertEqual([NORTH, SOUTH], [Route(one.gateway, one.connector) for one in queued])
        self.assertEqual({TEXT.encode()}, {one.payload for one in queued})
        self.assertEqual((queued[0],), (await self.outboxes.first("north", 9))[2:])
        self.assertEqual(
            [("StartTransaction", 1), ("StopTransaction", 1)], await self.actions("south")
        )
        over = {one.transaction_id: one.is_over for one in await self.known("north")}
        self.assertEqual({1: True, 2: False}, over)

    async def known(self, gateway: str) -> tuple[BoundTransaction, ...]:
        """The transactions that a backend is told of."""
        return await self.outboxes.transactions(gateway)

    async def test_stopsThatChangeNothing(self) -> None:
        """A stop that is repeated, unknown or another's is owed to nobody."""
        ledger = await self.ledger()
        await ledger.start_and_queue(START, [NORTH])
        for stop, outcome in (
            (stop_of(9), StopOutcome.UNKNOWN),
            (stop_of(1, charge_point="CP-2"), StopOutcome.FOREIGN),
            (stop_of(1), StopOutcome.STOPPED),
            (stop_of(1), StopOutcome.REPEATED),
            (stop_of(1, meter_stop_wh=9999), StopOutcome.REPEATED),
        ):
            stored, queued = await ledger.stop_and_queue(stop)
            self.assertEqual(outcome, stored.outcome)
            self.assertEqual(outcome is StopOutcome.STOPPED, bool(queued))
        self.assertEqual(
            [("StartTransaction", 1), ("StopTransaction", 1)], await self.actions("north")
        )

    async def test_stopOfASupersededOne(self) -> None:
        """A stop that comes late, after the next start, has been told already."""
        ledger = await self.ledger()
        await ledger.start_and_queue(START, [NORTH])
        await ledger.start_and_queue(start_of(meter_start_wh=5000), [NORTH])
        await ledger.stop_and_queue(stop_of(1))
        self.assertEqual(
            [("StartTransaction", 1), ("StopTransaction", 1), ("StartTransaction", 2)],
            await self.actions("north"),
        )

    async def test_startOrNothing(self) -> None:
        """Where a start cannot be queued for all, it is not in the ledger either."""
        # The third key, of the message for the second backend, is the first one's.
        ledger = await self.ledger(iter(["a", "b", "a", "c", "d", "e", "f", "g"]))
        failing = ledger.start_and_queue(START, [NORTH, SOUTH])
        await self.assertFailure(failing, StorageError)
        self.assertEqual((), await ledger.transactions())
        await self.assert_nothing_queued()
        stored, queued = await ledger.start_and_queue(START, [NORTH, SOUTH])
        self.assertEqual((False, 2), (stored.repeated, len(queued)))

    async def test_badRoute(self) -> None:
        """A gateway whose key cannot be kept is our mistake, and nothing is written."""
        ledger = await self.ledger()
        failing = ledger.start_and_queue(START, [NORTH, Route("a\0", 1)])
        await self.assertFailure(failing, LocalProtocolError)
        self.assertEqual((), await ledger.transactions())
        await self.assert_nothing_queued()

    async def assert_nothing_queued(self) -> None:
        """No backend is owed or told of anything."""
        for table in ("outbox", "gateway_transactions"):
            self.assertEqual([], await self.rows(self.db, f"SELECT * FROM {table}"))
        self.assertEqual({}, await self.outboxes.gateways())

    async def test_stopOrNothing(self) -> None:
        """Where a stop cannot be queued, the transaction goes on until it can."""
        ledger = await self.ledger()
        await ledger.start_and_queue(START, [NORTH])
        await self.write(self.db, "ALTER TABLE outbox RENAME TO elsewhere")
        await self.assertFailure(ledger.stop_and_queue(stop_of(1)), StorageError)
        self.assertEqual(1, len(await ledger.open_transactions()))
        ((is_over,),) = await self.rows(self.db, "SELECT is_over FROM gateway_transactions")
        self.assertFalse(is_over)
        await self.write(self.db, "ALTER TABLE elsewhere RENAME TO outbox")
        stored, queued = await ledger.stop_and_queue(stop_of(1))
        self.assertEqual((StopOutcome.STOPPED, 1), (stored.outcome, len(queued)))

    async def test_groupThatFails(self) -> None:
        """When the commit fails, neither the ledger nor a queue has anything."""
        ledger = await self.ledger()
        let_go, done = self.held(self.db)
        starting = ledger.start_and_queue(START, [NORTH])
        ending = self.db.run(_end_the_transaction)
        let_go()
        await done
        for failing in (starting, ending):
            await self.assertFailure(failing, StorageError)
        self.assertEqual((), await ledger.transactions())
        await self.assert_nothing_queued()

    async def test_fromBefore(self) -> None:
        """A database of the version before goes on: a transaction of then stops as it did."""
        backend = backends.backend_for(self.url, time.monotonic)
        backend.prepare()
        engine = backend.engine()
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "0004")
            connection.execute(text(BEFORE))
        engine.dispose()
        ledger = await self.ledger()
        self.assertEqual(1, len(await ledger.open_transactions()))
        stored, queued = await ledger.stop_and_queue(stop_of(1))
        self.assertEqual((StopOutcome.STOPPED, ()), (stored.outcome, queued))
        _, queued = await ledger.start_and_queue(START, [NORTH])
        self.assertEqual([("StartTransaction", 2)], await self.actions("north"))
        await GatewayMemory(self.db, "north").put("key", "a", "b")


def _end_the_transaction(connection: Any) -> None:
    """What databases do by themselves after some errors."""
    connection.execute(text("ROLLBACK"))
