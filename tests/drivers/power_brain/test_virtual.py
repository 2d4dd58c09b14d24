"""The driver and the virtual Power Brain with its car, in simulated time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

from attrs import evolve
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from cfos_cm.drivers.interfaces import EvseDevice
from cfos_cm.drivers.modbus import buses
from cfos_cm.drivers.power_brain.evse import PowerBrainEvse
from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.simulator.power_brain.box import PowerBrain
from cfos_cm.simulator.power_brain.settings import VirtualPowerBrainSettings
from cfos_cm.simulator.vehicle import Vehicle, VehicleSettings
from cfos_cm.site.events import (
    CardShown,
    DeviceBooted,
    EvseMeasured,
    FailsafeAssumed,
    OccupancyReported,
    ProfilesMeddled,
    SiteEvent,
)
from cfos_cm.site.evse import Occupancy
from cfos_cm.wire.modbus import Framing
from cfos_cm.wire.modbus_server import Responder
from tests.drivers.environment import environment
from tests.drivers.power_brain.box import Wire
from tests.drivers.power_brain.site import SETTINGS, setpoint

#: A car that takes 16 A on three phases for as long as any test lasts.
_CAR = VehicleSettings(max_current_ma=16_000, phases=3, needs_wh=1_000_000)
_NEVER_S = 1_000_000


@implementer(IStreamClientEndpoint)
class Cable:
    """The way to a virtual box, which can be pulled out."""

    def __init__(self, clock: Clock, box: PowerBrain) -> None:
        self.is_out = False
        self._clock = clock
        device = box.evse_device
        self._responder = Responder(Framing.TCP, device.is_unit, device.serve)
        self._wire: Wire | None = None

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See L{IStreamClientEndpoint.connect}."""
        if self.is_out:
            return fail(ConnectError())
        protocol = protocolFactory.buildProtocol(None)
        assert protocol is not None
        self._wire = Wire(self._clock, protocol, self._responder.receive)
        protocol.makeConnection(self._wire)
        return succeed(protocol)

    def pull(self, is_out: bool = True) -> None:
        """Nothing comes through it any more, for a moment or for longer."""
        self.is_out = is_out
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.cut()


class VirtualTests(SynchronousTestCase):
    """Both sides of the registers."""

    def setUp(self) -> None:
        """A box without OCPP whose phases can be switched, and its driver."""
        self.clock = Clock()
        ids = count()
        self.box = PowerBrain(
            "virtual",
            VirtualPowerBrainSettings(arrives_after_s=_NEVER_S, modbus_port=0),
            self.clock,
            lambda: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=self.clock.seconds()),
            lambda: f"id-{next(ids)}",
            rebooted=lambda: self.cable.pull(is_out=False),
        )
        self.cable = Cable(self.clock, self.box)
        self.patch(buses, "endpoint_of", lambda reactor, place: self.cable)
        self.box.start()
        self.addCleanup(self.box.stop)
        self.reports: list[SiteEvent] = []
        settings = evolve(
            SETTINGS, can_switch_phases=True, phases=(Phase.L2, Phase.L3, Phase.L1)
        )
        device = EvseDevice(settings=settings, address="tcp:box:4701")
        self.evse = PowerBrainEvse(device, environment(self.clock, self.reports.append))
        self.addCleanup(self.evse.stop)
        self.evse.start()
        self.run_for(2)

    def run_for(self, wait_s: float) -> None:
        """Some time passes."""
        for _ in range(round(wait_s * 4)):
            self.clock.advance(0.25)

    def order(self, amps: float, phases: int = 3) -> None:
        """Have it obey, and see that it confirms that."""
        ordered = self.evse.apply(setpoint(amps, phases), 1, False)
        self.run_for(0.5)
        self.assertIsNone(self.successResultOf(ordered))
        self.run_for(2)

    def plug_in(self) -> None:
        """A car comes."""
        self.box.plug_in(Vehicle(_CAR))
        self.run_for(2)

    def occupancies(self) -> list[Occupancy]:
        """What was reported of the car since this was asked last."""
        found = [one.occupancy for one in self.reports if isinstance(one, OccupancyReported)]
        self.reports.clear()
        return found

    def currents(self) -> PhaseCurrents | None:
        """What was measured last. [mA]"""
        return next(
            one.currents for one in reversed(self.reports) if isinstance(one, EvseMeasured)
        )

    def test_charges(self) -> None:
        """It charges with what it was ordered, on the phases that it is wired to."""
        self.plug_in()
        self.order(10)
        self.assertEqual(PhaseCurrents(10_000, 10_000, 10_000), self.currents())
        self.order(0)
        self.assertEqual(PhaseCurrents(), self.currents())
        found = self.occupancies()
        self.assertEqual(Occupancy.FREE, found[0])
        self.assertEqual([Occupancy.CHARGING, Occupancy.PLUGGED], found[-2:])

    def test_one_phase(self) -> None:
        """After the dead time it goes on with its first phase, and was never free meanwhile."""
        self.plug_in()
        self.order(10)
        self.occupancies()
        self.order(10, 1)
        self.assertEqual(PhaseCurrents(), self.currents())
        self.run_for(125)
        self.assertEqual(PhaseCurrents(0, 10_000, 0), self.currents())
        self.assertNotIn(Occupancy.FREE, self.occupancies())

    def test_wakes(self) -> None:
        """A car that sleeps after a pause is woken, and charges."""
        self.plug_in()
        self.order(0)
        self.box.put_car_to_sleep()
        self.order(10)
        self.run_for(25)
        self.assertEqual(PhaseCurrents(), self.currents())
        self.run_for(15)
        self.assertEqual(PhaseCurrents(10_000, 10_000, 10_000), self.currents())

    def test_falls_back(self) -> None:
        """When it hears nothing it gives no more than what it is taken to give."""
        self.plug_in()
        self.order(16)
        self.cable.pull()
        self.run_for(170)
        self.assertEqual(16_000, self.box.flow.current_ma)
        self.run_for(20)
        assumed = [one.current_ma for one in self.reports if isinstance(one, FailsafeAssumed)]
        self.assertEqual([16_000], assumed)
        self.assertEqual(6000, self.box.flow.current_ma)
        self.cable.is_out = False
        self.run_for(40)
        self.order(10)
        self.assertEqual(PhaseCurrents(10_000, 10_000, 10_000), self.currents())

    def test_faults(self) -> None:
        """Heat and direct current are faults, and told apart."""
        self.plug_in()
        self.box.put_temperature(90)
        self.run_for(2)
        self.box.put_temperature(20)
        self.run_for(2)
        self.box.find_dc_fault()
        self.run_for(2)
        said = [one for one in self.reports if isinstance(one, OccupancyReported)]
        faults = [one.fault for one in said if one.fault is not None]
        self.assertIn("too hot", faults[0])
        self.assertIn("residual direct current", faults[1])

    def test_card(self) -> None:
        """A card is shown once, and a restart is no card."""
        self.box.show_card("04a1b2c3")
        self.run_for(3)
        self.box.reboot()
        self.run_for(30)
        shown = [one.id_tag for one in self.reports if isinstance(one, CardShown)]
        self.assertEqual(["04A1B2C3"], shown)
        booted = [one for one in self.reports if isinstance(one, DeviceBooted)]
        self.assertEqual(2, len(booted))

    def test_quiet(self) -> None:
        """Through all of an hour nobody is said to have meddled, and no flash is worn."""
        self.plug_in()
        for amps in (6, 16, 0, 10, 32, 0):
            self.order(amps)
            self.run_for(600)
        found = [one for one in self.reports if isinstance(one, ProfilesMeddled)]
        self.assertEqual([], found)
        self.assertEqual(2, self.evse.flash_writes)
