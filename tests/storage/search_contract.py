"""What the search for transactions promises, whatever database they are in."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine, event

from cfos_cm.storage import reading_pages
from cfos_cm.storage.database import Database
from cfos_cm.storage.queue_pages import read_entries
from cfos_cm.storage.reading_pages import read_page
from cfos_cm.storage.tables import BUCKET_ROWS, meter_value_buckets, meter_values
from cfos_cm.storage.transaction_search import (
    MAX_ROWS_READ,
    FoundTransaction,
    Page,
    Sought,
    Totals,
    add_up,
    find_page,
    find_texts,
    find_transaction,
)
from cfos_cm.storage.transactions import Ledger, TransactionState
from tests.nasty_strings import NASTY_STRINGS

from .cases import NOW, DatabaseCase
from .ledger_contract import start_of, stop_of

HOUR = timedelta(hours=1)

SIGNED = (
    '{"connectorId":1,"transactionId":1,"meterValue":[{"timestamp":"2026-11-22T10:00:00Z",'
    '"sampledValue":[{"value":"OCMF|{}","format":"SignedData"}]}]}'
)


class SearchContract(DatabaseCase):
    """Finding transactions, and what is kept of each."""

    async def begin(self) -> None:
        """Open the database."""
        self.kept: Database = await self.opened()
        numbers = itertools.count(1)
        self.ledger = Ledger(self.kept, lambda: next(numbers))

    async def charge(self, hour: int, wh: int | None = 1000, **changes: Any) -> int:
        """A transaction of so much energy that began in an hour; C{None}: it goes on."""
        text = f'{{"hour":{hour}}}'
        start = start_of(started_at=NOW + hour * HOUR, request_text=text, **changes)
        stored = await self.ledger.start(start)
        number = stored.transaction.transaction_id
        if wh is not None:
            meter_stop_wh = start.meter_start_wh + wh
            await self.ledger.stop(
                stop_of(number, charge_point=start.charge_point, meter_stop_wh=meter_stop_wh)
            )
        return number

    async def tell(
        self, charge_point: str, connector: int, number: int | None, at: datetime, text: str
    ) -> None:
        """Meter values come, and are kept."""
        kept = self.ledger.add_meter_values(charge_point, connector, number, at, text)
        if kept is not None:
            await kept

    async def page(self, limit: int = 100, before: int | None = None, **sought: Any) -> Page:
        """Some of what is found."""
        return await self.kept.run(
            partial(find_page, sought=Sought(**sought), limit=limit, before=before)
        )

    async def ids(self, **sought: Any) -> list[int]:
        """All that is found, by our ids; checked to be counted the same."""
        page = await self.page(**sought)
        totals = await self.kept.run(partial(add_up, sought=Sought(**sought)))
        self.assertEqual(totals.count, len(page.transactions))
        energies = [one.energy_wh or 0 for one in page.transactions]
        self.assertEqual(totals.energy_wh, sum(energies))
        return [one.transaction_id for one in page.transactions]

    async def test_everyField(self) -> None:
        """What was said of a transaction is found as it was said."""
        await self.begin()
        number = await self.charge(0, 2500, id_tag="Tag-É")
        found = await self.kept.run(partial(find_transaction, transaction_id=number))
        expected = FoundTransaction(
            number=1,
            transaction_id=number,
            charge_point="CP-1",
            connector=1,
            evse="bay-1",
            id_tag="Tag-É",
            verdict="Accepted",
            state=TransactionState.STOPPED,
            started_at=NOW,
            stopped_at=NOW + HOUR,
            meter_start_wh=1000,
            meter_stop_wh=3500,
            stop_reason="EVDisconnected",
            stop_id_tag="04AABB",
            has_signed=False,
        )
        self.assertEqual(found, expected)
        self.assertEqual(expected.energy_wh, 2500)
        self.assertEqual((await self.page()).transactions, (expected,))

    async def test_none(self) -> None:
        """Of nothing there is nothing, and its sum is 0."""
        await self.begin()
        self.assertEqual(await self.page(), Page((), None))
        self.assertEqual(await self.kept.run(partial(add_up, sought=Sought())), Totals(0, 0))
        for number in (0, 1, -1, 2**31, 2**70):
            finding = partial(find_transaction, transaction_id=number)
            self.assertIsNone(await self.kept.run(finding))
            self.assertIsNone(await self.kept.run(partial(find_texts, transaction_id=number)))

    async def test_eachFilter(self) -> None:
        """All that is sought has to be true of what is found."""
        await self.begin()
        first = await self.charge(0)
        second = await self.charge(1, charge_point="CP-2", evse="bay-2", id_tag="B")
        third = await self.charge(2, None, charge_point="CP-2", evse="bay-2")
        self.assertEqual(await self.ids(), [third, second, first])
        self.assertEqual(await self.ids(from_at=NOW + HOUR), [third, second])
        self.assertEqual(await self.ids(to_at=NOW + HOUR), [first])
        self.assertEqual(await self.ids(from_at=NOW, to_at=NOW), [])
        self.assertEqual(await self.ids(evse="bay-2"), [third, second])
        self.assertEqual(await self.ids(charge_point="CP-1"), [first])
        self.assertEqual(await self.ids(state=TransactionState.OPEN), [third])
        self.assertEqual(await self.ids(state=TransactionState.STOPPED), [second, first])
        self.assertEqual(await self.ids(id_tag="b", evse="bay-2"), [second])
        self.assertEqual(await self.ids(id_tag="b", evse="bay-1"), [])
        self.assertEqual(await self.ids(charge_point="CP-2", to_at=NOW + 2 * HOUR), [second])

    async def test_capitalsOfTags(self) -> None:
        """An idTag is found with whatever capitals, as OCPP's IdToken compares."""
        await self.begin()
        number = await self.charge(0, id_tag="04aÄß")
        for said in ("04aÄß", "04AÄSS", "04aäẞ"):
            self.assertEqual(await self.ids(id_tag=said), [number], said)
        self.assertEqual(await self.ids(id_tag="04a"), [])

    async def test_pages(self) -> None:
        """Each page goes on where the one before ended, and the last one says that it is."""
        await self.begin()
        made = [await self.charge(hour) for hour in range(7)]
        for sought in ({}, {"evse": "bay-1"}, {"from_at": NOW}):
            found: list[int] = []
            before, sizes = None, []
            while True:
                page = await self.page(3, before, **sought)
                found += [one.transaction_id for one in page.transactions]
                sizes.append(len(page.transactions))
                before = page.next
                if before is None:
                    break
            self.assertEqual((found, sizes), ([*reversed(made)], [3, 3, 1]), sought)
        self.assertEqual(len((await self.page(7)).transactions), 7)
        self.assertIsNone((await self.page(7)).next)

    async def test_limit(self) -> None:
        """However many are asked for, no more than a bound are read."""
        await self.begin()
        limits: list[Any] = []

        def note(connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
            limits.append(values)

        event.listen(Engine, "before_cursor_execute", note)
        self.addCleanup(event.remove, Engine, "before_cursor_execute", note)
        await self.page(10**9)
        self.assertIn(str(MAX_ROWS_READ + 1), str(limits))
        self.assertNotIn(str(10**9), str(limits))

    async def test_unknownEnergy(self) -> None:
        """A register that went back, or no end, adds nothing."""
        await self.begin()
        await self.charge(0, -5)
        await self.charge(1, None)
        await self.charge(2, 30)
        totals = await self.kept.run(partial(add_up, sought=Sought()))
        self.assertEqual(totals, Totals(3, 30))

    async def test_longestNames(self) -> None:
        """A transaction is kept and found whose names are as long as can be, and longer yet."""
        await self.begin()
        for number, text in enumerate(("\u0390" * 255, "\N{SLICE OF PIZZA}" * 255)):
            charge_point = "\N{SLICE OF PIZZA}" * 255
            made = await self.charge(number, id_tag=text, charge_point=charge_point)
            found = await self.ids(id_tag=text.upper(), charge_point=charge_point)
            self.assertEqual(found, [made])

    async def test_nasty(self) -> None:
        """Texts that have broken programs are found by themselves, and nothing else by them."""
        await self.begin()
        made: dict[str, int] = {}
        for text in NASTY_STRINGS[:150]:
            if 0 < len(text) <= 255 and text.casefold() not in made:
                charge_point = f"CP-{len(made)}"
                made[text.casefold()] = await self.charge(
                    0, id_tag=text, charge_point=charge_point
                )
        for text, number in made.items():
            self.assertEqual(await self.ids(id_tag=text), [number], ascii(text))
            self.assertEqual(await self.ids(evse=text), [], ascii(text))
        for text in ("a\0b", "\ud800"):
            self.assertEqual(await self.ids(id_tag=text), [])
            self.assertEqual(await self.ids(charge_point=text, evse=text), [])

    async def test_rowsAreNotRead(self) -> None:
        """Where something is sought, and to add up, no row with its long texts is read."""
        await self.begin()
        if not self.url.startswith("sqlite"):
            return
        await self.charge(0)
        statements: list[tuple[str, Any]] = []

        def note(connection: Any, cursor: Any, statement: str, values: Any, *_: Any) -> None:
            if statement.startswith("SELECT"):
                statements.append((statement, values))

        event.listen(Engine, "before_cursor_execute", note)
        for sought in (
            {"evse": "bay-1"}, {"id_tag": "x"}, {"charge_point": "CP-1"},
            {"from_at": NOW}, {"state": TransactionState.STOPPED}, {},
        ):  # fmt: skip
            await self.page(**sought)
            await self.ids(**sought)
        event.remove(Engine, "before_cursor_execute", note)
        self.assertGreater(len(statements), 12)
        for statement, values in statements:
            plan = await self.kept.run(partial(_plan, statement=statement, values=values))
            for step in plan:
                is_covered = "COVERING INDEX" in step or "INTEGER PRIMARY KEY" in step
                by_number = step.startswith(("LIST SUBQUERY", "USE TEMP B-TREE"))
                # Newest first, of all that there are: in the order of the rows themselves.
                is_all = (
                    step == "SCAN transactions"
                    and "WHERE" not in statement.partition("IN (SELECT")[2]
                )
                self.assertTrue(is_covered or by_number or is_all, (step, statement))

    async def test_signed(self) -> None:
        """A transaction of which a signed value is kept says so; no other does."""
        await self.begin()
        first, second = await self.charge(0, None), await self.charge(1, None)
        plain = SIGNED.replace("SignedData", "Raw")
        await self.tell("CP-1", 1, first, NOW, plain)
        await self.tell("CP-2", 1, first, NOW, SIGNED)
        self.assertEqual([False, False], await self.signed(first, second))
        await self.tell("CP-1", 1, first, NOW, SIGNED)
        await self.tell("CP-1", 1, None, NOW, SIGNED)
        self.assertEqual([True, False], await self.signed(first, second))

    async def test_signedInOtherLetters(self) -> None:
        """Capitals, and letters written as numbers, are no way to hide it."""
        await self.begin()
        for text in (
            SIGNED.upper(),
            SIGNED.replace("SignedData", "\\u0053ignedData"),
            SIGNED.replace("SignedData", "\\u0053ignedData") + "[",
        ):
            charge_point = f"CP-{len(text)}-{text[:9]}"
            number = await self.charge(0, None, charge_point=charge_point)
            await self.tell(charge_point, 1, number, NOW, text)
            self.assertEqual([True], await self.signed(number), text)

    async def test_signedAtTheEnd(self) -> None:
        """The signed values of a StopTransaction count, too."""
        await self.begin()
        number = await self.charge(0, None)
        await self.ledger.stop(stop_of(number, request_text=SIGNED))
        self.assertEqual([True], await self.signed(number))

    async def signed(self, *numbers: int) -> list[bool | None]:
        """What transactions say about signed values."""
        found = [
            await self.kept.run(partial(find_transaction, transaction_id=number))
            for number in numbers
        ]
        return [None if one is None else one.has_signed for one in found]

    async def test_texts(self) -> None:
        """The messages are found to the letter."""
        await self.begin()
        number = await self.charge(0, None)
        texts = await self.kept.run(partial(find_texts, transaction_id=number))
        assert texts is not None
        self.assertIsNone(texts.stop_text)
        said = '{ "transactionId" : 1,\t"é":"\u2028" }'
        await self.ledger.stop(stop_of(number, request_text=said))
        texts = await self.kept.run(partial(find_texts, transaction_id=number))
        assert texts is not None
        self.assertEqual(texts.stop_text, said)

    async def readings(self, number: int) -> tuple[list[str], list[int]]:
        """All readings of a transaction, and how many there were on each page."""
        found: list[str] = []
        sizes: list[int] = []
        after: int | None = 0
        while after is not None:
            page = await self.kept.run(
                partial(read_page, charge_point="CP-1", transaction_id=number, after=after)
            )
            found += [one.payload_text for one in page.readings]
            sizes.append(len(page.readings))
            after = page.next
        return found, sizes

    async def test_readingPages(self) -> None:
        """Readings come in their order, so many and so much at a time, and no others."""
        await self.begin()
        self.patch(reading_pages, "MAX_READINGS_READ", 3)
        self.patch(reading_pages, "MAX_CHARS_READ", 10)
        first, second = await self.charge(0, None), await self.charge(1, None)
        said = ["a", "b", "c", "d" * 8, "e" * 8, "f" * 50, "g"]
        for text in said:
            await self.tell("CP-1", 1, first, NOW, text)
            await self.tell("CP-1", 1, second, NOW, "other")
            await self.tell("CP-2", 1, None, NOW, "stranger")
        found, sizes = await self.readings(first)
        self.assertEqual(found, said)
        self.assertEqual(sizes, [3, 1, 1, 1, 1, 0])

    async def test_readingsInManyBuckets(self) -> None:
        """Readings are found in whatever buckets they are, and in their order."""
        await self.begin()
        number = await self.charge(0, None)
        places = (1, BUCKET_ROWS - 1, BUCKET_ROWS, 5 * BUCKET_ROWS, 5 * BUCKET_ROWS + 7)
        await self.kept.run(partial(_put_readings, number=number, places=places))
        found, _ = await self.readings(number)
        self.assertEqual(found, [str(place) for place in places])

    async def test_emptyBuckets(self) -> None:
        """Buckets in which nothing is, in whatever number, do not end the search."""
        await self.begin()
        self.patch(reading_pages, "_MAX_EMPTY_BUCKETS", 2)
        number = await self.charge(0, None)
        places = (1, 9 * BUCKET_ROWS)
        await self.kept.run(partial(_put_readings, number=number, places=places))
        await self.kept.run(partial(_note_buckets, number=number, buckets=range(1, 9)))
        found, _ = await self.readings(number)
        self.assertEqual(found, [str(place) for place in places])

    async def test_noQueue(self) -> None:
        """Where nothing is queued, nothing is read."""
        await self.begin()
        self.assertEqual(await self.kept.run(read_entries), ())


def _plan(connection: Any, statement: str, values: Any) -> list[str]:
    asked = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(values))
    return [str(row[-1]) for row in asked]


def _put_readings(connection: Any, number: int, places: tuple[int, ...]) -> None:
    for place in places:
        connection.execute(
            meter_values.insert().values(
                number=place,
                charge_point="CP-1",
                connector=1,
                transaction_id=number,
                received_at=datetime(2026, 11, 22, tzinfo=UTC),
                payload_text=str(place),
            )
        )
    _note_buckets(connection, number, {place // BUCKET_ROWS for place in places})


def _note_buckets(connection: Any, number: int, buckets: Any) -> None:
    for bucket in buckets:
        connection.execute(
            meter_value_buckets.insert().values(
                charge_point="CP-1", transaction_id=number, bucket=bucket
            )
        )
