"""Operators' orders in a file."""

from __future__ import annotations

from . import cases, evse_orders_contract


class SqliteEvseOrders(cases.SqliteCase, evse_orders_contract.EvseOrderStoreContract):
    """What keeps orders in a file keeps every promise about them."""
