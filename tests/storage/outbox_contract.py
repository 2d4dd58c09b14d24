"""What the queues of the gateways promise, whatever database they are in."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from attrs import evolve
from sqlalchemy import Engine, event, text
from twisted.internet.defer import gatherResults
from twisted.logger import capturedLogs

from cfos_cm.charge_point.environment import OutboxStore
from cfos_cm.charge_point.queued import BoundTransaction, Depth, QueuedMessage
from cfos_cm.errors import LocalProtocolError, RemoteProtocolError, StorageError
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.storage import (
    gateway_transactions,
    outbox_rows,
    outbox_thinning,
    outbox_work,
)
from cfos_cm.storage.database import Database
from cfos_cm.storage.outbox import Outboxes

from .cases import NOW, DatabaseCase

#: As a Charge Point wrote it: no two JSON writers would agree on that.
PAYLOAD = '{"transactionId" : 7, "x":"\\/ \\u00e9 é 🚗", "z":1.50e0,"a":[ ]}'.encode()


def message(key: str, **changes: Any) -> QueuedMessage:
    """A reading of transaction 7 that is owed to a backend."""
    made = QueuedMessage(
        key=key,
        gateway="north",
        action="MeterValues",
        connector=2,
        transaction_id=7,
        payload=PAYLOAD,
        queued_at=NOW,
        is_periodic=True,
        message_id=f"id-{key}",
    )
    return evolve(made, **changes)


def start(key: str, transaction_id: int = 7, **changes: Any) -> QueuedMessage:
    """The beginning of a transaction."""
    changes = {"action": "StartTransaction", "is_periodic": False, **changes}
    return message(key, transaction_id=transaction_id, **changes)


def keys(messages: Iterable[QueuedMessage]) -> str:
    """Which ones they are, in their order."""
    return " ".join(one.key for one in messages)


class OutboxContract(DatabaseCase):
    """Queues."""

    async def outboxes(self) -> Outboxes:
        """Empty queues; what is made new is called new-1, new-2, …"""
        numbers = itertools.count(1)
        self.db = await self.opened()
        return Outboxes(self.db, lambda: f"new-{next(numbers)}", lambda: NOW)

    async def filled(self, *messages: QueuedMessage) -> Outboxes:
        """Queues in which these wait."""
        outboxes = await self.outboxes()
        await gatherResults([outboxes.add(one) for one in messages])
        return outboxes

    async def waiting(self, outboxes: Outboxes, gateway: str = "north") -> str:
        """The keys of what waits."""
        return keys(await outboxes.first(gateway, 100))

    async def dead(self, outboxes: Outboxes, gateway: str = "north") -> str:
        """The keys of the dead letters."""
        return keys(letter.message for letter in await outboxes.dead(gateway, 100))

    async def test_isAStore(self) -> None:
        """It is what gateways are handed."""
        store: OutboxStore = await self.outboxes()
        self.assertEqual((), await store.first("north", 100))
        self.assertEqual(Depth(), await store.depth("north"))

    async def test_everyField(self) -> None:
        """A message comes back as it was put, its payload byte for byte."""
        there = message("a", attempts=3, queued_at=NOW + timedelta(days=1))
        bare = message(
            "b",
            transaction_id=None,
            payload=b"",
            is_periodic=False,
            action="SecurityEventNotification",
        )
        outboxes = await self.filled(there, bare)
        self.assertEqual((there, bare), await outboxes.first("north", 100))

    async def test_order(self) -> None:
        """What was queued first comes first, for each gateway, and so many at most."""
        outboxes = await self.filled(
            message("c"), message("x", gateway="south"), message("a"), message("b")
        )
        self.assertEqual("c a b", await self.waiting(outboxes))
        self.assertEqual("x", await self.waiting(outboxes, "south"))
        self.assertEqual("c a", keys(await outboxes.first("north", 2)))
        self.assertEqual((), await outboxes.first("north", -1))

    async def test_survives(self) -> None:
        """Queues are there when the program starts again, in their order."""
        outboxes = await self.filled(message("c"), message("a"))
        await self.db.stop()
        await self.db.start()
        await outboxes.add(message("b"))
        self.assertEqual("c a b", await self.waiting(outboxes))

    async def test_oneMiB(self) -> None:
        """Of long messages fewer are read, and one in any case."""
        self.patch(outbox_work, "MAX_BYTES_READ", 100)
        long = [message(key, payload=b"x" * 40) for key in "abc"]
        huge = message("d", payload=b"x" * 101)
        outboxes = await self.filled(*long, huge)
        self.assertEqual("a b", await self.waiting(outboxes))
        for one in long:
            await outboxes.delivered(one)
        self.assertEqual("d", await self.waiting(outboxes))

    async def test_delivered(self) -> None:
        """What was answered is forgotten, once; what is not there is no mistake."""
        outboxes = await self.filled(*(message(key) for key in "abc"))
        await gatherResults([outboxes.delivered(message(key)) for key in "aab"])
        self.assertEqual("c", await self.waiting(outboxes))
        self.assertEqual(1, (await outboxes.depth("north")).waiting)

    async def test_answeredBeforeItIsWritten(self) -> None:
        """What comes and is answered in one commit is not there; others keep their order."""
        outboxes = await self.filled(message("a"))
        let_go, done = self.held(self.db)
        waiting = [
            outboxes.add(message("b")),
            outboxes.delivered(message("a")),
            outboxes.add(message("c")),
            outboxes.delivered(message("b")),
            outboxes.add(message("d")),
        ]
        let_go()
        await gatherResults([done, *waiting])
        self.assertEqual("c d", await self.waiting(outboxes))
        self.assertEqual(2, (await outboxes.depth("north")).waiting)

    async def test_sameKey(self) -> None:
        """A key that is there is refused, alone and with others, and costs no other."""
        outboxes = await self.filled(message("a"))
        let_go, _ = self.held(self.db)
        good = [outboxes.add(message(key)) for key in "bc"]
        bad = [outboxes.add(message(key, gateway="south")) for key in "ab"]
        let_go()
        await gatherResults(good)
        for failing in bad:
            await self.assertFailure(failing, StorageError)
        self.assertEqual("a b c", await self.waiting(outboxes))
        self.assertEqual(["north"], list(await outboxes.gateways()))

    async def test_refusedValues(self) -> None:
        """What no database can keep is refused, by whose fault it is."""
        outboxes = await self.outboxes()
        for bad in (
            message("a", payload=b'"\xff"'),
            message("a", payload=b"\0"),
            message("a", payload=b"x" * (256 * 1024 + 1)),
            message("a", transaction_id=2**63),
            message("a", action="a\0"),
        ):
            await self.assertFailure(outboxes.add(bad), RemoteProtocolError)
        for ours in (message("a\0"), message("a", gateway="x" * 256)):
            await self.assertFailure(outboxes.add(ours), LocalProtocolError)
        self.assertEqual({}, await outboxes.gateways())

    async def test_attempts(self) -> None:
        """How often it was sent, and with which id, is known after a restart."""
        outboxes = await self.filled(message("a"))
        tried = message("a", attempts=2, message_id="another")
        await outboxes.refused(tried)
        await self.db.stop()
        await self.db.start()
        self.assertEqual((tried,), await outboxes.first("north", 1))

    async def test_depth(self) -> None:
        """A queue's length, size and age are known, and what was given up is not of it."""
        later = NOW + timedelta(hours=1)
        outboxes = await self.filled(
            message("a", payload="é".encode()),
            message("b", payload=b"123", queued_at=later),
            message("c", payload=b"12345", queued_at=later),
            message("x", gateway="south"),
        )
        await outboxes.bury(message("b"), "")
        self.assertEqual(Depth(2, 7, NOW, 1), await outboxes.depth("north"))
        await outboxes.delivered(message("a"))
        self.assertEqual(Depth(1, 5, later, 1), await outboxes.depth("north"))
        south = Depth(1, len(PAYLOAD), NOW, 0)
        self.assertEqual(
            {"north": Depth(1, 5, later, 1), "south": south}, await outboxes.gateways()
        )
        await outboxes.delivered(message("c"))
        await outboxes.delivered(message("b"))
        self.assertEqual(Depth(), await outboxes.depth("north"))
        self.assertEqual({"south": south}, await outboxes.gateways())

    async def test_takenBack(self) -> None:
        """What is not committed is not counted."""
        outboxes = await self.filled(message("a"))

        def broken(connection: Any) -> None:
            outbox_rows.keep_and_forget(
                connection, [outbox_rows.checked_row(message("b")), "a"]
            )
            raise LocalProtocolError("broken")

        await self.assertFailure(self.db.run(broken), LocalProtocolError)
        self.assertEqual("a", await self.waiting(outboxes))
        self.assertEqual(1, (await outboxes.depth("north")).waiting)

    # Dead letters.

    async def test_bury(self) -> None:
        """What is given up is kept with the reason, and is out of the way."""
        outboxes = await self.filled(message("a"), message("b"))
        self.assertEqual(1, await outboxes.bury(message("a"), "it says: Ä\0\ud800" + "x" * 999))
        self.assertEqual("b", await self.waiting(outboxes))
        (letter,) = await outboxes.dead("north", 100)
        self.assertEqual((message("a"), NOW), (letter.message, letter.buried_at))
        self.assertTrue(letter.why.startswith("it says: Ä?x"), letter.why)
        self.assertEqual(500, len(letter.why))
        self.assertEqual(0, await outboxes.bury(message("a"), "again"))
        self.assertEqual(0, await outboxes.bury(message("z"), "unknown"))

    async def test_buryAStart(self) -> None:
        """With a start all that waits of its transaction is given up, and nothing else."""
        outboxes = await self.filled(
            start("a"),
            start("b", transaction_id=8),
            message("c"),
            message("d", gateway="south"),
            message("e", transaction_id=None),
            message("f", action="StopTransaction"),
        )
        self.assertEqual(3, await outboxes.bury(start("a"), "no such tag"))
        self.assertEqual("b e", await self.waiting(outboxes))
        self.assertEqual("d", await self.waiting(outboxes, "south"))
        whys = [letter.why for letter in await outboxes.dead("north", 100)]
        self.assertEqual("no such tag", whys[0])
        self.assertEqual({"its StartTransaction was given up: no such tag"}, set(whys[1:]))
        self.assertEqual(3, (await outboxes.depth("north")).dead)

    async def test_pages(self) -> None:
        """Dead letters come in the order of their queueing, in pages."""
        outboxes = await self.filled(*(message(key) for key in "abcd"))
        for key in "dbca":
            await outboxes.bury(message(key), key)
        self.assertEqual("a b c d", await self.dead(outboxes))
        page = await outboxes.dead("north", 2, 1)
        self.assertEqual("b c", keys(letter.message for letter in page))
        self.assertEqual((), await outboxes.dead("north", -1, -1))

    async def test_revive(self) -> None:
        """A dead letter goes back to its place, as one that was never sent."""
        outboxes = await self.filled(*(message(key, transaction_id=None) for key in "abcd"))
        await outboxes.refused(message("b", attempts=3))
        for key in "bd":
            await outboxes.bury(message(key), "")
        await outboxes.add(message("e"))
        self.assertEqual(1, await outboxes.revive("north", ("b", "c", "z", "a\0")))
        self.assertEqual("a b c e", await self.waiting(outboxes))
        self.assertEqual("d", await self.dead(outboxes))
        revived = (await outboxes.first("north", 2))[1]
        self.assertEqual(("new-1", 0), (revived.message_id, revived.attempts))
        self.assertEqual(0, await outboxes.revive("south"))
        self.assertEqual(1, await outboxes.revive("north"))
        self.assertEqual("a b c d e", await self.waiting(outboxes))
        self.assertEqual(Depth(5, 5 * len(PAYLOAD), NOW, 0), await outboxes.depth("north"))

    async def test_reviveATransaction(self) -> None:
        """One of a transaction's dead letters takes along the others, not other gateways'."""
        outboxes = await self.filled(
            start("a"), message("b"), message("c", transaction_id=8), message("d"),
            start("x", gateway="south"),
        )  # fmt: skip
        for one in (start("a"), message("c"), start("x")):
            await outboxes.bury(one, "")
        self.assertEqual(0, await outboxes.revive("north", ("x",)))
        self.assertEqual(3, await outboxes.revive("north", ("d",)))
        self.assertEqual("a b d", await self.waiting(outboxes))
        self.assertEqual("c", await self.dead(outboxes))
        self.assertEqual("x", await self.dead(outboxes, "south"))

    async def test_manyDead(self) -> None:
        """More dead letters than one statement can name come back in their order."""
        self.patch(outbox_rows, "_CHUNK", 3)
        outboxes = await self.filled(
            start("0"), *(message(str(number)) for number in range(1, 10))
        )
        self.assertEqual(10, await outboxes.bury(start("0"), ""))
        named = tuple(str(number) for number in range(9))
        self.assertEqual(10, await outboxes.revive("north", named))
        self.assertEqual("0 1 2 3 4 5 6 7 8 9", await self.waiting(outboxes))
        self.assertEqual(Depth(10, 10 * len(PAYLOAD), NOW), await outboxes.depth("north"))

    async def test_damaged(self) -> None:
        """A message that was damaged on the disk is never sent, and is shown."""
        outboxes = await self.filled(*(message(key) for key in "abcdef"))
        for change in (
            "payload_text = '{}' WHERE key = 'a'",
            "connector = 3 WHERE key = 'b'",
            "transaction_id = NULL WHERE key = 'd'",
            "action = 'StopTransaction' WHERE key = 'e'",
        ):
            await self.write(self.db, f"UPDATE outbox SET {change}")
        with capturedLogs() as events:
            found = await outboxes.first("north", 1)
            self.assertEqual("c", keys(found))
            self.assertEqual("c f", await self.waiting(outboxes))
        self.assertEqual(["critical"] * 2, [entry["log_level"].name for entry in events])
        self.assertEqual("a b d e", await self.dead(outboxes))
        letters = await outboxes.dead("north", 1)
        self.assertIn("checksum", letters[0].why)
        await outboxes.revive("north", ("a",))
        with capturedLogs():
            self.assertEqual("c f", await self.waiting(outboxes))

    async def test_damagedBesides(self) -> None:
        """A time or a count that cannot be read keeps nobody from being told."""
        outboxes = await self.filled(message("a"), message("b"))
        if self.url.startswith("sqlite"):
            damage = "attempts = 'x', queued_at = '1999-99-99'"
            await self.write(self.db, f"UPDATE outbox SET {damage} WHERE key = 'a'")
        self.assertEqual("a b", await self.waiting(outboxes))
        self.assertIsNotNone((await outboxes.depth("north")).oldest_at)
        await outboxes.bury(message("a"), "no")
        self.assertEqual("a", await self.dead(outboxes))

    async def test_damagedStart(self) -> None:
        """With a start that was damaged all goes that cannot be sent without it."""
        outboxes = await self.filled(start("a"), message("b"), message("c", transaction_id=8))
        await self.write(self.db, "UPDATE outbox SET payload_text = '{}' WHERE key = 'a'")
        with capturedLogs() as events:
            self.assertEqual("c", await self.waiting(outboxes))
        self.assertEqual([1], [entry["count"] for entry in events])
        self.assertEqual("a b", await self.dead(outboxes))
        self.assertEqual(2, (await outboxes.depth("north")).dead)

    # Too much.

    async def test_thin(self) -> None:
        """Every second reading goes, oldest first, then again, until few enough wait."""
        outboxes = await self.filled(*(message(str(number)) for number in range(10)))
        self.assertEqual(0, await outboxes.thin("north", 10))
        self.assertEqual(2, await outboxes.thin("north", 8))
        self.assertEqual("0 2 4 5 6 7 8 9", await self.waiting(outboxes))
        self.assertEqual(3, await outboxes.thin("north", 5))
        self.assertEqual("0 4 6 8 9", await self.waiting(outboxes))
        self.assertEqual(3, await outboxes.thin("north", 0))
        self.assertEqual("0 9", await self.waiting(outboxes))
        self.assertEqual(2, (await outboxes.depth("north")).waiting)

    async def test_neverThinned(self) -> None:
        """Nothing that is told once goes, nor the first and the last reading of each place."""
        waiting = [
            start("a"),
            *(message(key) for key in "bcd"),
            message("signed", is_periodic=False),
            *(message(f"other-{key}", transaction_id=8) for key in "abc"),
            *(message(f"loose-{key}", transaction_id=None) for key in "ab"),
            message("loose-c", transaction_id=None, connector=3),
            message("stop", action="StopTransaction", is_periodic=False),
        ]
        south = [message(f"south-{key}", gateway="south") for key in "abc"]
        outboxes = await self.filled(*waiting, *south)
        self.assertEqual(2, await outboxes.thin("north", 0))
        self.assertEqual(
            "a b d signed other-a other-c loose-a loose-b loose-c stop",
            await self.waiting(outboxes),
        )
        self.assertEqual(3, (await outboxes.depth("south")).waiting)

    async def test_fairThinning(self) -> None:
        """Of two transactions that take turns both are thinned out."""
        outboxes = await self.filled(
            *(message(f"{number}", transaction_id=number % 2) for number in range(12))
        )
        await outboxes.thin("north", 8)
        self.assertEqual("0 1 4 5 8 9 10 11", await self.waiting(outboxes))

    async def test_thinnedInTurns(self) -> None:
        """All that waits is gone through, some at a time, and others have their turns."""
        self.patch(outbox_thinning, "ROWS_AT_ONCE", 5)
        outboxes = await self.filled(*(message(str(number)) for number in range(40)))
        thinning = outboxes.thin("north", 11)
        self.assertEqual("0", keys(await outboxes.first("north", 1)))
        self.assertFalse(thinning.called)
        self.assertEqual(29, await thinning)
        self.assertEqual(11, (await outboxes.depth("north")).waiting)
        self.assertEqual("0", keys(await outboxes.first("north", 1)))
        self.assertEqual("39", (await outboxes.first("north", 100))[-1].key)

    # Transactions.

    async def known(self, gateway: str, *numbers: int) -> None:
        """Have a backend told of transactions."""

        def note(connection: Any) -> None:
            for number in numbers:
                begun = Transaction(number, "TAG", Verdict.ACCEPTED, NOW, 1000)
                gateway_transactions.note_transaction(connection, gateway, 2, begun)

        await self.db.run(note)

    async def test_bound(self) -> None:
        """The backend's number is noted, and the message forgotten."""
        outboxes = await self.filled(start("a"), message("b"), start("x", gateway="south"))
        await self.known("north", 7)
        await self.known("south", 7)
        await outboxes.bound(start("a"), -(2**63))
        self.assertEqual("b", await self.waiting(outboxes))
        (found,) = await outboxes.transactions("north")
        self.assertEqual(BoundTransaction(7, 2, "TAG", NOW, -(2**63)), found)
        (other,) = await outboxes.transactions("south")
        self.assertIsNone(other.backend_id)

    async def test_boundTooLarge(self) -> None:
        """A number that cannot be kept is the backend's mistake, and the message stays."""
        outboxes = await self.filled(start("a"))
        await self.known("north", 7)
        await self.assertFailure(outboxes.bound(start("a"), 2**63), RemoteProtocolError)
        self.assertEqual("a", await self.waiting(outboxes))

    async def test_oldTransactions(self) -> None:
        """Old transactions that are over go when nothing is owed of them; others stay."""
        self.patch(gateway_transactions, "MAX_BOUND_TRANSACTIONS", 2)
        self.patch(gateway_transactions, "_ONCE_FOR", 1)
        await self.filled(
            start("a", transaction_id=2),
            message("dead", transaction_id=3),
            start("other", gateway="south", transaction_id=4),
        )
        outboxes = Outboxes(self.db, lambda: "", lambda: NOW)
        await outboxes.bury(message("dead"), "")
        await self.known("north", 1, 2, 3, 4, 5, 6)
        await self.write(
            self.db, "UPDATE gateway_transactions SET is_over = (transaction_id <> 1)"
        )
        await self.known("north", 7)
        found = await self.rows(
            self.db, "SELECT transaction_id FROM gateway_transactions ORDER BY number"
        )
        self.assertEqual([(1,), (2,), (3,), (6,), (7,)], found)

    async def test_whichTransactions(self) -> None:
        """Of too many those are read whose number is needed, and then the newest."""
        self.patch(gateway_transactions, "MAX_BOUND_TRANSACTIONS", 3)
        outboxes = await self.filled(message("a", transaction_id=2))
        await self.known("north", 1, 2, 3, 4, 5)
        await self.write(
            self.db,
            "UPDATE gateway_transactions SET is_over = (transaction_id < 3),"
            " backend_id = CASE WHEN transaction_id < 4 THEN 100 + transaction_id END",
        )
        found = await outboxes.transactions("north")
        self.assertEqual([2, 3, 5], [one.transaction_id for one in found])
        self.assertEqual([102, 103, None], [one.backend_id for one in found])
        await self.write(
            self.db, "UPDATE gateway_transactions SET is_over = (transaction_id <> 4)"
        )
        found = await outboxes.transactions("north")
        self.assertEqual([2, 4, 5], [one.transaction_id for one in found])

    # What an operator decides.

    async def test_move(self) -> None:
        """Another gateway gets it all, in the order in which it was queued."""
        outboxes = await self.filled(
            start("a"), message("b", gateway="south"), message("c", transaction_id=None),
            message("d"),
        )  # fmt: skip
        await self.known("north", 7)
        await outboxes.bury(message("c"), "no")
        self.assertEqual(3, await outboxes.move("north", "south"))
        self.assertEqual("a b d", await self.waiting(outboxes, "south"))
        self.assertEqual("c", await self.dead(outboxes, "south"))
        self.assertEqual(
            {"south": Depth(3, 3 * len(PAYLOAD), NOW, 1)}, await outboxes.gateways()
        )
        self.assertEqual(1, len(await outboxes.transactions("south")))
        self.assertEqual((), await outboxes.transactions("north"))
        self.assertEqual(0, await outboxes.move("south", "south"))
        self.assertEqual(0, await outboxes.move("nowhere", "south"))
        await self.assertFailure(outboxes.move("south", "a\0"), LocalProtocolError)

    async def test_moveWhatIsKnown(self) -> None:
        """No backend is told twice of a transaction: what it has been told of is not moved."""
        outboxes = await self.filled(start("a"), start("b", transaction_id=8))
        await self.known("north", 7, 8)
        await self.known("south", 7)
        self.assertEqual(1, await outboxes.move("north", "south"))
        self.assertEqual("a", await self.waiting(outboxes))
        self.assertEqual("b", await self.waiting(outboxes, "south"))
        self.assertEqual(
            [7], [one.transaction_id for one in await outboxes.transactions("north")]
        )

    async def test_drop(self) -> None:
        """All of one gateway goes, but a transaction that its backend has begun."""
        outboxes = await self.filled(
            start("a"), message("b"), message("x", gateway="south"), start("c", 8)
        )
        await self.known("north", 7, 8)
        await self.known("south", 7)
        await outboxes.bound(start("c", 8), 88)
        await outboxes.bury(message("b"), "no")
        self.assertEqual(2, await outboxes.drop("north"))
        self.assertEqual("", await self.waiting(outboxes) + await self.dead(outboxes))
        self.assertEqual(["south"], list(await outboxes.gateways()))
        self.assertEqual(
            [8], [one.transaction_id for one in await outboxes.transactions("north")]
        )
        self.assertEqual(
            [7], [one.transaction_id for one in await outboxes.transactions("south")]
        )
        self.assertEqual(0, await outboxes.drop("north"))

    async def test_dropInTurns(self) -> None:
        """All is dropped, some at a time, newest first, and others are served meanwhile."""
        outboxes = await self.filled(*(message(key) for key in "abcde"))
        self.patch(outbox_work, "MAX_MESSAGES_READ", 2)
        dropping = outboxes.drop("north")
        found = await outboxes.first("north", 1)
        self.assertFalse(dropping.called)
        self.assertEqual("a", keys(found))
        self.assertEqual(5, await dropping)
        self.assertEqual({}, await outboxes.gateways())

    # A million of them.

    async def test_throughTheIndex(self) -> None:
        """Nothing that is asked often looks at more than it gives."""
        outboxes = await self.filled(start("a"), *(message(key) for key in "bcd"))
        await self.known("north", 7)
        asked: list[tuple[str, Any]] = []

        def note(
            connection: Any, cursor: Any, statement: str, parameters: Any, *_: object
        ) -> None:
            if "outbox" in statement and not statement.startswith("INSERT"):
                asked.append((statement, parameters))

        event.listen(Engine, "before_cursor_execute", note)
        try:
            await outboxes.first("north", 2)
            await outboxes.depth("north")
            await outboxes.refused(message("b", attempts=1))
            await outboxes.bound(start("a"), 1)
            await outboxes.delivered(message("b"))
            await outboxes.add(start("e"))
            await outboxes.bury(start("e"), "")
            await outboxes.dead("north", 2)
            await outboxes.revive("north", ("e",))
            await outboxes.thin("north", 1)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        self.assertGreaterEqual(len(asked), 20)
        await self.write(self.db, "DELETE FROM outbox")
        await self.many(self.db)
        for statement, parameters in asked:
            first = parameters[0] if isinstance(parameters, list) else parameters
            plan = await self.plan(self.db, statement, first)
            for slow in ("SCAN outbox", "Seq Scan on outbox ", "B-TREE", "Sort"):
                self.assertNotIn(slow, plan, statement)

    async def many(self, database: Database) -> None:
        """Have a hundred thousand messages wait, and as many dead letters kept."""
        numbers = {
            "sqlite": "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM"
            " counted WHERE n < 200000) INSERT INTO outbox {columns} SELECT {values} FROM"
            " counted",
            "postgresql": "INSERT INTO outbox {columns} SELECT {values} FROM"
            " generate_series(1, 200000) AS counted(n)",
        }
        columns = (
            "(key, gateway, is_dead, action, connector, transaction_id, queued_at,"
            " is_periodic, message_id, attempts, size_bytes, checksum, payload_text)"
        )
        values = (
            "'many-' || n, 'north', n % 2 = 0, 'MeterValues', 1, n / 100,"
            " '2026-01-02 03:04:05.000000', n > 0, 'id', 0, 2, 0, '{}'"
        )

        def fill(connection: Any) -> None:
            statement = numbers[connection.dialect.name]
            statement = statement.replace("{columns}", columns).replace("{values}", values)
            connection.execute(text(statement))
            connection.execute(text("ANALYZE"))

        await database.run(fill)

    async def plan(self, database: Database, statement: str, parameters: Any) -> str:
        """How the database goes about a statement."""

        def explain(connection: Any) -> str:
            words = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
            rows = connection.exec_driver_sql(f"{words} {statement}", parameters)
            return "\n".join(str(tuple(row)) for row in rows)

        return await database.run(explain)
