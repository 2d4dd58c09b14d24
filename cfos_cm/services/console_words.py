"""What commands write to a console."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

__all__ = ["local_time", "printable", "table"]


def local_time(text: str) -> str:
    """A moment for a person, in the time of this computer; C{text} is ISO 8601."""
    return datetime.fromisoformat(text).astimezone().isoformat(" ", "seconds")


def printable(text: str) -> str:
    """A peer's words, so that they end no line and move no cursor of a console."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "?" for char in text)


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], write: Callable[[str], None]
) -> None:
    """Write a table with a heading, each column as wide as its widest cell."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        write("  ".join(cells).rstrip())
