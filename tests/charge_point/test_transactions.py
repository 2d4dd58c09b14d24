"""Our numbers of transactions, and the backend's."""

from __future__ import annotations

from datetime import timedelta

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.queued import BoundTransaction
from cfos_cm.charge_point.transactions import MAX_TRANSACTIONS, Transactions
from tests.charge_point.memory_outbox import NOW


class TransactionsTests(SynchronousTestCase):
    """L{Transactions}."""

    def setUp(self) -> None:
        """None is known."""
        self.told: list[BoundTransaction] = []
        self.transactions = Transactions("North", self.told.append)

    def begin(self, number: int, connector: int = 1, backend_id: int | None = None) -> None:
        """A transaction begins."""
        at = NOW + timedelta(seconds=number)
        self.transactions.begun(number, connector, "04AABB", at)
        if backend_id is not None:
            self.transactions.bound(number, backend_id)

    def test_both_ways(self) -> None:
        """Each side's number leads to the other's."""
        self.begin(7, 2, backend_id=99)
        found = self.transactions.by_backend(99)
        assert found is not None
        self.assertEqual((found.transaction_id, found.connector), (7, 2))
        self.assertEqual(self.transactions.backend_id(7), 99)

    def test_every_number(self) -> None:
        """0, negative and huge numbers are numbers."""
        for own, number in enumerate((0, -1, -(2**63), 2**63 - 1)):
            self.begin(own, backend_id=number)
            self.assertEqual(self.transactions.backend_id(own), number)
            self.assertIsNotNone(self.transactions.by_backend(number))

    def test_unknown(self) -> None:
        """Nobody knows what has no number yet, or never began."""
        self.begin(7)
        self.transactions.bound(8, 5)
        self.transactions.ended(8)
        self.assertIsNone(self.transactions.backend_id(7))
        self.assertIsNone(self.transactions.by_backend(5))

    def test_same_number_twice(self) -> None:
        """Of two with one number the one that runs is meant, then the newest."""
        self.begin(7, 1, backend_id=0)
        self.begin(8, 2, backend_id=0)
        self.transactions.ended(8)
        self.assertEqual(self.number_of(0), 7)
        self.transactions.ended(7)
        self.assertEqual(self.number_of(0), 8)

    def number_of(self, backend_id: int) -> int | None:
        """Our number of what the backend means."""
        found = self.transactions.by_backend(backend_id)
        return None if found is None else found.transaction_id

    def test_another_number(self) -> None:
        """A start that is answered twice, differently, has the later number."""
        self.begin(7, backend_id=1)
        self.transactions.bound(7, 2)
        self.assertEqual((self.number_of(1), self.number_of(2)), (None, 7))

    def test_running(self) -> None:
        """The transaction at a connector is the last that began and is not over."""
        self.begin(1)
        self.begin(2)
        self.begin(3, connector=2)
        self.transactions.bound(1, 50)
        running = self.transactions.running(1)
        assert running is not None
        self.assertEqual(running.transaction_id, 2)
        self.transactions.ended(2)
        self.transactions.ended(1)
        self.assertIsNone(self.transactions.running(1))

    def test_bounded(self) -> None:
        """Of too many those are forgotten that are over and known, the oldest first."""
        self.begin(-1)
        for number in range(2 * MAX_TRANSACTIONS):
            self.begin(number, backend_id=number)
            self.transactions.ended(number)
        self.assertEqual(len(self.transactions), MAX_TRANSACTIONS)
        self.assertIsNotNone(self.transactions.get(-1))
        self.assertIsNone(self.number_of(0))
        self.assertEqual(self.number_of(2 * MAX_TRANSACTIONS - 1), 2 * MAX_TRANSACTIONS - 1)

    def test_never_what_is_needed(self) -> None:
        """One that runs is never forgotten for those that are over, nor one that is named."""
        self.begin(-2, backend_id=98)
        self.transactions.ended(-2)
        self.begin(-1, backend_id=99)
        for number in range(2 * MAX_TRANSACTIONS):
            self.begin(number)
            self.transactions.ended(number)
        self.assertEqual((self.number_of(98), self.number_of(99)), (-2, -1))
        self.assertEqual(len(self.transactions), MAX_TRANSACTIONS)

    def test_clock_that_was_fast(self) -> None:
        """The newest is the one that began last, whatever the clocks said."""
        self.begin(10**8)
        self.begin(2)
        running = self.transactions.running(1)
        assert running is not None
        self.assertEqual(running.transaction_id, 2)

    def test_restored_again(self) -> None:
        """What is read later than it was heard takes nothing back."""
        self.begin(7, backend_id=5)
        self.transactions.ended(7)
        self.transactions.restore([BoundTransaction(7, 1, "a", NOW)])
        self.assertEqual(self.number_of(5), 7)
        self.assertIsNone(self.transactions.running(1))

    def test_told(self) -> None:
        """Who watches learns of the beginning, the number and the end, once each."""
        self.begin(7, backend_id=5)
        self.begin(7)
        for _ in range(2):
            self.transactions.ended(7)
        self.assertEqual(
            [(one.backend_id, one.is_over) for one in self.told],
            [(None, False), (5, False), (5, True)],
        )

    def test_restored(self) -> None:
        """What is remembered is known."""
        self.transactions.restore([BoundTransaction(7, 1, "a", NOW, 3, True)])
        self.assertEqual(self.number_of(3), 7)
        self.assertIsNone(self.transactions.running(1))
