"""Reservations on disk: the open ones, and as many of the others as there is room for."""

from __future__ import annotations

from enum import StrEnum
from functools import partial

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from cfos_cm.errors import LocalProtocolError
from cfos_cm.site.reservation import MAX_RESERVATIONS, Reservation
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import reservations

__all__ = ["ReservationState", "ReservationStore"]


class ReservationState(StrEnum):
    """Whether a reservation is in force."""

    OPEN = "open"
    OVER = "over"
    """It was used, cancelled, refused, or has expired."""


class ReservationStore:
    """What Charge Points were asked to keep free."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, reservation: Reservation) -> Deferred[None]:
        """
        Note an open reservation, or replace the one with the same id.

        @return: fails with L{LocalProtocolError} when there are too many, or a value cannot be
            kept; with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        return self._database.run(partial(_put, reservation=reservation))

    def remove(self, reservation_id: int) -> Deferred[None]:
        """Note that a reservation is over."""
        return self._database.run(partial(_remove, reservation_id=reservation_id))

    def open(self) -> Deferred[tuple[Reservation, ...]]:
        """Those that are not known to be over, the one that expires first at the beginning."""
        return self._database.run(_open)


def _put(connection: Connection, reservation: Reservation) -> None:
    checks.own_name(reservation.charge_point, "the Charge Point's identity")
    checks.own_name(reservation.id_tag, "idTag")
    checks.own_name(reservation.parent_id_tag or "", "parentIdTag")
    values = {
        "charge_point": reservation.charge_point,
        "connector": reservation.connector,
        "id_tag": reservation.id_tag,
        "parent_id_tag": reservation.parent_id_tag,
        "expires_at": reservation.expires_at,
        "state": ReservationState.OPEN.value,
    }
    replaced = connection.execute(
        update(reservations)
        .where(reservations.c.reservation_id == reservation.reservation_id)
        .values(**values)
    )
    if replaced.rowcount:
        return
    _make_room(connection)
    connection.execute(
        insert(reservations).values(reservation_id=reservation.reservation_id, **values)
    )


def _make_room(connection: Connection) -> None:
    """
    Forget those that are over, first the ones that would have expired first; when all are open,
    there is no room for another one.
    """
    stored = connection.scalar(select(func.count()).select_from(reservations)) or 0
    if stored < MAX_RESERVATIONS:
        return
    over = (
        select(reservations.c.reservation_id)
        .where(reservations.c.state == ReservationState.OVER.value)
        .order_by(reservations.c.expires_at, reservations.c.reservation_id)
        .limit(stored - MAX_RESERVATIONS + 1)
    )
    found = connection.scalars(over).all()
    if not found:
        raise LocalProtocolError(f"{MAX_RESERVATIONS} reservations are open; that is the bound")
    connection.execute(delete(reservations).where(reservations.c.reservation_id.in_(found)))


def _remove(connection: Connection, reservation_id: int) -> None:
    connection.execute(
        update(reservations)
        .where(reservations.c.reservation_id == reservation_id)
        .values(state=ReservationState.OVER.value)
    )


def _open(connection: Connection) -> tuple[Reservation, ...]:
    rows = connection.execute(
        select(reservations)
        .where(reservations.c.state == ReservationState.OPEN.value)
        .order_by(reservations.c.expires_at, reservations.c.reservation_id)
    )
    return tuple(_reservation(row) for row in rows)


def _reservation(row: Row[tuple[object, ...]]) -> Reservation:
    return Reservation(
        reservation_id=row.reservation_id,
        charge_point=row.charge_point,
        connector=row.connector,
        id_tag=row.id_tag,
        expires_at=row.expires_at,
        parent_id_tag=row.parent_id_tag,
    )
