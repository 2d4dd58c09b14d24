"""kill -9: what was acknowledged is stored, once."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from cfos_cm.storage.transactions import Ledger, TransactionState

from . import cases

KILLS = 20

_CHILD = Path(__file__).with_name("acknowledging_child.py")


class Kill(cases.SqliteCase):
    """A process that is killed while it stores transactions and readings."""

    async def test_kill(self) -> None:
        """Over many kills at random points, all that was acknowledged is there exactly once."""
        draw = random.Random(1606)
        acknowledged: list[str] = []
        for run in range(KILLS):
            acknowledged += self.killed_after(_CHILD, run, draw.randint(1, 80))
            if run % 5 == 4:
                await self.check(acknowledged)
        self.assertGreater(len(acknowledged), KILLS)
        self.assertEqual(self.moved_aside(), [])

    async def check(self, acknowledged: list[str]) -> None:
        """Open the database and compare."""
        database = await self.opened()
        ledger = Ledger(database, lambda: 1)
        found: Counter[str] = Counter()
        for offset in range(0, 10**6, 5000):
            page = await ledger.transactions(5000, offset)
            found.update(f"start {stored.transaction.transaction_id}" for stored in page)
            found.update(
                f"stop {stored.transaction.transaction_id}"
                for stored in page
                if stored.state is TransactionState.STOPPED
            )
            if not page:
                break
        readings = await self.rows(
            database,
            "SELECT payload_text FROM meter_values JOIN transactions USING"
            " (transaction_id) WHERE payload_text = CAST(transaction_id AS TEXT)",
        )
        found.update(f"reading {number}" for (number,) in readings)
        self.assertEqual([what for what in acknowledged if found[what] != 1], [])
        await database.stop()
