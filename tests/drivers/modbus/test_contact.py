"""Being in touch with one device, from a start to a stop."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.interfaces import EvseDevice
from cfos_cm.drivers.modbus import buses
from cfos_cm.drivers.modbus.contact import ROUND_S, Contact
from cfos_cm.drivers.modbus.unit import Unit
from cfos_cm.errors import DeviceError
from cfos_cm.site.evse import EvseSettings
from tests.drivers.environment import environment
from tests.drivers.power_brain.box import FakeBox


class ContactTests(SynchronousTestCase):
    """A device that is well, or not, as the test says."""

    def setUp(self) -> None:
        """It has not been started."""
        self.clock = Clock()
        self.box = FakeBox(self.clock)
        self.patch(buses, "endpoint_of", lambda reactor, place: self.box)
        self.told: list[str] = []
        self.looked: list[Unit] = []
        self.why = ""
        self.contact: Contact[Unit] = Contact(
            "B1",
            self.device("tcp:box:4701"),
            environment(self.clock, lambda event: None),
            lambda unit: unit,
            self.look,
            lambda: self.told.append("came"),
            self.told.append,
        )
        self.addCleanup(self.contact.stop)

    @staticmethod
    def device(address: str) -> EvseDevice:
        """What tap.cfg says of it."""
        return EvseDevice(settings=EvseSettings("B1", "main"), address=address, unit=7)

    async def look(self, unit: Unit) -> None:
        """One round."""
        self.looked.append(unit)
        if self.why:
            raise DeviceError(self.why)

    def start(self) -> None:
        """Start it, and let the first connection be made."""
        self.contact.start()
        self.clock.advance(0)

    def pass_rounds(self, rounds: int) -> list[str]:
        """So many rounds; what was logged of reading it."""
        with capturedLogs() as events:
            self.clock.pump([ROUND_S] * rounds)
        lines = [formatEvent(event) for event in events]
        return [line for line in lines if "cannot be read" in line]

    def test_no_place(self) -> None:
        """An address that is none is not taken."""
        with self.assertRaises(ValueError):
            Contact(
                "B1",
                self.device("box"),
                environment(self.clock, lambda event: None),
                lambda unit: unit,
                self.look,
                lambda: None,
                lambda why: None,
            )

    def test_started(self) -> None:
        """It is looked at as the unit that it is; once, however often it is started."""
        self.start()
        self.contact.start()
        self.pass_rounds(3)
        self.assertEqual({7}, {unit.number for unit in self.looked})
        self.assertEqual((["came"], 1), (self.told, self.box.connections))
        self.assertTrue(self.contact.is_there)
        self.assertTrue(self.contact.is_open)

    def test_stopped(self) -> None:
        """Then there is no connection, nothing to be told, and no timer."""
        self.start()
        stopped = self.contact.stop()
        self.clock.advance(0)
        self.successResultOf(stopped)
        self.assertEqual((["came"], None), (self.told, self.contact.device))
        self.assertFalse(self.contact.is_open)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.successResultOf(self.contact.stop())

    def test_started_again(self) -> None:
        """What is read and written is made anew."""
        self.start()
        self.contact.stop()
        self.clock.advance(0)
        self.start()
        self.assertEqual(2, len({id(unit) for unit in self.looked}))
        self.assertEqual(["came", "came"], self.told)

    def test_lost(self) -> None:
        """When its connection is lost, it is away at once, for that reason."""
        self.start()
        self.box.hang_up()
        self.assertEqual(["came", "the connection to tcp:box:4701 is lost"], self.told)
        self.assertFalse(self.contact.is_there)

    def test_complaint(self) -> None:
        """Why it cannot be read is told once for each reason, while it is away."""
        self.why = "it is another device"
        self.clock.callLater(0, self.contact.start)
        self.assertEqual(["B1 cannot be read: it is another device"], self.pass_rounds(20))
        self.assertEqual([], self.told)
        self.why = "it is broken"
        self.assertEqual(["B1 cannot be read: it is broken"], self.pass_rounds(60))
        self.why = ""
        self.pass_rounds(60)
        self.assertEqual(["came"], self.told)
