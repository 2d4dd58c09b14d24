"""kill -9: what was acknowledged is stored, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from cfos_cm.storage.transactions import Ledger, TransactionState

from . import cases

KILLS = 20


class Kill(cases.SqliteCase):
    """A process that is killed while it stores transactions and readings."""

    async def test_kill(self) -> None:
        """Over many kills at random points, all that was acknowledged is there exactly once."""
        draw = random.Random(1606)
        acknowledged: list[str] = []
        for run in range(KILLS):
            acknowledged += self.killed_after(run, draw.randint(1, 80))
            if run % 5 == 4:
                await self.check(acknowledged)
        self.assertGreater(len(acknowledged), KILLS)
        self.assertEqual(self.moved_aside(), [])

    def killed_after(self, run: int, answers: int) -> list[str]:
        """Run the program and kill it after so many answers; gives all that it said."""
        program = Path(__file__).with_name("acknowledging_child.py")
        child = subprocess.Popen(
            [sys.executable, str(program), self.url, str(run)],
            env={**os.environ, "PYTHONPATH": str(program.parents[2])},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        with child, child.stdout:
            said = [child.stdout.readline() for _ in range(answers)]
            child.send_signal(signal.SIGKILL)
            said += child.stdout.readlines()
        self.assertEqual(child.returncode, -signal.SIGKILL)
        return [line.strip() for line in said if line.endswith("\n")]

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
