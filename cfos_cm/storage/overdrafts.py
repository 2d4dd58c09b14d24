"""How far the phases of circuits ever were above their fuses, on disk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, delete, func, insert, select, update
from twisted.internet.defer import Deferred

from cfos_cm.electrical import Phase
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import overdrafts

__all__ = ["MAX_OVERDRAFTS", "OverdraftStore"]

#: Three phases of a thousand circuits; of more than a site has there are only those whose
#: circuits are gone.
MAX_OVERDRAFTS = 3000


class OverdraftStore:
    """The most that each phase of each circuit ever was above its fuse."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, circuit: str, phase: Phase, highest_ma: int, at: datetime) -> Deferred[None]:
        """
        Note a maximum; where a higher one is known that one stays.

        @param highest_ma: how far it was above. [mA]
        @param at: when; aware.
        @return: fails with L{cfos_cm.errors.LocalProtocolError} for a name that cannot be kept,
            and with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        work = partial(_put, circuit=circuit, phase=phase, highest_ma=highest_ma, at=at)
        return self._database.run(work)

    def all(self) -> Deferred[Mapping[tuple[str, Phase], int]]:
        """The maxima, by circuit and phase. [mA]"""
        return self._database.run(_all)

    def forget(self, circuit: str) -> Deferred[None]:
        """Forget the maxima of a circuit."""
        return self._database.run(partial(_forget, circuit=circuit))


def _put(
    connection: Connection, circuit: str, phase: Phase, highest_ma: int, at: datetime
) -> None:
    checks.own_name(circuit, "the circuit's name")
    own = (overdrafts.c.circuit == circuit, overdrafts.c.phase == phase.value)
    known_ma = connection.scalar(select(overdrafts.c.highest_ma).where(*own))
    if known_ma is None:
        values = {"circuit": circuit, "phase": phase.value}
        connection.execute(
            insert(overdrafts).values(highest_ma=highest_ma, noted_at=at, **values)
        )
        _forget_oldest(connection)
    elif highest_ma > known_ma:
        connection.execute(
            update(overdrafts).where(*own).values(highest_ma=highest_ma, noted_at=at)
        )


def _forget_oldest(connection: Connection) -> None:
    stored = connection.scalar(select(func.count()).select_from(overdrafts)) or 0
    oldest = (
        select(overdrafts.c.circuit, overdrafts.c.phase)
        .order_by(overdrafts.c.noted_at, overdrafts.c.circuit, overdrafts.c.phase)
        .limit(max(0, stored - MAX_OVERDRAFTS))
    )
    for circuit, phase in connection.execute(oldest).all():
        connection.execute(
            delete(overdrafts).where(
                overdrafts.c.circuit == circuit, overdrafts.c.phase == phase
            )
        )


def _all(connection: Connection) -> Mapping[tuple[str, Phase], int]:
    return {
        (row.circuit, Phase(row.phase)): row.highest_ma
        for row in connection.execute(select(overdrafts))
    }


def _forget(connection: Connection, circuit: str) -> None:
    if checks.is_text(circuit):
        connection.execute(delete(overdrafts).where(overdrafts.c.circuit == circuit))
