"""A meter that is made up, to try a site without hardware: it shows what a house may draw."""

from __future__ import annotations

import re

from attrs import frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from zope.interface import implementer

from cfos_cm.drivers.interfaces import DriverEnvironment, IMeter, IMeterMaker, MeterDevice
from cfos_cm.drivers.meters.household import Household
from cfos_cm.drivers.modbus.contact import ROUND_S
from cfos_cm.electrical import NO_CURRENT, NOMINAL_VOLTAGE_V, PhaseCurrents
from cfos_cm.site.events import MeterMeasured
from cfos_cm.site.evse import Evse
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.site.state import SiteState

__all__ = ["MAKER", "SOLAR_PEAK_W", "SimulatedMeter", "SimulatedMeterMaker", "drawn_by_evses"]

#: What a made-up photovoltaic system gives at most. [W]
SOLAR_PEAK_W = 9_000

_log = Logger(namespace="cfos_cm.drivers")

_PARAMETER = re.compile(r"(house|time_lapse)=([0-9]{1,5})")
_PARAMETERS_WORDS = (
    "house=N, which house it is, or time_lapse=N, how many times faster its day goes, with N "
    "from 1 to 10000, or both; or empty"
)
_MOST = 10_000
_SECONDS_PER_HOUR = 3600


@frozen
class _Parameters:
    house: int = 1
    time_lapse: int = 1


def _parameters(text: str) -> _Parameters:
    """
    @raise ValueError: if something else is in it.
    """
    found: dict[str, int] = {}
    for word in text.split():
        match = _PARAMETER.fullmatch(word)
        if match is None or match[1] in found or not 1 <= int(match[2]) <= _MOST:
            raise ValueError(_PARAMETERS_WORDS)
        found[match[1]] = int(match[2])
    return _Parameters(**found)


def drawn_by_evses(state: SiteState, meter: MeterSettings) -> PhaseCurrents:
    """What flows through a meter into EVSEs, as far as their own meters tell. [mA]"""

    def is_behind(evse: Evse) -> bool:
        if meter.role is not MeterRole.GRID:
            return False
        path = state.path(evse.settings.circuit)
        return any(circuit.meter == meter.name for circuit in path)

    drawn = NO_CURRENT
    for evse in state.evses.values():
        if evse.meter.currents is not None and is_behind(evse):
            drawn = drawn + evse.meter.currents
    return drawn


@implementer(IMeter)
class SimulatedMeter:
    """
    A meter in front of what its role says.

    With the role generation these are panels, else it is a house, and with the role grid the
    EVSEs, too. With the role evse it says nothing: what an EVSE really draws, the site would
    know from nobody else.

    @ivar name: its name in the site.
    """

    def __init__(self, device: MeterDevice, environment: DriverEnvironment) -> None:
        """
        @raise ValueError: if its parameters are wrong.
        """
        said = _parameters(device.parameters)
        self.name = device.name
        self._settings = device.settings
        self._house = Household(said.house)
        self._panels = Household(said.house, SOLAR_PEAK_W)
        self._time_lapse = said.time_lapse
        self._clock, self._now = environment.reactor, environment.now
        self._report, self._state = environment.report, environment.state
        self._next: IDelayedCall | None = None
        self._began_s, self._day_began_s = 0.0, 0.0
        self._energy_wh = 0.0

    def start(self) -> None:
        """See L{IMeter}."""
        if self._settings.role is MeterRole.EVSE:
            _log.warn(
                "meter {name} says nothing: what an EVSE draws is not made up", name=self.name
            )
        elif self._next is None:
            time = self._now().time()
            self._day_began_s = (time.hour * 60 + time.minute) * 60.0 + time.second
            self._began_s = self._clock.seconds()
            self._look()

    def stop(self) -> Deferred[None]:
        """See L{IMeter}."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        return succeed(None)

    def _look(self) -> None:
        self._next = self._clock.callLater(ROUND_S, self._look)
        currents = self._currents() + drawn_by_evses(self._state(), self._settings)
        power_w = currents.total() * NOMINAL_VOLTAGE_V // 1000
        passed_h = ROUND_S * self._time_lapse / _SECONDS_PER_HOUR
        self._energy_wh += max(0, power_w) * passed_h
        self._report(MeterMeasured(self.name, currents, power_w, int(self._energy_wh)))

    def _currents(self) -> PhaseCurrents:
        passed_s = (self._clock.seconds() - self._began_s) * self._time_lapse
        at_s = self._day_began_s + passed_s
        if self._settings.role is MeterRole.GENERATION:
            third = self._panels.solar_w(at_s) // 3
            powers = (third, third, third)
        else:
            powers = self._house.powers_w(at_s)
        return PhaseCurrents(*(power_w * 1000 // NOMINAL_VOLTAGE_V for power_w in powers))


@implementer(IMeterMaker)
class SimulatedMeterMaker:
    """Makes meters that are made up."""

    type = "simulated"

    def objection(self, device: MeterDevice) -> tuple[str, str] | None:
        """See L{IMeterMaker}."""
        try:
            _parameters(device.parameters)
        except ValueError as error:
            return "parameters", str(error)
        return None

    def make(self, device: MeterDevice, environment: DriverEnvironment) -> SimulatedMeter:
        """See L{IMeterMaker}."""
        return SimulatedMeter(device, environment)


MAKER = SimulatedMeterMaker()
