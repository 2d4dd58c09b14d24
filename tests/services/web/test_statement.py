"""What each idTag has charged in a month, in the time zone of the computer."""

from __future__ import annotations

import csv
import io
import os
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import LocalProtocolError
from cfos_cm.services.web import transaction_routes
from cfos_cm.services.web.statement import month_of, this_month

from .record_case import RecordCase, text_of


def be_in(zone: str | None) -> None:
    """Set the zone of this computer's clock; C{None}: as it was."""
    os.environ.pop("TZ", None)
    if zone is not None:
        os.environ["TZ"] = zone
    time.tzset()


class Months(SynchronousTestCase):
    """Where a month begins and ends."""

    def setUp(self) -> None:
        """Be in Berlin."""
        super().setUp()
        self.addCleanup(be_in, os.environ.get("TZ"))
        be_in("Europe/Berlin")

    def test_month(self) -> None:
        """It begins and ends at midnight here, in summer and in winter."""
        october = month_of("2026-10")
        self.assertEqual(datetime(2026, 9, 30, 22, tzinfo=UTC), october.begin)
        self.assertEqual(datetime(2026, 10, 31, 23, tzinfo=UTC), october.end)
        self.assertEqual("CEST (+02:00)", october.time_zone)
        december = month_of("2026-12")
        self.assertEqual(datetime(2026, 12, 31, 23, tzinfo=UTC), december.end)
        self.assertEqual("CET (+01:00)", december.time_zone)

    def test_following(self) -> None:
        """No moment is in two months, and none between them."""
        for year in (2000, 2024, 2026, 2100):
            names = [f"{year}-{month:02}" for month in range(1, 13)]
            months = [month_of(name) for name in names]
            for one, other in pairwise(months):
                self.assertEqual(one.end, other.begin)

    def test_noMonth(self) -> None:
        """What is no month is refused, and it is said what is."""
        for name in ("", "2026", "2026-13", "2026-00", "26-11", "2026-1", "1999-12", "2101-01",
                     "2026-11-01", "x" * 7, "２０２６-11", "2026-11\n"):  # fmt: skip
            error = self.assertRaises(LocalProtocolError, month_of, name)
            self.assertIn("2026-11", str(error))

    def test_thisMonth(self) -> None:
        """The month is another one here before it is in Greenwich."""
        self.assertEqual("2026-11", this_month(datetime(2026, 10, 31, 23, 30, tzinfo=UTC)))
        self.assertEqual("2026-10", this_month(datetime(2026, 10, 31, 22, 30, tzinfo=UTC)))


class Statements(RecordCase):
    """C{GET /statements}."""

    def setUp(self) -> None:
        """Be in Berlin."""
        super().setUp()
        self.addCleanup(be_in, os.environ.get("TZ"))
        be_in("Europe/Berlin")

    async def test_statement(self) -> None:
        """Each idTag has what began in the month, oldest first; what goes on is marked."""
        await self.begin()
        first = datetime(2026, 10, 31, 23, tzinfo=UTC)
        await self.charge(first - timedelta(seconds=1), 1, id_tag="B")
        await self.charge(first, 10, id_tag="b")
        await self.charge(first + timedelta(days=1), 100, id_tag="B")
        await self.charge(first + timedelta(days=2), 1000, id_tag="A")
        await self.charge(first + timedelta(days=3), None, id_tag="A")
        await self.charge(first + timedelta(days=30), 10_000, id_tag="A", connector=2)
        found = await self.json("/statements", month="2026-11")
        self.assertEqual(
            ("2026-11", "2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z", "CET (+01:00)"),
            (found["month"], found["from"], found["to"], found["time_zone"]),
        )
        self.assertEqual((4, 1110), (found["count"], found["energy_wh"]))
        self.assertEqual(
            [("A", 2, 1, 1000), ("B", 2, 0, 110)],
            [
                (one["id_tag"], one["count"], one["open_count"], one["energy_wh"])
                for one in found["tags"]
            ],
        )
        charges = [[one["id"] for one in tag["transactions"]] for tag in found["tags"]]
        self.assertEqual([[4, 5], [2, 3]], charges)
        states = [one["state"] for one in found["tags"][0]["transactions"]]
        self.assertEqual(["stopped", "open"], states)

    async def test_oneTag(self) -> None:
        """Of one idTag nothing of another one is told."""
        await self.begin()
        await self.charge(self.now(), 10, id_tag="b")
        await self.charge(self.now(), 10, id_tag="c", connector=2)
        found = await self.json("/statements", id_tag="B")
        self.assertEqual(["b"], [one["id_tag"] for one in found["tags"]])
        self.assertEqual("2026-11", found["month"])

    async def test_table(self) -> None:
        """As CSV it is a line for each transaction, with the time as it was here."""
        await self.begin()
        await self.charge(self.now(), 10, id_tag="=b")
        answer = await self.answer("/statements", format="csv")
        text = await text_of(answer)
        (row,) = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        self.assertEqual("'=b", row["id_tag"])
        self.assertEqual("2026-11-22T11:06:07.891234+01:00", row["started_at_local"])
        self.assertEqual("2026-11-22T10:06:07.891234Z", row["started_at_utc"])
        self.assertEqual(("10", "CET (+01:00)"), (row["energy_wh"], row["time_zone"]))

    async def test_tooMany(self) -> None:
        """One that would not be complete is refused."""
        self.patch(transaction_routes, "MAX_STATEMENT_ROWS", 1)
        await self.begin()
        for hour in range(2):
            await self.charge(self.now() + timedelta(hours=hour))
        problem = await self.problem("/statements")
        self.assertEqual(422, problem.status)

    async def test_noMonth(self) -> None:
        """A month that is none is a mistake of who asks."""
        await self.begin()
        self.assertEqual(422, (await self.problem("/statements", month="1999-01")).status)
