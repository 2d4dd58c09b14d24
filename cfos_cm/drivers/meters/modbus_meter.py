"""
Any meter that speaks Modbus, read by a definition that is data.

It is one of those that come with the program, a file beside C{tap.cfg}, or stands in the
meter's section itself.
"""

from __future__ import annotations

from zope.interface import implementer

from cfos_cm.drivers.interfaces import DriverEnvironment, IMeterMaker, MeterDevice
from cfos_cm.drivers.meters.definition import Definition, define, read_measures
from cfos_cm.drivers.meters.definition_file import DefinitionError, known_definitions, load
from cfos_cm.drivers.meters.polled_meter import PolledMeter, objection
from cfos_cm.drivers.meters.readings import Reading
from cfos_cm.drivers.modbus.unit import Unit

__all__ = ["MAKER", "DefinedMeter", "ModbusMeterMaker"]


class DefinedMeter:
    """Reads a meter by its definition."""

    def __init__(self, unit: Unit, definition: Definition) -> None:
        self._unit = unit
        self._definition = definition

    def forget(self) -> None:
        """There is nothing that it could have learnt."""

    async def read(self) -> Reading:
        """
        What the meter says.

        @raise cfos_cm.errors.DeviceError: if it cannot be read.
        """
        definition = self._definition
        read = await self._unit.read(definition.plan, definition.function)
        return definition.reading(read)


def _written(device: MeterDevice) -> Definition:
    """
    The definition in the meter's section.

    @raise ValueError: if it has a mistake.
    """
    measures = read_measures(device.registers, device.word_order, device.byte_order)
    return define(measures, device.function)


@implementer(IMeterMaker)
class ModbusMeterMaker:
    """Makes the driver of a meter that is defined by data."""

    type = "modbus"

    def objection(self, device: MeterDevice) -> tuple[str, str] | None:
        """See L{IMeterMaker}; a definition in a file is read."""
        return objection(device) or _definition_objection(device)

    def make(self, device: MeterDevice, environment: DriverEnvironment) -> PolledMeter:
        """
        See L{IMeterMaker}.

        @raise ValueError: if it has no definition, or one with mistakes.
        """
        if device.definition:
            definition = load(device.definition, device.folder)
        else:
            definition = _written(device)
        return PolledMeter(device, environment, lambda unit: DefinedMeter(unit, definition))


def _definition_objection(device: MeterDevice) -> tuple[str, str] | None:
    if device.definition:
        return _doubled(device) or _file_objection(device)
    if not device.registers:
        names = ", ".join(known_definitions())
        return "definition", f"a file, or one of {names}; or empty, where registers says it"
    try:
        _written(device)
    except ValueError as error:
        return "registers", f"QUANTITY: ADDRESS TYPE UNIT, …; {error}"
    return None


def _doubled(device: MeterDevice) -> tuple[str, str] | None:
    """What would not be looked at, because the definition says it."""
    said = MeterDevice(settings=device.settings)
    for option in ("registers", "word_order", "byte_order", "function"):
        if getattr(device, option) != getattr(said, option):
            return option, "left out: the definition says it"
    return None


def _file_objection(device: MeterDevice) -> tuple[str, str] | None:
    try:
        load(device.definition, device.folder)
    except DefinitionError as error:
        mistakes = "; ".join(str(mistake) for mistake in error.mistakes)
        return "definition", f"one without mistakes; {mistakes}"
    return None


MAKER = ModbusMeterMaker()
