"""The queues of the gateways in a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from cfos_cm.charge_point.queued import QueuedMessage

from . import cases, outbox_contract
from .outbox_contract import message, start

#: SQLite is asked to say so each time that it has done so many of its instructions.
STEPS = 100

#: To find a thing takes it some hundreds; to look at all takes it millions.
MANY_STEPS = 20_000


class SqliteOutbox(cases.SqliteCase, outbox_contract.OutboxContract):
    """Queues in a file keep every promise of a queue."""

    async def test_noTextAnyMore(self) -> None:
        """Bytes that are no text any more are found too, and cost no other message."""
        outboxes = await self.filled(*(message(key) for key in "ab"))
        await self.write(
            self.db, "UPDATE outbox SET payload_text = CAST(x'7bff' AS TEXT) WHERE key = 'a'"
        )
        self.assertEqual("b", await self.waiting(outboxes))
        (letter,) = await outboxes.dead("north", 1)
        self.assertEqual(b"{\xff", letter.message.payload)

    async def test_amongMany(self) -> None:
        """What is asked often costs no more among a hundred thousand messages than alone."""
        outboxes = await self.outboxes()
        await self.many(self.db)
        mine = [start("mine", 5), message("too", transaction_id=5)]
        steps = await self.counted_steps()
        asked: tuple[Callable[[], Deferred[Any]], ...] = (
            *(lambda one=one: outboxes.add(one) for one in mine),
            lambda: outboxes.depth("north"),
            lambda: outboxes.refused(self.one_of_many(7)),
            lambda: outboxes.delivered(self.one_of_many(9)),
            lambda: outboxes.bound(self.one_of_many(11), 5),
            lambda: outboxes.bury(mine[0], ""),
            lambda: outboxes.dead("north", 10),
            lambda: outboxes.revive("north", ("mine",)),
            lambda: outboxes.transactions("north"),
            outboxes.gateways,
        )
        for ask in asked:
            steps.clear()
            await ask()
            self.assertLess(len(steps) * STEPS, MANY_STEPS)

    async def test_headOfMany(self) -> None:
        """The head of a queue is found behind any number of dead letters."""
        outboxes = await self.outboxes()
        await self.many(self.db)
        await self.write(self.db, "UPDATE outbox SET is_dead = (number <= 199999)")
        last = message("last")
        await outboxes.add(last)
        await self.write(self.db, "DELETE FROM outbox WHERE number = 200000")
        steps = await self.counted_steps()
        self.assertEqual((last,), await outboxes.first("north", 100))
        self.assertLess(len(steps) * STEPS, MANY_STEPS)

    def one_of_many(self, number: int) -> QueuedMessage:
        """What is needed to name one of them."""
        return message(f"many-{number}", transaction_id=number // 100)

    async def counted_steps(self) -> list[None]:
        """What gets longer by one each time that SQLite has worked so much."""
        steps: list[None] = []

        def count(connection: Any) -> None:
            driver = connection.connection.driver_connection
            driver.set_progress_handler(lambda: steps.append(None), STEPS)

        await self.db.run(count)
        return steps
