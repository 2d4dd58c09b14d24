"""The lists that were sent, in a file."""

from __future__ import annotations

from . import cases, kept_contract


class SqliteSentLists(cases.SqliteCase, kept_contract.SentListsContract):
    """What keeps lists in a file keeps every promise about them."""
