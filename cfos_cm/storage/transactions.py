"""The ledger: every transaction that was acknowledged to a Charge Point."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any

from attrs import evolve, frozen
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Executable,
    Row,
    and_,
    bindparam,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from twisted.internet.defer import Deferred, fail, succeed

from cfos_cm.errors import RemoteProtocolError, StorageError
from cfos_cm.site.records import (
    OpenTransaction,
    StopOutcome,
    StoredStart,
    StoredStop,
    TransactionStart,
    TransactionStop,
)
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import MAX_TRANSACTION_ID, Transaction
from cfos_cm.storage import checks
from cfos_cm.storage.database import Database
from cfos_cm.storage.evidence import keep_evidence, says_signed
from cfos_cm.storage.intake import ReadingsIntake
from cfos_cm.storage.readings import (
    StoredMeterValues,
    checked_meter_values,
    is_evidence,
    read_meter_values,
)
from cfos_cm.storage.review import StrayStop, keep_stray_stop, read_stray_stops
from cfos_cm.storage.tables import transactions

__all__ = [
    "MAX_TRANSACTIONS_READ",
    "Ledger",
    "StoredTransaction",
    "TransactionState",
    "write_start",
    "write_stop",
]

#: How many transactions are read in one go; more are asked for by their offset.
MAX_TRANSACTIONS_READ = 10_000

#: Random ids of 31 bits meet seldom; so many times in a row they are not random.
_MAX_ID_TRIES = 100

_Record = Row[tuple[object, ...]]


class TransactionState(StrEnum):
    """How far a transaction has come."""

    OPEN = "open"
    SUPERSEDED = "superseded"
    """Another one has started at its connector, or it was free; when it ended is not known."""
    STOPPED = "stopped"


@frozen
class StoredTransaction:
    """
    Everything that is on disk about a transaction.

    @ivar stopped_at: by the Charge Point's clock; UTC. C{None} until it has stopped, as the
        other fields of the stop.
    @ivar stop_id_tag: who ended it; C{None} also when the Charge Point did not say.
    @ivar start_text: the payload of the StartTransaction as it came.
    @ivar stop_text: the payload of the StopTransaction as it came.
    """

    charge_point: str
    connector: int
    evse: str | None
    transaction: Transaction
    reservation_id: int | None
    state: TransactionState
    stopped_at: datetime | None
    meter_stop_wh: int | None
    stop_reason: str | None
    stop_id_tag: str | None
    start_text: str
    stop_text: str | None

    @property
    def energy_wh(self) -> int | None:
        """Between the two readings; C{None} when that is not known. [Wh]"""
        return _energy_wh(self.transaction.meter_start_wh, self.meter_stop_wh)


class Ledger:
    """Transactions on disk. Every Deferred fires when what it is about is committed."""

    def __init__(
        self,
        database: Database,
        new_id: Callable[[], int],
        intake: ReadingsIntake | None = None,
    ) -> None:
        """
        @param new_id: makes a random transaction id, 1 to L{MAX_TRANSACTION_ID}; an id that is
            taken is asked for again. It is called in the writer's thread.
        @param intake: takes the readings that nothing is billed by; C{None}: they go into the
            database one by one, as the others.
        """
        self._intake = intake
        self._database = database
        self._new_id = new_id

    def open(self) -> Deferred[None]:
        """
        Take up the readings that an earlier run has left on their way.

        @return: fails with L{StorageError} when they, or the database, cannot be used.
        """
        return succeed(None) if self._intake is None else self._intake.open()

    def settled(self) -> Deferred[None]:
        """@return: fires when every reading that was taken is in the database, or cannot be."""
        return succeed(None) if self._intake is None else self._intake.drained()

    def close(self) -> Deferred[None]:
        """
        Bring every reading into the database; before that is stopped.

        @return: fires when this is done; what cannot be there waits for the next start.
        """
        return succeed(None) if self._intake is None else self._intake.close()

    def start(self, start: TransactionStart) -> Deferred[StoredStart]:
        """
        Note the start of a transaction.

        The same Charge Point, connector, idTag, time and reading are the same transaction; so
        is the same payload as long as that transaction is open. Another one that is still open
        at the connector is marked as superseded.

        @return: fails with L{cfos_cm.errors.RemoteProtocolError} for a value that cannot be
            kept, and with L{StorageError} when the start is not on disk.
        """
        return self._database.run(partial(write_start, start=start, new_id=self._new_id))

    def stop(self, stop: TransactionStop) -> Deferred[StoredStop]:
        """
        Note the end of a transaction.

        A stop that belongs to no transaction of this Charge Point changes none, and is kept for
        review; so is a second one that says something else than the first.

        @return: fails as that of L{start}.
        """
        return self._database.run(partial(write_stop, stop=stop))

    def judged(self, transaction_id: int, verdict: Verdict) -> Deferred[None]:
        """
        Note that who asked for a transaction may charge after all, or may not.

        @return: fails with L{StorageError} when it is not on disk.
        """
        work = partial(_judged, transaction_id=transaction_id, verdict=verdict)
        return self._database.run(work)

    def vacated(self, charge_point: str, connector: int) -> Deferred[None]:
        """
        Note that nothing runs at a connector: what is still open there is marked as superseded.

        @return: fails with L{StorageError} when it is not on disk.
        """
        work = partial(_vacated, charge_point=charge_point, connector=connector)
        return self._database.run(work)

    def resumed(self, charge_point: str, connector: int, transaction_id: int) -> Deferred[None]:
        """
        Note that a transaction goes on that is marked as superseded, if it is the newest at its
        connector; one that has been stopped does not, nor one of another place.

        @return: fails with L{StorageError} when it is not on disk.
        """
        place = charge_point, connector
        return self._database.run(partial(_resumed, place=place, transaction_id=transaction_id))

    def add_meter_values(
        self,
        charge_point: str,
        connector: int,
        transaction_id: int | None,
        received_at: datetime,
        payload_text: str,
    ) -> Deferred[None] | None:
        """
        Keep what a meter said, to the letter.

        What is signed, and what belongs to the start or the end of a transaction, is in the
        database then. Other readings outlive the program; see
        L{cfos_cm.storage.readings_log}.

        @param transaction_id: as the Charge Point named it; whatever integer that is.
        @return: C{None} when it is kept already; else it fires when it is, and fails as that of
            L{start}.
        """
        try:
            reading = checked_meter_values(
                charge_point, connector, transaction_id, received_at, payload_text
            )
        except RemoteProtocolError as error:
            return fail(error)
        if self._intake is not None and not is_evidence(payload_text):
            return self._intake.take(reading)
        return self._database.run_together(keep_evidence, reading)

    def open_transactions(self) -> Deferred[tuple[OpenTransaction, ...]]:
        """What had started and not ended, oldest first: for going on after a restart."""
        return self._database.run(_open_transactions)

    def transactions(
        self, limit: int = 100, offset: int = 0
    ) -> Deferred[tuple[StoredTransaction, ...]]:
        """
        Transactions in the order of their storing, newest first.

        @param limit: at most so many; never more than L{MAX_TRANSACTIONS_READ}.
        @param offset: so many of the newest are left out.
        """
        return self._database.run(partial(_transactions, limit=limit, offset=offset))

    def meter_values(
        self, charge_point: str, transaction_id: int | None
    ) -> Deferred[tuple[StoredMeterValues, ...]]:
        """The readings of a transaction, or a Charge Point's outside any, oldest first."""
        read = partial(
            read_meter_values, charge_point=charge_point, transaction_id=transaction_id
        )
        return self.settled().addCallback(lambda _: self._database.run(read))

    def stray_stops(self, charge_point: str) -> Deferred[tuple[StrayStop, ...]]:
        """The stops of a Charge Point that are kept for review, oldest first."""
        return self._database.run(partial(read_stray_stops, charge_point=charge_point))


# What is asked for at each start and stop is put together once, for that takes longer than the
# asking.
def _same(column: Column[Any]) -> ColumnElement[bool]:
    return column == bindparam(column.name)


_REPEATED = select(transactions).where(
    _same(transactions.c.charge_point),
    _same(transactions.c.connector),
    or_(
        and_(
            _same(transactions.c.id_tag),
            _same(transactions.c.started_at),
            _same(transactions.c.meter_start_wh),
        ),
        # A Charge Point whose clock was never set says no time that could tell two starts
        # apart; but as long as the first one runs, the same words mean the same.
        and_(
            transactions.c.state == TransactionState.OPEN.value,
            _same(transactions.c.start_text),
        ),
    ),
)

_INSERT: dict[str, Executable] = {
    dialect: insert.on_conflict_do_nothing()
    .inline()  # without asking for the row's number, for there need not be a row
    .execution_options(preserve_rowcount=True)
    for dialect, insert in (
        ("sqlite", sqlite.insert(transactions)),
        ("postgresql", postgresql.insert(transactions)),
    )
}

_STILL_OPEN = (
    select(transactions.c.transaction_id)
    .where(
        transactions.c.state == TransactionState.OPEN.value,
        _same(transactions.c.charge_point),
        _same(transactions.c.connector),
        transactions.c.transaction_id != bindparam("but_not"),
    )
    .order_by(transactions.c.number)
)
_SUPERSEDE = (
    update(transactions)
    .where(transactions.c.transaction_id.in_(bindparam("found", expanding=True)))
    .values(state=TransactionState.SUPERSEDED.value)
)

_RECORD = select(transactions).where(_same(transactions.c.transaction_id))

_STOP = (
    update(transactions)
    .where(transactions.c.number == bindparam("stopped"))
    .values(state=TransactionState.STOPPED.value)
)


def write_start(
    connection: Connection, start: TransactionStart, new_id: Callable[[], int]
) -> StoredStart:
    """What L{Ledger.start} does, for work that does more in the same piece."""
    start = _checked_start(start)
    for _ in range(_MAX_ID_TRIES):
        known = _repeated(connection, start) or _repeated_sleeper(connection, start)
        if known is not None:
            runs = _taken_up(connection, known)
            return StoredStart(_transaction(known), repeated=True, superseded=(), runs=runs)
        transaction = _begun(start, new_id())
        if _insert(connection, start, transaction):
            superseded = _supersede(
                connection, start.charge_point, start.connector, transaction.transaction_id
            )
            return StoredStart(transaction, repeated=False, superseded=superseded)
    raise StorageError(f"no free transaction id was found in {_MAX_ID_TRIES} tries")


def _checked_start(start: TransactionStart) -> TransactionStart:
    checks.name(start.charge_point, "the Charge Point's identity")
    checks.name(start.id_tag, "idTag")
    checks.int64(start.connector, "connectorId")
    checks.int64(start.meter_start_wh, "meterStart")
    checks.int64(start.reservation_id or 0, "reservationId")
    checks.payload(start.request_text, "the payload")
    return evolve(start, started_at=checks.moment(start.started_at, "timestamp"))


def _begun(start: TransactionStart, transaction_id: int) -> Transaction:
    if not 1 <= transaction_id <= MAX_TRANSACTION_ID:
        raise StorageError(
            f"transaction id {transaction_id}; allowed: 1 to {MAX_TRANSACTION_ID}"
        )
    return Transaction(
        transaction_id=transaction_id,
        id_tag=start.id_tag,
        verdict=start.verdict,
        started_at=start.started_at,
        meter_start_wh=start.meter_start_wh,
    )


def _repeated(connection: Connection, start: TransactionStart) -> _Record | None:
    return connection.execute(
        _REPEATED,
        {
            "charge_point": start.charge_point,
            "connector": start.connector,
            "id_tag": start.id_tag,
            "started_at": start.started_at,
            "meter_start_wh": start.meter_start_wh,
            "start_text": start.request_text,
        },
    ).first()


def _repeated_sleeper(connection: Connection, start: TransactionStart) -> _Record | None:
    """
    The transaction that was begun with the same words and is thought to be over, if none has
    begun there since: an answer was lost, and the connector said to be free meanwhile.
    """
    known = connection.execute(
        select(transactions)
        .where(
            transactions.c.state == TransactionState.SUPERSEDED.value,
            transactions.c.charge_point == start.charge_point,
            transactions.c.connector == start.connector,
            transactions.c.start_text == start.request_text,
        )
        .order_by(transactions.c.number.desc())
        .limit(1)
    ).first()
    return known if known is not None and _is_newest(connection, known) else None


def _taken_up(connection: Connection, known: _Record) -> bool:
    """Whether a transaction goes on whose start is repeated; it is open then."""
    if known.state == TransactionState.OPEN.value:
        return True
    if known.state == TransactionState.STOPPED.value or not _is_newest(connection, known):
        return False
    connection.execute(
        update(transactions)
        .where(transactions.c.number == known.number)
        .values(state=TransactionState.OPEN.value)
    )
    return True


def _is_newest(connection: Connection, known: _Record) -> bool:
    later = select(transactions.c.number).where(
        transactions.c.charge_point == known.charge_point,
        transactions.c.connector == known.connector,
        transactions.c.number > known.number,
    )
    return connection.execute(later.limit(1)).first() is None


def _insert(connection: Connection, start: TransactionStart, made: Transaction) -> bool:
    """Whether the row could be written; not when its id or the whole start is there already."""
    inserted = connection.execute(
        _INSERT[connection.dialect.name],
        {
            "transaction_id": made.transaction_id,
            "charge_point": start.charge_point,
            "connector": start.connector,
            "evse": start.evse,
            "id_tag": made.id_tag,
            "verdict": made.verdict.value,
            "started_at": made.started_at,
            "meter_start_wh": made.meter_start_wh,
            "reservation_id": start.reservation_id,
            "start_text": start.request_text,
            "state": TransactionState.OPEN.value,
            "folded_id_tag": made.id_tag.casefold(),
            "has_signed": False,
        },
    )
    return inserted.rowcount == 1


def _judged(connection: Connection, transaction_id: int, verdict: Verdict) -> None:
    connection.execute(
        update(transactions)
        .where(transactions.c.transaction_id == transaction_id)
        .values(verdict=verdict.value)
    )


def _vacated(connection: Connection, charge_point: str, connector: int) -> None:
    _supersede(connection, charge_point, connector)


def _resumed(connection: Connection, place: tuple[str, int], transaction_id: int) -> None:
    record = _record(connection, transaction_id)
    if record is not None and (record.charge_point, record.connector) == place:
        _taken_up(connection, record)


def _supersede(
    connection: Connection, charge_point: str, connector: int, but_not: int = 0
) -> tuple[int, ...]:
    place = {"charge_point": charge_point, "connector": connector, "but_not": but_not}
    found = connection.scalars(_STILL_OPEN, place).all()
    if found:
        connection.execute(_SUPERSEDE, {"found": found})
    return tuple(found)


def write_stop(connection: Connection, stop: TransactionStop) -> StoredStop:
    """What L{Ledger.stop} does, for work that does more in the same piece."""
    stop = _checked_stop(stop)
    record = _record(connection, stop.transaction_id)
    if record is None:
        keep_stray_stop(connection, stop, StopOutcome.UNKNOWN)
        return StoredStop(StopOutcome.UNKNOWN)
    if record.charge_point != stop.charge_point:
        keep_stray_stop(connection, stop, StopOutcome.FOREIGN)
        return StoredStop(StopOutcome.FOREIGN)
    if record.state == TransactionState.STOPPED.value:
        return _stopped_before(connection, stop, record)
    connection.execute(
        _STOP,
        {
            "stopped": record.number,
            "stopped_at": stop.stopped_at,
            "meter_stop_wh": stop.meter_stop_wh,
            "stop_reason": stop.reason,
            "stop_id_tag": stop.id_tag,
            "stop_text": stop.request_text,
            **({"has_signed": True} if says_signed(stop.request_text) else {}),
        },
    )
    return _stored_stop(record, StopOutcome.STOPPED, stop.meter_stop_wh)


def _stopped_before(
    connection: Connection, stop: TransactionStop, record: _Record
) -> StoredStop:
    said_the_same = (record.stopped_at, record.meter_stop_wh) == (
        stop.stopped_at,
        stop.meter_stop_wh,
    )
    if not said_the_same:
        keep_stray_stop(connection, stop, StopOutcome.REPEATED)
    return _stored_stop(record, StopOutcome.REPEATED, record.meter_stop_wh)


def _checked_stop(stop: TransactionStop) -> TransactionStop:
    checks.name(stop.charge_point, "the Charge Point's identity")
    checks.name(stop.id_tag or "", "idTag")
    checks.name(stop.reason, "reason")
    checks.int64(stop.meter_stop_wh, "meterStop")
    checks.payload(stop.request_text, "the payload")
    return evolve(stop, stopped_at=checks.moment(stop.stopped_at, "timestamp"))


def _stored_stop(
    record: _Record, outcome: StopOutcome, meter_stop_wh: int | None
) -> StoredStop:
    return StoredStop(
        outcome,
        evse=record.evse,
        connector=record.connector,
        energy_wh=_energy_wh(record.meter_start_wh, meter_stop_wh),
        id_tag=record.id_tag,
    )


def _energy_wh(meter_start_wh: int, meter_stop_wh: int | None) -> int | None:
    # A register that went back was reset or exchanged: what was drawn is not known.
    if meter_stop_wh is None or meter_stop_wh < meter_start_wh:
        return None
    return meter_stop_wh - meter_start_wh


def _record(connection: Connection, transaction_id: int) -> _Record | None:
    if not 1 <= transaction_id <= MAX_TRANSACTION_ID:
        return None
    return connection.execute(_RECORD, {"transaction_id": transaction_id}).first()


def _open_transactions(connection: Connection) -> tuple[OpenTransaction, ...]:
    rows = connection.execute(
        select(transactions)
        .where(transactions.c.state == TransactionState.OPEN.value)
        .order_by(transactions.c.number)
    )
    return tuple(
        OpenTransaction(row.charge_point, row.connector, row.evse, _transaction(row))
        for row in rows
    )


def _transactions(
    connection: Connection, limit: int, offset: int
) -> tuple[StoredTransaction, ...]:
    rows = connection.execute(
        select(transactions)
        .order_by(transactions.c.number.desc())
        .limit(min(max(limit, 0), MAX_TRANSACTIONS_READ))
        .offset(max(offset, 0))
    )
    return tuple(_stored_transaction(row) for row in rows)


def _transaction(row: _Record) -> Transaction:
    return Transaction(
        transaction_id=row.transaction_id,
        id_tag=row.id_tag,
        verdict=Verdict(row.verdict),
        started_at=row.started_at,
        meter_start_wh=row.meter_start_wh,
    )


def _stored_transaction(row: _Record) -> StoredTransaction:
    return StoredTransaction(
        charge_point=row.charge_point,
        connector=row.connector,
        evse=row.evse,
        transaction=_transaction(row),
        reservation_id=row.reservation_id,
        state=TransactionState(row.state),
        stopped_at=row.stopped_at,
        meter_stop_wh=row.meter_stop_wh,
        stop_reason=row.stop_reason,
        stop_id_tag=row.stop_id_tag,
        start_text=row.start_text,
        stop_text=row.stop_text,
    )
