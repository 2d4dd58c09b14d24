"""
The archives in memory keep the promises of the real ones.

Each test runs on both: what a Central System is tried with behaves like what it works with.
"""

from __future__ import annotations

import inspect
from itertools import count

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from cfos_cm.central_system.environment import Ledger, Register, Tags
from cfos_cm.errors import StorageError
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.site.records import StopOutcome, StoredStop, TransactionStart, TransactionStop
from cfos_cm.site.tag import Tag, Verdict
from cfos_cm.storage.charge_points import ChargePointRegister
from cfos_cm.storage.database import Database
from cfos_cm.storage.tags import TagList
from cfos_cm.storage.transactions import Ledger as LedgerOnDisk

from .world import NOW, Disk, MemoryLedger, MemoryRegister, MemoryTags

START = TransactionStart("CP-1", 1, "bay-1", "A", Verdict.BLOCKED, NOW, 1000, None, "{}")
STOP = TransactionStop("CP-1", 0, None, NOW, 1500, "Local", "{}")


class Promises(TestCase):
    """What a Central System may rely on."""

    ledger: Ledger
    tags: MemoryTags | TagList
    register: Register

    async def test_start(self) -> None:
        """A start becomes a transaction that says what was said."""
        stored = await self.ledger.start(START)
        made = stored.transaction
        self.assertEqual(
            (made.id_tag, made.verdict, made.started_at, made.meter_start_wh),
            ("A", Verdict.BLOCKED, NOW, 1000),
        )
        self.assertEqual((stored.repeated, stored.superseded), (False, ()))

    async def test_repeatedStart(self) -> None:
        """The same again is the same transaction; every other one has another id."""
        first = await self.ledger.start(START)
        again = await self.ledger.start(evolve(START, verdict=Verdict.ACCEPTED))
        same_words = await self.ledger.start(evolve(START, meter_start_wh=1))
        self.assertEqual(same_words, again)
        self.assertTrue(again.repeated)
        self.assertEqual(again.transaction, first.transaction)
        ids = {first.transaction.transaction_id}
        for other in (
            evolve(START, charge_point="CP-2"),
            evolve(START, connector=2),
            evolve(START, id_tag="a", request_text="2"),
            evolve(START, meter_start_wh=1001, request_text="3"),
        ):
            ids.add((await self.ledger.start(other)).transaction.transaction_id)
        self.assertEqual(len(ids), 5)

    async def test_superseded(self) -> None:
        """A transaction that was never stopped gives way to the next one of its connector."""
        first = await self.ledger.start(START)
        second = await self.ledger.start(evolve(START, meter_start_wh=2000, request_text="2"))
        self.assertEqual(second.superseded, (first.transaction.transaction_id,))
        third = await self.ledger.start(evolve(START, meter_start_wh=3000, request_text="3"))
        self.assertEqual(third.superseded, (second.transaction.transaction_id,))

    async def test_stop(self) -> None:
        """A stop says where it was, how much was charged, and who had started."""
        made = (await self.ledger.start(START)).transaction
        stop = evolve(STOP, transaction_id=made.transaction_id)
        self.assertEqual(
            await self.ledger.stop(stop), StoredStop(StopOutcome.STOPPED, "bay-1", 1, 500, "A")
        )
        self.assertEqual(
            await self.ledger.stop(evolve(stop, meter_stop_wh=9999)),
            StoredStop(StopOutcome.REPEATED, "bay-1", 1, 500, "A"),
        )

    async def test_energyUnknown(self) -> None:
        """A register that went back does not say how much was charged."""
        made = (await self.ledger.start(START)).transaction
        stop = evolve(STOP, transaction_id=made.transaction_id, meter_stop_wh=999)
        self.assertIsNone((await self.ledger.stop(stop)).energy_wh)

    async def test_strayStops(self) -> None:
        """A stop of nothing, or of another's transaction, changes none."""
        made = (await self.ledger.start(START)).transaction
        for number in (0, -1, 2**63 - 1):
            stored = await self.ledger.stop(evolve(STOP, transaction_id=number))
            self.assertEqual(stored, StoredStop(StopOutcome.UNKNOWN))
        stop = evolve(STOP, transaction_id=made.transaction_id)
        stored = await self.ledger.stop(evolve(stop, charge_point="CP-2"))
        self.assertEqual(stored, StoredStop(StopOutcome.FOREIGN))
        self.assertEqual((await self.ledger.stop(stop)).outcome, StopOutcome.STOPPED)

    async def test_meterValues(self) -> None:
        """Values are kept, whatever transaction they name."""
        for number in (None, 0, -1, 2**63 - 1):
            await self.ledger.add_meter_values("CP-1", 1, number, NOW, "{}")

    async def test_tags(self) -> None:
        """An entry is found without regard to case; an empty list says so."""
        self.assertEqual(await self.tags.find("a"), (None, True))
        tag = Tag("A", Verdict.BLOCKED, "fleet", NOW)
        await self.tags.put(tag)
        self.assertEqual(await self.tags.find("a"), (tag, False))
        self.assertEqual(await self.tags.find("b"), (None, False))

    async def test_register(self) -> None:
        """A Charge Point may be seen with or without a word about itself."""
        for device in (DeviceIdentity("a", "b"), None):
            self.assertIsNone(await self.register.seen("CP-1", device, NOW))


class InMemory(Promises):
    """The archives of the tests."""

    def setUp(self) -> None:
        """Nothing is in them."""
        self.ledger = MemoryLedger()
        self.tags = MemoryTags()
        self.register = MemoryRegister()

    def test_signatures(self) -> None:
        """They take what the protocols say, by the same names."""
        for protocol, fake in (
            (Ledger, MemoryLedger),
            (Tags, MemoryTags),
            (Register, MemoryRegister),
        ):
            for name, method in vars(protocol).items():
                if inspect.isfunction(method) and not name.startswith("_"):
                    self.assertEqual(
                        inspect.signature(method), inspect.signature(getattr(fake, name)), name
                    )

    def test_held(self) -> None:
        """What is held is not told before it is let go."""
        disk = Disk(held=True)
        stored: Deferred[object] = MemoryLedger(disk).start(START)
        self.assertNoResult(stored)
        disk.let_go()
        self.successResultOf(stored)

    def test_broken(self) -> None:
        """A broken disk keeps nothing, and says so as the real one does."""
        ledger = MemoryLedger(Disk(broken=True))
        self.failureResultOf(ledger.start(START), StorageError)
        self.assertEqual(ledger.rows, {})


class OnDisk(Promises):
    """The archives of the program."""

    timeout = 30

    async def setUp(self) -> None:
        """They are in a new file."""
        database = Database(f"sqlite:///{self.mktemp()}", reactor, lambda: NOW)
        await database.start()
        self.addCleanup(database.stop)
        numbers = count(1)
        self.ledger = LedgerOnDisk(database, lambda: next(numbers))
        self.tags = TagList(database)
        self.register = ChargePointRegister(database)


# Not a test case of its own.
del Promises
