"""The search for transactions in a file."""

from __future__ import annotations

from . import cases, search_contract


class SqliteSearch(cases.SqliteCase, search_contract.SearchContract):
    """A search in a file keeps every promise of a search."""
