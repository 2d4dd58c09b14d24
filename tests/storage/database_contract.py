"""What every database promises, whatever kind it is."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any
from unittest import mock

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, event, insert, text
from twisted.internet.defer import DeferredList, gatherResults
from twisted.logger import capturedLogs

from cfos_cm.errors import LocalProtocolError, StorageError
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.storage import backends, series, writer
from cfos_cm.storage.accounts import Account, AccountStore
from cfos_cm.storage.schema import alembic_config
from cfos_cm.storage.security_events import SecurityEvents
from cfos_cm.storage.security_standings import SecurityStandingStore
from cfos_cm.storage.tables import BUCKET_ROWS, VERSION_TABLE, metadata
from cfos_cm.storage.tables import tags as tags_table
from cfos_cm.storage.transaction_search import Sought, find_page
from cfos_cm.storage.transactions import Ledger

from .cases import NOW, DatabaseCase, writer_threads


def put_tag(id_tag: str) -> Any:
    """Work that writes one row."""

    def work(connection: Any) -> str:
        connection.execute(
            insert(tags_table).values(folded_id_tag=id_tag, id_tag=id_tag, status="Accepted")
        )
        return id_tag

    return work


class TagsTogether:
    """
    Common work that writes a row for each item, but not for the item C{"no"}.

    @ivar calls: the items of each call.
    """

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, connection: Any, id_tags: Sequence[str]) -> None:
        """Write the rows."""
        self.calls.append(list(id_tags))
        for id_tag in id_tags:
            put_tag(id_tag)(connection)
            if id_tag == "no":
                raise LocalProtocolError("no")


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
        count = commits.append
        event.listen(Engine, "commit", count)
        self.addCleanup(event.remove, Engine, "commit", count)
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

    async def test_together(self) -> None:
        """What waits for the same common work is done in one go, in the order of the asking."""
        database = await self.opened()
        work = TagsTogether()
        let_go, _ = self.held(database)
        waiting = [database.run_together(work, id_tag) for id_tag in "abc"]
        waiting.append(database.run(put_tag("d")))
        waiting += [database.run_together(work, id_tag) for id_tag in "ef"]
        let_go()
        self.assertEqual(await gatherResults(waiting), [None, None, None, "d", None, None])
        self.assertEqual(work.calls, [["a", "b", "c"], ["e", "f"]])
        found = await self.rows(database, "SELECT id_tag FROM tags ORDER BY id_tag")
        self.assertEqual([id_tag for (id_tag,) in found], list("abcdef"))

    async def test_togetherAndOneFails(self) -> None:
        """What fails in common work does not take the others with it, nor their order."""
        database = await self.opened()
        work = TagsTogether()
        let_go, _ = self.held(database)
        results = DeferredList(
            [database.run_together(work, id_tag) for id_tag in ("a", "b", "a", "no", "c")],
            consumeErrors=True,
        )
        let_go()
        said = await results
        self.assertEqual([good for good, _ in said], [True, True, False, False, True])
        self.assertIsInstance(said[2][1].value, StorageError)
        self.assertIsInstance(said[3][1].value, LocalProtocolError)
        self.assertEqual(work.calls[0], ["a", "b", "a", "no", "c"])
        self.assertEqual(work.calls[1:], [["a"], ["b"], ["a"], ["no"], ["c"]])
        found = await self.rows(database, "SELECT id_tag FROM tags ORDER BY id_tag")
        self.assertEqual(found, [("a",), ("b",), ("c",)])

    async def test_togetherIsCommittedFirst(self) -> None:
        """Whoever takes part in common work is told after the commit, too."""
        database = await self.opened()
        order: list[str] = []
        listener = lambda connection: order.append("committed")  # noqa: E731
        event.listen(Engine, "commit", listener)
        self.addCleanup(event.remove, Engine, "commit", listener)
        done = database.run_together(TagsTogether(), "a")
        await done.addCallback(lambda _: order.append("told"))
        self.assertEqual(order, ["committed", "told"])

    async def test_patient(self) -> None:
        """What is in no hurry is one commit with what comes next, and is done by itself too."""
        database = await self.opened()
        commits: list[str] = []
        listener = lambda connection: commits.append("commit")  # noqa: E731
        event.listen(Engine, "commit", listener)
        self.addCleanup(event.remove, Engine, "commit", listener)
        self.patch(writer, "PATIENCE_S", 3600)
        work = TagsTogether()
        patient = [database.run_together(work, tag, is_patient=True) for tag in "ab"]
        await database.run(put_tag("c"))
        self.assertEqual([True, True], [one.called for one in patient])
        self.assertEqual(["commit"], commits)
        self.patch(writer, "PATIENCE_S", 0.001)
        await database.run_together(work, "d", is_patient=True)
        self.assertEqual(["commit"] * 2, commits)

    async def test_patientAtTheEnd(self) -> None:
        """A database that is closed does first what was in no hurry."""
        database = await self.opened()
        self.patch(writer, "PATIENCE_S", 3600)
        patient = database.run_together(TagsTogether(), "a", is_patient=True)
        await database.stop()
        self.assertIsNone(await patient)

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
        # A logged traceback would show the cause, and SQLAlchemy puts the statement into it.
        self.assertIsNone(error.__cause__)

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
        self.assertEqual([entry["log_level"].name for entry in events], ["critical"])

    async def test_worksAgain(self) -> None:
        """
        That it works again is said when something was written: reading, and what failed, show
        nothing.
        """
        database = await self.opened()

        def refuse(connection: Any) -> None:
            raise OSError(28, "No space left on device")

        def half(connection: Any) -> None:
            put_tag("half")(connection)
            raise LocalProtocolError("no")

        with capturedLogs() as events:
            event.listen(Engine, "commit", refuse)
            await self.assertFailure(database.run(put_tag("a")), StorageError)
            event.remove(Engine, "commit", refuse)
            await self.rows(database, "SELECT * FROM tags")
            await self.assertFailure(database.run(half), LocalProtocolError)
            self.assertEqual([entry["log_level"].name for entry in events], ["critical"])
            for id_tag in ("b", "c"):
                await database.run(put_tag(id_tag))
        self.assertEqual([entry["log_level"].name for entry in events], ["critical", "info"])

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


def differences(connection: Any) -> list[Any]:
    """What differs between a database and C{tables.py}."""
    options = {"compare_type": True, "version_table": VERSION_TABLE}
    context = MigrationContext.configure(connection, opts=options)
    with warnings.catch_warnings():
        # SQLAlchemy does not see SQLite's indexes of expressions; that the one there is used is
        # shown by the contract of the ledger.
        warnings.filterwarnings("ignore", ".*expression-based index.*")
        return compare_metadata(context, metadata)


#: What a database of the first release holds: a transaction that runs, and a reading of it.
FIRST_RELEASE = (
    "INSERT INTO transactions (transaction_id, charge_point, connector, id_tag, verdict,"
    " started_at, meter_start_wh, start_text, state) VALUES (1, 'CP-1', 1, 'TAG', 'Accepted',"
    " '2026-01-02 03:04:05.000000', 1000, '{}', 'open')",
    "INSERT INTO meter_values (charge_point, connector, transaction_id, received_at,"
    " payload_text) VALUES ('CP-1', 1, 1, '2026-01-02 03:05:05.000000', 'old')",
)


#: A reading of it, told apart by its number.
OLD_READING = (
    "INSERT INTO meter_values (number, charge_point, connector, transaction_id, received_at,"
    " payload_text) VALUES (:number, 'CP-1', 1, :transaction_id, '2026-01-02 03:05:05.000000',"
    " CAST(:number AS TEXT))"
)


class MigrationContract(DatabaseCase):
    """From nothing to the tables that the program uses."""

    async def test_head(self) -> None:
        """What the migrations make is what C{tables.py} says."""
        database = await self.opened()
        self.assertEqual(await database.run(differences), [])

    async def test_compareSeesADifference(self) -> None:
        """The comparison above would see a missing index."""
        database = await self.opened()
        await self.write(database, "DROP INDEX ix_charge_points_last_seen_at")
        found = await database.run(differences)
        self.assertEqual([change[0] for change in found], ["add_index"])

    async def test_twice(self) -> None:
        """A second start migrates nothing."""
        database = await self.opened()
        await database.stop()
        with mock.patch("alembic.command.upgrade", side_effect=AssertionError):
            await database.start()
        found = await self.rows(database, f"SELECT version_num FROM {VERSION_TABLE}")
        self.assertEqual(found, [("0007",)])

    async def test_newer(self) -> None:
        """A database of a newer version is left alone, and the error says why."""
        database = await self.opened()
        await self.write(database, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
        await database.stop()
        error = await self.assertFailure(database.start(), StorageError)
        self.assertIn("newer version", str(error))
        self.assertIn("9999", str(error))
        self.assertEqual(writer_threads(), [])

    async def test_fromTheFirstRelease(self) -> None:
        """A database of the first release keeps what it holds, and takes what is new."""
        backend = backends.backend_for(self.url, time.monotonic)
        backend.prepare()
        engine = backend.engine()
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "0001")
            for statement in FIRST_RELEASE:
                connection.execute(text(statement))
        engine.dispose()
        database = await self.opened()
        ledger = Ledger(database, lambda: 2)
        (running,) = await ledger.open_transactions()
        self.assertEqual(
            (running.charge_point, running.transaction.transaction_id), ("CP-1", 1)
        )
        await ledger.add_meter_values("CP-1", 1, 1, NOW, "new")
        kept = [values.payload_text for values in await ledger.meter_values("CP-1", 1)]
        self.assertEqual(kept, ["old", "new"])
        page = await database.run(partial(find_page, sought=Sought(id_tag="tag"), limit=9))
        self.assertEqual([None], [one.has_signed for one in page.transactions])
        events = SecurityEvents(database)
        await events.add("CP-1", "StartupOfTheDevice", "", None, NOW)
        self.assertEqual(len(await events.of("CP-1")), 1)
        standings = SecurityStandingStore(database)
        await standings.put("CP-1", SecurityProfile.TLS)
        self.assertEqual(await standings.all(), {"CP-1": SecurityProfile.TLS})
        account = Account("admin", "admin", "$scrypt$", NOW)
        await AccountStore(database).add_first(account)
        self.assertEqual(await AccountStore(database).all(), (account,))

    async def test_fromBeforeBuckets(self) -> None:
        """The readings of an older database are found where they are, counted and bounded."""
        self.patch(series, "_ROWS_TOO_MANY", 1)
        self.patch(series, "MAX_TRANSACTION_READINGS", 4)
        backend = backends.backend_for(self.url, time.monotonic)
        backend.prepare()
        engine = backend.engine()
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "0002")
            connection.execute(text(FIRST_RELEASE[0]))
            for number, transaction_id in (
                (1, 1), (2, 1), (7, None), (BUCKET_ROWS - 1, 1), (BUCKET_ROWS, 1),
            ):  # fmt: skip
                connection.execute(
                    text(OLD_READING), {"number": number, "transaction_id": transaction_id}
                )
        engine.dispose()
        database = await self.opened()
        noted = (
            "SELECT transaction_id, bucket, readings, chars FROM meter_value_buckets"
            " ORDER BY transaction_id, bucket"
        )
        # In the newest bucket alone it is left to be counted what is there.
        self.assertEqual(
            await self.rows(database, noted), [(0, 0, 1, 1), (1, 0, 3, 7), (1, 1, None, None)]
        )
        ledger = Ledger(database, lambda: 2)
        found = [one.payload_text for one in await ledger.meter_values("CP-1", 1)]
        self.assertEqual(found, ["1", "2", str(BUCKET_ROWS - 1), str(BUCKET_ROWS)])
        await ledger.add_meter_values("CP-1", 1, 1, NOW, "new")
        found = [one.payload_text for one in await ledger.meter_values("CP-1", 1)]
        self.assertEqual(found, ["1", str(BUCKET_ROWS - 1), str(BUCKET_ROWS), "new"])
        self.assertEqual(len(await ledger.meter_values("CP-1", None)), 1)
        newest = await self.rows(database, "SELECT max(number) FROM meter_values")
        self.assertEqual(newest, [(BUCKET_ROWS + 1,)])
        self.assertEqual(
            await self.rows(database, noted), [(0, 0, 1, 1), (1, 0, 2, 6), (1, 1, None, None)]
        )

    async def test_failedMigration(self) -> None:
        """A migration that breaks off leaves nothing behind, and is done at the next start."""
        database = self.database()
        with mock.patch("alembic.op.create_index", side_effect=OSError(28, "disk full")):
            error = await self.assertFailure(database.start(), StorageError)
        self.assertIn("disk full", str(error))
        await database.start()
        self.addCleanup(database.stop)
        self.assertEqual(await self.rows(database, "SELECT * FROM transactions"), [])
