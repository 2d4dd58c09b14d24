"""The passwords that Charge Points were given over OCPP, as hashes on disk."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from cfos_cm.errors import LocalProtocolError
from cfos_cm.site.given_key import GivenKey
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import given_keys

__all__ = ["MAX_KEYS", "KeyStore"]

#: More than a site has Charge Points that are configured.
MAX_KEYS = 10_000


class KeyStore:
    """The key of each Charge Point that was given one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> Deferred[tuple[GivenKey, ...]]:
        """Every key, in the order of the Charge Points: to know them from the start on."""
        return self._database.run(_all)

    def put(self, key: GivenKey) -> Deferred[None]:
        """
        Keep a key, in the place of the one that its Charge Point had.

        @return: fails with L{LocalProtocolError} when too many are kept already, or a value
            cannot be; with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        return self._database.run(partial(_put, key=key))

    def remove(self, charge_point: str) -> Deferred[None]:
        """Forget a Charge Point's key, if it has one."""
        return self._database.run(partial(_remove, charge_point=charge_point))


def _all(connection: Connection) -> tuple[GivenKey, ...]:
    rows = connection.execute(select(given_keys).order_by(given_keys.c.charge_point))
    return tuple(_key(row) for row in rows)


def _key(row: Row[tuple[object, ...]]) -> GivenKey:
    return GivenKey(
        charge_point=row.charge_point,
        salt=bytes(row.salt),
        key_hash=row.key_hash,
        replaces_hash=row.replaces_hash,
        changed_at=row.changed_at,
        previous_until=row.previous_until,
        previous_hashes=tuple(row.previous_hashes.split()),
    )


def _put(connection: Connection, key: GivenKey) -> None:
    checks.own_name(key.charge_point, "the Charge Point's identity")
    values = {
        "salt": key.salt,
        "key_hash": key.key_hash,
        "replaces_hash": key.replaces_hash,
        "previous_hashes": " ".join(key.previous_hashes),
        "previous_until": key.previous_until,
        "changed_at": key.changed_at,
    }
    replaced = connection.execute(
        update(given_keys).where(given_keys.c.charge_point == key.charge_point).values(**values)
    )
    if replaced.rowcount:
        return
    if (connection.scalar(select(func.count()).select_from(given_keys)) or 0) >= MAX_KEYS:
        raise LocalProtocolError(f"{MAX_KEYS} keys are kept; more are not allowed")
    connection.execute(insert(given_keys).values(charge_point=key.charge_point, **values))


def _remove(connection: Connection, charge_point: str) -> None:
    if checks.is_text(charge_point):
        connection.execute(delete(given_keys).where(given_keys.c.charge_point == charge_point))
