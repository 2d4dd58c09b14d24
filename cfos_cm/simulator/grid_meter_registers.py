"""The registers of a virtual SunSpec meter: model 1, model 213, and the last one."""

from __future__ import annotations

from collections.abc import Iterable
from math import nan

from attrs import frozen

from cfos_cm.drivers.meters.sunspec_models import HEADER_REGISTERS, METER_MODELS
from cfos_cm.wire.registers import Register, RegisterType, Value

__all__ = ["BASE", "MeterValues", "registers_of"]

#: Where the device begins.
BASE = 40_000

_MARK = Register("mark", BASE, RegisterType.TEXT, length=2)
_COMMON, _COMMON_LENGTH = BASE + 2, 66
_METER, _METER_LENGTH = _COMMON + HEADER_REGISTERS + _COMMON_LENGTH, 124
_LAST = _METER + HEADER_REGISTERS + _METER_LENGTH
_END = 0xFFFF

#: Besides what the driver reads: where the model has them, counted from its first register.
_MEAN_VOLTAGE, _MEAN_LINE_VOLTAGE, _FREQUENCY, _EVENTS = 10, 18, 26, 124
_F32 = RegisterType.F32


@frozen
class MeterValues:
    """
    What a meter shows; positive where it flows in.

    @ivar currents_a: on L1, L2 and L3. [A]
    @ivar powers_w: on L1, L2 and L3. [W]
    @ivar voltage_v: on each of them. [V]
    @ivar import_wh: what has flowed in. [Wh]
    @ivar export_wh: what has flowed out. [Wh]
    """

    currents_a: tuple[float, float, float]
    powers_w: tuple[float, float, float]
    voltage_v: float
    import_wh: float
    export_wh: float


def registers_of(values: MeterValues, serial: str) -> dict[int, int]:
    """
    What stands in each register.

    @param serial: up to 32 characters.
    """
    words: dict[int, int] = {}
    for register, value in (*_common(serial), *_meter(values)):
        words.update(zip(register.addresses, register.encode(value), strict=True))
    return words


def _common(serial: str) -> Iterable[tuple[Register, Value]]:
    """Who has made it."""
    at = _COMMON
    yield _MARK, "SunS"
    yield Register("ID", at), 1
    yield Register("L", at + 1), _COMMON_LENGTH
    texts = (
        ("Mn", 2, 16, "cfos_cm"),
        ("Md", 18, 16, "virtual grid meter"),
        ("Opt", 34, 8, ""),
        ("Vr", 42, 8, "1"),
        ("SN", 50, 16, serial),
    )
    for name, place, length, text in texts:
        yield Register(name, at + place, RegisterType.TEXT, length=length), text
    yield Register("DA", at + 66), 1
    yield Register("Pad", at + 67), 0x8000


def _meter(values: MeterValues) -> Iterable[tuple[Register, Value]]:
    """Model 213, and the last one."""
    placed = METER_MODELS[213].at(_METER)
    yield placed.number, 213
    yield Register("L", _METER + 1), _METER_LENGTH
    for place in range(HEADER_REGISTERS, _EVENTS, 2):
        # What it does not measure.
        yield Register("", _METER + place, _F32), nan
    shown: dict[str, float] = {
        "A": sum(values.currents_a),
        "W": sum(values.powers_w),
        "TotWhImp": values.import_wh,
        "TotWhExp": values.export_wh,
    }
    for phase, current_a, power_w in zip(
        "ABC", values.currents_a, values.powers_w, strict=True
    ):
        shown |= {
            f"Aph{phase}": current_a,
            f"Wph{phase}": power_w,
            f"PhVph{phase}": values.voltage_v,
        }
    for name, value in shown.items():
        yield placed.points[name], value
    yield Register("PhV", _METER + _MEAN_VOLTAGE, _F32), values.voltage_v
    yield Register("PPV", _METER + _MEAN_LINE_VOLTAGE, _F32), values.voltage_v * 3**0.5
    yield Register("Hz", _METER + _FREQUENCY, _F32), 50.0
    yield Register("Evt", _METER + _EVENTS, RegisterType.U32), 0
    yield Register("ID", _LAST), _END
    yield Register("L", _LAST + 1), 0
