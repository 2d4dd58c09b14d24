"""Which local authorisation list each Charge Point was sent."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from cfos_cm.errors import LocalProtocolError
from cfos_cm.site.sent_list import SentList
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import sent_lists

__all__ = ["MAX_SENT_LISTS", "SentLists"]

#: More than a site has Charge Points that are configured.
MAX_SENT_LISTS = 10_000


class SentLists:
    """The list that each Charge Point was sent last, in whole."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, charge_point: str) -> Deferred[SentList | None]:
        """The list that a Charge Point has; C{None} when nobody knows."""
        return self._database.run(partial(_get, charge_point=charge_point))

    def put(self, sent: SentList) -> Deferred[None]:
        """
        Note the list that a Charge Point has now.

        @return: fails with L{LocalProtocolError} when too many are noted already, or a value
            cannot be; with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        return self._database.run(partial(_put, sent=sent))

    def remove(self, charge_point: str) -> Deferred[None]:
        """Note that nobody knows which list a Charge Point has."""
        return self._database.run(partial(_remove, charge_point=charge_point))


def _get(connection: Connection, charge_point: str) -> SentList | None:
    if not checks.is_text(charge_point):
        return None
    row = connection.execute(
        select(sent_lists).where(sent_lists.c.charge_point == charge_point)
    ).first()
    if row is None:
        return None
    return SentList(row.charge_point, row.version, row.digest, row.sent_at)


def _put(connection: Connection, sent: SentList) -> None:
    checks.own_name(sent.charge_point, "the Charge Point's identity")
    checks.own_name(sent.digest, "the digest")
    values = {"version": sent.version, "digest": sent.digest, "sent_at": sent.sent_at}
    replaced = connection.execute(
        update(sent_lists)
        .where(sent_lists.c.charge_point == sent.charge_point)
        .values(**values)
    )
    if replaced.rowcount:
        return
    if (connection.scalar(select(func.count()).select_from(sent_lists)) or 0) >= MAX_SENT_LISTS:
        raise LocalProtocolError(f"{MAX_SENT_LISTS} lists are noted; more are not allowed")
    connection.execute(insert(sent_lists).values(charge_point=sent.charge_point, **values))


def _remove(connection: Connection, charge_point: str) -> None:
    if checks.is_text(charge_point):
        connection.execute(delete(sent_lists).where(sent_lists.c.charge_point == charge_point))
