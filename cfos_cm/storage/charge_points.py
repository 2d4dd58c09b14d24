"""What Charge Points have said of themselves."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from attrs import asdict, frozen
from sqlalchemy import Connection, Row, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import charge_points

__all__ = ["MAX_CHARGE_POINTS", "ChargePointRegister", "KnownChargePoint"]

#: Above it, the one that was seen longest ago is forgotten.
MAX_CHARGE_POINTS = 10_000


@frozen
class KnownChargePoint:
    """
    A Charge Point that was there.

    @ivar device: what it said last of itself; C{None} when it has never said it.
    @ivar first_seen_at: UTC.
    @ivar last_seen_at: UTC.
    """

    identity: str
    device: DeviceIdentity | None
    first_seen_at: datetime
    last_seen_at: datetime


class ChargePointRegister:
    """Every Charge Point that was there, on disk."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seen(
        self, identity: str, device: DeviceIdentity | None, at: datetime
    ) -> Deferred[None]:
        """
        Note that a Charge Point is there.

        @param device: what it says of itself; C{None} leaves what it said before.
        @param at: aware.
        @return: fails with L{cfos_cm.errors.RemoteProtocolError} for a value that cannot be
            kept, and with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        return self._database.run(partial(_seen, identity=identity, device=device, at=at))

    def all(self) -> Deferred[tuple[KnownChargePoint, ...]]:
        """Every one that is known, in the order of their identities."""
        return self._database.run(_all)


def _seen(
    connection: Connection, identity: str, device: DeviceIdentity | None, at: datetime
) -> None:
    checks.name(identity, "the Charge Point's identity")
    last_seen_at = checks.moment(at, "the time")
    said = {} if device is None else asdict(device)
    for field, value in said.items():
        checks.name(value or "", field)
    updated = connection.execute(
        update(charge_points)
        .where(charge_points.c.identity == identity)
        .values(last_seen_at=last_seen_at, **said)
    )
    if updated.rowcount:
        return
    _make_room(connection)
    connection.execute(
        insert(charge_points).values(
            identity=identity, first_seen_at=last_seen_at, last_seen_at=last_seen_at, **said
        )
    )


def _make_room(connection: Connection) -> None:
    known = connection.scalar(select(func.count()).select_from(charge_points)) or 0
    if known < MAX_CHARGE_POINTS:
        return
    longest_ago = connection.scalars(
        select(charge_points.c.identity)
        .order_by(charge_points.c.last_seen_at, charge_points.c.identity)
        .limit(known - MAX_CHARGE_POINTS + 1)
    ).all()
    connection.execute(delete(charge_points).where(charge_points.c.identity.in_(longest_ago)))


def _all(connection: Connection) -> tuple[KnownChargePoint, ...]:
    rows = connection.execute(select(charge_points).order_by(charge_points.c.identity))
    return tuple(_known(row) for row in rows)


def _known(row: Row[tuple[object, ...]]) -> KnownChargePoint:
    device = None
    if row.vendor is not None and row.model is not None:
        device = DeviceIdentity(
            vendor=row.vendor,
            model=row.model,
            serial_number=row.serial_number,
            firmware_version=row.firmware_version,
        )
    return KnownChargePoint(row.identity, device, row.first_seen_at, row.last_seen_at)
