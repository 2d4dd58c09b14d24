"""What sampled values say about an EVSE, in the units of the site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from cfos_cm.electrical import Phase, PhaseCurrents, milliamps
from cfos_cm.site.events import EvseMeasured
from cfos_cm.site.evse import EvseSettings
from cfos_cm.v16.types import (
    Measurand,
    MeterReading,
    SampledValue,
    UnitOfMeasure,
    ValueFormat,
)

__all__ = ["read_meter_values"]

#: No wallbox measures more, in any unit: what is beyond is a broken value, not a large one.
_LARGEST = Decimal(10) ** 12

# Python would also read "1_000", "NaN" and the digits of every script.
_DECIMAL = re.compile(
    r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,9})?"
)

# OCPP 1.6, SampledValue: "phase" names the Charge Point's own phases, which need not be
# wired to the supply's in that order.
_OWN_PHASE = {"L1": 0, "L2": 1, "L3": 2, "L1-N": 0, "L2-N": 1, "L3-N": 2}


def read_meter_values(
    meter_values: Iterable[MeterReading], evse: EvseSettings
) -> EvseMeasured | None:
    """
    The newest of each quantity that the site wants to know.

    @return: C{None} if there is nothing of the kind. What cannot be read is left out.
    """
    reading = _Reading(evse)
    for meter_value in meter_values:
        for sampled in meter_value.sampled_value:
            reading.take(sampled)
    return reading.event()


class _Reading:
    """Collects the sampled values of one message."""

    def __init__(self, evse: EvseSettings) -> None:
        self._evse = evse
        self._currents_ma: dict[Phase, int] = {}
        self._energy_wh: int | None = None
        self._power_w: int | None = None

    def take(self, sampled: SampledValue) -> None:
        # A signed block is a number to nobody, even if all of its digits are decimal.
        number = None if sampled.format is ValueFormat.SIGNED_DATA else _number(sampled.value)
        if number is None:
            return
        # OCPP 1.6, SampledValue: without a measurand it is the imported energy.
        measurand = sampled.measurand or Measurand.ENERGY_ACTIVE_IMPORT_REGISTER
        phase = "" if sampled.phase is None else sampled.phase.value
        match measurand:
            case Measurand.CURRENT_IMPORT:
                self._take_current(number, phase)
            case Measurand.ENERGY_ACTIVE_IMPORT_REGISTER if not phase:
                self._energy_wh = int(_base_unit(number, sampled))
            case Measurand.POWER_ACTIVE_IMPORT if not phase:
                self._power_w = int(_base_unit(number, sampled))
            case _:
                pass

    def event(self) -> EvseMeasured | None:
        currents = self._currents()
        if currents is None and self._energy_wh is None and self._power_w is None:
            return None
        return EvseMeasured(self._evse.name, currents, self._energy_wh, self._power_w)

    def _take_current(self, amps: Decimal, phase: str) -> None:
        wired = self._evse.phases
        if not phase:
            self._currents_ma.update(dict.fromkeys(wired, milliamps(amps)))
        elif phase in _OWN_PHASE and _OWN_PHASE[phase] < len(wired):
            self._currents_ma[wired[_OWN_PHASE[phase]]] = milliamps(amps)

    def _currents(self) -> PhaseCurrents | None:
        if not self._currents_ma:
            return None
        return PhaseCurrents(*(self._currents_ma.get(phase, 0) for phase in Phase))


def _number(text: str) -> Decimal | None:
    if _DECIMAL.fullmatch(text.strip()) is None:
        return None
    number = Decimal(text.strip())
    # Compared, not computed with: abs() of a number with a huge exponent overflows.
    return number if number.is_finite() and -_LARGEST <= number <= _LARGEST else None


def _base_unit(number: Decimal, sampled: SampledValue) -> Decimal:
    if sampled.unit in (UnitOfMeasure.KWH, UnitOfMeasure.KW):
        return number * 1000
    return number
