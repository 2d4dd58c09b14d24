"""
The meters of a cFos Power Brain.

Each of its two S0 inputs is a device of its own. A meter that is attached to the box itself is
read through the registers of the EVSE, which say whether there is one.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve
from zope.interface import implementer

from cfos_cm.drivers.interfaces import DriverEnvironment, IMeterMaker, MeterDevice
from cfos_cm.drivers.meters.polled_meter import PolledMeter, objection
from cfos_cm.drivers.meters.readings import (
    MOST_CURRENT_MA,
    MOST_ENERGY_WH,
    MOST_POWER_W,
    Reading,
    Terminal,
    whole,
)
from cfos_cm.drivers.modbus.place import SocketPlace, parse_place
from cfos_cm.drivers.modbus.unit import Unit
from cfos_cm.drivers.power_brain import registers
from cfos_cm.drivers.power_brain.memories import EnergyMemory
from cfos_cm.errors import DeviceError
from cfos_cm.wire.registers import Register, Snapshot, read_plan

__all__ = ["MAKER", "PowerBrainMeter", "PowerBrainMeterMaker", "reading", "s0_unit"]

_READ_HAS_METER = read_plan((registers.HAS_METER,))


def reading(read: Snapshot, energy_wh: int | None) -> Reading:
    """
    What a meter of the box says.

    Without currents of each phase those that it shows are made up from its power.

    @param energy_wh: its register, as far as it is believed. [Wh]
    """
    terminals: tuple[Terminal, ...] = ()
    if read.number(registers.METER_FLAGS) & registers.PHASES_ARE_TOLD:
        terminals = tuple(Terminal(_current(read, register)) for register in registers.CURRENTS)
    power_w = whole(read.number(registers.POWER), MOST_POWER_W)
    return Reading(terminals, power_w, whole(energy_wh, MOST_ENERGY_WH))


def _current(read: Snapshot, register: Register) -> int | None:
    return whole(read.number(register) * registers.TENTH_MA, MOST_CURRENT_MA)


def s0_unit(device: MeterDevice) -> int | None:
    """
    The unit id of a meter at an S0 input, which it says itself, or its TCP port.

    @return: C{None}: it is at none, but attached to the box.
    """
    if device.unit in registers.METER_UNITS:
        return device.unit
    place = parse_place(device.address or "")
    port = place.port if isinstance(place, SocketPlace) else 0
    units = dict(zip(registers.METER_TCP_PORTS, registers.METER_UNITS, strict=True))
    return units.get(port)


class PowerBrainMeter:
    """Reads a meter of a Power Brain."""

    def __init__(self, unit: Unit, seconds: Callable[[], float], *, is_attached: bool) -> None:
        """
        @param seconds: the clock. [s]
        @param is_attached: it is read through the EVSE; otherwise it is at an S0 input.
        """
        self._unit = unit
        self._seconds = seconds
        self._is_attached = is_attached
        self._energy = EnergyMemory()

    def forget(self) -> None:
        """There is nothing that it could have learnt: its register only counts up."""

    async def read(self) -> Reading:
        """
        What the meter says.

        @raise DeviceError: if it cannot be read, or there is none.
        """
        if self._is_attached:
            flag = await self._unit.read(_READ_HAS_METER)
            if not flag.number(registers.HAS_METER):
                raise DeviceError(
                    "no meter is attached to the box: has_meter, register "
                    f"{registers.HAS_METER.address}, is 0"
                )
        plan = registers.READ_FOR_METER if self._is_attached else registers.READ_S0_METER
        read = await self._unit.read(plan)
        self._energy = self._energy.after(read.number(registers.ENERGY), self._seconds())
        return reading(read, self._energy.energy_wh)


@implementer(IMeterMaker)
class PowerBrainMeterMaker:
    """Makes the driver of a meter of a Power Brain."""

    type = "power_brain_meter"

    def objection(self, device: MeterDevice) -> tuple[str, str] | None:
        """See L{IMeterMaker}."""
        return objection(device)

    def make(self, device: MeterDevice, environment: DriverEnvironment) -> PolledMeter:
        """See L{IMeterMaker}."""
        unit, seconds = s0_unit(device), environment.reactor.seconds
        return PolledMeter(
            evolve(device, unit=unit or device.unit),
            environment,
            lambda asked: PowerBrainMeter(asked, seconds, is_attached=unit is None),
        )


MAKER = PowerBrainMeterMaker()
