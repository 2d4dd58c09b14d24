"""The driver of EVSEs with OCPP keeps what every driver promises."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.drivers.contract import EvseContract
from cfos_cm.drivers.interfaces import DriverEnvironment, EvseDevice, IEvse
from cfos_cm.drivers.modbus.buses import Buses
from cfos_cm.drivers.ocpp16 import MAKER
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.state import SiteState
from tests.central_system.world import World

from .picky import PickyPeer


class Ocpp16Contract(EvseContract, SynchronousTestCase):
    """A Charge Point in memory, in a transaction; that it is there its session reports."""

    name = "bay-3"
    connects = False

    def setUp(self) -> None:
        """It charges."""
        self.world = World()
        self.reported = []
        self.peer = PickyPeer(self.world)
        self.transaction_id = self.peer.charge()
        self.peer.forget_calls()
        self.told = 0

    def make(self, observe_only: bool = False) -> IEvse:
        """See L{EvseContract.make}."""
        environment = DriverEnvironment(
            reactor=self.world.clock,
            now=self.world.system.roster.environment.now,
            report=self.reported.append,
            buses=Buses(self.world.clock),
            state=SiteState,
            central_system=self.world.system,
            observe_only=observe_only,
        )
        settings = EvseSettings(self.name, "")
        return MAKER.make(EvseDevice(settings=settings, address="CP-2"), environment)

    def given_ma(self) -> int:
        """See L{EvseContract.given_ma}."""
        return round(self.peer.limit_a() * 1000)

    def refuse(self) -> None:
        """See L{EvseContract.refuse}."""
        self.peer.picky.takes = lambda _: False

    def written(self) -> int:
        """See L{EvseContract.written}."""
        return len(self.peer.requests("SetChargingProfile"))

    def vanish(self) -> None:
        """See L{EvseContract.vanish}."""
        self.peer.lose()

    def come_back(self) -> None:
        """See L{EvseContract.come_back}; it has kept its transaction and nothing else."""
        self.peer = PickyPeer(self.world)
        self.peer.transaction = self.transaction_id

    def pass_time(self, seconds: float) -> None:
        """See L{EvseContract.pass_time}."""
        self.world.clock.advance(seconds)
