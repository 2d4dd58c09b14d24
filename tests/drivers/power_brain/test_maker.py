"""Who makes drivers of Power Brains."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from cfos_cm.drivers.interfaces import EvseDevice, IEvse, IEvseMaker
from cfos_cm.drivers.power_brain.maker import MAKER
from cfos_cm.drivers.registry import EVSE_MAKERS
from tests.drivers.environment import environment
from tests.drivers.power_brain.site import SETTINGS


class MakerTests(SynchronousTestCase):
    """What stands in tap.cfg."""

    def test_interface(self) -> None:
        """It is found by its word, and a maker; a box knows no transactions."""
        self.assertTrue(verifyObject(IEvseMaker, MAKER))
        self.assertIs(MAKER, EVSE_MAKERS.of("cfos_power_brain"))
        self.assertFalse(MAKER.knows_transactions)

    def test_addresses(self) -> None:
        """Where a box can be; anything else is refused, with what it must be."""
        device = EvseDevice(settings=SETTINGS, address="")
        for address in ("tcp:10.0.0.7:4701", "rtu:gateway:502", "serial:/dev/ttyUSB0"):
            self.assertIsNone(MAKER.objection(evolve(device, address=address)))
        for address in ("", "10.0.0.7:4701", "tcp:10.0.0.7", "tcp:10.0.0.7:0"):
            said = str(MAKER.objection(evolve(device, address=address)))
            self.assertIn("tcp:HOST:PORT", said)

    def test_makes(self) -> None:
        """It makes an EVSE of that name."""
        device = EvseDevice(settings=SETTINGS, address="tcp:10.0.0.7:4701")
        evse = MAKER.make(device, environment(Clock(), lambda event: None))
        self.assertTrue(verifyObject(IEvse, evse))
        self.assertEqual("B1", evse.name)
