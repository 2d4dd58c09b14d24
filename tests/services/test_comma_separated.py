"""Tables as CSV, read back by Python's own reader."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.comma_separated import Cell, csv_lines
from tests.nasty_strings import NASTY_STRINGS

#: All texts that are kept: no NUL, and no half of a surrogate pair.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
CELLS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.datetimes(timezones=st.just(UTC)), TEXTS
)

FORMULAS = tuple("=+-@\t\r\n")


def read(octets: bytes) -> list[list[str]]:
    """What a program reads."""
    return list(csv.reader(io.StringIO(octets.decode(), newline=""), strict=True))


def said(cell: Cell) -> str:
    """What a cell is to be read as."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, datetime):
        return cell.isoformat().replace("+00:00", "Z")
    text = str(cell)
    return f"'{text}" if isinstance(cell, str) and text.startswith(FORMULAS) else text


class Lines(SynchronousTestCase):
    """What is written can be read, and harms nobody."""

    @given(st.lists(st.lists(CELLS, min_size=2), min_size=1))
    def test_roundTrip(self, rows: list[list[Cell]]) -> None:
        """Whatever is written is read as what it was."""
        self.assertEqual([[said(cell) for cell in row] for row in rows], read(csv_lines(rows)))

    def test_nasty(self) -> None:
        """Texts that have broken programs are each in its cell, and no formula."""
        texts = [text for text in NASTY_STRINGS if "\0" not in text]
        rows = read(csv_lines([text, index, text] for index, text in enumerate(texts)))
        self.assertEqual(len(texts), len(rows))
        for index, text in enumerate(texts):
            self.assertEqual([said(text), str(index), said(text)], rows[index])
            self.assertFalse(rows[index][0].startswith(FORMULAS))

    def test_formulas(self) -> None:
        """A text that a spreadsheet would compute has an apostrophe before it; a number not."""
        texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "a=1", "'=1"]
        read_back = read(csv_lines([texts, [-5, 0]]))
        expected = ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "'\r=1", "'\n=1", "a=1", "'=1"]
        self.assertEqual([expected, ["-5", "0"]], read_back)

    def test_bytes(self) -> None:
        """RFC 4180: lines end in CR LF, quotation marks are doubled, the rest is plain."""
        octets = csv_lines([["a", 'b"c', "d,e", "f\ng", " h", None, True], ["é"]])
        self.assertEqual('a,"b""c","d,e","f\ng"," h",,true\r\né\r\n', octets.decode())

    def test_zones(self) -> None:
        """A moment is told in UTC, whatever zone it came in."""
        there = datetime(2026, 11, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
        self.assertEqual(b"2026-10-31T23:30:00Z\r\n", csv_lines([[there]]))
