"""How far fuses were overdrawn, in a file."""

from __future__ import annotations

from . import cases, limits_contract


class SqliteOverdraftStore(cases.SqliteCase, limits_contract.OverdraftStoreContract):
    """What keeps maxima in a file keeps every promise about them."""
