"""Security events in a file."""

from __future__ import annotations

from . import cases, kept_contract


class SqliteSecurityEvents(cases.SqliteCase, kept_contract.SecurityEventsContract):
    """What keeps events in a file keeps every promise about them."""
