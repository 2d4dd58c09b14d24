"""The proof that limits were met, in a file."""

from __future__ import annotations

from . import cases, limits_contract


class SqliteOutsideLimitStore(cases.SqliteCase, limits_contract.OutsideLimitStoreContract):
    """What keeps proofs in a file keeps every promise about them."""
