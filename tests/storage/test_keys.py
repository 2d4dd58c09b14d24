"""The passwords that were given over OCPP, in a file."""

from __future__ import annotations

from . import cases, kept_contract


class SqliteKeyStore(cases.SqliteCase, kept_contract.KeyStoreContract):
    """What keeps keys in a file keeps every promise about them."""
