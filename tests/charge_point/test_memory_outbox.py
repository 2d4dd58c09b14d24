"""The queues in memory do what those on disk do."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from cfos_cm.charge_point.environment import OutboxStore
from cfos_cm.charge_point.queued import QueuedMessage
from cfos_cm.storage.outbox import Outboxes
from tests.charge_point.memory_outbox import NOW, MemoryOutbox
from tests.storage.cases import SqliteCase


class MemoryOutboxTests(SqliteCase):
    """L{MemoryOutbox} against L{Outboxes}."""

    async def test_alike(self) -> None:
        """Whatever is done to both, they hold the same, in the same order."""
        new_ids = iter(f"again-{number}" for number in range(10_000))
        real = Outboxes(await self.opened(), lambda: next(new_ids), lambda: NOW)
        made = MemoryOutbox()
        choice = random.Random(6)
        messages: list[QueuedMessage] = []
        for number in range(300):
            await self.step(choice, number, messages, (real, made))
            if number % 10 == 0:
                await self.compare(real, made)
        await self.compare(real, made)

    async def step(
        self,
        choice: random.Random,
        number: int,
        messages: list[QueuedMessage],
        stores: tuple[OutboxStore, OutboxStore],
    ) -> None:
        """Do one thing to both."""
        what = choice.choice(("add", "add", "add", "delivered", "refused", "bury", "revive"))
        if what == "add" or not messages:
            messages.append(_message(number, choice))
            results = [await store.add(messages[-1]) for store in stores]
        else:
            one = choice.choice(messages)
            if what == "delivered":
                results = [await store.delivered(one) for store in stores]
            elif what == "refused":
                results = [await store.refused(one) for store in stores]
            elif what == "bury":
                results = [await store.bury(one, "no") for store in stores]
            else:
                results = [await store.revive(one.gateway, (one.key,)) for store in stores]
        self.assertEqual(results[0], results[1], what)

    async def compare(self, real: OutboxStore, made: OutboxStore) -> None:
        """Both hold the same."""
        for gateway in ("north", "south"):
            found: list[Any] = []
            for store in (real, made):
                waiting = await store.first(gateway, 1000)
                dead = await store.dead(gateway, 1000)
                some = await store.first(gateway, 3)
                depth = await store.depth(gateway)
                found.append(
                    (
                        [(one.key, one.attempts) for one in waiting],
                        [one.message.key for one in dead],
                        [one.key for one in some],
                        depth,
                    )
                )
            self.assertEqual(found[0], found[1])


def _message(number: int, choice: random.Random) -> QueuedMessage:
    return QueuedMessage(
        key=f"k{number}",
        gateway=choice.choice(("north", "south")),
        action=choice.choice(("StartTransaction", "MeterValues", "StopTransaction")),
        connector=1,
        transaction_id=choice.choice((1, 2, 3)),
        payload=b"{}",
        queued_at=NOW + timedelta(seconds=number),
        is_periodic=False,
        message_id=f"m{number}",
        attempts=choice.choice((0, 0, 2)),
    )
