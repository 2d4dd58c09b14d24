"""The ledger in a file."""

from __future__ import annotations

from . import cases, contracts


class SqliteLedger(cases.SqliteCase, contracts.LedgerContract):
    """A ledger in a file keeps every promise of a ledger."""
