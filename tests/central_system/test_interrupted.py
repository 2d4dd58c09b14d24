"""Transactions whose story is told in pieces: lost answers, wrong words, failing disks."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.site.events import TransactionResumed, TransactionStarted
from tests.central_system.world import BOOT, NOW, START, CallFailed, World, stop_of

NO_CLOCK = {**START, "timestamp": "1970-01-01T00:00:00Z"}


class Case(SynchronousTestCase):
    """CP-1 with its first connector."""

    def setUp(self) -> None:
        """It is connected."""
        self.world = World()
        self.peer = self.world.connect()

    def status(self, status: str) -> None:
        """Tell a state."""
        payload = {"connectorId": 1, "errorCode": "NoError", "status": status}
        self.peer.ask("StatusNotification", payload)

    def start(self, payload: dict[str, Any] = START) -> int:
        """Start; returns the transaction's id."""
        number: int = self.peer.ask("StartTransaction", payload)["transactionId"]
        return number

    def reconnect(self) -> None:
        """Dial again."""
        self.peer.lose()
        self.peer = self.world.connect()

    def runs(self) -> bool:
        """Whether a transaction runs there, as far as we know."""
        return self.world.system.roster.runs_at(("CP-1", 1))

    def state(self, number: int) -> str:
        """What the ledger says of a transaction."""
        return self.world.ledger.rows[number].state


class LostAnswer(Case):
    """An answer to a start is lost, and the connector says to be free before its repetition."""

    def test_repeated(self) -> None:
        """It is the same transaction, and goes on: with a clock and without."""
        for payload in (START, NO_CLOCK):
            self.setUp()
            number = self.start(payload)
            self.reconnect()
            self.status("Available")
            self.status("Preparing")
            self.assertFalse(self.runs())
            self.world.clock.advance(10)
            self.assertEqual(number, self.start(payload))
            self.assertTrue(self.runs())
            self.assertEqual(("open", 1), (self.state(number), len(self.world.ledger.rows)))
            self.assertEqual(1, len(self.world.happened(TransactionResumed)))
            self.assertEqual(1, len(self.world.happened(TransactionStarted)))

    def test_overtaken(self) -> None:
        """Not if another one has begun there since: then it is over."""
        number = self.start()
        self.status("Available")
        other = self.start({**START, "idTag": "OTHER"})
        self.assertEqual(number, self.start())
        self.assertEqual(("superseded", "open"), (self.state(number), self.state(other)))
        self.assertTrue(self.world.system.roster.sleeps_at(("CP-1", 1), number) is False)

    def test_stopped(self) -> None:
        """A start that is repeated after its end starts nothing."""
        number = self.start()
        self.peer.ask("StopTransaction", stop_of(number))
        self.assertEqual(number, self.start())
        self.assertFalse(self.runs())
        self.assertEqual("stopped", self.state(number))


class Mistaken(Case):
    """It says that it is free, and charges on."""

    def values(self, number: int, **value: str) -> None:
        """Say values of a transaction."""
        reading = {"timestamp": "2026-03-01T12:00:00Z", "sampledValue": [value]}
        payload = {"connectorId": 1, "transactionId": number, "meterValue": [reading]}
        self.peer.ask("MeterValues", payload)

    def test_draws(self) -> None:
        """Values that show a current wake its transaction up: what flows is counted."""
        for value in (
            {"measurand": "Current.Import", "value": "16", "unit": "A"},
            {"measurand": "Power.Active.Import", "value": "11", "unit": "kW"},
        ):
            self.setUp()
            number = self.start()
            self.status("Available")
            self.assertFalse(self.runs())
            self.values(number, **value)
            self.assertTrue(self.runs())

    def test_drawsNothing(self) -> None:
        """Values of what was do not: a register, or the last milliamps."""
        number = self.start()
        self.status("Available")
        self.values(number, value="1500")
        self.values(number, measurand="Current.Import", value="0.3")
        self.assertFalse(self.runs())

    def test_stopped(self) -> None:
        """Nor do any after its end."""
        number = self.start()
        self.peer.ask("StopTransaction", stop_of(number))
        self.values(number, measurand="Current.Import", value="16")
        self.assertFalse(self.runs())


class FailingDisk(Case):
    """Nothing can be written for a while."""

    def test_vacated(self) -> None:
        """That it is free is written as soon as it can be, or a restart would not know it."""
        number = self.start()
        self.world.disk.broken = True
        self.assertRaises(CallFailed, self.status, "Available")
        self.world.disk.broken = False
        self.assertEqual("open", self.state(number))
        self.status("Available")
        self.assertEqual("superseded", self.state(number))


class Stops(Case):
    """Ends that are told in odd words."""

    def test_forgiven(self) -> None:
        """What need not be known for a bill keeps nobody from being billed."""
        for changes in (
            {"idTag": None},
            {"reason": None},
            {"reason": "BecauseISaySo"},
            {"idTag": "x" * 21},
            {"idTag": 7},
            {"timestamp": None},
            {"meterStop": "3500"},
            {"transactionData": 1, "reason": 2, "idTag": []},
        ):
            self.setUp()
            number = self.start()
            self.peer.ask("StopTransaction", stop_of(number, **changes))
            self.assertEqual("stopped", self.state(number), changes)
            stop = self.world.ledger.rows[number].stop
            assert stop is not None
            self.assertEqual(3500, stop.meter_stop_wh, changes)

    def test_noEnd(self) -> None:
        """Without its transaction or its reading it is none."""
        number = self.start()
        for wrong in (
            stop_of(number, meterStop="a lot"),
            {"transactionId": number, "timestamp": "2026-03-01T12:00:00Z"},
        ):
            with self.assertRaises(CallFailed):
                self.peer.ask("StopTransaction", wrong)


class AfterBoot(Case):
    """What a start of the Charge Point changes."""

    def test_forbidden(self) -> None:
        """A connector that is no EVSE is forbidden anew: it may have forgotten it."""
        self.peer.answers["SetChargingProfile"] = {"status": "Accepted"}
        payload = {"connectorId": 3, "errorCode": "NoError", "status": "Preparing"}
        for _ in range(2):
            self.peer.ask("BootNotification", BOOT)
            self.peer.ask("StatusNotification", payload)
            self.peer.ask("StatusNotification", payload)
        self.assertEqual(2, len(self.peer.requests("SetChargingProfile")))

    def test_faultIsNews(self) -> None:
        """However wrong the clock: a fault, and that it charges, are believed."""
        for seconds, status in ((3600, "Preparing"), (0, "Charging"), (1, "Faulted")):
            told_at = f"2026-03-01T{12 + seconds // 3600}:00:{seconds % 60:02}Z"
            payload = {
                "connectorId": 1,
                "errorCode": "OtherError",
                "status": status,
                "timestamp": told_at,
            }
            self.peer.ask("StatusNotification", payload)
        details = [getattr(event, "detail", None) for event in self.world.events]
        self.assertEqual(
            ["Preparing", "Charging", "Faulted"], [one for one in details if one is not None]
        )
        self.assertEqual(NOW, self.world.now)
