"""Transactions over HTTP: what is answered to whom."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from typing import Any

from cfos_cm.errors import StorageError
from cfos_cm.services.web import records_read, transaction_routes
from cfos_cm.services.web.transaction_view import TRANSACTION_HEAD
from cfos_cm.storage import transaction_search
from cfos_cm.storage.transaction_search import Page
from cfos_cm.web.answer import Json, Stream
from cfos_cm.web.role import Role
from tests.nasty_strings import NASTY_STRINGS

from .record_case import HOUR, NOW, Reader, RecordCase, text_of

CSV = "text/csv"


def table(text: str) -> list[dict[str, str]]:
    """The lines of a table, by its heading."""
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


class List(RecordCase):
    """C{GET /transactions}."""

    async def test_page(self) -> None:
        """A page holds the newest, says what follows, and how much there is altogether."""
        await self.begin()
        made = [await self.charge(NOW + hour * HOUR, 100 * hour) for hour in range(5)]
        first = await self.json("/transactions", limit="2")
        self.assertEqual([made[4], made[3]], [one["id"] for one in first["transactions"]])
        self.assertEqual((5, 1000), (first["count"], first["energy_wh"]))
        rest = await self.json("/transactions", limit="500", before=str(first["next"]))
        self.assertEqual([3, 2, 1], [one["id"] for one in rest["transactions"]])
        self.assertIsNone(rest["next"])
        self.assertEqual((5, 1000), (rest["count"], rest["energy_wh"]))

    async def test_everyField(self) -> None:
        """An operator is told all that is known of a transaction."""
        await self.begin()
        await self.charge(NOW, 2500)
        (found,) = (await self.json("/transactions"))["transactions"]
        expected = {
            "id": 1,
            "charge_point": "CP-1",
            "connector": 1,
            "evse": "bay-1",
            "id_tag": "04AABB",
            "verdict": "Accepted",
            "state": "stopped",
            "started_at": NOW.isoformat().replace("+00:00", "Z"),
            "stopped_at": (NOW + HOUR).isoformat().replace("+00:00", "Z"),
            "meter_start_wh": 1000,
            "meter_stop_wh": 3500,
            "energy_wh": 2500,
            "stop_reason": "EVDisconnected",
            "stop_id_tag": "04AABB",
            "has_signed": False,
        }
        self.assertEqual(expected, found)
        self.assertEqual(expected, await self.json("/transactions/1"))

    async def test_filters(self) -> None:
        """All filters are told to the search."""
        await self.begin()
        await self.charge(NOW, evse="bay-1", id_tag="A")
        await self.charge(NOW + HOUR, None, evse="bay-2", id_tag="B", charge_point="CP-2")
        later = (NOW + HOUR).isoformat().replace("+00:00", "Z")
        for query in (
            {"from_": later}, {"evse": "bay-2"}, {"id_tag": "b"}, {"charge_point": "CP-2"},
            {"state": "open"},
        ):  # fmt: skip
            found = await self.json("/transactions", Role.OPERATOR, **query)
            self.assertEqual([2], [one["id"] for one in found["transactions"]], query)
        found = await self.json("/transactions", to=later)
        self.assertEqual([1], [one["id"] for one in found["transactions"]])
        self.assertEqual(0, (await self.json("/transactions", evse="null"))["count"])

    async def test_viewer(self) -> None:
        """A viewer sees the ends of idTags, and cannot find the rest out by looking for it."""
        await self.begin()
        await self.charge()
        for path, key in (("/transactions", "transactions"), ("/transactions/1", None)):
            found = await self.json(path, Role.VIEWER)
            one = found[key][0] if key else found
            self.assertEqual(("…ABB", "…ABB"), (one["id_tag"], one["stop_id_tag"]))
        as_csv = await text_of(await self.answer("/transactions", Role.VIEWER, format="csv"))
        self.assertNotIn("04AABB", as_csv)
        problem = await self.problem("/transactions", Role.VIEWER, id_tag="04AABB")
        self.assertEqual(403, problem.status)
        problem = await self.problem(
            "/transactions", Role.VIEWER, id_tag="04AABB", format="csv"
        )
        self.assertEqual(403, problem.status)
        for path in ("/transactions/1/signed", "/statements"):
            self.assertEqual(403, (await self.problem(path, Role.VIEWER)).status, path)

    async def test_unknown(self) -> None:
        """What names no transaction is not found, whatever it is."""
        await self.begin()
        for name in ("1", "0", "-1", "x", "٣", "1.0", "9" * 10, "9" * 5000, "", "1%00"):
            for more in ("", "/curve", "/signed"):
                problem = await self.problem(f"/transactions/{name}{more}")
                self.assertEqual(404, problem.status, name)

    async def test_outsideOfTheCalendar(self) -> None:
        """A moment that is none in UTC is a mistake of who asks."""
        await self.begin()
        problem = await self.problem("/transactions", from_="0001-01-01T00:00:00+14:00")
        self.assertEqual(422, problem.status)


class Tables(RecordCase):
    """Transactions as CSV."""

    async def test_all(self) -> None:
        """All that are found are in the table, page by page, whatever limit is said."""
        self.patch(records_read, "_PAGE_ROWS", 2)
        await self.begin()
        made = [await self.charge(NOW + hour * HOUR, 100) for hour in range(5)]
        answer = await self.answer("/transactions", format="csv", limit="1", evse="bay-1")
        assert isinstance(answer, Stream)
        self.assertIn("attachment", answer.headers["Content-Disposition"])
        self.assertTrue(answer.media_type.startswith(CSV))
        rows = table(await text_of(answer))
        self.assertEqual(
            [str(number) for number in reversed(made)], [one["transaction_id"] for one in rows]
        )
        self.assertEqual(list(TRANSACTION_HEAD), list(rows[0]))
        self.assertEqual("100", rows[0]["energy_wh"])
        self.assertEqual(NOW.isoformat().replace("+00:00", "Z"), rows[-1]["started_at_utc"])

    async def test_accept(self) -> None:
        """Who asks for CSV by Accept gets it; the parameter is stronger."""
        await self.begin()
        for accept, wants_csv in (
            ("text/csv", True),
            ("TEXT/CSV; header=present, application/json", True),
            ("application/json, text/csv", False),
            ("*/*", False),
            ("", False),
        ):
            answer = await self.answer("/transactions", accept=accept)
            self.assertEqual(wants_csv, isinstance(answer, Stream), accept)
        answer = await self.answer("/transactions", accept=CSV, format="json")
        self.assertIsInstance(answer, Json)

    async def test_tooMany(self) -> None:
        """A table that would not be complete is refused, and it is said how many there are."""
        self.patch(transaction_routes, "MAX_CSV_ROWS", 2)
        await self.begin()
        for hour in range(3):
            await self.charge(NOW + hour * HOUR)
        problem = await self.problem("/transactions", format="csv")
        self.assertEqual(422, problem.status)
        self.assertIn("3 transactions", problem.detail)
        later = (NOW + HOUR).isoformat().replace("+00:00", "Z")
        answer = await self.answer("/transactions", format="csv", from_=later)
        self.assertEqual(2, len(table(await text_of(answer))))

    async def test_nasty(self) -> None:
        """Texts that have broken programs come out of JSON and CSV as they were kept."""
        await self.begin()
        texts = [text for text in NASTY_STRINGS[:220] if 0 < len(text) <= 255]
        for number, text in enumerate(texts):
            await self.charge(NOW, id_tag=text, charge_point=f"CP-{number}")
        found = await self.json("/transactions", limit="500")
        self.assertEqual(texts, [one["id_tag"] for one in reversed(found["transactions"])])
        rows = table(await text_of(await self.answer("/transactions", format="csv")))
        shown = [one["id_tag"] for one in reversed(rows)]
        for text, cell in zip(texts, shown, strict=True):
            self.assertIn(cell, (text, f"'{text}"))
            self.assertNotIn(cell[0], "=+-@\t\r\n")

    async def test_nobodyReads(self) -> None:
        """No page is read before the one before it is on its way."""
        self.patch(records_read, "_PAGE_ROWS", 1)
        await self.begin()
        for hour in range(3):
            await self.charge(NOW + hour * HOUR)
        answer = await self.answer("/transactions", format="csv")
        assert isinstance(answer, Stream)
        reader = Reader(has_room=False)
        self.addCleanup(answer.begin(reader))
        sizes = []
        while not reader.ended:
            for _ in range(3):
                await self.kept.run(lambda _: None)
            sizes.append(len(reader.pieces))
            reader.read()
            await self.kept.run(lambda _: None)
            await self.kept.run(lambda _: None)
            self.assertLess(len(sizes), 20)
        self.assertEqual([1, 2, 3, 4], sizes)

    async def test_gone(self) -> None:
        """For who is gone nothing more is read."""
        self.patch(records_read, "_PAGE_ROWS", 1)
        await self.begin()
        for hour in range(3):
            await self.charge(NOW + hour * HOUR)
        answer = await self.answer("/transactions", format="csv")
        assert isinstance(answer, Stream)
        reader = Reader(is_gone=True)
        self.addCleanup(answer.begin(reader))
        for _ in range(5):
            await self.kept.run(lambda _: None)
        self.assertEqual((1, ""), (len(reader.pieces), reader.ended))

    async def test_takenBack(self) -> None:
        """A stream that has ended elsewhere goes on no more, and that is no failure."""
        await self.begin()
        await self.charge()
        answer = await self.answer("/transactions", format="csv")
        assert isinstance(answer, Stream)
        reader = Reader(has_room=False)
        ended = answer.begin(reader)
        ended()
        reader.read()
        for _ in range(3):
            await self.kept.run(lambda _: None)
        self.assertEqual((1, ""), (len(reader.pieces), reader.ended))

    async def test_cutOff(self) -> None:
        """Where the database fails on the way the table is cut off, and does not look whole."""
        self.patch(records_read, "_PAGE_ROWS", 1)
        await self.begin()
        for hour in range(3):
            await self.charge(NOW + hour * HOUR)
        answer = await self.answer("/transactions", format="csv")
        assert isinstance(answer, Stream)
        pages = iter([1, 2])

        def fails(connection: Any, sought: Any, limit: int, before: Any) -> Page:
            if next(pages) == 2:
                raise StorageError("the disk is gone")
            return found(connection, sought, limit, before)

        found = transaction_search.find_page
        self.patch(records_read, "find_page", fails)
        reader = Reader()
        self.addCleanup(answer.begin(reader))
        for _ in range(8):
            await self.kept.run(lambda _: None)
        self.assertEqual((2, "abort"), (len(reader.pieces), reader.ended))
        self.assertEqual(1, len(self.flushLoggedErrors(StorageError)))


def values(at: datetime, *sampled: dict[str, str]) -> str:
    """A MeterValues request."""
    moment = at.isoformat().replace("+00:00", "Z")
    told = {"timestamp": moment, "sampledValue": list(sampled)}
    return json.dumps({"connectorId": 1, "transactionId": 1, "meterValue": [told]})


class Curves(RecordCase):
    """C{GET /transactions/{id}/curve}."""

    async def test_curve(self) -> None:
        """The curve has what the start, the readings and the stop have told."""
        await self.begin()
        number = await self.charge(NOW, None)
        for minute in (10, 20):
            text = values(
                NOW + timedelta(minutes=minute),
                {"value": "11.04", "measurand": "Power.Active.Import", "unit": "kW"},
                {"value": "1.5", "unit": "kWh"},
                {"value": "15.9", "measurand": "Current.Import", "phase": "L1"},
                {"value": "16.1", "measurand": "Current.Import", "phase": "L2-N"},
            )
            await self.tell(number, text)
        running = await self.json(f"/transactions/{number}/curve", Role.VIEWER)
        start = int(NOW.timestamp())
        self.assertEqual(
            {
                "times": [start, start + 600, start + 1200],
                "power_w": [None, 11040, 11040],
                "current_ma": [None, 16100, 16100],
                "energy_wh": [0, 500, 500],
            },
            running,
        )
        await self.charge(NOW, 2000)
        over = await self.json(f"/transactions/{number}/curve")
        self.assertEqual((start + 3600, 2000), (over["times"][-1], over["energy_wh"][-1]))
