"""What operators have ordered for single EVSEs: it holds again when the program starts."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from attrs import frozen
from sqlalchemy import Connection, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from cfos_cm.errors import LocalProtocolError
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import evse_orders

__all__ = ["MAX_EVSE_ORDERS", "EvseOrder", "EvseOrderStore"]

#: One for each EVSE; those of EVSEs that are none any more stay until they are taken back.
MAX_EVSE_ORDERS = 10_000


@frozen
class EvseOrder:
    """
    What holds for one EVSE.

    @ivar current_ma: no more than this; C{None}: no limit. [mA per phase]
    @ivar is_paused: it gets nothing, whatever the limit is, until it is resumed.
    @ivar by: the account or token that has ordered it last.
    @ivar at: when that was; aware.
    """

    evse: str
    current_ma: int | None
    is_paused: bool
    by: str
    at: datetime


class EvseOrderStore:
    """One order for each EVSE that has any."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, order: EvseOrder) -> Deferred[None]:
        """
        Keep an order, in the place of the one that its EVSE had.

        @return: fails with L{LocalProtocolError} for a value that cannot be kept and when there
            are too many, with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        return self._database.run(partial(_put, order=order))

    def remove(self, evse: str) -> Deferred[None]:
        """
        Forget what was ordered for an EVSE, if anything was.

        @return: fails with L{cfos_cm.errors.StorageError} when that is not on disk.
        """
        return self._database.run(partial(_remove, evse=evse))

    def all(self) -> Deferred[tuple[EvseOrder, ...]]:
        """All of them, by the names of their EVSEs."""
        return self._database.run(_all)


def _put(connection: Connection, order: EvseOrder) -> None:
    values = {
        "current_ma": order.current_ma,
        "paused": order.is_paused,
        "by": checks.own_name(order.by, "who orders it"),
        "at": order.at,
    }
    evse = checks.own_name(order.evse, "the EVSE's name")
    replaced = connection.execute(
        update(evse_orders).where(evse_orders.c.evse == evse).values(**values)
    )
    if replaced.rowcount:
        return
    if (connection.scalar(select(func.count()).select_from(evse_orders)) or 0) >= (
        MAX_EVSE_ORDERS
    ):
        raise LocalProtocolError(
            f"{MAX_EVSE_ORDERS} EVSEs are limited or paused; more are not allowed"
        )
    connection.execute(insert(evse_orders).values(evse=evse, **values))


def _remove(connection: Connection, evse: str) -> None:
    connection.execute(delete(evse_orders).where(evse_orders.c.evse == evse))


def _all(connection: Connection) -> tuple[EvseOrder, ...]:
    return tuple(
        EvseOrder(row.evse, row.current_ma, row.paused, row.by, row.at)
        for row in connection.execute(select(evse_orders).order_by(evse_orders.c.evse))
    )
