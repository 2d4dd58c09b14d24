"""Tables as comma-separated values: RFC 4180, safe to be opened with a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

__all__ = ["CSV_MEDIA", "Cell", "csv_lines"]

CSV_MEDIA = "text/csv; charset=utf-8; header=present"

#: C{None}: nothing is known.
Cell = str | int | bool | datetime | None

#: A text that begins so is a formula to a spreadsheet, and formulas can run programs.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")

_TO_QUOTE = frozenset('",\r\n')


def csv_lines(rows: Iterable[Iterable[Cell]]) -> bytes:
    """
    Lines of a table.

    Texts that a spreadsheet would take for a formula have an apostrophe before them. Moments
    are ISO 8601 in UTC; yes and no are C{true} and C{false}.
    """
    return "".join(f"{','.join(map(_cell, row))}\r\n" for row in rows).encode()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return _quoted(f"'{value}" if value.startswith(_FORMULAS) else value)


def _quoted(text: str) -> str:
    if _TO_QUOTE.isdisjoint(text) and text == text.strip(" "):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
