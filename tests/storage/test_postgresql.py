"""Every promise of the storage again, on a PostgreSQL server."""

from __future__ import annotations

import sys
from typing import Any
from unittest import SkipTest, mock

from alembic import op
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool
from twisted.logger import capturedLogs

from cfos_cm.errors import StorageError
from cfos_cm.storage import faults
from cfos_cm.storage.read_only import looked_at

from . import (
    cases,
    database_contract,
    entrance_contract,
    evse_orders_contract,
    forwarding_contract,
    kept_contract,
    ledger_contract,
    limits_contract,
    lists_contract,
    memory_contract,
    outbox_contract,
    read_only_contract,
    search_contract,
)
from .postgresql_server import NoServerError, PostgresqlServer

_servers: list[PostgresqlServer] = []


def setUpModule() -> None:
    """Start one server for all the tests."""
    try:
        import psycopg  # noqa: F401

        server = PostgresqlServer()
        server.start()
    except (ImportError, NoServerError) as error:
        raise SkipTest(f"no PostgreSQL: {error}") from None
    _servers.append(server)


def tearDownModule() -> None:
    """Stop it."""
    while _servers:
        _servers.pop().stop()


class PostgresqlCase(cases.DatabaseCase):
    """A test with an empty database on the server."""

    def setUp(self) -> None:
        """Empty the database."""
        self.server = _servers[0]
        self.url = self.server.url
        engine = create_engine(
            self.url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool
        )
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))


class PostgresqlDatabase(PostgresqlCase, database_contract.DatabaseContract):
    """A server keeps every promise of a database, and some of its own."""

    async def test_serverCrash(self) -> None:
        """While the server is away nothing is acknowledged; afterwards all is well."""
        database = await self.opened()
        await database.run(database_contract.put_tag("before"))
        self.server.crash()
        try:
            with capturedLogs() as events:
                for _ in range(2):
                    failing = database.run(database_contract.put_tag("lost"))
                    error = await self.assertFailure(failing, StorageError)
                    self.assertNotIn("s3cret", str(error))
        finally:
            self.server.start_again()
        self.assertEqual([entry["log_level"].name for entry in events], ["critical"])
        await database.run(database_contract.put_tag("after"))
        found = await self.rows(database, "SELECT id_tag FROM tags ORDER BY id_tag")
        self.assertEqual(found, [("after",), ("before",)])

    async def test_serverRestartedMeanwhile(self) -> None:
        """A server that was away while nobody asked is not missed."""
        database = await self.opened()
        await database.run(database_contract.put_tag("before"))
        self.server.crash()
        self.server.start_again()
        self.assertEqual(await database.run(database_contract.put_tag("after")), "after")

    async def test_connectionCutInAGroup(self) -> None:
        """When the connection breaks in the middle of a group, all of the group fails."""
        database = await self.opened()

        def cut(connection: object) -> None:
            engine = create_engine(
                self.url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool
            )
            with engine.begin() as other:
                other.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE application_name = 'cfos_cm'"
                    )
                )

        let_go, _ = self.held(database)
        works = (database_contract.put_tag("a"), cut, database_contract.put_tag("b"))
        waiting = [database.run(work) for work in works]
        let_go()
        for done in waiting:
            await self.assertFailure(done, StorageError)
        self.assertEqual(await self.rows(database, "SELECT * FROM tags"), [])

    async def test_waitsForTheDisk(self) -> None:
        """A server that does not wait for its disk is told to."""
        await self.opened_then_set("ALTER ROLE cfos SET synchronous_commit = off")
        self.addCleanup(self.opened_then_set, "ALTER ROLE cfos RESET synchronous_commit")
        database = await self.opened()
        self.assertEqual(await self.rows(database, "SHOW synchronous_commit"), [("on",)])
        await database.stop()

    async def opened_then_set(self, statement: str) -> None:
        """Change the server's settings for the next connection."""
        database = self.database()
        await database.start()
        await self.write(database, statement)
        await database.stop()

    async def test_whoIsToBlame(self) -> None:
        """A lock is the database's matter; a row that cannot be is the row's."""
        database = await self.opened()
        other = create_engine(
            self.url.replace("postgresql:", "postgresql+psycopg:"), poolclass=NullPool
        )

        def blames(statement: str) -> Any:
            def work(connection: Any) -> bool:
                connection.execute(text("SET LOCAL lock_timeout = '10ms'"))
                try:
                    with connection.begin_nested():
                        connection.execute(text(statement))
                except Exception as error:
                    return faults.blames_database(error)
                raise AssertionError(statement)

            return work

        with other.begin() as connection:
            connection.execute(text("LOCK TABLE tags"))
            self.assertTrue(await database.run(blames("DELETE FROM tags")))
        for statement in (
            "INSERT INTO tags (folded_id_tag) VALUES ('a')",
            "INSERT INTO drained_readings (number) VALUES (99999999999999999999)",
        ):
            self.assertFalse(await database.run(blames(statement)), statement)

    async def test_missingTable(self) -> None:
        """A server's database is never replaced: what is wrong with it is an error."""
        database = await self.opened()
        await self.write(database, "DROP TABLE tags")
        await database.stop()
        error = await self.assertFailure(database.start(), StorageError)
        self.assertIn("tags is missing", str(error))

    async def test_encoding(self) -> None:
        """A database that cannot keep every text is refused."""
        engine = create_engine(
            self.url.replace("postgresql:", "postgresql+psycopg:"),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
        )
        with engine.connect() as connection:
            connection.execute(text("DROP DATABASE IF EXISTS latin"))
            connection.execute(
                text("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
            )
        database = self.database(self.url.replace("/postgres?", "/latin?"))
        error = await self.assertFailure(database.start(), StorageError)
        self.assertIn("allowed: UTF8", str(error))

    async def test_withoutTheDriver(self) -> None:
        """Without psycopg the error says what to install."""
        with mock.patch.dict(sys.modules, {"psycopg": None}):
            error = await self.assertFailure(self.database().start(), StorageError)
        self.assertIn("psycopg is not installed", str(error))


class PostgresqlMigrations(PostgresqlCase, database_contract.MigrationContract):
    """A server's database is brought to the newest schema."""

    async def test_takesItsTime(self) -> None:
        """A migration may take as long as it does; what comes after it may not."""
        asked = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
        found: list[tuple[Any, ...]] = []
        create_index = op.create_index

        def note(*arguments: Any, **options: Any) -> None:
            found.append(tuple(op.get_bind().execute(text(asked)).one()))
            create_index(*arguments, **options)

        with mock.patch("alembic.op.create_index", note):
            database = await self.opened()
        self.assertEqual({("0", "10s")}, set(found))
        self.assertEqual([("30s", "2s")], await self.rows(database, asked))


class PostgresqlLedger(PostgresqlCase, ledger_contract.LedgerContract):
    """A ledger on a server keeps every promise of a ledger."""


class PostgresqlTagList(PostgresqlCase, lists_contract.TagListContract):
    """A list on a server keeps every promise of a list."""


class PostgresqlRegister(PostgresqlCase, lists_contract.ChargePointContract):
    """A register on a server keeps every promise of a register."""


class PostgresqlKeyStore(PostgresqlCase, kept_contract.KeyStoreContract):
    """What keeps keys on a server keeps every promise about them."""


class PostgresqlSentLists(PostgresqlCase, kept_contract.SentListsContract):
    """What keeps lists on a server keeps every promise about them."""


class PostgresqlSecurityEvents(PostgresqlCase, kept_contract.SecurityEventsContract):
    """What keeps events on a server keeps every promise about them."""


class PostgresqlEvseOrders(PostgresqlCase, evse_orders_contract.EvseOrderStoreContract):
    """What keeps orders on a server keeps every promise about them."""


class PostgresqlSecurityStandings(PostgresqlCase, kept_contract.SecurityStandingsContract):
    """What keeps profiles on a server keeps every promise about them."""


class PostgresqlReservationStore(PostgresqlCase, kept_contract.ReservationStoreContract):
    """What keeps reservations on a server keeps every promise about them."""


class PostgresqlOverdraftStore(PostgresqlCase, limits_contract.OverdraftStoreContract):
    """What keeps maxima on a server keeps every promise about them."""


class PostgresqlOutsideLimitStore(PostgresqlCase, limits_contract.OutsideLimitStoreContract):
    """What keeps proofs on a server keeps every promise about them."""


class PostgresqlOutbox(PostgresqlCase, outbox_contract.OutboxContract):
    """Queues on a server keep every promise of a queue."""


class PostgresqlForwardingLedger(PostgresqlCase, forwarding_contract.ForwardingContract):
    """A ledger on a server tells backends all that it has to."""


class PostgresqlGatewayMemory(PostgresqlCase, memory_contract.GatewayMemoryContract):
    """What gateways remember on a server keeps every promise about it."""


class PostgresqlAccountStore(PostgresqlCase, entrance_contract.AccountStoreContract):
    """What keeps accounts on a server keeps every promise about them."""


class PostgresqlTokenStore(PostgresqlCase, entrance_contract.TokenStoreContract):
    """What keeps tokens on a server keeps every promise about them."""


class PostgresqlAuditStore(PostgresqlCase, entrance_contract.AuditStoreContract):
    """What keeps entries on a server keeps every promise about them."""


class PostgresqlSearch(PostgresqlCase, search_contract.SearchContract):
    """A search on a server keeps every promise of a search."""


class PostgresqlReadOnly(PostgresqlCase, read_only_contract.ReadOnlyContract):
    """A server's database that is looked at."""

    def test_nobodyThere(self) -> None:
        """Of a server that is not there no secret is told."""
        url = "postgresql://cfos:s3cret-pass@127.0.0.1:1/none"
        with self.assertRaises(StorageError) as caught, looked_at(url):
            pass
        self.assertNotIn("s3cret", str(caught.exception))
