"""What all connections know of the transactions of a Charge Point."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.roster import MAX_CONNECTOR, MAX_IN_TURN, Turns
from cfos_cm.errors import StorageError
from cfos_cm.site.events import EvseMeasured, TransactionStopped
from tests.central_system.world import SITE, START, World, stop_of

LATER = {**START, "meterStart": 4000, "timestamp": "2026-03-01T12:30:00Z"}


class InTurn(SynchronousTestCase):
    """One after the other."""

    def setUp(self) -> None:
        """Nothing was told yet."""
        self.turns = Turns()
        self.begun: list[str] = []

    def work(self, name: str, done: Deferred[str]) -> Deferred[str]:
        """Take the turn of CP-1 for some work."""

        async def begin() -> str:
            self.begun.append(name)
            return await done

        return self.turns.take("CP-1", begin)

    def test_order(self) -> None:
        """The next one begins when the one before has ended, however it has."""
        first, second = Deferred[str](), Deferred[str]()
        results = [self.work("first", first), self.work("second", second)]
        self.assertEqual(["first"], self.begun)
        self.assertNoResult(results[1])
        first.errback(StorageError("no"))
        self.failureResultOf(results[0], StorageError)
        self.assertEqual(["first", "second"], self.begun)
        second.callback("done")
        self.assertEqual("done", self.successResultOf(results[1]))

    def test_nobodyWaits(self) -> None:
        """What nobody has to wait for is done at once, and leaves nothing behind."""
        self.assertEqual("done", self.successResultOf(self.work("first", succeed("done"))))
        self.assertFalse(self.turns.is_taken("CP-1"))

    def test_raises(self) -> None:
        """Work that fails at once keeps nobody waiting."""

        async def fail() -> str:
            raise ZeroDivisionError

        self.failureResultOf(self.turns.take("CP-1", fail), ZeroDivisionError)
        self.assertFalse(self.turns.is_taken("CP-1"))

    def test_takenAgain(self) -> None:
        """Whoever comes while the last one ends has his turn for himself."""
        first, second, third = Deferred[str](), Deferred[str](), Deferred[str]()
        taken = self.work("first", first)
        taken.addCallback(lambda _: self.work("second", second))
        first.callback("done")
        self.work("third", third)
        self.assertEqual(["first", "second"], self.begun)
        second.callback("done")
        self.assertEqual(["first", "second", "third"], self.begun)
        self.assertTrue(self.turns.is_taken("CP-1"))

    def test_others(self) -> None:
        """Another Charge Point has turns of its own."""

        async def other() -> str:
            return "done"

        self.work("first", Deferred())
        self.assertEqual("done", self.successResultOf(self.turns.take("CP-2", other)))

    def test_bound(self) -> None:
        """So many wait, and whoever comes then is told; all of the others have their turn."""
        first: Deferred[str] = Deferred()
        self.work("first", first)
        waiting = [self.work("more", succeed("done")) for _ in range(MAX_IN_TURN)]
        error = self.failureResultOf(self.work("too many", succeed("done")), StorageError)
        self.assertIn("CP-1", str(error.value))
        first.callback("done")
        self.assertEqual(["done"] * MAX_IN_TURN, [self.successResultOf(one) for one in waiting])
        self.assertNotIn("too many", self.begun)
        self.assertFalse(self.turns.is_taken("CP-1"))


class Superseded(SynchronousTestCase):
    """A transaction that another one has begun behind, without an end."""

    def setUp(self) -> None:
        """There are two at one connector; the second one runs."""
        self.world = World()
        self.peer = self.world.connect()
        self.first: int = self.peer.ask("StartTransaction", START)["transactionId"]
        self.second: int = self.peer.ask("StartTransaction", LATER)["transactionId"]

    def test_values(self) -> None:
        """Its last values are kept, and are not of what flows now."""
        value = {"timestamp": "2026-03-01T12:29:00Z", "sampledValue": [{"value": "3500"}]}
        payload = {"connectorId": 1, "transactionId": self.first, "meterValue": [value]}
        self.peer.ask("MeterValues", payload)
        self.assertEqual([], self.world.happened(EvseMeasured))
        self.assertEqual(1, len(self.world.ledger.meter_values))
        self.peer.ask("MeterValues", {**payload, "transactionId": self.second})
        self.assertEqual(1, len(self.world.happened(EvseMeasured)))

    def test_stop(self) -> None:
        """Its end is told once, and the other one goes on."""
        for _ in range(2):
            self.peer.ask("StopTransaction", stop_of(self.first))
        stops = [event.transaction_id for event in self.world.happened(TransactionStopped)]
        self.assertEqual([self.first], stops)
        self.assertEqual({("CP-1", 1): self.second}, self.world.system.roster.running)

    def test_stopAfterRemoval(self) -> None:
        """It can be ended, too, where the settings do not name the Charge Point any more."""
        others = {"CP-2": SITE.charge_points["CP-2"]}
        self.world.system.configure(evolve(SITE, charge_points=others))
        for number in (self.first, self.second):
            self.peer.ask("StopTransaction", stop_of(number))
            self.assertEqual("stopped", self.world.ledger.rows[number].state)

    def test_startedAgain(self) -> None:
        """The one that runs is not over when its start is told again."""
        self.peer.ask("StartTransaction", LATER)
        self.assertTrue(self.world.system.roster.runs_at(("CP-1", 1)))
        self.assertFalse(self.world.system.roster.is_over("CP-1", self.second))


class Connectors(SynchronousTestCase):
    """Starts at connectors that no Charge Point has."""

    def test_bound(self) -> None:
        """They are answered; but nothing is remembered of them, and nobody is asked there."""
        world = World()
        peer = world.connect()
        peer.answers["SetChargingProfile"] = {"status": "Accepted"}
        for connector in (MAX_CONNECTOR, MAX_CONNECTOR + 1, 2**40, 0, -1):
            answer = peer.ask("StartTransaction", {**START, "connectorId": connector})
            self.assertEqual("Invalid", answer["idTagInfo"]["status"])
        forbidden = [frame[3]["connectorId"] for frame in peer.requests("SetChargingProfile")]
        self.assertEqual([MAX_CONNECTOR], forbidden)
