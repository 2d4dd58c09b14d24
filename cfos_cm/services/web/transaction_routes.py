"""Transactions over HTTP: the list, each one, its curve, its signed values; statements."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial

from attrs import frozen

from cfos_cm.errors import LocalProtocolError
from cfos_cm.services.comma_separated import CSV_MEDIA, csv_lines
from cfos_cm.services.web.curve import Curve
from cfos_cm.services.web.flow import flowing
from cfos_cm.services.web.records_read import (
    MAX_CSV_ROWS,
    MAX_STATEMENT_ROWS,
    all_of,
    pages_of,
    totals_of,
)
from cfos_cm.services.web.signed import as_json, as_ndjson, records
from cfos_cm.services.web.statement import (
    Month,
    month_of,
    statement,
    statement_rows,
    this_month,
)
from cfos_cm.services.web.transaction_answers import (
    CurveAnswer,
    SignedAnswer,
    SignedQuery,
    Statement,
    StatementQuery,
    TransactionPage,
    TransactionQuery,
    TransactionRecord,
)
from cfos_cm.services.web.transaction_view import (
    TRANSACTION_HEAD,
    transaction_cells,
    transaction_record,
)
from cfos_cm.storage.database import Database
from cfos_cm.storage.reading_pages import read_page
from cfos_cm.storage.transaction_search import (
    FoundTransaction,
    Sought,
    Texts,
    find_page,
    find_texts,
    find_transaction,
)
from cfos_cm.storage.transactions import Ledger
from cfos_cm.web.answer import Answer, Content, Json, Stream
from cfos_cm.web.problem import Problem
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import API, Asked, Route

__all__ = ["transaction_routes"]

_TAG = "transactions"
_NDJSON = "application/x-ndjson"

#: An id has ten digits at most; longer ones need not be read.
_MAX_ID_DIGITS = 10


def transaction_routes(
    database: Database,
    ledger: Ledger,
    now: Callable[[], datetime],
    in_kwh: Callable[[str], bool] = lambda _: False,
) -> tuple[Route, ...]:
    """
    Everything about what was charged.

    @param now: the time of day; aware.
    @param in_kwh: whether a Charge Point, by its identity, says kWh and calls them Wh.
    """
    book = _Book(database, ledger, now, in_kwh)
    return (
        Route(
            method="GET",
            path=f"{API}/transactions",
            role=Role.VIEWER,
            handle=book.listed,
            summary="Transactions, newest first: a page as JSON, or all of them as CSV.",
            tag=_TAG,
            query=TransactionQuery,
            answer=TransactionPage,
            media=("application/json", "text/csv"),
            problems=(422,),
        ),
        Route(
            method="GET",
            path=f"{API}/transactions/{{id}}",
            role=Role.VIEWER,
            handle=book.one,
            summary="One transaction.",
            tag=_TAG,
            answer=TransactionRecord,
        ),
        Route(
            method="GET",
            path=f"{API}/transactions/{{id}}/curve",
            role=Role.VIEWER,
            handle=book.curve,
            summary="How a charge went on: power, current and energy over time.",
            tag=_TAG,
            answer=CurveAnswer,
        ),
        Route(
            method="GET",
            path=f"{API}/transactions/{{id}}/signed",
            role=Role.OPERATOR,
            handle=book.signed,
            summary="The messages of a transaction to the letter, with their signed values.",
            tag=_TAG,
            query=SignedQuery,
            answer=SignedAnswer,
            media=("application/json", _NDJSON),
        ),
        Route(
            method="GET",
            path=f"{API}/statements",
            role=Role.OPERATOR,
            handle=book.statement,
            summary="What each idTag has charged in a month of the site's time zone.",
            tag=_TAG,
            query=StatementQuery,
            answer=Statement,
            media=("application/json", "text/csv"),
            problems=(422,),
        ),
    )


@frozen
class _Book:
    """Answers what is asked about transactions."""

    database: Database
    ledger: Ledger
    now: Callable[[], datetime]
    in_kwh: Callable[[str], bool]

    async def listed(self, asked: Asked) -> Answer:
        """Those that are sought, as JSON or CSV."""
        query: TransactionQuery = asked.query or TransactionQuery()
        sought = _sought(query, asked.caller)
        totals = await totals_of(self.database, sought)
        if _wants_csv(query.format, asked.accept):
            _refuse_more(totals.count, MAX_CSV_ROWS, "a CSV file", "from and to")
            lines = partial(self._lines, sought, in_full=_sees_tags(asked.caller))
            return _file(lines, CSV_MEDIA, "transactions.csv")
        page = await self.database.run(
            partial(find_page, sought=sought, limit=query.limit, before=query.before)
        )
        in_full = _sees_tags(asked.caller)
        return Json(
            value=TransactionPage(
                transactions=tuple(
                    transaction_record(one, in_full=in_full) for one in page.transactions
                ),
                next=page.next,
                count=totals.count,
                energy_wh=totals.energy_wh,
            )
        )

    async def _lines(self, sought: Sought, *, in_full: bool) -> AsyncIterator[bytes]:
        yield csv_lines([TRANSACTION_HEAD])
        async for page in pages_of(self.database, sought, MAX_CSV_ROWS):
            yield csv_lines(
                transaction_cells(transaction_record(one, in_full=in_full)) for one in page
            )

    async def one(self, asked: Asked) -> Answer:
        """One of them."""
        found = await self._named(asked)
        return Json(value=transaction_record(found, in_full=_sees_tags(asked.caller)))

    async def curve(self, asked: Asked) -> Answer:
        """How it went on."""
        found = await self._named(asked)
        texts = await self._texts(found)
        curve = Curve(found.meter_start_wh, self.in_kwh(found.charge_point))
        curve.put_energy(found.started_at, found.meter_start_wh)
        await self.ledger.settled()
        after: int | None = 0
        while after is not None:
            page = await self.database.run(
                partial(
                    read_page,
                    charge_point=found.charge_point,
                    transaction_id=found.transaction_id,
                    after=after,
                )
            )
            for reading in page.readings:
                curve.add_values(reading.payload_text, reading.received_at)
            after = page.next
        if texts.stop_text is not None and found.stopped_at is not None:
            curve.add_stop(texts.stop_text, found.stopped_at)
            curve.put_energy(found.stopped_at, found.meter_stop_wh or 0)
        return Json(value=curve.answer())

    async def signed(self, asked: Asked) -> Answer:
        """What was said of it, to the letter."""
        query: SignedQuery = asked.query or SignedQuery()
        found = await self._named(asked)
        texts = await self._texts(found)
        await self.ledger.settled()
        number = found.transaction_id
        told = partial(records, self.database, found.charge_point, number, texts)
        if query.format == "ndjson" or (query.format is None and _NDJSON in asked.accept):
            return _file(lambda: as_ndjson(told()), _NDJSON, f"transaction-{number}.ndjson")
        return _file(lambda: as_json(told()), "application/json", f"transaction-{number}.json")

    async def statement(self, asked: Asked) -> Answer:
        """What was charged in a month."""
        query: StatementQuery = asked.query or StatementQuery()
        month = _month(query.month or this_month(self.now()))
        sought = Sought(from_at=month.begin, to_at=month.end, id_tag=query.id_tag)
        totals = await totals_of(self.database, sought)
        _refuse_more(totals.count, MAX_STATEMENT_ROWS, "a statement", "id_tag")
        made = statement(month, await all_of(self.database, sought, MAX_STATEMENT_ROWS))
        if _wants_csv(query.format, asked.accept):
            table = csv_lines(statement_rows(made))
            return Content(table, CSV_MEDIA, file_name=f"statement-{month.name}.csv")
        return Json(value=made)

    async def _named(self, asked: Asked) -> FoundTransaction:
        text = asked.path["id"]
        if text.isascii() and text.isdigit() and len(text) <= _MAX_ID_DIGITS:
            finding = partial(find_transaction, transaction_id=int(text))
            found = await self.database.run(finding)
            if found is not None:
                return found
        raise Problem(404, "there is no such transaction")

    async def _texts(self, found: FoundTransaction) -> Texts:
        finding = partial(find_texts, transaction_id=found.transaction_id)
        texts = await self.database.run(finding)
        if texts is None:
            raise Problem(404, "there is no such transaction")
        return texts


def _sees_tags(caller: Caller) -> bool:
    return caller.role >= Role.OPERATOR


def _sought(query: TransactionQuery, caller: Caller) -> Sought:
    if query.id_tag is not None and not _sees_tags(caller):
        # Who may not see idTags is not to find them out by trying.
        raise Problem(403, "a viewer sees the ends of idTags only, and cannot look for one")
    return Sought(
        from_at=_utc(query.from_),
        to_at=_utc(query.to),
        evse=query.evse,
        charge_point=query.charge_point,
        id_tag=query.id_tag,
        state=query.state,
    )


def _utc(moment: datetime | None) -> datetime | None:
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError:
        raise Problem(422, "from and to: one of them is outside of the calendar") from None


def _wants_csv(said: str | None, accept: str) -> bool:
    """By the parameter, or by which of the two the asker names first in C{Accept}."""
    if said is not None:
        return said == "csv"
    for one in accept.split(","):
        media = one.partition(";")[0].strip().lower()
        if media in ("text/csv", "application/json"):
            return media == "text/csv"
    return False


def _refuse_more(count: int, most: int, what: str, by: str) -> None:
    if count > most:
        raise Problem(
            422, f"there are {count} transactions; {what} holds {most}: narrow it by {by}"
        )


def _month(name: str) -> Month:
    try:
        return month_of(name)
    except LocalProtocolError as error:
        raise Problem(422, str(error)) from None


def _file(
    pieces: Callable[[], AsyncIterator[bytes]], media_type: str, file_name: str
) -> Stream:
    return Stream(
        begin=flowing(pieces),
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{file_name}"'},
    )
