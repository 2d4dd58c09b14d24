"""How much of what a Charge Point says is kept."""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, select

__all__ = ["forget_oldest"]


def forget_oldest(connection: Connection, table: Table, charge_point: str, kept: int) -> None:
    """
    Delete the oldest rows of a Charge Point.

    @param table: with the columns C{charge_point} and C{number}, which counts up.
    @param kept: how many of the newest rows stay.
    """
    own = table.c.charge_point == charge_point
    newest_too_many = connection.scalar(
        select(table.c.number).where(own).order_by(table.c.number.desc()).offset(kept).limit(1)
    )
    if newest_too_many is not None:
        connection.execute(delete(table).where(own, table.c.number <= newest_too_many))
