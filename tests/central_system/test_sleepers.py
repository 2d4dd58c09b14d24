"""Charge Points that say they are free without having ended their transaction."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.site.events import TransactionResumed
from tests.central_system.world import START, World, stop_of


class Sleepers(SynchronousTestCase):
    """A transaction that fell asleep with the word Available."""

    def setUp(self) -> None:
        """One runs, and is said to be none."""
        self.world = World()
        self.peer = self.world.connect("CP-1")
        self.number = self.peer.ask("StartTransaction", START)["transactionId"]
        self.say("Available")
        self.assertEqual({}, self.world.system.roster.running)

    def say(self, status: str) -> None:
        """The Charge Point's status is this now."""
        self.peer.ask(
            "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": status}
        )

    def resumed(self) -> list[int]:
        """The transactions that the site was told of once more."""
        return [
            event.transaction.transaction_id
            for event in self.world.happened(TransactionResumed)
        ]

    def test_wakesUp(self) -> None:
        """It charges again without a new start: it was no end, and the site is told."""
        for status in ("Charging", "SuspendedEV", "SuspendedEVSE"):
            self.say(status)
            self.assertEqual({("CP-1", 1): self.number}, self.world.system.roster.running)
            self.say("Available")
        self.assertEqual([self.number] * 3, self.resumed())

    def test_anotherCar(self) -> None:
        """With the next car it is over for good."""
        self.say("Preparing")
        self.say("Charging")
        self.assertEqual({}, self.world.system.roster.running)
        self.assertEqual([], self.resumed())

    def test_anotherTransaction(self) -> None:
        """A new transaction is the one that runs."""
        start = {**START, "meterStart": 5000, "timestamp": "2026-03-01T13:00:00Z"}
        second = self.peer.ask("StartTransaction", start)["transactionId"]
        self.say("Charging")
        self.assertEqual({("CP-1", 1): second}, self.world.system.roster.running)
        self.assertEqual([], self.resumed())

    def test_reserved(self) -> None:
        """A connector that is reserved is free, too."""
        self.say("Charging")
        self.say("Reserved")
        self.assertEqual({}, self.world.system.roster.running)

    def test_stopped(self) -> None:
        """Its stop may still come, and ends it."""
        self.peer.ask("StopTransaction", stop_of(self.number))
        self.say("Charging")
        self.assertEqual([], self.resumed())
        self.assertEqual("stopped", self.world.ledger.rows[self.number].state)
