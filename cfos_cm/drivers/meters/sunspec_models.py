"""
What a SunSpec meter holds, as tables, and what it says.

The points and their places are those of the models 201 to 204 and 211 to 214 as the SunSpec
Alliance publishes them (github.com/sunspec/models, C{json/model_203.json} and its siblings).
Offsets count from the model's first register, which holds its number; the second one holds how
many registers come after these two.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite

from attrs import field, frozen

from cfos_cm.drivers.meters.readings import (
    MOST_CURRENT_MA,
    MOST_ENERGY_WH,
    MOST_POWER_W,
    Reading,
    Terminal,
    whole,
)
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.wire.registers import Block, Register, RegisterType, Snapshot, read_plan

__all__ = ["HEADER_REGISTERS", "METER_MODELS", "MeterModel", "PlacedModel", "scaled"]

#: A model's number and its length.
HEADER_REGISTERS = 2

#: A scale factor is a power of ten within these.
_LEAST_SCALE, _MOST_SCALE = -10, 10
#: What stands in the place of a value that the device does not have, by the type of it.
_ABSENT_I16 = -0x8000
_ABSENT_ACC32 = 0

_CURRENTS = ("AphA", "AphB", "AphC")
_POWERS = ("WphA", "WphB", "WphC")
_VOLTAGES = ("PhVphA", "PhVphB", "PhVphC")

_I16 = RegisterType.I16
_U32 = RegisterType.U32
_F32 = RegisterType.F32

#: Models 201 to 204: whole numbers, each kind of them with a scale factor.
_WITH_SCALES: Mapping[str, tuple[int, RegisterType]] = {
    "A": (2, _I16),
    "AphA": (3, _I16),
    "AphB": (4, _I16),
    "AphC": (5, _I16),
    "A_SF": (6, _I16),
    "PhVphA": (8, _I16),
    "PhVphB": (9, _I16),
    "PhVphC": (10, _I16),
    "V_SF": (15, _I16),
    "W": (18, _I16),
    "WphA": (19, _I16),
    "WphB": (20, _I16),
    "WphC": (21, _I16),
    "W_SF": (22, _I16),
    "TotWhExp": (38, _U32),
    "TotWhImp": (46, _U32),
    "TotWh_SF": (54, _I16),
}

#: Models 211 to 214: the same in floating point.
_FLOATING: Mapping[str, tuple[int, RegisterType]] = {
    "A": (2, _F32),
    "AphA": (4, _F32),
    "AphB": (6, _F32),
    "AphC": (8, _F32),
    "PhVphA": (12, _F32),
    "PhVphB": (14, _F32),
    "PhVphC": (16, _F32),
    "W": (28, _F32),
    "WphA": (30, _F32),
    "WphB": (32, _F32),
    "WphC": (34, _F32),
    "TotWhExp": (60, _F32),
    "TotWhImp": (68, _F32),
}


@frozen
class MeterModel:
    """
    A model of a meter.

    @ivar phases: how many of its phases it measures.
    @ivar points: where each of its values is, and of what type it is.
    """

    number: int
    phases: int
    points: Mapping[str, tuple[int, RegisterType]] = field(repr=False)

    @property
    def least_length(self) -> int:
        """How many registers it has to have after the first two for all that is read."""
        ends = (place + (1 if kind is _I16 else 2) for place, kind in self.points.values())
        return max(ends) - HEADER_REGISTERS

    def at(self, address: int) -> PlacedModel:
        """The model, in a device where its first register is C{address}."""
        number = Register("ID", address)
        points = {
            name: Register(name, address + place, kind)
            for name, (place, kind) in self.points.items()
        }
        plan = read_plan((number, *points.values()), bridge=self.least_length)
        return PlacedModel(self, number, points, plan)


#: By their numbers.
METER_MODELS = {
    model.number: model
    for model in (
        MeterModel(201, 1, _WITH_SCALES),
        MeterModel(202, 2, _WITH_SCALES),
        MeterModel(203, 3, _WITH_SCALES),
        MeterModel(204, 3, _WITH_SCALES),
        MeterModel(211, 1, _FLOATING),
        MeterModel(212, 2, _FLOATING),
        MeterModel(213, 3, _FLOATING),
        MeterModel(214, 3, _FLOATING),
    )
}


def scaled(value: int, scale: int) -> Decimal | None:
    """
    A value with its scale factor; C{None} where the device has no scale factor.

    @raise RemoteProtocolError: if there is no such scale factor.
    """
    if scale == _ABSENT_I16:
        return None
    if not _LEAST_SCALE <= scale <= _MOST_SCALE:
        raise RemoteProtocolError(
            f"a scale factor is {scale}; allowed: {_LEAST_SCALE} to {_MOST_SCALE}"
        )
    return Decimal(value).scaleb(scale)


@frozen
class PlacedModel:
    """
    A model at its place in a device.

    @ivar plan: what has to be read for it: one request.
    """

    model: MeterModel
    number: Register
    points: Mapping[str, Register]
    plan: tuple[Block, ...]

    def reading(self, read: Snapshot) -> Reading:
        """
        What the meter says.

        @raise RemoteProtocolError: if another model is in this place, or it says nonsense.
        """
        found = read.number(self.number)
        if found != self.model.number:
            raise RemoteProtocolError(
                f"model {found} is at register {self.number.address} now, and "
                f"{self.model.number} was there before"
            )
        return Reading(
            tuple(self._terminal(read, place) for place in range(self.model.phases)),
            whole(self._value(read, "W", "W_SF"), MOST_POWER_W),
            self._energy(read, "TotWhImp"),
            self._energy(read, "TotWhExp"),
        )

    def _terminal(self, read: Snapshot, place: int) -> Terminal:
        current_a = self._value(read, _CURRENTS[place], "A_SF")
        if current_a is None and self.model.phases == 1:
            current_a = self._value(read, "A", "A_SF")
        voltage_v = self._value(read, _VOLTAGES[place], "V_SF")
        return Terminal(
            None if current_a is None else whole(current_a * 1000, MOST_CURRENT_MA),
            whole(self._value(read, _POWERS[place], "W_SF"), MOST_POWER_W),
            None if voltage_v is None else float(voltage_v),
        )

    def _energy(self, read: Snapshot, name: str) -> int | None:
        return whole(self._value(read, name, "TotWh_SF"), MOST_ENERGY_WH)

    def _value(self, read: Snapshot, name: str, scale: str) -> Decimal | None:
        """A value in amperes, volts, watts or watt-hours; C{None}: the device has none."""
        register = self.points[name]
        value = read[register]
        if isinstance(value, float):
            return Decimal(value) if isfinite(value) else None
        assert isinstance(value, int)
        if value == (_ABSENT_I16 if register.type is _I16 else _ABSENT_ACC32):
            return None
        return scaled(value, read.number(self.points[scale]))
