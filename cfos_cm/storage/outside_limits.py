"""The proof that limits from outside were met: when they were asked for, met and over."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from attrs import frozen
from sqlalchemy import Connection, Row, delete, insert, select, update
from twisted.internet.defer import Deferred

from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.tables import outside_limits

__all__ = ["MAX_PROOFS", "OutsideLimitStore", "Proof"]

#: Whoever lets the operator of a grid steer his devices has to be able to show for two years
#: what came of it: these are 137 limits on each day of them. What is older stays as well, as
#: long as there is room: no clock that goes wrong takes a proof away.
MAX_PROOFS = 100_000


@frozen
class Proof:
    """
    What came of one limit. All times are UTC, by this computer's clock.

    @ivar proof_id: tells it from all others.
    @ivar asked_at: when the limit was asked for.
    @ivar met_at: when all that could be drawn was within the limit for the first time; C{None}:
        it never was.
    @ivar booked_w: what could be drawn at most then. [W]
    @ivar measured_w: what was drawn then; C{None}: that was not measured. [W]
    @ivar ended_at: since when it is not in force any more; C{None}: it is.
    @ivar why_ended: for people.
    """

    proof_id: str
    limit: OutsideLimit
    asked_at: datetime
    met_at: datetime | None = None
    booked_w: int | None = None
    measured_w: int | None = None
    ended_at: datetime | None = None
    why_ended: str | None = None


class OutsideLimitStore:
    """What came of every limit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, proof: Proof) -> Deferred[None]:
        """
        Keep a proof, or replace the one with the same id.

        Above L{MAX_PROOFS} the oldest of those that are over go.

        @return: fails with L{cfos_cm.errors.LocalProtocolError} for a value that cannot be
            kept, and with L{cfos_cm.errors.StorageError} when it is not on disk.
        """
        return self._database.run(partial(_put, proof=proof))

    def in_force(self) -> Deferred[tuple[Proof, ...]]:
        """Those that are not known to be over, in the order in which they were asked for."""
        return self._database.run(_in_force)

    def since(self, moment: datetime | None = None) -> Deferred[tuple[Proof, ...]]:
        """
        All that were in force at C{moment} or have been since, in the order in which they were
        asked for.

        @param moment: aware; C{None}: the beginning.
        """
        return self._database.run(partial(_since, moment=moment))


def _put(connection: Connection, proof: Proof) -> None:
    limit = proof.limit
    values = {
        "circuit": checks.own_name(limit.circuit, "the circuit's name"),
        "party": checks.own_name(limit.by, "the party's name"),
        "max_power_w": limit.max_power_w,
        "evses_only": limit.evses_only,
        "until": limit.until,
        "asked_at": proof.asked_at,
        "met_at": proof.met_at,
        "booked_w": proof.booked_w,
        "measured_w": proof.measured_w,
        "ended_at": proof.ended_at,
        "why_ended": proof.why_ended and checks.own_name(proof.why_ended, "the reason"),
    }
    proof_id = checks.own_name(proof.proof_id, "the proof's id")
    replaced = connection.execute(
        update(outside_limits).where(outside_limits.c.proof_id == proof_id).values(**values)
    )
    if not replaced.rowcount:
        connection.execute(insert(outside_limits).values(proof_id=proof_id, **values))
        _forget_oldest(connection)


def _forget_oldest(connection: Connection) -> None:
    number = outside_limits.c.number
    newest_too_many = connection.scalar(
        select(number).order_by(number.desc()).offset(MAX_PROOFS).limit(1)
    )
    if newest_too_many is not None:
        over = outside_limits.c.ended_at.is_not(None)
        connection.execute(delete(outside_limits).where(over, number <= newest_too_many))


def _in_force(connection: Connection) -> tuple[Proof, ...]:
    rows = connection.execute(
        select(outside_limits)
        .where(outside_limits.c.ended_at.is_(None))
        .order_by(outside_limits.c.number)
    )
    return tuple(_proof(row) for row in rows)


def _since(connection: Connection, moment: datetime | None) -> tuple[Proof, ...]:
    asked = select(outside_limits).order_by(outside_limits.c.asked_at, outside_limits.c.number)
    if moment is not None:
        ended_at = outside_limits.c.ended_at
        asked = asked.where(ended_at.is_(None) | (ended_at >= moment))
    return tuple(_proof(row) for row in connection.execute(asked))


def _proof(row: Row[tuple[object, ...]]) -> Proof:
    return Proof(
        proof_id=row.proof_id,
        limit=OutsideLimit(
            circuit=row.circuit,
            by=row.party,
            max_power_w=row.max_power_w,
            evses_only=row.evses_only,
            until=row.until,
        ),
        asked_at=row.asked_at,
        met_at=row.met_at,
        booked_w=row.booked_w,
        measured_w=row.measured_w,
        ended_at=row.ended_at,
        why_ended=row.why_ended,
    )
