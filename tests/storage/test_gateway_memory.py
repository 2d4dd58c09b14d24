"""What gateways remember, in a file."""

from __future__ import annotations

from . import cases, memory_contract


class SqliteGatewayMemory(cases.SqliteCase, memory_contract.GatewayMemoryContract):
    """What gateways remember in a file keeps every promise about it."""
