"""
The ledger on disk: starts, meter values and stops, one fsync for all that wait together.

CPU is that of the whole process: the reactor's thread, the writer's, and what the kernel does
for both. The same work is done with a hundred, with five and with one waiting at once; those
who wait together are no neighbours in an index.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from bench.frames import meter_values
from cfos_cm.site.records import TransactionStart, TransactionStop
from cfos_cm.site.tag import Verdict
from cfos_cm.storage.database import Database
from cfos_cm.storage.transactions import Ledger

AT_ONCE = (100, 5, 1)
CHARGE_POINTS = 1000

#: From one Charge Point to the next one that asks; no divisor of their number.
STRIDE = 389

PAYLOADS = [meter_values(1_234_567, variant).decode() for variant in range(16)]

Ask = Callable[[], Deferred[Any]]


@dataclass(frozen=True)
class Row:
    """One kind of work with so many waiting at once. [us each]"""

    name: str
    at_once: int
    cpu: float
    wall: float


def run(calls: int, rounds: int) -> str:
    """Measure, and describe the result."""
    results: list[list[Row]] = []
    failed: list[Any] = []

    def begin() -> None:
        running = Deferred.fromCoroutine(_measure(max(AT_ONCE), calls, rounds))
        running.addCallbacks(results.append, failed.append)
        running.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if failed:
        failed[0].raiseException()
    lines = ["The ledger on disk (SQLite WAL, synchronous=FULL)"]
    lines += [f"  {len(PAYLOADS[0])} bytes in a reading, {CHARGE_POINTS} Charge Points"]
    lines += [f"  {'':44} {'CPU us':>10} {'wall us':>10}"]
    lines += [
        f"  {f'{row.name}, {row.at_once} at once':44} {row.cpu:10.1f} {row.wall:10.1f}"
        for row in results[0]
    ]
    return "\n".join(lines)


async def _measure(most: int, calls: int, rounds: int) -> list[Row]:
    ids = itertools.count(1)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'ledger.sqlite'}"
        database = Database(url, reactor, lambda: datetime.now(UTC))
        await database.start()
        works = _works(Ledger(database, lambda: next(ids)))
        # What is remembered afterwards is asked for once.
        for ask in works.values():
            for _ in range(2 * CHARGE_POINTS // most):
                await _together(ask, most)
        rows = [
            await _row(name, ask, at_once, calls, rounds)
            for name, ask in works.items()
            for at_once in AT_ONCE
        ]
        await database.stop()
    return rows


def _works(ledger: Ledger) -> dict[str, Ask]:
    """Each call asks for one more piece of work, and for another one each time."""
    starts, readings, stops = itertools.count(1), itertools.count(), itertools.count(1)

    def meter() -> Deferred[None]:
        number = next(readings)
        transaction_id = number % CHARGE_POINTS + 1
        payload = PAYLOADS[number % len(PAYLOADS)]
        return ledger.add_meter_values(
            _charge_point(transaction_id), 1, transaction_id, datetime.now(UTC), payload
        )

    return {
        "StartTransaction": lambda: ledger.start(_start(next(starts))),
        "MeterValues": meter,
        "StopTransaction": lambda: ledger.stop(_stop(next(stops))),
    }


def _charge_point(transaction_id: int) -> str:
    return f"CP-{transaction_id * STRIDE % CHARGE_POINTS}"


def _start(number: int) -> TransactionStart:
    at = datetime.fromtimestamp(1_800_000_000 + number, UTC)
    place = _charge_point(number)
    # In other words each time, or it would be the start that is known already.
    text = f'{{"meterStart":{number}}}'
    return TransactionStart(place, 1, None, "tag", Verdict.ACCEPTED, at, number, None, text)


def _stop(number: int) -> TransactionStop:
    at = datetime.fromtimestamp(1_900_000_000 + number, UTC)
    place = _charge_point(number)
    return TransactionStop(place, number, None, at, number + 1000, "Local", "{}")


async def _row(name: str, ask: Ask, at_once: int, calls: int, rounds: int) -> Row:
    groups = max(1, calls // at_once if at_once > 1 else calls // 5)
    cpu, wall = [], []
    for _ in range(rounds):
        cpu_begin, wall_begin = time.process_time(), time.monotonic()
        for _ in range(groups):
            await _together(ask, at_once)
        made = groups * at_once / 1e6
        cpu.append((time.process_time() - cpu_begin) / made)
        wall.append((time.monotonic() - wall_begin) / made)
    return Row(name, at_once, statistics.median(cpu), statistics.median(wall))


def _together(ask: Ask, count: int) -> Deferred[None]:
    """Ask so many times at once; a C{DeferredList} would be measured too, and costs more."""
    done: Deferred[None] = Deferred()
    left = count

    def one_less(_: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.callback(None)

    for _ in range(count):
        ask().addCallbacks(one_less, done.errback)
    return done
