"""A box without OCPP, and its driver: a car, a card reader and a meter that can be played."""

from __future__ import annotations

from math import inf

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from zope.interface import implementer

from cfos_cm.drivers.interfaces import DriverEnvironment, EvseDevice, IEvse, IEvseMaker
from cfos_cm.electrical import NOMINAL_VOLTAGE_V, PhaseCurrents
from cfos_cm.site.events import (
    CardShown,
    DeviceBooted,
    EvseConnected,
    EvseMeasured,
    OccupancyReported,
    SiteEvent,
)
from cfos_cm.site.evse import DeviceIdentity, Occupancy
from cfos_cm.site.setpoint import Setpoint

__all__ = ["BOX_TYPE", "IDENTITY", "Box", "BoxMaker"]

#: The word for it in tap.cfg.
BOX_TYPE = "played_box"

IDENTITY = DeviceIdentity("Example", "Box", "0001", "1.2.3")

#: How often its meter is read. [s]
_TICK_S = 1.0
_SECONDS_PER_HOUR = 3600
_MILLI = 1000
#: What its car takes. [mA per phase]
_CAR_MA = 16_000
_LEAST_MA = 6_000
_FIRST_WH = 1000.0


class Box:
    """
    The box itself, which lives on while the program is restarted.

    @ivar driver: who is in touch with it now, if anybody is.
    @ivar is_there: a car is plugged in.
    @ivar is_hungry: it wants more.
    @ivar fault: its code; C{None}: it has none.
    @ivar offered_ma: what it was told to give. [mA per phase]
    @ivar energy_wh: its register. [Wh]
    """

    def __init__(self) -> None:
        self.driver: _Driver | None = None
        self.is_there = False
        self.is_hungry = False
        self.fault: str | None = None
        self.offered_ma = 0
        self.energy_wh = _FIRST_WH

    def plug_in(self) -> None:
        """See L{tests.compliance.gateway.bench.Device}."""
        self.is_there = self.is_hungry = True
        self._changed()

    def unplug(self) -> None:
        """See L{tests.compliance.gateway.bench.Device}."""
        self.is_there = self.is_hungry = False
        self._changed()

    def show(self, id_tag: str) -> None:
        """See L{tests.compliance.gateway.bench.Device}."""
        if self.driver is not None:
            self.driver.report(CardShown(self.driver.name, id_tag))

    def fail(self, code: str) -> None:
        """See L{tests.compliance.gateway.bench.Device}."""
        self.fault = code
        self._changed()

    def recover(self) -> None:
        """See L{tests.compliance.gateway.bench.Device}."""
        self.fault = None
        self._changed()

    def fill(self) -> None:
        """See L{tests.compliance.gateway.bench.Device}."""
        self.is_hungry = False
        self._changed()

    @property
    def draws_ma(self) -> int:
        """What its car draws now. [mA per phase]"""
        is_fed = self.is_hungry and self.fault is None and self.offered_ma >= _LEAST_MA
        return min(self.offered_ma, _CAR_MA) if is_fed else 0

    @property
    def occupancy(self) -> Occupancy:
        """What it says of its car."""
        if self.fault is not None:
            return Occupancy.FAULTED
        if not self.is_there:
            return Occupancy.FREE
        return Occupancy.CHARGING if self.draws_ma else Occupancy.PLUGGED

    def charge(self, seconds: float) -> None:
        """Let so much time pass. [s]"""
        power_w = 3 * NOMINAL_VOLTAGE_V * self.draws_ma / _MILLI
        self.energy_wh += power_w * seconds / _SECONDS_PER_HOUR

    def _changed(self) -> None:
        if self.driver is not None:
            self.driver.tell()


@implementer(IEvse)
class _Driver:
    """The driver; it tells all at once that happens at its box."""

    renewal_due_s = inf

    def __init__(self, name: str, box: Box, environment: DriverEnvironment) -> None:
        self.name = name
        self._box = box
        self._environment = environment
        self._told: tuple[Occupancy, str | None] | None = None
        self._ticking: IDelayedCall | None = None

    def report(self, event: SiteEvent) -> None:
        """Something has happened."""
        self._environment.report(event)

    def start(self) -> None:
        """See L{IEvse.start}."""
        self._box.driver = self
        # As a device that has to be reached first.
        self._ticking = self._environment.reactor.callLater(0, self._come)

    def stop(self) -> Deferred[None]:
        """See L{IEvse.stop}."""
        self._box.driver = None
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        return succeed(None)

    def apply(
        self, setpoint: Setpoint, transaction_id: int | None, from_scratch: bool
    ) -> Deferred[bool | None]:
        """See L{IEvse.apply}."""
        self._box.offered_ma = setpoint.current_ma
        self._environment.reactor.callLater(0, self.tell)
        return succeed(None)

    def release(self) -> Deferred[None]:
        """See L{IEvse.release}."""
        return succeed(None)

    def tell(self) -> None:
        """Report what is new."""
        if self._box.driver is not self:
            return
        # As drivers do: a charge ends with what the meter shows then.
        self._measure()
        occupancy, fault = told = (self._box.occupancy, self._box.fault)
        if told != self._told:
            self._told = told
            self.report(OccupancyReported(self.name, occupancy, occupancy.value, fault))

    def _come(self) -> None:
        self.report(EvseConnected(self.name, "beside us"))
        self.report(DeviceBooted(self.name, IDENTITY))
        self.tell()
        self._ticking = self._environment.reactor.callLater(_TICK_S, self._tick)

    def _tick(self) -> None:
        self._ticking = self._environment.reactor.callLater(_TICK_S, self._tick)
        self._box.charge(_TICK_S)
        self.tell()

    def _measure(self) -> None:
        draws_ma = self._box.draws_ma
        self.report(
            EvseMeasured(
                self.name,
                currents=PhaseCurrents(draws_ma, draws_ma, draws_ma),
                energy_wh=int(self._box.energy_wh),
                power_w=3 * NOMINAL_VOLTAGE_V * draws_ma // _MILLI,
            )
        )


@implementer(IEvseMaker)
class BoxMaker:
    """
    Makes drivers for boxes, whose addresses are names.

    @ivar boxes: by address; they come into being when they are asked for.
    """

    type = BOX_TYPE
    knows_transactions = False

    def __init__(self) -> None:
        self.boxes: dict[str, Box] = {}

    def box(self, address: str) -> Box:
        """The box at an address."""
        return self.boxes.setdefault(address, Box())

    def objection(self, device: EvseDevice) -> str | None:
        """See L{IEvseMaker.objection}."""
        return None

    def make(self, device: EvseDevice, environment: DriverEnvironment) -> IEvse:
        """See L{IEvseMaker.make}."""
        return _Driver(device.name, self.box(device.address), environment)
