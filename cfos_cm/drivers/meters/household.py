"""
What a house draws over the day, for a site without hardware.

It is the same each time: what is on at a moment follows from the moment and the house's number
alone, so that two who ask see the same, and nothing has to be remembered.
"""

from __future__ import annotations

from hashlib import blake2b
from math import pi, sin

from attrs import frozen

__all__ = ["DAY_S", "Household", "Powers"]

DAY_S = 86_400.0
_HOUR_S = 3600.0
_MINUTE_S = 60.0

#: On L1, L2 and L3. [W]
Powers = tuple[int, int, int]

_BASE_W, _BASE_RANGE_W, _BASE_SLOT_S = 90, 160, 10 * _MINUTE_S
_FRIDGE_W, _FRIDGE_CYCLE_S, _FRIDGE_SHARE = 110, 45 * _MINUTE_S, 0.35
_HEAT_PUMP_W, _HEAT_PUMP_CYCLE_S = 850, 40 * _MINUTE_S
_KETTLE_W, _KETTLE_S, _KETTLE_SLOT_S, _KETTLE_CHANCE = 2_000, 3 * _MINUTE_S, 2 * _HOUR_S, 0.7
_WAKE_H, _SLEEP_H = 6, 23
_PLATE_W, _PLATE_CYCLE_S, _PLATE_SHARE = 2_100, 60.0, 0.6
_OVEN_W, _OVEN_CYCLE_S, _OVEN_SHARE, _OVEN_CHANCE = 2_600, 5 * _MINUTE_S, 0.7, 0.5
#: Breakfast, lunch and dinner: when they are cooked, and for how long. [h]
_MEALS = ((7.0, 0.25), (12.0, 0.6), (18.25, 0.9))
#: The sun, where it stands in the sky of an equinox; clouds change each quarter of an hour.
_SUNRISE_H, _SUNSET_H, _CLOUD_SLOT_S = 6.0, 18.0, 15 * _MINUTE_S


@frozen
class Household:
    """
    A house with a heat pump and an electric stove, and perhaps panels on its roof.

    @ivar number: which house; each lives otherwise.
    @ivar solar_peak_w: what its panels give at most, over all phases. [W]
    """

    number: int = 1
    solar_peak_w: int = 0

    def powers_w(self, at_s: float) -> Powers:
        """
        What flows into the house, less what its panels give. [W]

        @param at_s: since midnight of the first day. [s]
        """
        third = self.solar_w(at_s) // 3
        base = [self._base(phase, at_s) for phase in ("L1", "L2", "L3")]
        pump = self._heat_pump(at_s)
        l1 = base[0] + self._fridge(at_s) + self._oven(at_s)
        l2 = base[1] + self._kettle(at_s)
        l3 = base[2] + self._plate(at_s)
        return l1 + pump - third, l2 + pump - third, l3 + pump - third

    def solar_w(self, at_s: float) -> int:
        """
        What its panels give, over all phases. [W]

        @param at_s: since midnight of the first day. [s]
        """
        hour = at_s % DAY_S / _HOUR_S
        if not _SUNRISE_H < hour < _SUNSET_H:
            return 0
        height = sin(pi * (hour - _SUNRISE_H) / (_SUNSET_H - _SUNRISE_H))
        sky = 0.4 + 0.6 * self._chance("cloud", at_s // _CLOUD_SLOT_S)
        return int(self.solar_peak_w * height * sky)

    def _base(self, phase: str, at_s: float) -> int:
        share = self._chance(f"base {phase}", at_s // _BASE_SLOT_S)
        return _BASE_W + int(_BASE_RANGE_W * share)

    def _fridge(self, at_s: float) -> int:
        start_s = self._chance("fridge", 0) * _FRIDGE_CYCLE_S
        is_on = (at_s + start_s) % _FRIDGE_CYCLE_S < _FRIDGE_SHARE * _FRIDGE_CYCLE_S
        return _FRIDGE_W if is_on else 0

    def _heat_pump(self, at_s: float) -> int:
        """On each phase."""
        cycle, inside_s = divmod(at_s, _HEAT_PUMP_CYCLE_S)
        share = 0.25 + 0.5 * self._chance("heat pump", cycle)
        return _HEAT_PUMP_W if inside_s < share * _HEAT_PUMP_CYCLE_S else 0

    def _kettle(self, at_s: float) -> int:
        slot, inside_s = divmod(at_s, _KETTLE_SLOT_S)
        if not _WAKE_H <= at_s % DAY_S / _HOUR_S < _SLEEP_H:
            return 0
        if self._chance("kettle", slot) >= _KETTLE_CHANCE:
            return 0
        start_s = self._chance("kettle begins", slot) * (_KETTLE_SLOT_S - _KETTLE_S)
        return _KETTLE_W if start_s <= inside_s < start_s + _KETTLE_S else 0

    def _plate(self, at_s: float) -> int:
        """It is switched on and off, as a thermostat does."""
        is_hot = at_s % _PLATE_CYCLE_S < _PLATE_SHARE * _PLATE_CYCLE_S
        return _PLATE_W if is_hot and self._meal(at_s) is not None else 0

    def _oven(self, at_s: float) -> int:
        meal = self._meal(at_s)
        if meal is None or self._chance("oven", meal) >= _OVEN_CHANCE:
            return 0
        is_hot = at_s % _OVEN_CYCLE_S < _OVEN_SHARE * _OVEN_CYCLE_S
        return _OVEN_W if is_hot else 0

    def _meal(self, at_s: float) -> float | None:
        """Which meal is being cooked, counted from the first one on; C{None}: none is."""
        day, inside_s = divmod(at_s, DAY_S)
        for place, (start_h, length_h) in enumerate(_MEALS):
            number = day * len(_MEALS) + place
            late_h = 0.75 * self._chance("meal", number)
            if 0 <= inside_s / _HOUR_S - start_h - late_h < length_h:
                return number
        return None

    def _chance(self, what: str, slot: float) -> float:
        """From 0 to 1, always the same for the same."""
        text = f"{self.number}/{what}/{int(slot)}".encode()
        return int.from_bytes(blake2b(text, digest_size=4).digest(), "big") / (1 << 32)
