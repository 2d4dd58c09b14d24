"""The ledger that tells backends, in a file."""

from __future__ import annotations

from . import cases, forwarding_contract


class SqliteForwardingLedger(cases.SqliteCase, forwarding_contract.ForwardingContract):
    """A ledger in a file tells backends all that it has to."""
