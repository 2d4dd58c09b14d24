"""Finding transactions by when they started, where and by whom: in pages, and added up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from attrs import frozen
from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Row,
    Select,
    case,
    func,
    literal,
    select,
)

from cfos_cm.site.transaction import MAX_TRANSACTION_ID
from cfos_cm.storage import checks
from cfos_cm.storage.tables import transactions
from cfos_cm.storage.transactions import TransactionState

__all__ = [
    "MAX_ROWS_READ",
    "FoundTransaction",
    "Page",
    "Sought",
    "Texts",
    "Totals",
    "add_up",
    "find_page",
    "find_texts",
    "find_transaction",
]

#: Transactions that are read in one go; those that follow are asked for by the last one.
MAX_ROWS_READ = 1000

_known = transactions.c

#: All but the long texts.
_SHORT = (
    _known.number,
    _known.transaction_id,
    _known.charge_point,
    _known.connector,
    _known.evse,
    _known.id_tag,
    _known.verdict,
    _known.state,
    _known.started_at,
    _known.stopped_at,
    _known.meter_start_wh,
    _known.meter_stop_wh,
    _known.stop_reason,
    _known.stop_id_tag,
    _known.has_signed,
)


@frozen
class Sought:
    """
    What a transaction has to be like to be found; C{None}: whatever it is.

    @ivar from_at: it started then or later; aware.
    @ivar to_at: it started before; aware.
    @ivar evse: the name of its EVSE.
    @ivar charge_point: the identity of its Charge Point.
    @ivar id_tag: who started it, with whatever capitals.
    """

    from_at: datetime | None = None
    to_at: datetime | None = None
    evse: str | None = None
    charge_point: str | None = None
    id_tag: str | None = None
    state: TransactionState | None = None

    @property
    def is_anything(self) -> bool:
        """Whether every transaction is like that."""
        return self == _ANYTHING


_ANYTHING = Sought()


@frozen
class FoundTransaction:
    """
    A transaction without the texts of its messages, which may be long.

    @ivar number: its place in the order of storing.
    @ivar transaction_id: ours.
    @ivar verdict: of who started it, as OCPP says it.
    @ivar started_at: by the Charge Point's clock; UTC.
    @ivar stopped_at: likewise; C{None} until it has stopped, as the other fields of the stop.
    @ivar has_signed: whether a signed meter value of it was kept; C{None}: not known.
    """

    number: int
    transaction_id: int
    charge_point: str
    connector: int
    evse: str | None
    id_tag: str
    verdict: str
    state: TransactionState
    started_at: datetime
    stopped_at: datetime | None
    meter_start_wh: int
    meter_stop_wh: int | None
    stop_reason: str | None
    stop_id_tag: str | None
    has_signed: bool | None

    @property
    def energy_wh(self) -> int | None:
        """Between the two readings; C{None} when that is not known. [Wh]"""
        # A register that went back was reset or exchanged: what was drawn is not known.
        if self.meter_stop_wh is None or self.meter_stop_wh < self.meter_start_wh:
            return None
        return self.meter_stop_wh - self.meter_start_wh


@frozen
class Page:
    """
    Some of what was found, newest first.

    @ivar next: what those that follow are before, by their numbers; C{None}: there are none.
    """

    transactions: tuple[FoundTransaction, ...]
    next: int | None


@frozen
class Totals:
    """
    All that was found, together.

    @ivar energy_wh: of those whose energy is known. [Wh]
    """

    count: int
    energy_wh: int


@frozen
class Texts:
    """
    The messages of a transaction's start and end, as they came.

    @ivar stop_text: C{None}: it has not stopped.
    """

    start_text: str
    stop_text: str | None


def find_page(
    connection: Connection, sought: Sought, limit: int, before: int | None = None
) -> Page:
    """
    Some transactions, newest first.

    @param limit: at most so many, and at most L{MAX_ROWS_READ}.
    @param before: only those that were stored before the one of this number.
    """
    limit = min(max(limit, 1), MAX_ROWS_READ)
    if not _can_be(sought):
        return Page((), None)
    rows = connection.execute(_page(sought, limit + 1, before)).all()
    found = tuple(map(_found, rows[:limit]))
    return Page(found, found[-1].number if len(rows) > limit else None)


def add_up(connection: Connection, sought: Sought) -> Totals:
    """How many there are altogether, and how much was charged."""
    if not _can_be(sought):
        return Totals(0, 0)
    row = connection.execute(_totals(sought)).one()
    # PostgreSQL's sum is no plain integer.
    return Totals(row.found, int(row.energy_wh))


def find_transaction(connection: Connection, transaction_id: int) -> FoundTransaction | None:
    """One transaction, by our id; C{None}: there is none."""
    if not 1 <= transaction_id <= MAX_TRANSACTION_ID:
        return None
    row = connection.execute(_one(select(*_SHORT), transaction_id)).first()
    return None if row is None else _found(row)


def find_texts(connection: Connection, transaction_id: int) -> Texts | None:
    """What was said at the start and the end of a transaction; C{None}: there is none."""
    if not 1 <= transaction_id <= MAX_TRANSACTION_ID:
        return None
    texts = select(_known.start_text, _known.stop_text)
    row = connection.execute(_one(texts, transaction_id)).first()
    return None if row is None else Texts(row.start_text, row.stop_text)


def _one(of: Select[Any], transaction_id: int) -> Select[Any]:
    return of.where(_known.transaction_id == transaction_id)


def _can_be(sought: Sought) -> bool:
    """Whether a database can be asked for it at all."""
    texts = (sought.evse, sought.charge_point, sought.id_tag)
    return all(text is None or checks.is_text(text) for text in texts)


def _page(sought: Sought, limit: int, before: int | None) -> Executable:
    return (
        select(*_SHORT)
        .where(_known.number.in_(_numbers(sought, limit, before)))
        .order_by(_known.number.desc())
    )


def _numbers(sought: Sought, limit: int, before: int | None) -> Select[Any]:
    """
    The numbers of a page's rows.

    Where something is sought they are picked out of the index that has everything that can be:
    in the order of the rows themselves, one that is rare would have all of these read, long
    texts and all.
    """
    number = _known.number if sought.is_anything else _known.number + 0
    found = select(_known.number).where(*_is(sought))
    if before is not None:
        found = found.where(number < before)
    return found.order_by(number.desc()).limit(limit)


def _totals(sought: Sought) -> Select[Any]:
    grown = _known.meter_stop_wh - _known.meter_start_wh
    energy_wh = func.coalesce(func.sum(case((grown >= 0, grown))), 0)
    return select(func.count().label("found"), energy_wh.label("energy_wh")).where(*_is(sought))


def _is(sought: Sought) -> Iterator[ColumnElement[bool]]:
    if sought.from_at is not None:
        yield _known.started_at >= sought.from_at
    if sought.to_at is not None:
        yield _known.started_at < sought.to_at
    if sought.evse is not None:
        yield _known.evse == sought.evse
    if sought.id_tag is not None:
        yield _known.folded_id_tag == sought.id_tag.casefold()
    # Joined with nothing: by these alone SQLite would take another index, and read all rows
    # that it finds there, which may be most of them.
    if sought.charge_point is not None:
        yield _known.charge_point + literal("") == sought.charge_point
    if sought.state is not None:
        yield _known.state + literal("") == sought.state.value


def _found(row: Row[Any]) -> FoundTransaction:
    values = row._asdict()
    return FoundTransaction(**{**values, "state": TransactionState(values["state"])})
