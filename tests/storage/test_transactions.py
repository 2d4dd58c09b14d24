"""The ledger in a file."""

from __future__ import annotations

from . import cases, ledger_contract


class SqliteLedger(cases.SqliteCase, ledger_contract.LedgerContract):
    """A ledger in a file keeps every promise of a ledger."""
