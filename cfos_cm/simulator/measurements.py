"""What a virtual wallbox's meter says, as MeterValues carries it."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from cfos_cm.electrical import NOMINAL_VOLTAGE_V
from cfos_cm.v16.timestamps import format_timestamp
from cfos_cm.v16.types import (
    Location,
    Measurand,
    MeterValue,
    Phase,
    ReadingContext,
    SampledValue,
    UnitOfMeasure,
)

__all__ = ["Flow", "meter_value", "whole_wh"]

_PHASES = (Phase.L1, Phase.L2, Phase.L3)
_MILLI = 1000


@frozen
class Flow:
    """
    What flows through a wallbox.

    @ivar current_ma: on each phase that the car uses. [mA]
    @ivar phases: how many of them, from L1 on.
    @ivar offered_ma: what the car could draw on each. [mA]
    """

    current_ma: int = 0
    phases: int = 0
    offered_ma: int = 0

    def on(self, index: int) -> int:
        """The current on the phase number C{index}, counted from 0. [mA]"""
        return self.current_ma if index < self.phases else 0

    @property
    def power_w(self) -> float:
        """Over all phases, at nominal voltage. [W]"""
        return self.current_ma * self.phases * NOMINAL_VOLTAGE_V / _MILLI


def whole_wh(register_wh: float) -> int:
    """
    What a meter shows that counts whole watt-hours. [Wh]

    Rounded down, so that it never shows more at one time than later; but a sum of fractions
    that is one millionth short of a whole number is that number.
    """
    return int(register_wh + 1e-6)


def meter_value(
    at: datetime, register_wh: float, flow: Flow, context: ReadingContext
) -> MeterValue:
    """
    One reading of everything.

    @param register_wh: what has flowed since the wallbox was built. [Wh]
    """

    def sampled(
        measurand: Measurand, unit: UnitOfMeasure, value: str, phase: Phase | None = None
    ) -> SampledValue:
        return SampledValue(
            value=value,
            context=context,
            measurand=measurand,
            phase=phase,
            location=Location.OUTLET,
            unit=unit,
        )

    return MeterValue(
        timestamp=format_timestamp(at),
        sampled_value=(
            sampled(
                Measurand.ENERGY_ACTIVE_IMPORT_REGISTER,
                UnitOfMeasure.WH,
                str(whole_wh(register_wh)),
            ),
            sampled(Measurand.POWER_ACTIVE_IMPORT, UnitOfMeasure.W, f"{flow.power_w:.1f}"),
            *(
                sampled(Measurand.CURRENT_IMPORT, UnitOfMeasure.A, _amps(flow.on(index)), phase)
                for index, phase in enumerate(_PHASES)
            ),
            sampled(Measurand.CURRENT_OFFERED, UnitOfMeasure.A, _amps(flow.offered_ma)),
        ),
    )


def _amps(current_ma: int) -> str:
    return f"{current_ma / _MILLI:.3f}"
