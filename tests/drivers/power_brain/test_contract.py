"""The driver of Power Brains keeps what every driver promises."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.contract import EvseContract
from cfos_cm.drivers.interfaces import EvseDevice, IEvse
from cfos_cm.drivers.modbus import buses
from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.drivers.power_brain.maker import MAKER
from cfos_cm.wire.modbus import Framing
from tests.drivers.environment import environment
from tests.drivers.power_brain.box import FakeBox
from tests.drivers.power_brain.site import SETTINGS

#: Short enough for the silence between two frames on a serial line. [s]
_STEP_S = 0.025


class PowerBrainContract(EvseContract, SynchronousTestCase):
    """A box in memory, by Modbus TCP."""

    name = "B1"
    framing = Framing.TCP

    def setUp(self) -> None:
        """It may charge with more than it will be told."""
        self.clock = Clock()
        self.box = FakeBox(self.clock, self.framing)
        self.box[on.CHARGING_CUR_LIMIT] = 320
        self.reported = []
        self.patch(buses, "endpoint_of", lambda reactor, place: self.box)

    def make(self, observe_only: bool = False) -> IEvse:
        """See L{EvseContract.make}."""
        device = EvseDevice(settings=SETTINGS, address=f"{self.framing}:box:4701")
        report = self.reported.append
        evse = MAKER.make(device, environment(self.clock, report, observe_only=observe_only))
        self.addCleanup(evse.stop)
        return evse

    def given_ma(self) -> int:
        """See L{EvseContract.given_ma}."""
        limit, enable = self.box[on.CHARGING_CUR_LIMIT], self.box[on.CHARGING_ENABLE]
        assert isinstance(limit, int)
        return limit * on.TENTH_MA if enable else 0

    def refuse(self) -> None:
        """See L{EvseContract.refuse}."""
        self.box.refuses = True

    def written(self) -> int:
        """See L{EvseContract.written}."""
        return len(self.box.writes)

    def vanish(self) -> None:
        """See L{EvseContract.vanish}."""
        self.box.hang_up()

    def come_back(self) -> None:
        """See L{EvseContract.come_back}."""
        self.box.is_off = False

    def pass_time(self, seconds: float) -> None:
        """See L{EvseContract.pass_time}."""
        for _ in range(round(seconds / _STEP_S)):
            self.clock.advance(_STEP_S)


class RtuContract(PowerBrainContract):
    """The same behind a converter to a serial line."""

    framing = Framing.RTU
