"""The register of Charge Points in a file."""

from __future__ import annotations

from . import cases, lists_contract


class SqliteRegister(cases.SqliteCase, lists_contract.ChargePointContract):
    """A register in a file keeps every promise of a register."""
