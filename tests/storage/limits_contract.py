"""What is kept about limits, whatever database it is in."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from alembic import command
from attrs import evolve
from sqlalchemy import text

from cfos_cm.electrical import Phase
from cfos_cm.errors import LocalProtocolError
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.storage import backends, outside_limits, overdrafts
from cfos_cm.storage.outside_limits import OutsideLimitStore, Proof
from cfos_cm.storage.overdrafts import OverdraftStore
from cfos_cm.storage.schema import alembic_config

from .cases import NOW, DatabaseCase

ELSEWHERE = timezone(timedelta(hours=5, minutes=45))

#: What a database of the version before holds.
BEFORE = (
    "INSERT INTO tags (folded_id_tag, id_tag, status) VALUES ('a', 'A', 'Accepted')",
    "INSERT INTO transactions (transaction_id, charge_point, connector, id_tag, verdict,"
    " started_at, meter_start_wh, start_text, state) VALUES (1, 'CP-1', 1, 'A', 'Accepted',"
    " '2026-01-02 03:04:05.000000', 1000, '{}', 'open')",
)


def minutes(count: float) -> datetime:
    """So many after the beginning."""
    return NOW + timedelta(minutes=count)


class OverdraftStoreContract(DatabaseCase):
    """How far fuses were overdrawn."""

    async def store(self) -> OverdraftStore:
        """No fuse was."""
        return OverdraftStore(await self.opened())

    async def test_highest(self) -> None:
        """Of each phase of each circuit the highest is kept, in whatever order they come."""
        store = await self.store()
        for highest_ma in (2000, 5000, 3000):
            await store.put("garage", Phase.L2, highest_ma, NOW)
        await store.put("garage", Phase.L1, 1, NOW)
        await store.put("Haus", Phase.L2, 7, NOW)
        expected = {
            ("garage", Phase.L2): 5000,
            ("garage", Phase.L1): 1,
            ("Haus", Phase.L2): 7,
        }
        self.assertEqual(expected, await store.all())

    async def test_forget(self) -> None:
        """A circuit's maxima can be forgotten; others stay, and nothing is no mistake."""
        store = await self.store()
        await store.put("garage", Phase.L2, 5000, NOW)
        await store.put("house", Phase.L2, 7, NOW)
        for circuit in ("garage", "garage", "a\0"):
            await store.forget(circuit)
        self.assertEqual({("house", Phase.L2): 7}, await store.all())

    async def test_bound(self) -> None:
        """Above the bound those go that were noted longest ago."""
        self.patch(overdrafts, "MAX_OVERDRAFTS", 2)
        store = await self.store()
        for number, name in enumerate(("first", "second", "third")):
            await store.put(name, Phase.L1, 100, minutes(number))
        self.assertEqual({"second", "third"}, {name for name, _ in await store.all()})

    async def test_refused(self) -> None:
        """What no database can keep is our mistake."""
        store = await self.store()
        failing = store.put("a\0", Phase.L1, 1, NOW)
        await self.assertFailure(failing, LocalProtocolError)


class OutsideLimitStoreContract(DatabaseCase):
    """The proof that limits were met."""

    LIMIT = OutsideLimit("garage", "Stadtwerke Süd", 4200, True, minutes(60))
    ASKED = Proof("one", LIMIT, NOW)
    MET = evolve(ASKED, met_at=minutes(0.01), booked_w=4140, measured_w=4012)
    OVER = evolve(MET, ended_at=minutes(60), why_ended="its time is over")

    async def store(self) -> OutsideLimitStore:
        """Nothing was asked for."""
        return OutsideLimitStore(await self.opened())

    async def test_everyField(self) -> None:
        """A proof comes back as it was put, at each of its stages, its times as moments."""
        store = await self.store()
        there = NOW.astimezone(ELSEWHERE)
        bare = evolve(self.LIMIT, until=None, evses_only=False, max_power_w=0)
        await store.put(evolve(self.ASKED, asked_at=there))
        self.assertEqual((self.ASKED,), await store.since())
        for stage in (self.MET, self.OVER, evolve(self.ASKED, limit=bare)):
            await store.put(stage)
            self.assertEqual((stage,), await store.since())

    async def test_in_force(self) -> None:
        """Those in force are the ones that are not over, as they were asked for."""
        store = await self.store()
        second = evolve(self.ASKED, proof_id="two", asked_at=minutes(1))
        third = evolve(self.OVER, proof_id="three", asked_at=minutes(2))
        for proof in (self.ASKED, second, third):
            await store.put(proof)
        self.assertEqual((self.ASKED, second), await store.in_force())
        await store.put(self.OVER)
        self.assertEqual((second,), await store.in_force())

    async def test_since(self) -> None:
        """What was over before a moment is left out; the rest comes in order."""
        store = await self.store()
        second = evolve(self.ASKED, proof_id="two", asked_at=minutes(-1))
        for proof in (self.OVER, second):
            await store.put(proof)
        self.assertEqual((second, self.OVER), await store.since(minutes(60)))
        self.assertEqual((second,), await store.since(minutes(60.1)))

    async def test_bound(self) -> None:
        """Above the bound the oldest go, but none that is in force."""
        self.patch(outside_limits, "MAX_PROOFS", 2)
        store = await self.store()
        await store.put(self.ASKED)
        for name in ("two", "three", "four", "five"):
            await store.put(evolve(self.OVER, proof_id=name))
        found = [proof.proof_id for proof in await store.since()]
        self.assertEqual(["one", "four", "five"], found)

    async def test_refused(self) -> None:
        """What no database can keep is our mistake, and leaves nothing."""
        store = await self.store()
        for bad in (
            evolve(self.ASKED, proof_id="a\0"),
            evolve(self.ASKED, limit=evolve(self.LIMIT, by="x" * 256)),
            evolve(self.ASKED, limit=evolve(self.LIMIT, circuit="\ud800")),
            evolve(self.ASKED, why_ended="a\0"),
        ):
            await self.assertFailure(store.put(bad), LocalProtocolError)
        self.assertEqual((), await store.since())

    async def test_fromBefore(self) -> None:
        """A database of the version before keeps what it holds, and takes proofs."""
        backend = backends.backend_for(self.url, time.monotonic)
        backend.prepare()
        engine = backend.engine()
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "0003")
            for statement in BEFORE:
                connection.execute(text(statement))
        engine.dispose()
        database = await self.opened()
        for table in ("tags", "transactions"):
            self.assertEqual([(1,)], await self.rows(database, f"SELECT count(*) FROM {table}"))
        await OutsideLimitStore(database).put(self.MET)
        await OverdraftStore(database).put("garage", Phase.L3, 100, NOW)
        self.assertEqual((self.MET,), await OutsideLimitStore(database).in_force())
