"""What sampled values say about an EVSE, in the units of the site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal

from cfos_cm.electrical import ALL_PHASES, Phase, PhaseCurrents
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

_CURRENT = Measurand.CURRENT_IMPORT
_ENERGY = Measurand.ENERGY_ACTIVE_IMPORT_REGISTER
_POWER = Measurand.POWER_ACTIVE_IMPORT
_SIGNED = ValueFormat.SIGNED_DATA
_KW, _KWH = UnitOfMeasure.KW, UnitOfMeasure.KWH
_L1, _L1_N = MeterPhase.L1, MeterPhase.L1_N
_L2, _L2_N = MeterPhase.L2, MeterPhase.L2_N
_L3, _L3_N = MeterPhase.L3, MeterPhase.L3_N


def read_meter_values(
    meter_values: Iterable[MeterReading], evse: EvseSettings, in_kwh: bool = False
) -> EvseMeasured | None:
    """
    The newest of each quantity that the site wants to know.

    @param in_kwh: energy that says to be in Wh, or does not say, is in kWh.
    @return: C{None} if there is nothing of the kind. What cannot be read is left out.
    """
    currents_ma: dict[Phase, int] = {}
    energies_wh: dict[int, int] = {}
    energy_wh: int | None = None
    power_w: int | None = None
    # One loop and few calls: this is done some thousand times in a second.
    for meter_value in meter_values:
        for sampled in meter_value.sampled_value:
            measurand = sampled.measurand
            if measurand is _CURRENT:
                thousandths = _measured(sampled)
                if thousandths is not None:
                    for wire in _wires(evse, sampled.phase):
                        currents_ma[wire] = thousandths
            # OCPP 1.6, SampledValue: without a measurand it is the imported energy.
            elif measurand is _ENERGY or measurand is None:
                thousandths = _measured(sampled)
                if thousandths is None:
                    continue
                is_kwh = in_kwh or sampled.unit is _KWH
                register_wh = thousandths if is_kwh else _whole(thousandths)
                if sampled.phase is None:
                    energy_wh = register_wh
                elif (own := _own_phase(sampled.phase)) is not None:
                    energies_wh[own] = register_wh
            elif measurand is _POWER and sampled.phase is None:
                thousandths = _measured(sampled)
                if thousandths is not None:
                    power_w = thousandths if sampled.unit is _KW else _whole(thousandths)
    if energy_wh is None and len(energies_wh) == len(ALL_PHASES):
        # Some have a register for each phase, and none for all of them.
        energy_wh = sum(energies_wh.values())
    if not currents_ma:
        if energy_wh is None and power_w is None:
            return None
        return EvseMeasured(evse.name, None, energy_wh, power_w)
    on = currents_ma.get
    currents = PhaseCurrents(on(Phase.L1, 0), on(Phase.L2, 0), on(Phase.L3, 0))
    is_partial = len(currents_ma) < len(evse.phases)
    return EvseMeasured(evse.name, currents, energy_wh, power_w, is_partial)


def _wires(evse: EvseSettings, phase: MeterPhase | None) -> tuple[Phase, ...]:
    """The phases of the supply that a current is measured on; none for a pair or a neutral."""
    wired = evse.phases
    if phase is None:
        return wired
    own = _own_phase(phase)
    return () if own is None else wired[own : own + 1]


def _own_phase(phase: MeterPhase) -> int | None:
    """
    Which of the Charge Point's own phases it is; C{None} for a pair or a neutral.

    OCPP 1.6, SampledValue: they need not be wired to the supply's in that order.
    """
    # Not a dict: a member of an Enum computes its hash in Python.
    if phase is _L1 or phase is _L1_N:
        return 0
    if phase is _L2 or phase is _L2_N:
        return 1
    if phase is _L3 or phase is _L3_N:
        return 2
    return None


def _measured(sampled: SampledValue) -> int | None:
    """The number times 1000; C{None} for what is none."""
    # A signed block is a number to nobody, even if all of its digits are decimal.
    return None if sampled.format is _SIGNED else _thousandths(sampled.value)


def _thousandths(text: str) -> int | None:
    """
    A decimal number times 1000, rounded down; C{None} for a text that is none.

    Nearly every number is plain digits with a point, and there are thousands of them each
    second, so that these are not made into a C{Decimal} first.
    """
    if text.isdigit() and text.isascii() and len(text) <= _PLAIN_DIGITS:
        return int(text) * 1000
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
