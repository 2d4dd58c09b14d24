"""
A car, as a wallbox sees it: what it draws when it is offered a current, and when it is full.

Pure: a car that has charged is another value.
"""

from __future__ import annotations

from attrs import evolve, field, frozen
from attrs.validators import ge, in_

from cfos_cm.electrical import NOMINAL_VOLTAGE_V

__all__ = ["MIN_OFFER_MA", "Vehicle", "VehicleSettings"]

#: IEC 61851-1: a pilot cannot offer less, so that below it there is no charging. [mA]
MIN_OFFER_MA = 6_000

#: From here on a battery charges slowly. [share of what the car needs]
_TAPER_FROM = 0.95

_SECONDS_PER_HOUR = 3600
_MILLI = 1000


@frozen
class VehicleSettings:
    """
    What is known of a car before it charges.

    @ivar max_current_ma: what its charger takes at most. [mA per phase]
    @ivar phases: how many phases its charger has; 1 to 3.
    @ivar needs_wh: what it takes until it is full. [Wh]
    @raise ValueError: if a value is out of its range.
    """

    max_current_ma: int = field(validator=ge(0))
    phases: int = field(validator=in_((1, 2, 3)))
    needs_wh: int = field(validator=ge(0))


@frozen
class Vehicle:
    """
    A car at one moment.

    @ivar charged_wh: what it has taken since it came. [Wh]
    @ivar is_asleep: it takes nothing, whatever it is offered.
    """

    settings: VehicleSettings
    charged_wh: float = 0.0
    is_asleep: bool = False

    @property
    def is_full(self) -> bool:
        """Whether it has all that it needs."""
        return self.charged_wh >= self.settings.needs_wh

    def current_ma(self, offered_ma: int) -> int:
        """
        What it draws now.

        @param offered_ma: what the wallbox offers. [mA per phase]
        @return: [mA on each phase that it charges with]
        """
        if offered_ma < MIN_OFFER_MA or self.is_full or self.is_asleep:
            return 0
        return min(offered_ma, self._own_limit_ma())

    def phases(self, offered: int) -> int:
        """How many phases it charges with when C{offered} of them are switched on."""
        return min(self.settings.phases, offered)

    def power_w(self, offered_ma: int, offered_phases: int) -> float:
        """What it draws now, over all phases, at nominal voltage. [W]"""
        current_ma = self.current_ma(offered_ma)
        return current_ma * self.phases(offered_phases) * NOMINAL_VOLTAGE_V / _MILLI

    def charged(self, offered_ma: int, offered_phases: int, duration_s: float) -> Vehicle:
        """
        The car after it was offered a current for some time.

        The current falls on the way when the battery is nearly full, and ends when it is full:
        many short times have the same result as a long one.
        """
        vehicle, left_s = self, duration_s
        while left_s > 0:
            power_w = vehicle.power_w(offered_ma, offered_phases)
            if power_w <= 0:
                break
            reach_s = (
                (vehicle._step_end_wh() - vehicle.charged_wh) * _SECONDS_PER_HOUR / power_w
            )
            if reach_s > left_s:
                return evolve(
                    vehicle,
                    charged_wh=vehicle.charged_wh + power_w * left_s / _SECONDS_PER_HOUR,
                )
            vehicle = evolve(vehicle, charged_wh=vehicle._step_end_wh())
            left_s -= reach_s
        return vehicle

    def _own_limit_ma(self) -> int:
        limit_ma = self.settings.max_current_ma
        return limit_ma // 2 if self.charged_wh >= self._taper_from_wh() else limit_ma

    def _taper_from_wh(self) -> float:
        return self.settings.needs_wh * _TAPER_FROM

    def _step_end_wh(self) -> float:
        """Up to where the car draws the same current."""
        if self.charged_wh < self._taper_from_wh():
            return self._taper_from_wh()
        return float(self.settings.needs_wh)
