"""
A virtual meter at the grid, which speaks SunSpec by Modbus TCP.

It sees what a house draws, and what flows into virtual wallboxes beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen
from attrs.validators import and_, ge, gt, le
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from cfos_cm.drivers.meters.household import Household
from cfos_cm.electrical import ALL_PHASES, NO_CURRENT, NOMINAL_VOLTAGE_V, PhaseCurrents
from cfos_cm.simulator.device_server import Doors
from cfos_cm.simulator.grid_meter_registers import MeterValues, registers_of
from cfos_cm.wire.modbus import ExceptionCode, Request, Write
from cfos_cm.wire.modbus_server import Outcome

__all__ = ["GridMeter", "GridMeterService", "VirtualGridMeterSettings"]

_SECONDS_PER_HOUR = 3600
#: Energy is summed over at most so much simulated time at once. [s]
_STEP_S = 60.0
#: While nobody looks no more than this is summed up. [s]
_LONGEST_S = 86_400.0


@frozen(kw_only=True)
class VirtualGridMeterSettings:
    """
    A meter and the house behind it.

    @ivar port: where it listens; 0: at a free one.
    @ivar interface: the address of this machine where it listens.
    @ivar unit: its Modbus unit id.
    @ivar house: which house it is; each lives otherwise.
    @ivar solar_peak_w: what its panels give at most. [W]
    @ivar starts_at_s: the time of day at the start, since midnight. [s]
    @ivar time_lapse: how many times faster its day goes.
    """

    port: int = 0
    interface: str = "127.0.0.1"
    unit: int = field(default=1, validator=and_(ge(0), le(255)))
    house: int = 1
    solar_peak_w: int = 0
    starts_at_s: float = 8 * 3600.0
    time_lapse: float = field(default=1, validator=gt(0))


def _nothing() -> PhaseCurrents:
    return NO_CURRENT


class GridMeter:
    """
    What the meter sees.

    @ivar import_wh: what has flowed in. [Wh]
    @ivar export_wh: what has flowed out. [Wh]
    """

    def __init__(
        self,
        clock: IReactorTime,
        settings: VirtualGridMeterSettings,
        wallboxes: Callable[[], PhaseCurrents] = _nothing,
    ) -> None:
        """
        @param wallboxes: what flows into wallboxes now, per phase of the supply. [mA]
        """
        self.import_wh = 0.0
        self.export_wh = 0.0
        self._clock = clock
        self._settings = settings
        self._house = Household(settings.house, settings.solar_peak_w)
        self._wallboxes = wallboxes
        self._began_s = clock.seconds()
        self._summed_until_s = settings.starts_at_s

    def look(self) -> MeterValues:
        """What it shows now."""
        now_s = self._day_s()
        wallboxes = self._wallboxes()
        self._sum_up(now_s, wallboxes)
        powers_w = self._powers_w(now_s, wallboxes)
        l1, l2, l3 = (power_w / NOMINAL_VOLTAGE_V for power_w in powers_w)
        return MeterValues(
            (l1, l2, l3), powers_w, NOMINAL_VOLTAGE_V, self.import_wh, self.export_wh
        )

    def _day_s(self) -> float:
        """Simulated time, since midnight of the first day. [s]"""
        passed_s = self._clock.seconds() - self._began_s
        return self._settings.starts_at_s + passed_s * self._settings.time_lapse

    def _powers_w(self, at_s: float, wallboxes: PhaseCurrents) -> tuple[float, float, float]:
        l1, l2, l3 = (
            power_w + wallboxes[phase] * NOMINAL_VOLTAGE_V / 1000
            for phase, power_w in zip(ALL_PHASES, self._house.powers_w(at_s), strict=True)
        )
        return l1, l2, l3

    def _sum_up(self, now_s: float, wallboxes: PhaseCurrents) -> None:
        """What has flowed since the last look, as if wallboxes had drawn all the time so."""
        at_s = max(self._summed_until_s, now_s - _LONGEST_S)
        while at_s < now_s:
            step_s = min(_STEP_S, now_s - at_s)
            energy_wh = sum(self._powers_w(at_s, wallboxes)) * step_s / _SECONDS_PER_HOUR
            self.import_wh += max(0.0, energy_wh)
            self.export_wh += max(0.0, -energy_wh)
            at_s += step_s
        self._summed_until_s = now_s


class GridMeterService(Service):
    """
    A virtual meter that listens.

    @ivar meter: what it sees.
    """

    def __init__(
        self,
        name: str,
        settings: VirtualGridMeterSettings,
        reactor: Any,
        wallboxes: Callable[[], PhaseCurrents] = _nothing,
    ) -> None:
        """
        @param name: for people; also its serial number.
        @param wallboxes: what flows into wallboxes now, per phase of the supply. [mA]
        """
        self.meter = GridMeter(reactor, settings, wallboxes)
        self._name = name
        self._settings = settings
        self._doors = Doors(name, (self,), reactor, settings.interface, settings.port)

    @property
    def port(self) -> int:
        """Where it listens; 0: it does not."""
        return next(iter(self._doors.ports), 0)

    def startService(self) -> None:
        """Listen; see L{Doors.open}."""
        super().startService()
        self._doors.open()

    def stopService(self) -> Deferred[None]:
        """
        Listen no more.

        @return: fires when no socket is left.
        """
        super().stopService()
        return self._doors.close()

    def is_unit(self, unit: int) -> bool:
        """Whether a unit id is its own."""
        return unit == self._settings.unit

    def serve(self, request: Request) -> Outcome:
        """What is answered to a request."""
        if isinstance(request, Write):
            return ExceptionCode.ILLEGAL_DATA_ADDRESS
        words = registers_of(self.meter.look(), self._name[:32].strip())
        wanted = range(request.address, request.address + request.count)
        if not all(address in words for address in wanted):
            return ExceptionCode.ILLEGAL_DATA_ADDRESS
        return tuple(words[address] for address in wanted)
