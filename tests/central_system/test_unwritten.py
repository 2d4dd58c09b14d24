"""What runs at a connector is written down, if not at once then with the next message."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attrs import evolve
from twisted.internet.defer import Deferred

from cfos_cm.central_system.roster import MAX_IN_TURN
from tests.central_system.test_interrupted import OTHER_START, Case, SlowDisk, status_of
from tests.central_system.world import BAY_2, SITE, START, CallFailed, Disk

T = TypeVar("T")


class CountingDisk(Disk):
    """
    A disk that counts.

    @ivar works: what it was asked to do.
    """

    works = 0

    def do(self, work: Callable[[], T]) -> Deferred[T]:
        """See L{Disk.do}."""
        self.works += 1
        return super().do(work)


class FailingDisk(Case):
    """Nothing can be written for a while."""

    def in_vain(self, status: str) -> None:
        """Tell a state while nothing can be written."""
        self.world.ledger.disk.broken = True
        if status == "Available":
            self.assertRaises(CallFailed, self.status, status)
        else:
            self.status(status)
        self.world.ledger.disk.broken = False

    def test_vacated(self) -> None:
        """That it is free is written as soon as it can be, or a restart would not know it."""
        number = self.start()
        self.world.disk.broken = True
        self.assertRaises(CallFailed, self.status, "Available")
        self.world.disk.broken = False
        self.assertEqual("open", self.state(number))
        self.status("Available")
        self.assertEqual("superseded", self.state(number))

    def test_caughtUp(self) -> None:
        """It need not be told again: the next message, whatever it is, has it written."""
        value = {"timestamp": "2026-03-01T12:00:00Z", "sampledValue": [{"value": "1"}]}
        for action, payload in (
            ("Heartbeat", {}),
            ("MeterValues", {"connectorId": 2, "meterValue": [value]}),
            ("StatusNotification", {**status_of("Preparing"), "connectorId": 2}),
            ("StatusNotification", status_of("Unavailable")),
        ):
            self.setUp()
            number = self.start()
            self.in_vain("Available")
            self.assertEqual("open", self.state(number))
            self.peer.ask(action, payload)
            self.assertEqual("superseded", self.state(number), action)
            self.assertNotIn("CP-1", self.world.system.roster.unwritten)

    def test_stillBroken(self) -> None:
        """As long as it cannot be, nothing else suffers, and each message tries once more."""
        number = self.start()
        self.in_vain("Available")
        for _ in range(2):
            self.in_vain("Preparing")
            self.assertEqual("open", self.state(number))
        self.status("Preparing")
        self.assertEqual("superseded", self.state(number))

    def test_reconnected(self) -> None:
        """It makes no difference on which connection."""
        number = self.start()
        self.in_vain("Available")
        self.reconnect()
        self.peer.ask("Heartbeat")
        self.assertEqual("superseded", self.state(number))

    def test_nothingIsOwed(self) -> None:
        """Where all is written, nothing is written again."""
        self.start()
        self.status("Available")
        self.world.ledger.disk = disk = CountingDisk()
        for status in ("Preparing", "Available", "Charging"):
            self.status(status)
        self.peer.ask("Heartbeat")
        self.assertEqual(0, disk.works)

    def test_slow(self) -> None:
        """Messages that come while it is being written try nothing, and fill no queue."""
        self.start()
        self.in_vain("Available")
        self.world.ledger.disk = disk = CountingDisk(held=True)
        for _ in range(2 * MAX_IN_TURN):
            self.peer.ask("Heartbeat")
        status = self.peer.call("StatusNotification", status_of("Available"))
        self.assertIsNone(self.peer.answer_to(status))
        disk.let_go()
        self.assertEqual([3, status, {}], self.peer.answer_to(status))
        self.assertEqual(1, disk.works)
        self.assertFalse(self.world.system.roster.turns.is_taken("CP-1"))

    def test_resumed(self) -> None:
        """That it goes on after all is written later, too, if it could not be."""
        number = self.start()
        self.status("Available")
        self.in_vain("Charging")
        self.assertTrue(self.runs())
        self.assertEqual("superseded", self.state(number))
        self.peer.ask("Heartbeat")
        self.assertEqual("open", self.state(number))

    def test_resumedBeforeItWasWritten(self) -> None:
        """What counts is what was said last."""
        number = self.start()
        self.in_vain("Available")
        self.in_vain("Charging")
        self.peer.ask("Heartbeat")
        self.assertEqual("open", self.state(number))
        self.assertNotIn("CP-1", self.world.system.roster.unwritten)

    def test_startedMeanwhile(self) -> None:
        """What is owed of the one before is of no interest when another one has begun."""
        for owed in (("Available",), ("Available", "Charging")):
            self.setUp()
            first = self.start()
            for status in owed:
                self.in_vain(status)
            second = self.start(OTHER_START)
            self.peer.ask("Heartbeat")
            self.assertEqual(("superseded", "open"), (self.state(first), self.state(second)))

    def test_startedElsewhere(self) -> None:
        """Nor where the new one has begun at a connector that is no EVSE any more."""
        self.start()
        self.in_vain("Available")
        fewer = evolve(SITE.charge_points["CP-1"], evses={2: BAY_2})
        self.world.system.configure(
            evolve(SITE, charge_points={**SITE.charge_points, "CP-1": fewer})
        )
        second = self.start(OTHER_START)
        self.peer.ask("Heartbeat")
        self.assertEqual("open", self.state(second))

    def test_atTheEnd(self) -> None:
        """When the program stops all of it is written, whoever is connected then."""
        number = self.start()
        other = self.world.connect("CP-2")
        second = other.ask("StartTransaction", START)["transactionId"]
        self.in_vain("Available")
        self.world.ledger.disk.broken = True
        for peer in (other, self.peer):
            with self.assertRaises(CallFailed):
                peer.ask("StatusNotification", status_of("Available"))
            peer.lose()
        self.world.ledger.disk = SlowDisk()
        written = self.world.system.roster.unwritten.write_all()
        self.assertNoResult(written)
        self.world.ledger.disk.tell_all(SlowDisk.tell_oldest)
        self.assertIsNone(self.successResultOf(written))
        self.assertEqual(["superseded"] * 2, [self.state(one) for one in (number, second)])
        self.assertIsNone(self.successResultOf(self.world.system.roster.unwritten.write_all()))

    def test_atTheEndOfABrokenDisk(self) -> None:
        """Nobody waits for what cannot be written."""
        self.start()
        self.in_vain("Available")
        self.world.ledger.disk.broken = True
        unwritten = self.world.system.roster.unwritten
        self.assertIsNone(self.successResultOf(unwritten.write_all()))
        self.assertIn("CP-1", unwritten)
