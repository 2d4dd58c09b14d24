"""The register of Charge Points in a file."""

from __future__ import annotations

from . import cases, contracts


class SqliteRegister(cases.SqliteCase, contracts.ChargePointContract):
    """A register in a file keeps every promise of a register."""
