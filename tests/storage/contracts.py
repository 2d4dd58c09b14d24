"""What every kind of database promises; the modules beside this one try it on each of them."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from attrs import evolve
from sqlalchemy import Engine, event, insert
from twisted.internet.defer import DeferredList, gatherResults
from twisted.logger import capturedLogs

from cfos_cm.errors import (
    CallErrorCode,
    LocalProtocolError,
    RemoteProtocolError,
    StorageError,
)
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.site.records import StopOutcome, TransactionStart, TransactionStop
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.storage import charge_points, readings, review, tags, writer
from cfos_cm.storage.charge_points import ChargePointRegister, KnownChargePoint
from cfos_cm.storage.tables import VERSION_TABLE, metadata
from cfos_cm.storage.tables import tags as tags_table
from cfos_cm.storage.tags import TagList
from cfos_cm.storage.transactions import Ledger, TransactionState

from .cases import NOW, DatabaseCase, writer_threads

START = TransactionStart(
    charge_point="CP-1",
    connector=1,
    evse="bay-1",
    id_tag="04AABB",
    verdict=Verdict.ACCEPTED,
    started_at=NOW,
    meter_start_wh=1000,
    reservation_id=None,
    request_text='{"connectorId":1}',
)

HUGE_IDS = (0, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**5000)


def stop_of(transaction_id: int, **changes: Any) -> TransactionStop:
    """The stop of a transaction of L{START}'s Charge Point, 2.5 kWh and an hour later."""
    stop = TransactionStop(
        charge_point=START.charge_point,
        transaction_id=transaction_id,
        id_tag=START.id_tag,
        stopped_at=NOW + timedelta(hours=1),
        meter_stop_wh=3500,
        reason="EVDisconnected",
        request_text='{"transactionId":1}',
    )
    return evolve(stop, **changes)


def put_tag(id_tag: str) -> Any:
    """Work that writes one row."""

    def work(connection: Any) -> str:
        connection.execute(
            insert(tags_table).values(folded_id_tag=id_tag, id_tag=id_tag, status="Accepted")
        )
        return id_tag

    return work


class DatabaseContract(DatabaseCase):
    """Starting, stopping, work in groups."""

    async def test_resultOfWork(self) -> None:
        """The Deferred fires with what the work returned."""
        database = await self.opened()
        self.assertEqual(await database.run(lambda connection: 42), 42)

    async def test_workIsKept(self) -> None:
        """What was written is there after a stop and a start."""
        database = await self.opened()
        await database.run(put_tag("a"))
        await database.stop()
        await database.start()
        self.assertEqual(await self.rows(database, "SELECT id_tag FROM tags"), [("a",)])

    async def test_noThreadIsLeft(self) -> None:
        """A stopped database has no thread."""
        database = await self.opened()
        self.assertEqual(len(writer_threads()), 1)
        await database.stop()
        self.assertEqual(writer_threads(), [])

    async def test_stopDoesWhatWaits(self) -> None:
        """What waits when the database is stopped is done before that."""
        database = await self.opened()
        let_go, _ = self.held(database)
        waiting = [database.run(put_tag(str(number))) for number in range(5)]
        stopped = database.stop()
        let_go()
        self.assertEqual(await gatherResults(waiting), ["0", "1", "2", "3", "4"])
        await stopped

    async def test_closed(self) -> None:
        """Work for a database that is closed, closing or was never open fails at once."""
        database = self.database()
        await self.assertFailure(database.run(put_tag("a")), StorageError)
        await database.start()
        stopped = database.stop()
        self.failureResultOf(database.run(put_tag("b")), StorageError)
        await stopped
        self.failureResultOf(database.run(put_tag("c")), StorageError)

    async def test_stopTwice(self) -> None:
        """A second stop waits for the same end, and a third one has nothing to do."""
        database = await self.opened()
        await gatherResults([database.stop(), database.stop()])
        self.successResultOf(database.stop())

    async def test_startTwice(self) -> None:
        """A database that is open cannot be started."""
        database = await self.opened()
        self.failureResultOf(database.start(), StorageError)

    async def test_stopWhileStarting(self) -> None:
        """A stop during the start ends both."""
        database = self.database()
        await gatherResults([database.start(), database.stop()])
        self.assertEqual(writer_threads(), [])

    async def test_groupCommit(self) -> None:
        """What waits together is committed once."""
        database = await self.opened()
        commits: list[object] = []
        event.listen(Engine, "commit", commits.append)
        self.addCleanup(event.remove, Engine, "commit", commits.append)
        let_go, first = self.held(database)
        waiting = [database.run(put_tag(str(number))) for number in range(500)]
        self.assertEqual(len(commits), 0)
        let_go()
        await gatherResults([first, *waiting])
        self.assertEqual(len(commits), 2)

    async def test_nobodyIsToldBeforeTheCommit(self) -> None:
        """A Deferred fires after the commit of its group."""
        database = await self.opened()
        order: list[str] = []
        listener = lambda connection: order.append("committed")  # noqa: E731
        event.listen(Engine, "commit", listener)
        self.addCleanup(event.remove, Engine, "commit", listener)
        await database.run(put_tag("a")).addCallback(lambda _: order.append("told"))
        self.assertEqual(order, ["committed", "told"])

    async def test_failureOfOne(self) -> None:
        """Work that fails takes back its own rows and nobody else's."""
        database = await self.opened()

        def half(connection: Any) -> None:
            put_tag("half")(connection)
            raise LocalProtocolError("no")

        let_go, _ = self.held(database)
        before, failing, after = map(database.run, (put_tag("a"), half, put_tag("b")))
        let_go()
        await before
        await self.assertFailure(failing, LocalProtocolError)
        await after
        found = await self.rows(database, "SELECT id_tag FROM tags ORDER BY id_tag")
        self.assertEqual(found, [("a",), ("b",)])

    async def test_databaseErrorOfOne(self) -> None:
        """A statement that the database refuses fails only the work that it is part of."""
        database = await self.opened()
        let_go, _ = self.held(database)
        results = DeferredList(
            [database.run(put_tag(id_tag)) for id_tag in ("a", "a", "b")], consumeErrors=True
        )
        let_go()
        self.assertEqual([good for good, _ in await results], [True, False, True])

    async def test_plainMessage(self) -> None:
        """An error of the database is told without SQL, values or secrets."""
        database = await self.opened()
        await database.run(put_tag("SECRET-TAG"))
        error = await self.assertFailure(database.run(put_tag("SECRET-TAG")), StorageError)
        for forbidden in ("INSERT", "SECRET-TAG", "s3cret", "sqlalche", "\n"):
            self.assertNotIn(forbidden, str(error))
            self.assertNotIn(forbidden, repr(error.__cause__))

    async def test_mistakeInWork(self) -> None:
        """Any other exception of the work is a L{StorageError} that has it as its cause."""
        database = await self.opened()
        error = await self.assertFailure(database.run(lambda connection: {}["x"]), StorageError)
        self.assertIsInstance(error.__cause__, KeyError)

    async def test_swallowedError(self) -> None:
        """Work that hides a database error is not told that it was done when it was not."""
        database = await self.opened()

        def hide(connection: Any) -> str:
            put_tag("hidden")(connection)
            connection.exec_driver_sql("ROLLBACK")
            return "done"

        with capturedLogs() as events:
            await self.assertFailure(database.run(hide), StorageError)
        self.assertIn("cannot be written", events[0]["log_format"])
        self.assertEqual(await self.rows(database, "SELECT * FROM tags"), [])
        self.assertEqual(await database.run(put_tag("next")), "next")

    async def test_failedCommit(self) -> None:
        """When the commit fails, everybody of the group is told so, and nothing is kept."""
        database = await self.opened()

        def refuse(connection: Any) -> None:
            raise OSError(28, "No space left on device")

        let_go, first = self.held(database)
        waiting = [database.run(put_tag(str(number))) for number in range(3)]
        event.listen(Engine, "commit", refuse)
        with capturedLogs() as events:
            let_go()
            results = await DeferredList([first, *waiting], consumeErrors=True)
            event.remove(Engine, "commit", refuse)
            for good, failure in results:
                self.assertFalse(good and failure != "let go")
            for _, failure in results[1:]:
                self.assertIsInstance(failure.value, StorageError)
                self.assertIn("No space left on device", str(failure.value))
            self.assertEqual(await self.rows(database, "SELECT * FROM tags"), [])
        self.assertEqual(
            [entry["log_level"].name for entry in events], ["critical", "info"]
        )

    async def test_bound(self) -> None:
        """Beyond the bound of what may wait, work fails at once."""
        self.patch(writer, "MAX_WAITING_JOBS", 3)
        database = await self.opened()
        let_go, _ = self.held(database)
        waiting = [database.run(put_tag(str(number))) for number in range(3)]
        self.failureResultOf(database.run(put_tag("4")), StorageError)
        let_go()
        await gatherResults(waiting)

    async def test_cancelled(self) -> None:
        """Whoever does not wait any more disturbs nobody."""
        database = await self.opened()
        let_go, _ = self.held(database)
        cancelled = database.run(put_tag("a"))
        after = database.run(put_tag("b"))
        cancelled.addErrback(lambda failure: None)
        cancelled.cancel()
        let_go()
        self.assertEqual(await after, "b")


class MigrationContract(DatabaseCase):
    """From nothing to the tables that the program uses."""

    async def test_head(self) -> None:
        """What the migrations make is what C{tables.py} says."""
        database = await self.opened()

        def compare(connection: Any) -> list[Any]:
            context = MigrationContext.configure(
                connection,
                opts={"compare_type": True, "version_table": VERSION_TABLE},
            )
            return compare_metadata(context, metadata)

        self.assertEqual(await database.run(compare), [])

    async def test_compareSeesADifference(self) -> None:
        """The comparison above would see a missing index."""
        database = await self.opened()
        await self.write(database, "DROP INDEX ix_charge_points_last_seen_at")

        def compare(connection: Any) -> list[Any]:
            context = MigrationContext.configure(
                connection, opts={"version_table": VERSION_TABLE}
            )
            return compare_metadata(context, metadata)

        self.assertEqual([change[0] for change in await database.run(compare)], ["add_index"])

    async def test_twice(self) -> None:
        """A second start migrates nothing."""
        database = await self.opened()
        await database.stop()
        with mock.patch("alembic.command.upgrade", side_effect=AssertionError):
            await database.start()
        found = await self.rows(database, f"SELECT version_num FROM {VERSION_TABLE}")
        self.assertEqual(found, [("0001",)])

    async def test_newer(self) -> None:
        """A database of a newer version is left alone, and the error says why."""
        database = await self.opened()
        await self.write(database, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
        await database.stop()
        error = await self.assertFailure(database.start(), StorageError)
        self.assertIn("newer version", str(error))
        self.assertIn("9999", str(error))
        self.assertEqual(writer_threads(), [])

    async def test_failedMigration(self) -> None:
        """A migration that breaks off leaves nothing behind, and is done at the next start."""
        database = self.database()
        with mock.patch("alembic.op.create_index", side_effect=OSError(28, "disk full")):
            error = await self.assertFailure(database.start(), StorageError)
        self.assertIn("disk full", str(error))
        await database.start()
        self.addCleanup(database.stop)
        self.assertEqual(await self.rows(database, "SELECT * FROM transactions"), [])


class LedgerContract(DatabaseCase):
    """Transactions."""

    async def ledger(self, *ids: int) -> Ledger:
        """A ledger whose ids are C{ids}, then 1, 2, …"""
        numbers = itertools.chain(ids, itertools.count(1))
        return Ledger(await self.opened(), lambda: next(numbers))

    async def test_start(self) -> None:
        """A start becomes a transaction with an id of ours."""
        ledger = await self.ledger(77)
        stored = await ledger.start(START)
        self.assertFalse(stored.repeated)
        self.assertEqual(stored.superseded, ())
        self.assertEqual(stored.transaction.transaction_id, 77)
        self.assertEqual(stored.transaction.id_tag, "04AABB")
        self.assertEqual(stored.transaction.meter_start_wh, 1000)
        self.assertEqual(stored.transaction.started_at, NOW)

    async def test_everyField(self) -> None:
        """What was said at the start is there to the letter."""
        ledger = await self.ledger()
        start = evolve(
            START, reservation_id=9, evse=None, verdict=Verdict.EXPIRED, id_tag="Ä'); DROP"
        )
        made = await ledger.start(start)
        (found,) = await ledger.transactions()
        self.assertEqual(found.transaction, made.transaction)
        self.assertEqual(found.transaction.verdict, Verdict.EXPIRED)
        self.assertEqual(found.transaction.id_tag, "Ä'); DROP")
        self.assertEqual((found.charge_point, found.connector, found.evse), ("CP-1", 1, None))
        self.assertEqual(found.reservation_id, 9)
        self.assertEqual(found.start_text, START.request_text)
        self.assertEqual(found.state, TransactionState.OPEN)
        self.assertIsNone(found.stopped_at)
        self.assertIsNone(found.energy_wh)

    async def test_timesAreUtc(self) -> None:
        """A time of another zone comes back as the same moment in UTC."""
        ledger = await self.ledger()
        there = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
        await ledger.start(evolve(START, started_at=there))
        (found,) = await ledger.transactions()
        self.assertEqual(found.transaction.started_at, NOW)
        self.assertEqual(found.transaction.started_at.utcoffset(), timedelta(0))

    async def test_repeatedStart(self) -> None:
        """The same start again is the same transaction, also when it is said in another zone."""
        ledger = await self.ledger()
        first = await ledger.start(START)
        elsewhere = START.started_at.astimezone(timezone(timedelta(hours=-3)))
        again = await ledger.start(evolve(START, started_at=elsewhere))
        self.assertTrue(again.repeated)
        self.assertEqual(again.transaction, first.transaction)
        self.assertEqual(len(await ledger.transactions()), 1)

    async def test_repeatedStartOfASupersededOne(self) -> None:
        """A late repetition supersedes nothing."""
        ledger = await self.ledger()
        first = await ledger.start(START)
        await ledger.start(evolve(START, meter_start_wh=1001))
        again = await ledger.start(START)
        self.assertEqual(again.transaction, first.transaction)
        self.assertEqual(again.superseded, ())

    async def test_repeatedInOneGroup(self) -> None:
        """The same start twice at the same moment is one transaction."""
        ledger = await self.ledger()
        results = await gatherResults([ledger.start(START) for _ in range(20)])
        self.assertEqual([result.repeated for result in results], [False] + [True] * 19)
        self.assertEqual(len({result.transaction for result in results}), 1)

    async def test_anotherStart(self) -> None:
        """A start that differs in any part of the key is another transaction."""
        ledger = await self.ledger()
        differing: tuple[dict[str, Any], ...] = (
            {},
            {"charge_point": "CP-2"},
            {"connector": 2},
            {"id_tag": "OTHER"},
            {"started_at": NOW + timedelta(microseconds=1)},
            {"meter_start_wh": 1001},
        )
        for changes in differing:
            self.assertFalse((await ledger.start(evolve(START, **changes))).repeated)
        self.assertEqual(len(await ledger.transactions()), len(differing))

    async def test_collidingIds(self) -> None:
        """An id that is taken is asked for again."""
        ledger = await self.ledger(5, 5, 5, 6)
        first = await ledger.start(START)
        second = await ledger.start(evolve(START, connector=2))
        self.assertEqual(first.transaction.transaction_id, 5)
        self.assertEqual(second.transaction.transaction_id, 6)

    async def test_noFreeId(self) -> None:
        """A source of ids that always says the same is given up."""
        ledger = Ledger(await self.opened(), lambda: 5)
        await ledger.start(START)
        await self.assertFailure(ledger.start(evolve(START, connector=2)), StorageError)

    async def test_idsAreChecked(self) -> None:
        """An id that a Charge Point could not keep is never stored."""
        database = await self.opened()
        for bad in (0, -1, 2**31):
            await self.assertFailure(Ledger(database, lambda: bad).start(START), StorageError)  # noqa: B023

    async def test_superseded(self) -> None:
        """A new start at the same connector supersedes the open one there, and no other."""
        ledger = await self.ledger(10, 11, 12, 13)
        for changes in ({}, {"connector": 2}, {"charge_point": "CP-2"}):
            await ledger.start(evolve(START, **changes))
        stored = await ledger.start(evolve(START, meter_start_wh=2000))
        self.assertEqual(stored.superseded, (10,))
        states = {
            found.transaction.transaction_id: found.state
            for found in await ledger.transactions()
        }
        still_open = TransactionState.OPEN
        self.assertEqual(
            states,
            {10: TransactionState.SUPERSEDED, 11: still_open, 12: still_open, 13: still_open},
        )

    async def test_tooBig(self) -> None:
        """What does not fit 64 bits is refused by the peer's fault, and nothing is stored."""
        ledger = await self.ledger()
        for changes in (
            {"meter_start_wh": 2**63},
            {"meter_start_wh": -(2**63) - 1},
            {"connector": 2**63},
            {"reservation_id": 10**30},
            {"id_tag": "x" * 256},
            {"id_tag": "a\0b"},
            {"charge_point": "\ud800"},
            {"started_at": datetime(2026, 1, 1)},  # noqa: DTZ001
            {"started_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))},
            {"request_text": "x" * (256 * 1024 + 1)},
        ):
            error = await self.assertFailure(
                ledger.start(evolve(START, **changes)), RemoteProtocolError
            )
            self.assertEqual(error.code, CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
        self.assertEqual(await ledger.transactions(), ())

    async def test_biggest(self) -> None:
        """What just fits is kept."""
        ledger = await self.ledger()
        await ledger.start(
            evolve(START, meter_start_wh=2**63 - 1, connector=-(2**63), id_tag="ß" * 255)
        )
        (found,) = await ledger.transactions()
        self.assertEqual(found.transaction.meter_start_wh, 2**63 - 1)
        self.assertEqual(found.connector, -(2**63))

    async def test_stop(self) -> None:
        """A stop ends its transaction and says what was drawn."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stored = await ledger.stop(stop_of(made.transaction.transaction_id))
        self.assertEqual(stored.outcome, StopOutcome.STOPPED)
        self.assertEqual((stored.evse, stored.connector), ("bay-1", 1))
        self.assertEqual(stored.energy_wh, 2500)
        self.assertEqual(stored.id_tag, "04AABB")
        (found,) = await ledger.transactions()
        self.assertEqual(found.state, TransactionState.STOPPED)
        self.assertEqual(found.stopped_at, NOW + timedelta(hours=1))
        self.assertEqual((found.meter_stop_wh, found.energy_wh), (3500, 2500))
        self.assertEqual(found.stop_reason, "EVDisconnected")
        self.assertEqual(found.stop_text, '{"transactionId":1}')
        self.assertEqual(await ledger.open_transactions(), ())

    async def test_meterWentBack(self) -> None:
        """A register that went back gives no energy, and its reading is kept."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stored = await ledger.stop(
            stop_of(made.transaction.transaction_id, meter_stop_wh=999)
        )
        self.assertEqual(stored.outcome, StopOutcome.STOPPED)
        self.assertIsNone(stored.energy_wh)
        (found,) = await ledger.transactions()
        self.assertEqual(found.meter_stop_wh, 999)

    async def test_stopOfASupersededOne(self) -> None:
        """A late stop still ends a transaction that was superseded."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        await ledger.start(evolve(START, meter_start_wh=5000))
        stored = await ledger.stop(stop_of(made.transaction.transaction_id))
        self.assertEqual(stored.outcome, StopOutcome.STOPPED)
        self.assertEqual((await ledger.transactions())[1].state, TransactionState.STOPPED)

    async def test_repeatedStop(self) -> None:
        """The same stop again gets the same answer and books nothing."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stop = stop_of(made.transaction.transaction_id)
        first = await ledger.stop(stop)
        again = await ledger.stop(stop)
        self.assertEqual(again, evolve(first, outcome=StopOutcome.REPEATED))
        self.assertEqual(await ledger.stray_stops("CP-1"), ())

    async def test_differingSecondStop(self) -> None:
        """A second stop with another reading changes nothing and is kept for review."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stop = stop_of(made.transaction.transaction_id)
        await ledger.stop(stop)
        again = await ledger.stop(evolve(stop, meter_stop_wh=9999))
        self.assertEqual((again.outcome, again.energy_wh), (StopOutcome.REPEATED, 2500))
        (stray,) = await ledger.stray_stops("CP-1")
        self.assertEqual(stray.meter_stop_wh, 9999)
        self.assertEqual(stray.outcome, StopOutcome.REPEATED)

    async def test_unknownStop(self) -> None:
        """A stop of no transaction, whatever integer it names, is kept for review."""
        ledger = await self.ledger(4711)
        await ledger.start(START)
        for transaction_id in HUGE_IDS:
            stored = await ledger.stop(stop_of(transaction_id))
            self.assertEqual(stored.outcome, StopOutcome.UNKNOWN)
            self.assertIsNone(stored.energy_wh)
        kept = [stray.transaction_id for stray in await ledger.stray_stops("CP-1")]
        self.assertEqual(kept[:-1], [str(transaction_id) for transaction_id in HUGE_IDS[:-1]])
        self.assertEqual(kept[-1], "an integer of 16610 bits")
        self.assertEqual(len(await ledger.open_transactions()), 1)

    async def test_unknownStopTwice(self) -> None:
        """A stop of no transaction that is said again is kept once."""
        ledger = await self.ledger()
        for _ in range(3):
            await ledger.stop(stop_of(123))
        self.assertEqual(len(await ledger.stray_stops("CP-1")), 1)

    async def test_foreignStop(self) -> None:
        """Nobody ends another Charge Point's transaction, nor learns anything about it."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stop = stop_of(made.transaction.transaction_id, charge_point="CP-2")
        stored = await ledger.stop(stop)
        self.assertEqual(stored.outcome, StopOutcome.FOREIGN)
        self.assertEqual((stored.evse, stored.id_tag, stored.energy_wh), (None, None, None))
        self.assertEqual(len(await ledger.open_transactions()), 1)
        (stray,) = await ledger.stray_stops("CP-2")
        self.assertEqual(stray.request_text, stop.request_text)

    async def test_strayStopsAreBounded(self) -> None:
        """Of each Charge Point the newest are kept; one does not displace another's."""
        self.patch(review, "MAX_STRAY_STOPS", 3)
        ledger = await self.ledger()
        await ledger.stop(stop_of(1, charge_point="CP-2"))
        for transaction_id in range(1, 8):
            await ledger.stop(stop_of(transaction_id))
        kept = [stray.transaction_id for stray in await ledger.stray_stops("CP-1")]
        self.assertEqual(kept, ["5", "6", "7"])
        self.assertEqual(len(await ledger.stray_stops("CP-2")), 1)

    async def test_stopTooBig(self) -> None:
        """A reading that does not fit 64 bits is refused, and the transaction stays open."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        stop = stop_of(made.transaction.transaction_id, meter_stop_wh=2**63)
        error = await self.assertFailure(ledger.stop(stop), RemoteProtocolError)
        self.assertEqual(error.code, CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION)
        self.assertEqual(len(await ledger.open_transactions()), 1)

    async def test_meterValues(self) -> None:
        """A payload comes back to the letter: escapes, spaces, and what is not ASCII."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        number = made.transaction.transaction_id
        payloads = (
            r'{ "a" : "\/\u00e9" ,"b":1.50 }',
            '\t{"ä": "😀 é"}\r\n ',
            '{"n": 1e400, "z": "\\u0000"}',
        )
        for payload in payloads:
            await ledger.add_meter_values("CP-1", 1, number, NOW, payload)
        found = await ledger.meter_values("CP-1", number)
        self.assertEqual(tuple(values.payload_text for values in found), payloads)
        self.assertEqual({values.received_at for values in found}, {NOW})

    async def test_looseMeterValues(self) -> None:
        """Readings of no transaction, or of another Charge Point's, are kept outside any."""
        ledger = await self.ledger()
        made = await ledger.start(START)
        named = (None, *HUGE_IDS, made.transaction.transaction_id)
        for transaction_id in named:
            await ledger.add_meter_values("CP-2", 1, transaction_id, NOW, "{}")
        self.assertEqual(len(await ledger.meter_values("CP-2", None)), len(named))
        number = made.transaction.transaction_id
        self.assertEqual(await ledger.meter_values("CP-1", number), ())

    async def test_meterValuesAreBounded(self) -> None:
        """Above the bound the oldest readings go, but a transaction's first one stays."""
        self.patch(readings, "_ROWS_BETWEEN_COUNTS", 1)
        self.patch(readings, "MAX_LOOSE_READINGS", 3)
        self.patch(readings, "MAX_TRANSACTION_READINGS", 3)
        ledger = await self.ledger()
        made = await ledger.start(START)
        for number in (None, made.transaction.transaction_id):
            for count in range(6):
                await ledger.add_meter_values("CP-1", 1, number, NOW, str(count))
        kept = [
            [values.payload_text for values in await ledger.meter_values("CP-1", number)]
            for number in (None, made.transaction.transaction_id)
        ]
        self.assertEqual(kept, [["3", "4", "5"], ["0", "4", "5"]])

    async def test_openAfterRestart(self) -> None:
        """What has not been stopped is there when the program starts again."""
        numbers = itertools.count(1)
        database = await self.opened()
        ledger = Ledger(database, lambda: next(numbers))
        stopped = await ledger.start(START)
        running = await ledger.start(evolve(START, connector=2, evse="bay-2"))
        await ledger.stop(stop_of(stopped.transaction.transaction_id))
        await database.stop()
        await database.start()
        (found,) = await ledger.open_transactions()
        self.assertEqual(found.transaction, running.transaction)
        self.assertEqual((found.charge_point, found.connector, found.evse), ("CP-1", 2, "bay-2"))

    async def test_pages(self) -> None:
        """Transactions come newest first, in pages."""
        ledger = await self.ledger()
        for connector in range(5):
            await ledger.start(evolve(START, connector=connector))
        page = await ledger.transactions(limit=2, offset=1)
        self.assertEqual([found.connector for found in page], [3, 2])
        self.assertEqual(await ledger.transactions(limit=-1), ())


class TagListContract(DatabaseCase):
    """The local authorisation list."""

    async def tag_list(self) -> TagList:
        """An empty list."""
        return TagList(await self.opened())

    async def test_empty(self) -> None:
        """An empty list says that it is empty."""
        self.assertEqual(await (await self.tag_list()).find("A"), (None, True))

    async def test_unknown(self) -> None:
        """A tag without an entry is not in a list that has others."""
        tag_list = await self.tag_list()
        await tag_list.put(Tag("A"))
        self.assertEqual(await tag_list.find("B"), (None, False))

    async def test_everyField(self) -> None:
        """An entry comes back as it was put."""
        tag_list = await self.tag_list()
        tag = Tag("04aaBB", Verdict.BLOCKED, "fleet", NOW)
        await tag_list.put(tag)
        self.assertEqual(await tag_list.find("04aaBB"), (tag, False))

    async def test_case(self) -> None:
        """Case makes no difference, and a second entry of the same tag replaces the first."""
        tag_list = await self.tag_list()
        await tag_list.put(Tag("Straße-1"))
        await tag_list.put(Tag("STRASSE-1", Verdict.INVALID))
        self.assertEqual(await tag_list.all(), (Tag("STRASSE-1", Verdict.INVALID),))
        found, _ = await tag_list.find("straße-1")
        self.assertEqual(found, Tag("STRASSE-1", Verdict.INVALID))

    async def test_remove(self) -> None:
        """Removing says whether there was an entry."""
        tag_list = await self.tag_list()
        await tag_list.put(Tag("A"))
        self.assertTrue(await tag_list.remove("a"))
        self.assertFalse(await tag_list.remove("a"))
        self.assertFalse(await tag_list.remove("\0"))
        self.assertEqual(await tag_list.find("A"), (None, True))

    async def test_all(self) -> None:
        """The whole list comes in the order of the idTags, whatever their case."""
        tag_list = await self.tag_list()
        for id_tag in ("b", "A", "C"):
            await tag_list.put(Tag(id_tag))
        self.assertEqual([tag.id_tag for tag in await tag_list.all()], ["A", "b", "C"])

    async def test_bound(self) -> None:
        """A full list takes no new tag, but replaces one that it has."""
        self.patch(tags, "MAX_TAGS", 2)
        tag_list = await self.tag_list()
        await tag_list.put(Tag("A"))
        await tag_list.put(Tag("B"))
        await self.assertFailure(tag_list.put(Tag("C")), LocalProtocolError)
        await tag_list.put(Tag("a", Verdict.BLOCKED))
        self.assertEqual(len(await tag_list.all()), 2)

    async def test_notATag(self) -> None:
        """What is no idTag is refused, and is found nowhere."""
        tag_list = await self.tag_list()
        for bad in (
            Tag(""),
            Tag("x" * 21),
            Tag("a\0"),
            Tag("A", parent_id_tag="x" * 21),
            Tag("A", expires_at=datetime(2026, 1, 1)),  # noqa: DTZ001
        ):
            await self.assertFailure(tag_list.put(bad), LocalProtocolError)
        for bad_text in ("\0", "\ud800", "x" * 5000):
            self.assertEqual(await tag_list.find(bad_text), (None, True))


class ChargePointContract(DatabaseCase):
    """What Charge Points said of themselves."""

    LATER = NOW + timedelta(days=1)

    async def register(self) -> ChargePointRegister:
        """A register without anybody."""
        return ChargePointRegister(await self.opened())

    async def test_seen(self) -> None:
        """What a Charge Point says of itself is kept."""
        register = await self.register()
        device = DeviceIdentity("cFos", "Power Brain", "123", "1.2")
        await register.seen("CP-1", device, NOW)
        self.assertEqual(
            await register.all(), (KnownChargePoint("CP-1", device, NOW, NOW),)
        )

    async def test_silent(self) -> None:
        """Somebody who says nothing keeps what he said before, and is seen."""
        register = await self.register()
        device = DeviceIdentity("cFos", "Power Brain")
        await register.seen("CP-1", device, NOW)
        await register.seen("CP-1", None, self.LATER)
        await register.seen("CP-2", None, NOW)
        self.assertEqual(
            await register.all(),
            (
                KnownChargePoint("CP-1", device, NOW, self.LATER),
                KnownChargePoint("CP-2", None, NOW, NOW),
            ),
        )

    async def test_lastWord(self) -> None:
        """What is said later replaces all of what was said before."""
        register = await self.register()
        await register.seen("CP-1", DeviceIdentity("A", "B", "C", "D"), NOW)
        await register.seen("CP-1", DeviceIdentity("E", "F"), self.LATER)
        (found,) = await register.all()
        self.assertEqual(found.device, DeviceIdentity("E", "F"))

    async def test_bound(self) -> None:
        """Above the bound, the one that was seen longest ago is forgotten."""
        self.patch(charge_points, "MAX_CHARGE_POINTS", 2)
        register = await self.register()
        await register.seen("old", None, NOW)
        await register.seen("older", None, NOW - timedelta(days=1))
        await register.seen("new", None, self.LATER)
        self.assertEqual([found.identity for found in await register.all()], ["new", "old"])

    async def test_refused(self) -> None:
        """What cannot be kept is the peer's fault."""
        register = await self.register()
        await self.assertFailure(register.seen("x" * 256, None, NOW), RemoteProtocolError)
        device = DeviceIdentity("a\0", "b")
        await self.assertFailure(register.seen("CP-1", device, NOW), RemoteProtocolError)
        self.assertEqual(await register.all(), ())
