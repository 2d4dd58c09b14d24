"""Transactions of EVSEs that know none, in a database, and what a crash leaves of them."""

from __future__ import annotations

from itertools import count

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from cfos_cm.services.local_entries import place_of
from cfos_cm.services.local_transactions import LocalTransactions
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.events import (
    CardShown,
    EvseConnected,
    EvseMeasured,
    OccupancyReported,
    SettingsChanged,
    SiteEvent,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import EvseSettings, Occupancy
from cfos_cm.site.state import SiteState, fold
from cfos_cm.site.tag import Tag
from cfos_cm.storage.database import Database
from cfos_cm.storage.tags import TagList
from cfos_cm.storage.transactions import Ledger, TransactionState
from tests.central_system.world import World
from tests.storage.cases import SqliteCase

BOX = EvseSettings("box", "garage", keeps_limit=True)
FUSE = CircuitSettings("garage", 32_000)


class OnDiskTests(SqliteCase):
    """A box, and a program that ends at the worst of moments."""

    async def begin(self) -> None:
        """The program starts, with a database that another one may have left behind."""
        self.database_ = await self.opened()
        numbers = count(1 + len(await self.stored(self.database_)))
        self.ledger = Ledger(self.database_, lambda: next(numbers))
        self.clock = Clock()
        self.state, self.events = SiteState(), []
        self.waiting: list[tuple[type, Deferred[SiteEvent]]] = []
        self.environment = evolve(
            World().system.roster.environment,
            clock=self.clock,
            report=self.report,
            ledger=self.ledger,
            tags=TagList(self.database_),
        )
        self.local = LocalTransactions(self.environment)
        self.report(SettingsChanged("site", False, (FUSE,), (BOX,)))
        self.local.resume(await self.ledger.open_transactions())

    async def stored(self, database: Database) -> tuple[TransactionState, ...]:
        """How far the transactions have come, oldest first."""
        ledger = Ledger(database, lambda: 1)
        return tuple(one.state for one in reversed(await ledger.transactions()))

    def report(self, event: SiteEvent) -> None:
        """As the control loop takes it."""
        before, self.state = self.state, fold(self.state, event)
        self.events.append(event)
        self.local.note(event, before, self.state)
        for kind, heard in tuple(self.waiting):
            if isinstance(event, kind):
                self.waiting.remove((kind, heard))
                heard.callback(event)

    def comes(self, energy_wh: int) -> None:
        """It is connected, and its meter speaks."""
        self.report(EvseConnected("box", "test"))
        self.report(EvseMeasured("box", energy_wh=energy_wh))

    async def until(self, kind: type, *events: SiteEvent) -> SiteEvent:
        """Report what leads to an event, and wait for that."""
        heard: Deferred[SiteEvent] = Deferred()
        self.waiting.append((kind, heard))
        for event in events:
            self.report(event)
        self.clock.advance(0)
        return await heard

    def says(self, occupancy: Occupancy) -> OccupancyReported:
        """What its car does."""
        return OccupancyReported("box", occupancy, occupancy.value)

    async def crash(self) -> None:
        """The program ends without a word, and starts again."""
        await self.local.close()
        await self.database_.stop()
        await self.begin()

    async def test_charge(self) -> None:
        """What is billed is what its meter has counted."""
        await self.begin()
        self.comes(5000)
        await self.until(TransactionStarted, self.says(Occupancy.PLUGGED))
        ended = await self.until(
            TransactionStopped,
            EvseMeasured("box", energy_wh=8000),
            self.says(Occupancy.FREE),
        )
        self.assertEqual(3000, ended.energy_wh)
        (row,) = await self.ledger.transactions()
        self.assertEqual(
            (place_of("box"), 5000, 8000),
            (row.charge_point, row.transaction.meter_start_wh, row.meter_stop_wh),
        )

    async def test_start_untold(self) -> None:
        """A start that was on disk and told to nobody goes on; there is no other one."""
        await self.begin()
        self.comes(5000)
        await self.until(TransactionStarted, self.says(Occupancy.PLUGGED))
        await self.crash()
        (resumed,) = [one for one in self.events if isinstance(one, TransactionResumed)]
        self.comes(6000)
        self.report(self.says(Occupancy.PLUGGED))
        ended = await self.until(
            TransactionStopped,
            EvseMeasured("box", energy_wh=6500),
            self.says(Occupancy.FREE),
        )
        self.assertEqual(resumed.transaction.transaction_id, ended.transaction_id)
        self.assertEqual(1500, ended.energy_wh)
        self.assertEqual((TransactionState.STOPPED,), await self.stored(self.database_))

    async def test_stop_untold(self) -> None:
        """A stop that was on disk and told to nobody is one: its card begins another charge."""
        await self.begin()
        await TagList(self.database_).put(Tag("04AA"))
        self.comes(5000)
        self.report(self.says(Occupancy.PLUGGED))
        await self.until(TransactionStarted, CardShown("box", "04AA"))
        await self.until(TransactionStopped, CardShown("box", "04AA"))
        await self.crash()
        self.comes(5100)
        self.assertIsNone(self.state.evses["box"].transaction)
        self.report(self.says(Occupancy.PLUGGED))
        await self.until(TransactionStarted, CardShown("box", "04AA"))
        states = (TransactionState.STOPPED, TransactionState.OPEN)
        self.assertEqual(states, await self.stored(self.database_))

    async def test_taken_out_while_down(self) -> None:
        """One that is not there any more has no open transaction; what it took is not known."""
        await self.begin()
        self.comes(5000)
        await self.until(TransactionStarted, self.says(Occupancy.PLUGGED))
        await self.local.close()
        LocalTransactions(self.environment).resume(await self.ledger.open_transactions())
        self.assertEqual((TransactionState.SUPERSEDED,), await self.stored(self.database_))
