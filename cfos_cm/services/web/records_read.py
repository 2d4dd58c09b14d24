"""Transactions, read page by page: between two pages others have their turns at the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from twisted.internet.defer import Deferred

from cfos_cm.storage.database import Database
from cfos_cm.storage.transaction_search import (
    FoundTransaction,
    Sought,
    Totals,
    add_up,
    find_page,
)

__all__ = ["MAX_CSV_ROWS", "MAX_STATEMENT_ROWS", "all_of", "pages_of", "totals_of"]

#: Transactions in one table.
MAX_CSV_ROWS = 100_000

#: Transactions in one statement, which is in memory as a whole.
MAX_STATEMENT_ROWS = 20_000

_PAGE_ROWS = 500


def totals_of(database: Database, sought: Sought) -> Deferred[Totals]:
    """How many there are, and how much was charged."""
    return database.run(partial(add_up, sought=sought))


async def pages_of(
    database: Database, sought: Sought, most: int
) -> AsyncIterator[tuple[FoundTransaction, ...]]:
    """
    All of them, newest first, some at a time.

    @param most: so many at most; older ones are left out.
    """
    before: int | None = None
    while most > 0:
        asking = partial(find_page, sought=sought, limit=min(_PAGE_ROWS, most), before=before)
        page = await database.run(asking)
        if page.transactions:
            yield page.transactions
        if page.next is None:
            return
        before = page.next
        most -= len(page.transactions)


async def all_of(database: Database, sought: Sought, most: int) -> list[FoundTransaction]:
    """As L{pages_of}, together."""
    return [one async for page in pages_of(database, sought, most) for one in page]
