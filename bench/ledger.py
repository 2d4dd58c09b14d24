"""
StartTransaction on disk: a hundred Charge Points at once, one fsync for all that wait.

The contender is the same ledger asked one by one, each waiting for its own commit.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList

from cfos_cm.site.records import TransactionStart
from cfos_cm.site.tag import Verdict
from cfos_cm.storage.database import Database
from cfos_cm.storage.transactions import Ledger

AT_ONCE = 100


def start(number: int) -> TransactionStart:
    """The start of one transaction."""
    at = datetime.fromtimestamp(1_800_000_000 + number, UTC)
    return TransactionStart(
        f"CP-{number % AT_ONCE}", 1, None, "tag", Verdict.ACCEPTED, at, number, None, "{}"
    )


async def _measure(starts: int) -> dict[str, float]:
    numbers = itertools.count(1)
    ids = itertools.count(1)
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'ledger.sqlite'}"
        database = Database(url, reactor, lambda: datetime.now(UTC))
        await database.start()
        ledger = Ledger(database, lambda: next(ids))
        begin = time.monotonic()
        for _ in range(starts // AT_ONCE):
            await DeferredList([ledger.start(start(next(numbers))) for _ in range(AT_ONCE)])
        seconds[f"{AT_ONCE} at once"] = time.monotonic() - begin
        begin = time.monotonic()
        for _ in range(starts):
            await ledger.start(start(next(numbers)))
        seconds["one by one"] = time.monotonic() - begin
        await database.stop()
    return {name: taken / starts * 1e6 for name, taken in seconds.items()}


def run(calls: int, rounds: int) -> str:
    """Measure, and describe the result."""
    results: list[dict[str, float]] = []
    failed: list[Any] = []

    def begin() -> None:
        running = Deferred.fromCoroutine(_measure(max(AT_ONCE, calls // AT_ONCE * AT_ONCE)))
        running.addCallbacks(results.append, failed.append)
        running.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if failed:
        failed[0].raiseException()
    lines = ["StartTransaction on disk (SQLite WAL, synchronous=FULL), wall time"]
    first = next(iter(results[0].values()))
    for name, micros in results[0].items():
        lines.append(f"  {name:44} {micros:10.1f} us {micros / first:8.2f}")
    return "\n".join(lines)
