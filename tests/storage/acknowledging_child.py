"""
Run as a program: starts and stops transactions without an end, with a reading in each, and
prints C{start ID}, C{reading ID} and C{stop ID} when that is acknowledged.

Arguments: the database's URL, and a number that no other run has.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, gatherResults

from cfos_cm.site.records import TransactionStart, TransactionStop
from cfos_cm.site.tag import Verdict
from cfos_cm.storage.database import Database
from cfos_cm.storage.transactions import Ledger

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def starts(run: int) -> Iterator[TransactionStart]:
    """Starts that are all different."""
    count = 0
    while True:
        count += 1
        yield TransactionStart(
            charge_point=f"CP-{run}",
            connector=count % 7,
            evse=None,
            id_tag="TAG",
            verdict=Verdict.ACCEPTED,
            started_at=BEGINNING + timedelta(seconds=count),
            meter_start_wh=count,
            reservation_id=None,
            # In other words each time, or it would be the start that is known already.
            request_text=f'{{"meterStart":{count}}}',
        )


def stop_of(start: TransactionStart, number: int) -> TransactionStop:
    """The stop that follows a start."""
    return TransactionStop(
        charge_point=start.charge_point,
        transaction_id=number,
        id_tag=None,
        stopped_at=start.started_at + timedelta(hours=1),
        meter_stop_wh=start.meter_start_wh + 10,
        reason="Local",
        request_text="{}",
    )


async def station(ledger: Ledger, waiting: Iterator[TransactionStart]) -> None:
    """Have one transaction after the other."""
    for start in waiting:
        stored = await ledger.start(start)
        number = stored.transaction.transaction_id
        print(f"start {number}", flush=True)  # noqa: T201
        await ledger.add_meter_values(
            start.charge_point, start.connector, number, start.started_at, str(number)
        )
        print(f"reading {number}", flush=True)  # noqa: T201
        if start.meter_start_wh % 2:
            await ledger.stop(stop_of(start, number))
            print(f"stop {number}", flush=True)  # noqa: T201


async def work(reactor: Any, url: str, run: int) -> None:
    """Let five stations start transactions until the process is killed."""
    draw = random.Random(run)
    database = Database(url, reactor, lambda: datetime.now(UTC))
    await database.start()
    ledger = Ledger(database, lambda: draw.randint(1, 2**31 - 1))
    waiting = starts(run)
    await gatherResults([Deferred.fromCoroutine(station(ledger, waiting)) for _ in range(5)])


if __name__ == "__main__":
    task.react(
        lambda reactor: Deferred.fromCoroutine(work(reactor, sys.argv[1], int(sys.argv[2])))
    )
