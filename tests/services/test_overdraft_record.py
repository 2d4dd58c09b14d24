"""How far fuses ever were overdrawn, on its way to disk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase
from cfos_cm.errors import StorageError
from cfos_cm.services.overdraft_record import OverdraftRecord

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@define
class SlowStore:
    """Notes what is to be stored; the test answers."""

    puts: list[tuple[str, Phase, int]] = field(factory=list)
    answers: list[Deferred[None]] = field(factory=list)

    def put(self, circuit: str, phase: Phase, highest_ma: int, at: datetime) -> Deferred[None]:
        """See L{cfos_cm.services.overdraft_record.MaximumStore.put}."""
        assert at == NOW
        self.puts.append((circuit, phase, highest_ma))
        self.answers.append(Deferred())
        return self.answers[-1]

    def all(self) -> Deferred[Mapping[tuple[str, Phase], int]]:
        """See L{cfos_cm.services.overdraft_record.MaximumStore.all}."""
        return succeed({("garage", Phase.L2): 4000})


class Record(SynchronousTestCase):
    """What is stored, and when."""

    def setUp(self) -> None:
        """Nothing was noted."""
        self.store = SlowStore()
        self.record = OverdraftRecord(self.store, lambda: NOW)

    def stored_ma(self) -> list[int]:
        """What the store was given."""
        return [highest_ma for _, _, highest_ma in self.store.puts]

    def test_load(self) -> None:
        """What is stored is remembered from the start on."""
        found = self.successResultOf(Deferred.fromCoroutine(self.record.load()))
        self.assertEqual(4000, found.highest("garage").l2_ma)

    def test_one_at_a_time(self) -> None:
        """While one is written many more are one more, of each phase by itself."""
        for highest_ma in (1000, 2000, 3000):
            self.record.note("garage", Phase.L1, highest_ma)
        self.record.note("garage", Phase.L2, 7)
        self.assertEqual([1000, 7], self.stored_ma())
        self.store.answers[0].callback(None)
        self.assertEqual([1000, 7, 3000], self.stored_ma())
        self.store.answers[2].callback(None)
        self.record.note("garage", Phase.L1, 3001)
        self.assertEqual(("garage", Phase.L1, 3001), self.store.puts[-1])

    def test_failed(self) -> None:
        """What could not be stored is in the log, and stored with the next."""
        self.record.note("garage", Phase.L1, 5000)
        with capturedLogs() as logged:
            self.store.answers[0].errback(StorageError("the disk is full"))
        self.assertEqual(
            ["how far phase L1 of garage was overdrawn is not stored: the disk is full"],
            [formatEvent(event) for event in logged],
        )
        self.record.note("garage", Phase.L1, 100)
        self.assertEqual([5000, 5000], self.stored_ma())
