"""kill -9: what was acknowledged is owed until it was answered, and whole."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from cfos_cm.storage.database import Database

from . import cases

KILLS = 12

_CHILD = Path(__file__).with_name("outbox_child.py")


class OutboxKill(cases.SqliteCase):
    """A process that is killed while it queues messages and has them answered."""

    async def test_kill(self) -> None:
        """Over many kills at random points no message is lost, and none comes back."""
        draw = random.Random(1606)
        said: list[str] = []
        for run in range(KILLS):
            said += self.killed_after(_CHILD, run, draw.randint(1, 150))
            if run % 4 == 3:
                await self.check(said)
        self.assertGreater(sum(line.startswith("forgotten") for line in said), KILLS)
        self.assertEqual(self.moved_aside(), [])

    async def check(self, said: list[str]) -> None:
        """Open the database and compare."""
        database = await self.opened()
        words = [line.split() for line in said]
        await self.check_queues(database, words)
        await self.check_counts(database)
        await self.check_transactions(database, words)
        await database.stop()

    async def check_queues(self, database: Database, words: list[list[str]]) -> None:
        """What is owed and was not answered waits, and nothing that was noted as answered."""
        found = await self.rows(database, "SELECT key, gateway FROM outbox WHERE NOT is_dead")
        waits = dict(tuple(row) for row in found)
        gone = {key for what, *_, key in words if what == "gone"}
        owed = {line[2]: line[1] for line in words if line[0] == "waits"}
        lost = {key for key, gateway in owed.items() if waits.get(key) != gateway} - gone
        self.assertEqual(set(), lost)
        forgotten = {key for what, *_, key in words if what == "forgotten"}
        self.assertEqual(set(), forgotten & set(waits))

    async def check_counts(self, database: Database) -> None:
        """The length of each queue is what it is said to be."""
        counted = await self.rows(
            database,
            "SELECT gateway, count(*), sum(size_bytes), 0 FROM outbox GROUP BY gateway"
            " ORDER BY gateway",
        )
        noted = await self.rows(
            database,
            "SELECT gateway, waiting, size_bytes, dead FROM outbox_depths"
            " WHERE waiting > 0 ORDER BY gateway",
        )
        self.assertEqual(counted, noted)

    async def check_transactions(self, database: Database, words: list[list[str]]) -> None:
        """What the ledger has and what backends are owed was written together."""
        rows = await self.rows(
            database,
            "SELECT t.transaction_id, g.gateway, t.state = 'stopped', g.is_over,"
            " g.backend_id IS NULL, EXISTS (SELECT 1 FROM outbox AS o WHERE o.gateway ="
            " g.gateway AND o.transaction_id = t.transaction_id AND o.action ="
            " 'StartTransaction') FROM transactions AS t LEFT JOIN gateway_transactions AS g"
            " ON g.transaction_id = t.transaction_id",
        )
        told = Counter(number for number, *_ in rows)
        self.assertEqual({2}, set(told.values()))
        for number, gateway, stopped, is_over, is_unbound, start_waits in rows:
            self.assertEqual((stopped, is_unbound), (is_over, start_waits), (number, gateway))
        stopped = {number for number, _, stopped, *_ in rows if stopped}
        said = {what: {int(line[1]) for line in words if line[0] == what}
                for what in ("start", "stop")}  # fmt: skip
        self.assertEqual(set(), said["start"] - set(told))
        self.assertEqual(set(), said["stop"] - stopped)
