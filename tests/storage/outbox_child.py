"""
Run as a program: queues messages and transactions without an end, has some of them answered,
and prints C{WHAT KEY} when that is acknowledged.

Arguments: the database's URL, and a number that no other run has. What it says: C{start ID} and
C{stop ID} for what the ledger has; C{waits GATEWAY KEY} for what is owed; C{gone KEY} for what
is about to be answered, and C{forgotten KEY} when that is noted.
"""

from __future__ import annotations

import itertools
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred, gatherResults

from cfos_cm.charge_point.queued import QueuedMessage, Route
from cfos_cm.storage.database import Database
from cfos_cm.storage.forwarding import ForwardingLedger
from cfos_cm.storage.outbox import Outboxes
from tests.storage.acknowledging_child import starts, stop_of

GATEWAYS = ("north", "south")


def say(*words: object) -> None:
    """Tell whoever will kill this program."""
    print(*words, flush=True)  # noqa: T201


def reading(key: str, gateway: str, transaction_id: int) -> QueuedMessage:
    """A reading of a transaction."""
    payload = f'{{"transactionId":{transaction_id}}}'.encode()
    now = datetime.now(UTC)
    return QueuedMessage(
        key, gateway, "MeterValues", 1, transaction_id, payload, now, True, f"id-{key}"
    )


async def station(
    ledger: ForwardingLedger, outboxes: Outboxes, waiting: Any, new_key: Callable[[], str]
) -> None:
    """Have one transaction after the other, with two readings each."""
    routes = [Route(gateway, 1) for gateway in GATEWAYS]
    for start in waiting:
        stored, queued = await ledger.start_and_queue(start, routes)
        number = stored.transaction.transaction_id
        say("start", number)
        for message in queued:
            say("waits", message.gateway, message.key)
        for gateway in GATEWAYS:
            message = reading(new_key(), gateway, number)
            await outboxes.add(message)
            say("waits", gateway, message.key)
        _, queued = await ledger.stop_and_queue(stop_of(start, number))
        say("stop", number)
        for message in queued:
            say("waits", message.gateway, message.key)


async def backend(outboxes: Outboxes, gateway: str) -> None:
    """Answer what is owed, one after the other."""
    while True:
        for message in await outboxes.first(gateway, 3):
            say("gone", message.key)
            if message.action == "StartTransaction":
                assert message.transaction_id is not None
                await outboxes.bound(message, message.transaction_id + 1)
            else:
                await outboxes.delivered(message)
            say("forgotten", message.key)


async def work(reactor: Any, url: str, run: int) -> None:
    """Go on until the process is killed."""
    draw = random.Random(run)
    keys = (f"{run}-{number}" for number in itertools.count())
    database = Database(url, reactor, lambda: datetime.now(UTC))
    await database.start()

    def new_key() -> str:
        return next(keys)

    ledger = ForwardingLedger(
        database,
        lambda: draw.randint(1, 2**31 - 1),
        lambda: f"ledger-{new_key()}",
        lambda: datetime.now(UTC),
    )
    outboxes = Outboxes(database, new_key, lambda: datetime.now(UTC))
    waiting = starts(run)
    running = [station(ledger, outboxes, waiting, lambda: f"own-{new_key()}") for _ in range(4)]
    running += [backend(outboxes, gateway) for gateway in GATEWAYS]
    await gatherResults([Deferred.fromCoroutine(one) for one in running])


if __name__ == "__main__":
    task.react(
        lambda reactor: Deferred.fromCoroutine(work(reactor, sys.argv[1], int(sys.argv[2])))
    )
