"""What Charge Points have said about their security, kept for people to look at."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from attrs import frozen
from sqlalchemy import Connection, Row, insert, select
from twisted.internet.defer import Deferred

from cfos_cm.storage import checks
from cfos_cm.storage.bounds import forget_oldest
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import security_events

__all__ = ["MAX_SECURITY_EVENTS", "SecurityEvent", "SecurityEvents"]

#: Of each Charge Point; one that is attacked, or broken, may tell of it each second.
MAX_SECURITY_EVENTS = 1000


@frozen
class SecurityEvent:
    """
    One SecurityEventNotification.

    @ivar kind: its C{type}; "Improved security for OCPP 1.6-J" has a list, and allows others.
    @ivar told_at: its C{timestamp}, as the Charge Point wrote it.
    @ivar received_at: by our clock; UTC.
    """

    charge_point: str
    kind: str
    told_at: str
    tech_info: str | None
    received_at: datetime


class SecurityEvents:
    """The newest events of each Charge Point."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        charge_point: str,
        kind: str,
        told_at: str,
        tech_info: str | None,
        received_at: datetime,
    ) -> Deferred[None]:
        """
        Keep an event, and forget the oldest above the bound.

        @param received_at: aware.
        @return: fails with L{cfos_cm.errors.RemoteProtocolError} for a value that cannot be
            kept, and with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        event = SecurityEvent(charge_point, kind, told_at, tech_info, received_at)
        return self._database.run(partial(_add, event=event))

    def of(self, charge_point: str) -> Deferred[tuple[SecurityEvent, ...]]:
        """What a Charge Point has said, oldest first."""
        return self._database.run(partial(_of, charge_point=charge_point))

    def newest(self, limit: int) -> Deferred[tuple[SecurityEvent, ...]]:
        """What all Charge Points have said last, newest first; at most C{limit} of it."""
        return self._database.run(partial(_newest, limit=limit))


def _add(connection: Connection, event: SecurityEvent) -> None:
    connection.execute(
        insert(security_events).values(
            charge_point=checks.name(event.charge_point, "the Charge Point's identity"),
            kind=checks.name(event.kind, "type"),
            told_at=checks.name(event.told_at, "timestamp"),
            tech_info=event.tech_info and checks.name(event.tech_info, "techInfo"),
            received_at=checks.moment(event.received_at, "the time"),
        )
    )
    forget_oldest(connection, security_events, event.charge_point, MAX_SECURITY_EVENTS)


def _of(connection: Connection, charge_point: str) -> tuple[SecurityEvent, ...]:
    rows = connection.execute(
        select(security_events)
        .where(security_events.c.charge_point == charge_point)
        .order_by(security_events.c.number)
    )
    return tuple(_event(row) for row in rows)


def _newest(connection: Connection, limit: int) -> tuple[SecurityEvent, ...]:
    newest_first = select(security_events).order_by(security_events.c.number.desc())
    return tuple(_event(row) for row in connection.execute(newest_first.limit(limit)))


def _event(row: Row[tuple[object, ...]]) -> SecurityEvent:
    return SecurityEvent(
        row.charge_point, row.kind, row.told_at, row.tech_info, row.received_at
    )
