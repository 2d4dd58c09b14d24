"""Reservations in a file."""

from __future__ import annotations

from . import cases, kept_contract


class SqliteReservationStore(cases.SqliteCase, kept_contract.ReservationStoreContract):
    """What keeps reservations in a file keeps every promise about them."""
