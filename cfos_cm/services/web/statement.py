"""Statements: what each idTag has charged in a month."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from attrs import frozen

from cfos_cm.errors import LocalProtocolError
from cfos_cm.services.comma_separated import Cell
from cfos_cm.services.web.transaction_answers import (
    Statement,
    StatementTag,
    TransactionRecord,
)
from cfos_cm.services.web.transaction_view import transaction_record
from cfos_cm.storage.transaction_search import FoundTransaction

__all__ = ["STATEMENT_HEAD", "Month", "month_of", "statement", "statement_rows", "this_month"]

_MONTH = re.compile(r"(20[0-9]{2}|2100)-(0[1-9]|1[0-2])")
_DECEMBER = 12

#: The first line of a statement as a table.
STATEMENT_HEAD: tuple[Cell, ...] = (
    "month",
    "time_zone",
    "id_tag",
    "transaction_id",
    "started_at_local",
    "started_at_utc",
    "stopped_at_utc",
    "evse",
    "charge_point",
    "state",
    "meter_start_wh",
    "meter_stop_wh",
    "energy_wh",
)


@frozen
class Month:
    """
    A month, in the time of the computer that this runs on.

    @ivar name: such as C{2026-11}.
    @ivar begin: its first moment; aware, UTC.
    @ivar end: the first moment after it; aware, UTC.
    @ivar time_zone: such as C{CET (+01:00)}: what holds when it begins.
    """

    name: str
    begin: datetime
    end: datetime
    time_zone: str


def month_of(name: str) -> Month:
    """
    A month by its name.

    @raise LocalProtocolError: if it is none, or not of the years 2000 to 2100.
    """
    match = _MONTH.fullmatch(name)
    if match is None:
        raise LocalProtocolError(
            f"{name!r} is no month; allowed: one such as 2026-11, from 2000-01 to 2100-12"
        )
    first = datetime(int(match[1]), int(match[2]), 1)
    following = (
        first.replace(year=first.year + 1, month=1)
        if first.month == _DECEMBER
        else first.replace(month=first.month + 1)
    )
    # Without a zone it is a time of this computer, by whatever holds on that day.
    begin, end = first.astimezone(), following.astimezone()
    zone = f"{begin.tzname()} ({begin.isoformat()[-6:]})"
    return Month(name, begin.astimezone(UTC), end.astimezone(UTC), zone)


def this_month(now: datetime) -> str:
    """The name of the month that it is here at a moment."""
    return f"{now.astimezone():%Y-%m}"


def statement(month: Month, found: Iterable[FoundTransaction]) -> Statement:
    """
    Transactions of a month by who started them, in the order of the idTags without their case.

    @param found: newest first.
    """
    of_tag: dict[str, list[TransactionRecord]] = {}
    for one in found:
        record = transaction_record(one, in_full=True)
        of_tag.setdefault(one.id_tag.casefold(), []).append(record)
    tags = tuple(_of_tag(of_tag[folded]) for folded in sorted(of_tag))
    return Statement(
        month=month.name,
        from_=month.begin,
        to=month.end,
        time_zone=month.time_zone,
        count=sum(tag.count for tag in tags),
        energy_wh=sum(tag.energy_wh for tag in tags),
        tags=tags,
    )


def _of_tag(newest_first: list[TransactionRecord]) -> StatementTag:
    energies = [one.energy_wh for one in newest_first]
    return StatementTag(
        id_tag=newest_first[0].id_tag,
        count=len(newest_first),
        open_count=energies.count(None),
        energy_wh=sum(energy for energy in energies if energy is not None),
        transactions=tuple(reversed(newest_first)),
    )


def statement_rows(made: Statement) -> Iterable[tuple[Cell, ...]]:
    """A statement as a table: its heading, and a line for each transaction."""
    yield STATEMENT_HEAD
    for tag in made.tags:
        for one in tag.transactions:
            yield (
                made.month,
                made.time_zone,
                tag.id_tag,
                one.id,
                one.started_at.astimezone().isoformat(),
                one.started_at,
                one.stopped_at,
                one.evse,
                one.charge_point,
                one.state.value,
                one.meter_start_wh,
                one.meter_stop_wh,
                one.energy_wh,
            )
