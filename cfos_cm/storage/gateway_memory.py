"""What gateways remember over a restart."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select
from twisted.internet.defer import Deferred

from cfos_cm.errors import LocalProtocolError
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import gateway_memory

__all__ = ["MAX_REMEMBERED", "MAX_VALUE_CHARS", "GatewayMemory"]

#: Of one gateway: more than the longest local list, and the longest cache, together.
MAX_REMEMBERED = 50_000

#: Of one value; no message that one was told in is longer.
MAX_VALUE_CHARS = 64 * 1024

_kept = gateway_memory.c


class GatewayMemory:
    """
    What one gateway remembers: texts, by kind and name.

    This is L{cfos_cm.charge_point.environment.Memory}. Each Deferred fails with
    L{cfos_cm.errors.StorageError} when it is not on disk.
    """

    def __init__(self, database: Database, gateway: str) -> None:
        """
        @param gateway: its key.
        """
        self._database = database
        self._gateway = gateway

    def load(self) -> Deferred[Mapping[str, Mapping[str, str]]]:
        """All of it, in the order in which it was put; what is put again comes last."""
        return self._database.run(partial(_load, gateway=self._gateway))

    def put(self, kind: str, name: str, value: str | None) -> Deferred[None]:
        """
        Keep one; C{None}: forget it.

        @return: fails with L{LocalProtocolError} for what cannot be kept, or when
            L{MAX_REMEMBERED} are kept already.
        """
        return self._database.run(
            partial(_put, gateway=self._gateway, kind=kind, name=name, value=value)
        )

    def replace(self, kind: str, values: Mapping[str, str]) -> Deferred[None]:
        """
        Keep these and no others of the kind; all or nothing.

        @return: fails as that of L{put}.
        """
        # As it is now: what is handed over may be changed before it is written.
        return self._database.run(
            partial(_replace, gateway=self._gateway, kind=kind, values=dict(values))
        )


def _load(connection: Connection, gateway: str) -> Mapping[str, Mapping[str, str]]:
    rows = connection.execute(
        select(_kept.kind, _kept.name, _kept.value)
        .where(_kept.gateway == gateway)
        .order_by(_kept.number)
    )
    loaded: dict[str, dict[str, str]] = {}
    for kind, name, value in rows:
        loaded.setdefault(kind, {})[name] = value
    return loaded


def _put(connection: Connection, gateway: str, kind: str, name: str, value: str | None) -> None:
    if value is None:
        if checks.is_text(kind) and checks.is_text(name):
            connection.execute(delete(gateway_memory).where(_is(gateway, kind, name)))
        return
    _keep(connection, gateway, kind, {name: value}, _is(gateway, kind, name))


def _replace(
    connection: Connection, gateway: str, kind: str, values: Mapping[str, str]
) -> None:
    _keep(connection, gateway, kind, values, _is(gateway, kind))


def _is(gateway: str, kind: str, name: str | None = None) -> ColumnElement[bool]:
    of_kind = (_kept.gateway == gateway) & (_kept.kind == kind)
    return of_kind if name is None else of_kind & (_kept.name == name)


def _keep(
    connection: Connection,
    gateway: str,
    kind: str,
    values: Mapping[str, str],
    instead_of: ColumnElement[bool],
) -> None:
    checks.own_name(gateway, "the gateway's key")
    checks.own_name(kind, "the kind")
    rows = [
        {
            "gateway": gateway,
            "kind": kind,
            "name": checks.own_name(name, f"the name of a {kind}"),
            "value": _checked_value(value, kind),
        }
        for name, value in values.items()
    ]
    connection.execute(delete(gateway_memory).where(instead_of))
    kept = connection.scalar(select(func.count()).where(_kept.gateway == gateway)) or 0
    if kept + len(rows) > MAX_REMEMBERED:
        raise LocalProtocolError(
            f"{kept + len(rows)} things to remember; allowed: {MAX_REMEMBERED}"
        )
    if rows:
        connection.execute(insert(gateway_memory), rows)


def _checked_value(value: str, kind: str) -> str:
    if len(value) > MAX_VALUE_CHARS:
        raise LocalProtocolError(
            f"the value of a {kind} has {len(value)} characters; allowed: {MAX_VALUE_CHARS}"
        )
    if not checks.is_text(value):
        raise LocalProtocolError(f"the value of a {kind} holds a character that is not text")
    return value
