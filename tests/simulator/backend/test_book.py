"""What a virtual backend keeps on disk."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import StorageError
from cfos_cm.simulator.backend.book import Book
from cfos_cm.simulator.backend.charges import Bill, Charge, Readings

BEGAN = (1, "04A1B2C3D4", "2026-11-23T08:00:00Z", 1000)
ENDED = "2026-11-23T09:00:00Z"
ONE = Readings(("aa",))


class BookTests(SynchronousTestCase):
    """A book in a folder of its own."""

    def setUp(self) -> None:
        """Choose the file."""
        self.path = Path(self.mktemp()) / "deep" / "book.jsonl"

    def opened(self, max_bytes: int = 100_000) -> Book:
        """The book, as a program that starts finds it."""
        book = Book(str(self.path), max_bytes)
        book.open()
        self.addCleanup(book.close)
        return book

    def begun(self, book: Book, identity: str = "CP-1", message: str = "m") -> Charge:
        """A transaction that was just told of."""
        charge, is_news = book.begin((identity, message), *BEGAN)
        self.assertTrue(is_news)
        return charge

    def billed(self, book: Book, charge: Charge, readings: Readings = Readings()) -> Bill:  # noqa: B008
        """Its bill."""
        bill = book.end(("CP-1", "e"), charge, ENDED, 9000, readings)
        assert bill is not None
        return bill

    def test_numbers(self) -> None:
        """Transactions are counted from 1 on, over all Charge Points."""
        book = self.opened()
        numbers = [self.begun(book, identity).number for identity in ("CP-1", "CP-2", "CP-3")]
        self.assertEqual([1, 2, 3], numbers)

    def test_goes_on(self) -> None:
        """After a restart it counts on, and knows what it was told."""
        book = self.opened()
        charge = self.begun(book)
        book.note(("CP-1", "v"), charge, ONE)
        book.close()
        book = self.opened()
        again, is_news = book.begin(("CP-1", "other"), *BEGAN)
        self.assertEqual((1, False), (again.number, is_news))
        self.assertEqual(2, self.begun(book, "CP-2").number)
        self.assertEqual(1, self.billed(book, again).readings)
        self.assertEqual(1, book.bills)

    def test_same_id(self) -> None:
        """A message id that was used for something else before is no repetition."""
        book = self.opened()
        self.begun(book)
        other, is_news = book.begin(("CP-1", "m"), 1, "04", "2026-11-23T10:00:00Z", 9000)
        self.assertEqual((2, True), (other.number, is_news))

    def test_readings(self) -> None:
        """A reading counts once, whether MeterValues or the end brings it."""
        book = self.opened()
        charge = self.begun(book)
        for message in ("v", "w"):
            book.note(("CP-1", message), charge, ONE)
        size = self.path.stat().st_size
        book.note(("CP-1", "x"), charge, ONE)
        self.assertEqual(size, self.path.stat().st_size)
        bill = self.billed(book, charge, Readings(("aa", "bb"), True))
        self.assertEqual((2, True, 8000), (bill.readings, bill.is_signed, bill.energy_wh))

    def test_end_once(self) -> None:
        """A transaction is billed once, also by who starts anew."""
        book = self.opened()
        charge = self.begun(book)
        self.billed(book, charge)
        for _ in range(2):
            charge = book.begin(("CP-1", "m"), *BEGAN)[0]
            book.note(("CP-1", "z"), charge, ONE)
            self.assertIsNone(book.end(("CP-1", "f"), charge, ENDED, 9000, Readings()))
            book.close()
            book = self.opened()
        self.assertEqual(2, len(self.path.read_text().splitlines()))

    def test_whose(self) -> None:
        """Nobody ends a transaction of somebody else."""
        book = self.opened()
        charge = self.begun(book)
        self.assertIs(charge, book.charge("CP-1", 1))
        for identity, number in (("CP-2", 1), ("CP-1", 2), ("CP-1", None), ("CP-1", 0)):
            self.assertIsNone(book.charge(identity, number))

    def test_cut_off(self) -> None:
        """A line that was cut off, or is damaged, is passed over; the next one is whole."""
        book = self.opened()
        self.begun(book)
        book.close()
        with self.path.open("a") as file:
            file.write('[]\n{"what": "start", "num')
        book = self.opened()
        self.assertEqual(2, book.unreadable)
        self.assertEqual(2, self.begun(book, "CP-2").number)
        lines = self.path.read_text().splitlines()
        self.assertEqual(2, json.loads(lines[-1])["number"])

    def test_bound(self) -> None:
        """A book that is full takes nothing more, and says so; what was told stays."""
        book = self.opened(200)
        charge = self.begun(book)
        with self.assertRaises(StorageError) as caught:
            book.begin(("CP-2", "m"), *BEGAN)
        self.assertIn("is full, with 200 bytes", str(caught.exception))
        self.assertIs(charge, book.charge("CP-1", 1))
        self.assertIsNone(book.charge("CP-2", 2))

    def test_closed(self) -> None:
        """A closed one takes nothing."""
        book = self.opened()
        book.close()
        self.assertRaises(StorageError, book.begin, ("CP-1", "m"), *BEGAN)

    def test_no_file(self) -> None:
        """What cannot be a file is said."""
        self.path.mkdir(parents=True)
        with self.assertRaises(StorageError) as caught:
            self.opened()
        self.assertIn(str(self.path), str(caught.exception))

    def test_private(self) -> None:
        """Nobody else can read whose cards were shown."""
        self.opened()
        self.assertEqual(0o600, stat.S_IMODE(os.stat(self.path).st_mode))
