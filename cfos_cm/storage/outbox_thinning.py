"""Thinning out readings that wait, when there are too many of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from attrs import frozen
from sqlalchemy import Connection, Row, Select, bindparam, false, select

from cfos_cm.storage.outbox_rows import forget_numbers
from cfos_cm.storage.tables import outbox, outbox_depths

__all__ = ["Thinned", "thin_some"]

#: So many messages are looked at in one go; to look at all would hold up everybody else.
ROWS_AT_ONCE = 5000

_SOME: Select[Any] = (
    select(outbox.c.number, outbox.c.transaction_id, outbox.c.connector, outbox.c.is_periodic)
    .where(
        outbox.c.gateway == bindparam("of"),
        outbox.c.is_dead == false(),
        outbox.c.number > bindparam("after"),
    )
    .order_by(outbox.c.number)
    .limit(bindparam("most"))
)
_WAITING = select(outbox_depths.c.waiting).where(outbox_depths.c.gateway == bindparam("of"))


@frozen
class Thinned:
    """
    What came of looking at some messages.

    @ivar forgotten: how many are gone.
    @ivar last: the number of the last that was looked at; C{None}: there is no other behind.
    @ivar is_enough: no more messages wait than may.
    """

    forgotten: int
    last: int | None
    is_enough: bool


def thin_some(connection: Connection, gateway: str, keep: int, after: int) -> Thinned:
    """
    Look at some messages, and forget every second periodic reading of each transaction that is
    neither the first nor the last there, oldest first, until C{keep} wait.

    @param after: the number that was looked at last.
    """
    excess = (connection.scalar(_WAITING, {"of": gateway}) or 0) - keep
    if excess <= 0:
        return Thinned(0, None, is_enough=True)
    asked = {"of": gateway, "after": after, "most": ROWS_AT_ONCE}
    rows = connection.execute(_SOME, asked).all()
    numbers = _dispensable(rows)[:excess]
    forget_numbers(connection, numbers)
    last = rows[-1].number if len(rows) == ROWS_AT_ONCE else None
    return Thinned(len(numbers), last, is_enough=len(numbers) == excess)


def _dispensable(rows: Sequence[Row[Any]]) -> list[int]:
    # By transaction: with two that take turns, every second of all would be all of one.
    series: defaultdict[tuple[int | None, int], list[int]] = defaultdict(list)
    for row in rows:
        if row.is_periodic:
            series[row.transaction_id, row.connector].append(row.number)
    return sorted(number for numbers in series.values() for number in numbers[1:-1:2])
