"""Which connectors are in service."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.availability import Availability
from cfos_cm.errors import CallErrorCode, RemoteProtocolError
from cfos_cm.v16.core import AvailabilityStatus, AvailabilityType
from tests.charge_point.backend_world import connector, settings
from tests.charge_point.memory import InMemory

_OUT = AvailabilityType.INOPERATIVE
_IN = AvailabilityType.OPERATIVE


class Service(SynchronousTestCase):
    """A gateway with two EVSEs, and a third one that speaks OCPP."""

    def setUp(self) -> None:
        """All are in service, and no transaction runs."""
        self.memory = InMemory()
        self.busy: set[int] = set()
        self.changed: list[int] = []
        self.restart()

    def restart(self) -> None:
        """The program starts again."""
        configured = settings(connector(1), connector(2), connector(3, True))
        self.availability = Availability(configured, self.memory)
        self.availability.restore(self.successResultOf(self.memory.load()))
        self.availability.changed = self.changed.append

    def change(self, number: int, to: AvailabilityType) -> str:
        """What ChangeAvailability is answered with."""
        answered = self.availability.change(number, to, self.busy.__contains__)
        return self.successResultOf(answered).value

    def operative(self) -> list[int]:
        """Those that are in service."""
        return [number for number in range(3) if self.availability.is_operative(number)]

    def test_one(self) -> None:
        """One connector goes out of service, and comes back."""
        self.assertEqual("Accepted", self.change(1, _OUT))
        self.assertEqual([0, 2], self.operative())
        self.assertEqual("Accepted", self.change(1, _IN))
        self.assertEqual([0, 1, 2], self.operative())
        self.assertEqual([1, 1], self.changed)

    def test_already(self) -> None:
        """What is so already is accepted, and nobody is told."""
        self.assertEqual("Accepted", self.change(1, _IN))
        self.busy = {1}
        self.assertEqual("Accepted", self.change(1, _IN))
        self.assertEqual([], self.changed)

    def test_all(self) -> None:
        """Connector 0 is all of them; each can come back by itself."""
        self.assertEqual("Accepted", self.change(0, _OUT))
        self.assertEqual([], self.operative())
        self.change(2, _IN)
        self.assertEqual([2], self.operative())
        self.assertEqual([0, 1, 2, 2], self.changed)

    def test_later(self) -> None:
        """In a transaction it is put off to its end."""
        self.busy = {1}
        self.assertEqual("Scheduled", self.change(1, _OUT))
        self.assertEqual([0, 1, 2], self.operative())
        self.availability.transaction_over(2)
        self.assertEqual([0, 1, 2], self.operative())
        self.availability.transaction_over(1)
        self.assertEqual([0, 2], self.operative())
        self.assertEqual([1], self.changed)

    def test_allLater(self) -> None:
        """Of all of them only those wait that charge."""
        self.busy = {2}
        self.assertEqual("Scheduled", self.change(0, _OUT))
        self.assertEqual([2], self.operative())
        self.availability.transaction_over(2)
        self.assertEqual([], self.operative())

    def test_notAfterAll(self) -> None:
        """What was put off can be taken back."""
        self.busy = {1}
        self.change(1, _OUT)
        self.assertEqual("Accepted", self.change(1, _IN))
        self.availability.transaction_over(1)
        self.assertEqual([0, 1, 2], self.operative())

    def test_unknown(self) -> None:
        """A connector that is not there, or is a Charge Point's, is refused."""
        for number in (-1, 3, 4, 2**40):
            self.assertEqual("Rejected", self.change(number, _OUT))
        self.assertEqual({}, self.memory.kept)

    def test_restart(self) -> None:
        """What is out of service is so after a restart. TC_013, TC_034."""
        self.change(0, _OUT)
        self.change(2, _IN)
        self.restart()
        self.assertEqual([2], self.operative())

    def test_laterAfterRestart(self) -> None:
        """What was put off is remembered, and done when the transaction is over."""
        self.busy = {1, 2}
        self.change(0, _OUT)
        self.restart()
        self.assertEqual([1, 2], self.operative())
        self.busy = {2}
        self.availability.settle(self.busy.__contains__)
        self.assertEqual([2], self.operative())
        self.availability.transaction_over(2)
        self.restart()
        self.assertEqual([], self.operative())

    def test_nothingToRemember(self) -> None:
        """What is in service needs no memory."""
        self.change(1, _OUT)
        self.change(1, _IN)
        self.assertEqual({}, self.memory.kept["availability"])

    def test_damaged(self) -> None:
        """What cannot be read is in service."""
        self.memory.kept["availability"] = {
            "1": "Broken",
            "x": "Inoperative",
            "9": "Inoperative",
        }
        self.restart()
        self.assertEqual([0, 1, 2], self.operative())

    def test_fullDisk(self) -> None:
        """What cannot be stored is not acknowledged."""
        self.memory.is_full = True
        answered = self.availability.change(1, _OUT, self.busy.__contains__)
        failed = self.failureResultOf(answered, RemoteProtocolError)
        self.assertIs(CallErrorCode.INTERNAL_ERROR, failed.value.code)

    def test_statusIsOne(self) -> None:
        """The answer is a word of OCPP."""
        answered = self.availability.change(1, _OUT, self.busy.__contains__)
        self.assertIs(AvailabilityStatus.ACCEPTED, self.successResultOf(answered))
