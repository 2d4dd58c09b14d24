"""Security profiles in a file."""

from __future__ import annotations

from . import cases, kept_contract


class SqliteSecurityStandings(cases.SqliteCase, kept_contract.SecurityStandingsContract):
    """What keeps profiles in a file keeps every promise about them."""
