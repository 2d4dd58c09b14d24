"""
Meters that say themselves where their registers are, as SunSpec has it.

A device begins with C{SunS} at one of three places, and goes on with models, one after the
other: each says its number and its length, and the last one has the number 0xFFFF (SunSpec
Device Information Model Specification, "Modbus Device Discovery" and "Modbus Model Map").
"""

from __future__ import annotations

from attrs import frozen
from zope.interface import implementer

from cfos_cm.drivers.interfaces import DriverEnvironment, IMeterMaker, MeterDevice
from cfos_cm.drivers.meters.parameters import read_parameters
from cfos_cm.drivers.meters.polled_meter import PolledMeter, objection
from cfos_cm.drivers.meters.readings import Reading
from cfos_cm.drivers.meters.sunspec_models import HEADER_REGISTERS, METER_MODELS, PlacedModel
from cfos_cm.drivers.modbus.unit import Unit
from cfos_cm.errors import DeviceError, DeviceRefusal, RemoteProtocolError
from cfos_cm.wire.registers import Block, Register, RegisterType

__all__ = ["BASES", "MAKER", "MOST_MODELS", "SunSpecMaker", "SunSpecMeter"]

#: Where a device may begin.
BASES = (40_000, 50_000, 0)
#: No device has more models than this; most have three.
MOST_MODELS = 128

_MARK = "SunS"
_END = 0xFFFF
_REGISTERS = 1 << 16


@frozen
class _Found:
    """A model of a device, by its number, and where it is."""

    number: int
    length: int
    address: int

    @property
    def after(self) -> int:
        """The address behind it."""
        return self.address + HEADER_REGISTERS + self.length

    def __str__(self) -> str:
        return f"{self.number} at {self.address}"


class SunSpecMeter:
    """Reads one meter of a SunSpec device, once it has found it."""

    def __init__(self, unit: Unit, number: int = 1) -> None:
        """
        @param number: which of the device's meters, in the order of its models.
        """
        self._unit = unit
        self._number = number
        self._model: PlacedModel | None = None

    def forget(self) -> None:
        """Look for the meter again before it is read the next time."""
        self._model = None

    async def read(self) -> Reading:
        """
        What the meter says.

        @raise DeviceError: if the device cannot be read, or has no such meter.
        @raise RemoteProtocolError: if what it says is not what SunSpec has it say.
        """
        model = self._model or await self._find()
        try:
            said = model.reading(await self._unit.read(model.plan))
        except (DeviceRefusal, RemoteProtocolError):
            # Another device, or other settings of it, may be there now.
            self.forget()
            raise
        # Not before: what was found and never read is not known to be there.
        self._model = model
        return said

    async def _find(self) -> PlacedModel:
        """
        Go from model to model until the meter is there.

        @raise DeviceError: if it is not.
        @raise RemoteProtocolError: if the models lead nowhere.
        """
        address = await self._base() + len(_MARK) // 2
        passed: list[_Found] = []
        meters = 0
        while len(passed) < MOST_MODELS:
            model = await self._model_at(address)
            if model.number == _END:
                raise DeviceError(self._missing(meters, passed))
            _check(model)
            passed.append(model)
            if model.number in METER_MODELS:
                meters += 1
            if meters == self._number:
                return METER_MODELS[model.number].at(model.address)
            address = model.after
        raise RemoteProtocolError(
            f"it has more than {MOST_MODELS} models: {_listed(passed)}; no last one, whose "
            f"number is {_END}"
        )

    async def _base(self) -> int:
        """
        Where the device begins.

        @raise DeviceError: if it does so nowhere.
        """
        silence: DeviceError | None = None
        for base in BASES:
            mark = Register("mark", base, RegisterType.TEXT, length=len(_MARK) // 2)
            try:
                read = await self._unit.read((Block(base, mark.count),))
            except DeviceRefusal:
                continue
            except DeviceError as error:
                # There are some that do not answer where they have no registers.
                silence = error
                continue
            if read.text(mark) == _MARK:
                return base
        if silence is not None:
            raise silence
        places = ", ".join(str(base) for base in BASES)
        raise DeviceError(f"it is no SunSpec device: {_MARK!r} is at none of {places}")

    async def _model_at(self, address: int) -> _Found:
        number, length = Register("ID", address), Register("L", address + 1)
        read = await self._unit.read((Block(address, HEADER_REGISTERS),))
        return _Found(read.number(number), read.number(length), address)

    def _missing(self, meters: int, passed: list[_Found]) -> str:
        known = ", ".join(str(number) for number in METER_MODELS)
        wanted = f"meter {self._number} was asked for, and it has {meters}"
        return f"{wanted}: of the models {known} among {_listed(passed) or 'none'}"


def _check(model: _Found) -> None:
    """
    @raise RemoteProtocolError: if a model cannot be what it says.
    """
    if not model.length or model.after + HEADER_REGISTERS > _REGISTERS:
        raise RemoteProtocolError(
            f"model {model} says that it has {model.length} registers; allowed: from 1 to as "
            f"many as leave room for the last model before {_REGISTERS}"
        )
    meter = METER_MODELS.get(model.number)
    if meter is not None and model.length < meter.least_length:
        raise RemoteProtocolError(
            f"model {model} says that it has {model.length} registers; what is read of it "
            f"needs at least {meter.least_length}"
        )


def _listed(models: list[_Found]) -> str:
    shown = ", ".join(str(model) for model in models[:12])
    return f"{shown}, …" if len(models) > 12 else shown


@implementer(IMeterMaker)
class SunSpecMaker:
    """Makes the driver of a SunSpec meter."""

    type = "sunspec"

    def objection(self, device: MeterDevice) -> tuple[str, str] | None:
        """See L{IMeterMaker}."""
        return objection(device, has_number=True)

    def make(self, device: MeterDevice, environment: DriverEnvironment) -> PolledMeter:
        """See L{IMeterMaker}."""
        said = read_parameters(device.parameters, has_number=True)
        return PolledMeter(device, environment, lambda unit: SunSpecMeter(unit, said.number))


MAKER = SunSpecMaker()
