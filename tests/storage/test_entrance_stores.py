"""Who may come in, and what was done, in a file."""

from __future__ import annotations

from . import cases, entrance_contract


class SqliteAccountStore(cases.SqliteCase, entrance_contract.AccountStoreContract):
    """What keeps accounts in a file keeps every promise about them."""


class SqliteTokenStore(cases.SqliteCase, entrance_contract.TokenStoreContract):
    """What keeps tokens in a file keeps every promise about them."""


class SqliteAuditStore(cases.SqliteCase, entrance_contract.AuditStoreContract):
    """What keeps entries in a file keeps every promise about them."""
