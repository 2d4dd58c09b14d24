"""
The queues of the gateways on disk: messages that wait for an fsync, and are answered after it.

A hundred wallboxes queue one message after the other, each as soon as its last one is on disk
(SQLite, WAL, synchronous=FULL, one commit for all that wait together); first where each is
answered by its backend at once, then where none is, behind a backlog. At last the backlog is
read and answered, a hundred at a time.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from bench.frames import meter_values
from cfos_cm.charge_point.queued import QueuedMessage
from cfos_cm.storage.database import Database
from cfos_cm.storage.outbox import Outboxes

AT_ONCE = 100
GATEWAYS = 20

PAYLOADS = [meter_values(1_234_567, variant) for variant in range(16)]


@dataclass(frozen=True)
class Row:
    """One kind of work. [messages/s, ms until 95 of 100 are acknowledged]"""

    name: str
    per_second: float
    p95_ms: float


def run(rounds: int, seconds: float, backlog: int) -> str:
    """Measure, and describe the result."""
    results: list[list[Row]] = []
    failed: list[Any] = []

    def begin() -> None:
        running = Deferred.fromCoroutine(_measure(rounds, seconds, backlog))
        running.addCallbacks(results.append, failed.append)
        running.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if failed:
        failed[0].raiseException()
    lines = ["The queues of the gateways on disk (SQLite WAL, synchronous=FULL)"]
    lines += [
        f"  {len(PAYLOADS[0])} bytes in a message, {AT_ONCE} wallboxes, {GATEWAYS} gateways,"
        f" medians of {rounds}"
    ]
    lines += [f"  {'':44} {'1/s':>10} {'p95 ms':>10}"]
    lines += [
        f"  {row.name:44} {row.per_second:10.0f} {row.p95_ms:10.1f}" for row in results[0]
    ]
    return "\n".join(lines)


async def _measure(rounds: int, seconds: float, backlog: int) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="cfos_cm.") as folder:
        database = Database(
            f"sqlite:///{Path(folder) / 'bench.sqlite'}", reactor, lambda: datetime.now(UTC)
        )
        await database.start()
        outboxes = Outboxes(database, lambda: str(uuid4()), lambda: datetime.now(UTC))
        numbers = itertools.count()
        rows = [
            await _row("queued and answered", _Answered(outboxes, numbers), rounds, seconds)
        ]
        await _fill(outboxes, numbers, backlog)
        name = f"queued behind {backlog} and more"
        rows.append(await _row(name, _Queued(outboxes, numbers), rounds, seconds))
        rows.append(await _drain(outboxes, seconds))
        await database.stop()
    return rows


@dataclass(frozen=True)
class _Queued:
    """Queues one more message."""

    outboxes: Outboxes
    numbers: itertools.count[int]

    async def __call__(self, acknowledged: Callable[[], None]) -> None:
        await self.outboxes.add(_message(next(self.numbers)))
        acknowledged()


class _Answered(_Queued):
    """Queues one more message, and forgets it when it is on disk."""

    async def __call__(self, acknowledged: Callable[[], None]) -> None:
        message = _message(next(self.numbers))
        await self.outboxes.add(message)
        acknowledged()
        await self.outboxes.delivered(message)


def _message(number: int) -> QueuedMessage:
    return QueuedMessage(
        key=str(uuid4()),
        gateway=f"gateway-{number % GATEWAYS}",
        action="MeterValues",
        connector=1,
        transaction_id=number % AT_ONCE + 1,
        payload=PAYLOADS[number % len(PAYLOADS)],
        queued_at=datetime.now(UTC),
        is_periodic=True,
        message_id=str(uuid4()),
    )


async def _row(
    name: str,
    ask: Callable[[Callable[[], None]], Awaitable[None]],
    rounds: int,
    seconds: float,
) -> Row:
    rates, waits = [], []
    for _ in range(rounds):
        taken: list[float] = []
        begin = time.monotonic()
        await _together(ask, begin + seconds, taken)
        rates.append(len(taken) / (time.monotonic() - begin))
        waits.append(statistics.quantiles(taken, n=20)[-1] * 1000)
    return Row(name, statistics.median(rates), statistics.median(waits))


async def _together(
    ask: Callable[[Callable[[], None]], Awaitable[None]], until: float, taken: list[float]
) -> None:
    async def wallbox() -> None:
        while (begin := time.monotonic()) < until:
            await ask(lambda begin=begin: taken.append(time.monotonic() - begin))

    await gatherResults([Deferred.fromCoroutine(wallbox()) for _ in range(AT_ONCE)])


async def _fill(outboxes: Outboxes, numbers: itertools.count[int], backlog: int) -> None:
    for _ in range(0, backlog, 1000):
        await gatherResults([outboxes.add(_message(next(numbers))) for _ in range(1000)])


async def _drain(outboxes: Outboxes, seconds: float) -> Row:
    """Read a queue from its head and have it answered, for so long."""
    begin = time.monotonic()
    drained, taken = 0, []
    while time.monotonic() < begin + seconds:
        asked = time.monotonic()
        waiting = await outboxes.first("gateway-0", 100)
        if not waiting:
            break
        await gatherResults([outboxes.delivered(message) for message in waiting])
        taken.append(time.monotonic() - asked)
        drained += len(waiting)
    rate = drained / (time.monotonic() - begin)
    return Row(
        "read and answered, 100 at a time", rate, statistics.quantiles(taken, n=20)[-1] * 1e3
    )
