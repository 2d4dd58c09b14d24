"""The ledger, as those see it who report transactions to it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.queued import QueuedMessage, Route
from cfos_cm.errors import StorageError
from cfos_cm.services.forwarding import TellingLedger
from cfos_cm.site.records import StoredStart
from cfos_cm.storage.forwarding import ForwardingLedger
from tests.storage.cases import NOW, SqliteCase
from tests.storage.ledger_contract import START, stop_of

NORTH = Route("north", 3)


class Listener:
    """
    Notes what it is told, and when.

    @ivar told: the words for it.
    @ivar reading: what comes of readings.
    """

    def __init__(self) -> None:
        self.told: list[str] = []
        self.reading: Deferred[Any] | None = None

    def routes(self, evse: str | None, id_tag: str) -> Sequence[Route]:
        """All goes to one backend."""
        self.told.append(f"routes {evse} {id_tag}")
        return [NORTH]

    def last_wh(self, evse: str | None) -> int | None:
        """It is not known."""
        return None

    def began(self, start: StoredStart, queued: Sequence[QueuedMessage]) -> None:
        """A transaction has begun."""
        self.told.append(f"began {start.transaction.transaction_id} {len(queued)}")

    def ended(self, transaction_id: int, queued: Sequence[QueuedMessage]) -> None:
        """A transaction has ended."""
        self.told.append(f"ended {transaction_id} {len(queued)}")

    def measured(
        self, charge_point: str, connector: int, transaction_id: int | None, payload: bytes
    ) -> Deferred[Any] | None:
        """There are meter values."""
        self.told.append(f"measured {transaction_id} {payload.decode()}")
        return self.reading


class TransactionTests(SqliteCase):
    """Starts and ends."""

    async def telling(self, listener: Listener) -> TellingLedger:
        """A ledger on disk that tells."""
        self.db = await self.opened()
        keys, numbers = itertools.count(), itertools.count(1)
        ledger = ForwardingLedger(
            self.db, lambda: next(numbers), lambda: f"key-{next(keys)}", lambda: NOW
        )
        return TellingLedger(ledger, listener)

    async def test_told_when_on_disk(self) -> None:
        """Backends are told of what is there, before whoever said it is answered."""
        listener = Listener()
        telling = await self.telling(listener)
        stored = await telling.start(START)
        self.assertEqual(listener.told, ["routes bay-1 04AABB", "began 1 1"])
        self.assertEqual(stored.transaction.transaction_id, 1)
        await telling.start(START)
        self.assertEqual(listener.told[-1], "began 1 0")
        for _ in range(2):
            await telling.stop(stop_of(1))
        self.assertEqual(listener.told[-2:], ["ended 1 1", "ended 1 0"])

    async def test_not_on_disk(self) -> None:
        """Of what is not, nobody is told."""
        listener = Listener()
        telling = await self.telling(listener)
        await self.write(self.db, "ALTER TABLE outbox RENAME TO elsewhere")
        await self.assertFailure(telling.start(START), StorageError)
        self.assertEqual(listener.told, ["routes bay-1 04AABB"])


class FakeLedger:
    """A ledger that keeps readings as a test says."""

    def __init__(self, kept: Deferred[None] | None) -> None:
        self.kept = kept

    def add_meter_values(self, *_: object) -> Deferred[None] | None:
        """Readings have come."""
        return self.kept


class ReadingTests(SynchronousTestCase):
    """Readings have two places to be kept in."""

    def add(
        self, kept: Deferred[None] | None, owed: Deferred[Any] | None
    ) -> Deferred[None] | None:
        """Readings come."""
        listener, ledger = Listener(), FakeLedger(kept)
        listener.reading = owed
        telling = TellingLedger(ledger, listener)  # type: ignore[arg-type]
        added = telling.add_meter_values("CP-1", 1, 7, NOW, "{}")
        self.assertEqual(listener.told, ["measured 7 {}"])
        return added

    def test_nothing_to_wait_for(self) -> None:
        """Where nobody has to write, the answer is there."""
        self.assertIsNone(self.add(None, None))

    def test_both(self) -> None:
        """Where both have to, it comes when both have."""
        kept: Deferred[None] = Deferred()
        owed: Deferred[None] = Deferred()
        added = self.add(kept, owed)
        assert added is not None
        owed.callback(None)
        self.assertNoResult(added)
        kept.callback(None)
        self.assertIsNone(self.successResultOf(added))

    def test_failure(self) -> None:
        """The fault of either is the answer, as it is."""
        broken = StorageError("full")
        for kept, owed in ((fail(broken), None), (succeed(None), fail(broken))):
            added = self.add(kept, owed)
            assert added is not None
            self.assertIs(self.failureResultOf(added).value, broken)

    def test_both_fail(self) -> None:
        """The first fault is told, and none is left over."""
        first, second = StorageError("first"), StorageError("second")
        added = self.add(fail(first), fail(second))
        assert added is not None
        self.assertIs(self.failureResultOf(added).value, first)
