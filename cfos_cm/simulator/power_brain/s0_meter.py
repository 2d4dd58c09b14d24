"""A meter that says what it counts by pulses, at an S0 input."""

from __future__ import annotations

from attrs import define
from twisted.internet.interfaces import IReactorTime

from cfos_cm.drivers.power_brain.registers import (
    PHASES,
    PULSES,
    PULSES_PER_KWH,
    S0_ENERGY,
    VOLTAGE_L1,
    VOLTAGE_L2,
    VOLTAGE_L3,
)
from cfos_cm.electrical import NOMINAL_VOLTAGE_V
from cfos_cm.simulator.measurements import whole_wh
from cfos_cm.simulator.power_brain.memory import Flash

__all__ = ["DEFAULT_PHASES", "DEFAULT_PULSES_PER_KWH", "PULSE_MS", "VOLTAGES", "S0Meter"]

DEFAULT_PULSES_PER_KWH = 1000
#: All three.
DEFAULT_PHASES = 0b111
VOLTAGES = (VOLTAGE_L1, VOLTAGE_L2, VOLTAGE_L3)
#: For so long a current flows in each pulse: EN 62053-31 asks for 30 ms at least.
PULSE_MS = 30

_MS_PER_HOUR = 3_600_000
_SECONDS_PER_HOUR = 3600
_WH_PER_KWH = 1000
#: What the registers have room for.
_COUNTS = 1 << 64
_MAX_MS = (1 << 32) - 1


@define
class _Counter:
    """
    A counter with 64 bits, to the last of which it is exact.

    @ivar part: what is not yet a whole one.
    """

    whole: int
    part: float = 0.0

    def add(self, amount: float) -> None:
        """Count on; after the largest number it begins anew."""
        total = self.part + amount
        more = whole_wh(total)
        self.whole = (self.whole + more) % _COUNTS
        self.part = total - more


class S0Meter:
    """
    The load, its meter and the input that counts its pulses.

    What the input is set to stands in the flash memory.
    """

    def __init__(
        self, clock: IReactorTime, flash: Flash, power_w: float, time_lapse: float
    ) -> None:
        """
        @param power_w: what the load draws; see L{put_power}. [W]
        @param time_lapse: how many times faster it counts than the power says.
        """
        self._clock = clock
        self._flash = flash
        self._time_lapse = time_lapse
        self._power_w = power_w
        self._counted_until_s = clock.seconds()
        self._pulses = _Counter(flash.number(PULSES, 0))
        self._energy_wh = _Counter(flash.number(S0_ENERGY, 0))

    def put_power(self, power_w: float) -> None:
        """The load draws something else; never below 0. [W]"""
        self._count()
        self._power_w = power_w

    def put_pulses(self, pulses: int) -> None:
        """Count from another number on."""
        self._count()
        self._pulses = _Counter(pulses)

    def put_energy(self, energy_wh: int) -> None:
        """Show another reading, and count from that on. [Wh]"""
        self._count()
        self._energy_wh = _Counter(energy_wh)

    def store(self) -> None:
        """Power fails: what was counted is kept."""
        self._flash.keep(PULSES, self.pulses)
        self._flash.keep(S0_ENERGY, self.energy_wh)

    @property
    def pulses(self) -> int:
        """How many have come."""
        self._count()
        return self._pulses.whole

    @property
    def energy_wh(self) -> int:
        """The reading. [Wh]"""
        self._count()
        return self._energy_wh.whole

    @property
    def power_w(self) -> int:
        """What the time between two pulses says. [W]"""
        return round(self._power_w)

    @property
    def ms_per_pulse(self) -> int:
        """The time between two pulses; 0: none come. [ms]"""
        return min(round(self._ms_per_pulse), _MAX_MS)

    @property
    def is_on(self) -> bool:
        """Whether current flows through the input: there is a pulse just now."""
        self._count()
        since_ms = self._pulses.part * self._ms_per_pulse
        return self._power_w > 0 and self._pulses.whole > 0 and since_ms < PULSE_MS

    def current_tenths(self, phase: int) -> int:
        """
        What flows through a phase, if the load is on those that it is taken to be on. [0.1 A]

        @param phase: 0 for L1.
        """
        phases = self._flash.number(PHASES, DEFAULT_PHASES)
        voltage_v = self._flash.number(VOLTAGES[phase], NOMINAL_VOLTAGE_V)
        if not phases >> phase & 1 or not voltage_v:
            return 0
        return round(10 * self._power_w / phases.bit_count() / voltage_v)

    @property
    def _ms_per_pulse(self) -> float:
        if self._power_w <= 0:
            return 0.0
        return _MS_PER_HOUR * _WH_PER_KWH / (self._power_w * self._per_kwh)

    @property
    def _per_kwh(self) -> int:
        return self._flash.number(PULSES_PER_KWH, DEFAULT_PULSES_PER_KWH)

    def _count(self) -> None:
        at_s = self._clock.seconds()
        passed_s, self._counted_until_s = at_s - self._counted_until_s, at_s
        energy_wh = self._power_w * passed_s * self._time_lapse / _SECONDS_PER_HOUR
        self._energy_wh.add(energy_wh)
        self._pulses.add(energy_wh * self._per_kwh / _WH_PER_KWH)
