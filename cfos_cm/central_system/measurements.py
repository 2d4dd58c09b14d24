"""What sampled values say about an EVSE, in the units of the site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal

from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.site.events import EvseMeasured
from cfos_cm.site.evse import EvseSettings
from cfos_cm.v16.types import (
    Measurand,
    MeterReading,
    SampledValue,
    UnitOfMeasure,
    ValueFormat,
)
from cfos_cm.v16.types import Phase as MeterPhase

__all__ = ["read_meter_values"]

#: No wallbox measures more, in any unit: what is beyond is a broken value, not a large one.
_LARGEST = Decimal(10) ** 12
#: So many digits before the point are never beyond it.
_PLAIN_DIGITS = 12

# Python would also read "1_000", "NaN" and the digits of every script.
_DECIMAL = re.compile(
    r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,9})?"
)

# OCPP 1.6, SampledValue: "phase" names the Charge Point's own phases, which need not be
# wired to the supply's in that order.
_OWN_PHASE = {
    MeterPhase.L1: 0,
    MeterPhase.L2: 1,
    MeterPhase.L3: 2,
    MeterPhase.L1_N: 0,
    MeterPhase.L2_N: 1,
    MeterPhase.L3_N: 2,
}
_OWN_PHASES = (0, 1, 2)

#: What the site wants to know.
_WANTED = frozenset(
    {
        Measurand.CURRENT_IMPORT,
        Measurand.ENERGY_ACTIVE_IMPORT_REGISTER,
        Measurand.POWER_ACTIVE_IMPORT,
    }
)


def read_meter_values(
    meter_values: Iterable[MeterReading], evse: EvseSettings, in_kwh: bool = False
) -> EvseMeasured | None:
    """
    The newest of each quantity that the site wants to know.

    @param in_kwh: energy that says to be in Wh, or does not say, is in kWh.
    @return: C{None} if there is nothing of the kind. What cannot be read is left out.
    """
    reading = _Reading(evse, in_kwh)
    for meter_value in meter_values:
        for sampled in meter_value.sampled_value:
            reading.take(sampled)
    return reading.event()


class _Reading:
    """Collects the sampled values of one message."""

    def __init__(self, evse: EvseSettings, in_kwh: bool) -> None:
        self._evse = evse
        self._in_kwh = in_kwh
        self._currents_ma: dict[Phase, int] = {}
        self._energy_wh: int | None = None
        self._energies_wh: dict[int, int] = {}
        self._power_w: int | None = None

    def take(self, sampled: SampledValue) -> None:
        # OCPP 1.6, SampledValue: without a measurand it is the imported energy.
        measurand = sampled.measurand or Measurand.ENERGY_ACTIVE_IMPORT_REGISTER
        # A signed block is a number to nobody, even if all of its digits are decimal.
        if measurand not in _WANTED or sampled.format is ValueFormat.SIGNED_DATA:
            return
        thousandths = _thousandths(sampled.value)
        if thousandths is None:
            return
        phase = sampled.phase
        if measurand is Measurand.CURRENT_IMPORT:
            self._take_current(thousandths, phase)
        elif measurand is Measurand.ENERGY_ACTIVE_IMPORT_REGISTER:
            in_kwh = self._in_kwh or sampled.unit is UnitOfMeasure.KWH
            self._take_energy(thousandths if in_kwh else _whole(thousandths), phase)
        elif phase is None:
            in_kw = sampled.unit is UnitOfMeasure.KW
            self._power_w = thousandths if in_kw else _whole(thousandths)

    def event(self) -> EvseMeasured | None:
        currents = self._currents()
        energy_wh = self._energy_wh
        if energy_wh is None and len(self._energies_wh) == len(_OWN_PHASES):
            # Some have a register for each phase, and none for all of them.
            energy_wh = sum(self._energies_wh.values())
        if currents is None and energy_wh is None and self._power_w is None:
            return None
        return EvseMeasured(self._evse.name, currents, energy_wh, self._power_w)

    def _take_energy(self, energy_wh: int, phase: MeterPhase | None) -> None:
        if phase is None:
            self._energy_wh = energy_wh
        elif phase in _OWN_PHASE:
            self._energies_wh[_OWN_PHASE[phase]] = energy_wh

    def _take_current(self, current_ma: int, phase: MeterPhase | None) -> None:
        wired = self._evse.phases
        if phase is None:
            self._currents_ma.update(dict.fromkeys(wired, current_ma))
        elif phase in _OWN_PHASE and _OWN_PHASE[phase] < len(wired):
            self._currents_ma[wired[_OWN_PHASE[phase]]] = current_ma

    def _currents(self) -> PhaseCurrents | None:
        if not self._currents_ma:
            return None
        on = self._currents_ma.get
        return PhaseCurrents(on(Phase.L1, 0), on(Phase.L2, 0), on(Phase.L3, 0))


def _thousandths(text: str) -> int | None:
    """
    A decimal number times 1000, rounded down; C{None} for a text that is none.

    Nearly every number is plain digits with a point, and there are thousands of them each
    second, so that these are not made into a C{Decimal} first.
    """
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    if digits.isdigit() and digits.isascii() and 0 < len(whole) <= _PLAIN_DIGITS:
        return int(whole) * 1000 + (int(fraction[:3].ljust(3, "0")) if fraction else 0)
    if _DECIMAL.fullmatch(text.strip()) is None:
        return None
    number = Decimal(text.strip())
    # Compared, not computed with: abs() of a number with a huge exponent overflows.
    if not -_LARGEST <= number <= _LARGEST:
        return None
    return int((number * 1000).to_integral_value(ROUND_FLOOR))


def _whole(thousandths: int) -> int:
    """Without what stands behind the point."""
    return thousandths // 1000 if thousandths >= 0 else -(-thousandths // 1000)
