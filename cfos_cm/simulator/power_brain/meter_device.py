"""The registers of a meter at an S0 input."""

from __future__ import annotations

from collections.abc import Callable

from cfos_cm.drivers.power_brain.registers import (
    CURRENTS,
    INPUT,
    LEVEL,
    METER_FLAGS,
    PHASES,
    POWER,
    PULSES,
    PULSES_PER_KWH,
    RESET_ENERGY,
    RESET_PULSES,
    S0_ENERGY,
    TIME_PER_PULSE,
)
from cfos_cm.electrical import NOMINAL_VOLTAGE_V
from cfos_cm.simulator.power_brain.memory import Cell, Flash, kept
from cfos_cm.simulator.power_brain.s0_meter import (
    DEFAULT_PHASES,
    DEFAULT_PULSES_PER_KWH,
    VOLTAGES,
    S0Meter,
)

__all__ = ["meter_cells"]

_PULSES_PER_KWH = range(1, 1_000_001)
_ANY_PHASES = range(8)
_VOLTAGES_V = range(1, 501)
_DO_IT = (1,)


def meter_cells(meter: S0Meter, flash: Flash) -> tuple[Cell, ...]:
    """What it has besides its identification."""

    def put_pulses(pulses: int) -> None:
        flash.keep(PULSES, pulses)
        meter.put_pulses(pulses)

    def put_energy(energy_wh: int) -> None:
        flash.keep(S0_ENERGY, energy_wh)
        meter.put_energy(energy_wh)

    def put_per_kwh(per_kwh: int) -> None:
        # What has come until now has come at the old rate.
        meter.put_pulses(meter.pulses)
        flash.keep(PULSES_PER_KWH, per_kwh)

    return (
        Cell(INPUT, lambda: 0),
        Cell(
            PULSES_PER_KWH,
            lambda: flash.number(PULSES_PER_KWH, DEFAULT_PULSES_PER_KWH),
            put_per_kwh,
            _PULSES_PER_KWH,
        ),
        kept(flash, PHASES, DEFAULT_PHASES, _ANY_PHASES),
        *(kept(flash, each, NOMINAL_VOLTAGE_V, _VOLTAGES_V) for each in VOLTAGES),
        Cell(PULSES, lambda: meter.pulses, put_pulses),
        Cell(TIME_PER_PULSE, lambda: meter.ms_per_pulse),
        Cell(LEVEL, lambda: 0 if meter.is_on else 1),
        Cell(METER_FLAGS, lambda: int(flash.number(PHASES, DEFAULT_PHASES) > 0)),
        Cell(S0_ENERGY, lambda: meter.energy_wh, put_energy),
        Cell(POWER, lambda: meter.power_w),
        *(Cell(register, _current(meter, index)) for index, register in enumerate(CURRENTS)),
        Cell(RESET_PULSES, None, lambda _: put_pulses(0), _DO_IT),
        Cell(RESET_ENERGY, None, lambda _: put_energy(0), _DO_IT),
    )


def _current(meter: S0Meter, phase: int) -> Callable[[], int]:
    return lambda: meter.current_tenths(phase)
