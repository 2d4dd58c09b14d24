"""What a Charge Point may still say when the settings do not name it any more."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.admission import Admission
from cfos_cm.central_system.approach import Approach
from cfos_cm.central_system.settings import UnknownChargePoints
from cfos_cm.errors import CallErrorCode
from cfos_cm.site.events import TransactionStopped

from .world import BOOT, SITE, START, CallFailed, World, stop_of

#: Without CP-1.
WITHOUT = evolve(SITE, charge_points={"CP-2": SITE.charge_points["CP-2"]})


def meter_values(transaction_id: int | None) -> dict[str, Any]:
    """A reading of a transaction, or of none."""
    value = {"timestamp": "2026-03-01T12:10:00Z", "sampledValue": [{"value": "2000"}]}
    payload = {"connectorId": 1, "meterValue": [value]}
    return payload if transaction_id is None else {**payload, "transactionId": transaction_id}


class Removed(SynchronousTestCase):
    """A Charge Point that charges while it is taken out of the settings."""

    def setUp(self) -> None:
        """It charges, and another one does too; then it is taken out."""
        self.world = World()
        self.peer = self.world.connect()
        self.number: int = self.peer.ask("StartTransaction", START)["transactionId"]
        other = self.world.connect("CP-2").ask("StartTransaction", START)
        self.other: int = other["transactionId"]
        self.world.system.configure(WITHOUT)
        self.world.events.clear()

    def refused(self, action: str, payload: object = None) -> None:
        """A request gets a SecurityError, and nothing of it is kept."""
        error = self.assertRaises(CallFailed, self.peer.ask, action, payload)
        self.assertEqual(CallErrorCode.SECURITY_ERROR.value, error.code, action)
        self.assertEqual([], self.world.ledger.meter_values)
        self.assertEqual([], self.world.ledger.stray_stops)

    def test_stop(self) -> None:
        """The end of its transaction is stored and answered."""
        self.assertEqual({}, self.peer.ask("StopTransaction", stop_of(self.number)))
        row = self.world.ledger.rows[self.number]
        assert row.stop is not None
        self.assertEqual(("stopped", 3500), (row.state, row.stop.meter_stop_wh))
        self.assertEqual([], self.world.happened(TransactionStopped))
        self.assertNotIn(("CP-1", 1), self.world.system.roster.running)

    def test_stop_with_a_tag(self) -> None:
        """So it is when it says who has ended it."""
        self.peer.ask("StopTransaction", stop_of(self.number, idTag=START["idTag"]))
        self.assertEqual("stopped", self.world.ledger.rows[self.number].state)

    def test_meter_values(self) -> None:
        """The readings of its transaction are stored and answered."""
        self.assertEqual({}, self.peer.ask("MeterValues", meter_values(self.number)))
        ((charge_point, connector, number, _),) = self.world.ledger.meter_values
        self.assertEqual(("CP-1", 1, self.number), (charge_point, connector, number))
        self.assertEqual([], self.world.events)

    def test_after_a_new_connection(self) -> None:
        """So they are when it has connected anew, and waits."""
        self.peer.lose()
        self.peer = self.world.connect()
        self.assertEqual("Pending", self.peer.ask("BootNotification", BOOT)["status"])
        self.peer.ask("MeterValues", meter_values(self.number))
        self.peer.ask("StopTransaction", stop_of(self.number))
        self.assertEqual("stopped", self.world.ledger.rows[self.number].state)

    def test_accepted_again(self) -> None:
        """It is as before when it is configured again."""
        self.world.system.configure(SITE)
        self.peer.ask("Heartbeat")
        self.peer.ask("StopTransaction", stop_of(self.number))
        self.assertEqual(1, len(self.world.happened(TransactionStopped)))

    def test_refusing_site(self) -> None:
        """Where others are refused, it is let in until it has said them."""
        refusing = evolve(WITHOUT, unknown=UnknownChargePoints.REFUSE)
        self.world.system.configure(refusing)
        self.assertEqual([], self.peer.hang_ups)
        self.assertIs(Admission.ADMITTED, self.world.system.admit("CP-1", Approach()))
        self.peer = self.world.connect()
        self.peer.ask("StopTransaction", stop_of(self.number))
        self.assertEqual("stopped", self.world.ledger.rows[self.number].state)
        self.world.system.configure(refusing)
        self.assertEqual([1008], [code for code, _ in self.peer.hang_ups])
        self.assertIs(Admission.UNKNOWN, self.world.system.admit("CP-1", Approach()))

    def test_other_transactions(self) -> None:
        """Nothing is believed of another transaction; what has ended may be said again."""
        for number in (self.other, self.number + 100, 0, -1):
            self.refused("StopTransaction", stop_of(number))
            self.refused("MeterValues", meter_values(number))
        self.assertEqual("open", self.world.ledger.rows[self.other].state)
        self.peer.ask("StopTransaction", stop_of(self.number))
        self.peer.ask("StopTransaction", stop_of(self.number))

    def test_other_requests(self) -> None:
        """Everything else is refused."""
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
        self.refused("MeterValues", meter_values(None))
        self.refused("StartTransaction", START)
        self.refused("StatusNotification", status)
        self.refused("Heartbeat")
        self.refused("Authorize", {"idTag": START["idTag"]})
        self.refused("DataTransfer", {"vendorId": "x"})
        self.assertEqual(2, len(self.world.ledger.rows))
        self.assertEqual([], self.world.events)
