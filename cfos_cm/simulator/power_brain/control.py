"""What Modbus allows a Power Brain, and what keeps it from charging besides."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from cfos_cm.drivers.power_brain.registers import (
    DEF_CHARG_CUR_LIMIT,
    DEF_CHARGING_ENABLE,
    DEF_FIXED_CURRENT,
    FAIL_SAFE_CURRENT,
    FAIL_SAFE_DURATION,
    TENTH_MA,
)
from cfos_cm.limits.schedules.limit import Limit
from cfos_cm.simulator.local_control import Ceiling
from cfos_cm.simulator.power_brain.failsafe import Failsafe
from cfos_cm.simulator.power_brain.memory import Flash
from cfos_cm.simulator.power_brain.pilot import Pilot
from cfos_cm.simulator.power_brain.settings import VirtualPowerBrainSettings
from cfos_cm.v16.core import ChargePointErrorCode

__all__ = [
    "COOLER_BY_K",
    "DEFAULT_ENABLE",
    "DEFAULT_FAIL_SAFE_S",
    "DEFAULT_FAIL_SAFE_TENTHS",
    "DEFAULT_FIXED_TENTHS",
    "Control",
]

#: How a box is delivered: nobody has to ask it anything for so long [s],
DEFAULT_FAIL_SAFE_S = 300
#: and then it allows a car its minimum. [0.1 A]
DEFAULT_FAIL_SAFE_TENTHS = 60
#: It charges without being told to,
DEFAULT_ENABLE = 1
#: and believes what the cable says. [0.1 A]
DEFAULT_FIXED_TENTHS = 0

#: So much cooler than where it became too hot it charges again. [K]
COOLER_BY_K = 5


class Control:
    """
    All that decides about the current but the Central System.

    @ivar limit_tenths: what Modbus allows. [0.1 A]
    @ivar is_enabled: whether it allows anything.
    @ivar fixed_tenths: what the cable is taken to bear; 0: what it says. [0.1 A]
    @ivar failsafe: whether anybody still steers it.
    @ivar pilot: the control pilot and the contactors.
    @ivar has_dc_fault: whether its sensor has found direct current; until the car has left.
    @ivar is_too_hot: whether it has become too hot, and has not cooled down since.
    """

    def __init__(
        self,
        settings: VirtualPowerBrainSettings,
        clock: IReactorTime,
        flash: Flash,
        changed: Callable[[], None],
        pilot: Pilot,
    ) -> None:
        """
        @param flash: that of the EVSE.
        @param changed: is told when L{ceiling} may say something else by itself.
        """
        self._settings = settings
        self._flash = flash
        self.pilot = pilot
        self.failsafe = Failsafe(clock, self._failsafe_after_s, changed)
        self.has_dc_fault = self.is_too_hot = False
        self.load_defaults()

    def load_defaults(self) -> None:
        """What it was told is forgotten; what it starts with counts."""
        number = self._flash.number
        self.limit_tenths = number(DEF_CHARG_CUR_LIMIT, self.model_tenths)
        self.is_enabled = bool(number(DEF_CHARGING_ENABLE, DEFAULT_ENABLE))
        self.fixed_tenths = number(DEF_FIXED_CURRENT, DEFAULT_FIXED_TENTHS)

    @property
    def model_tenths(self) -> int:
        """What it is made for. [0.1 A]"""
        return self._settings.max_current_ma // TENTH_MA

    def put_limit(self, tenths: int) -> None:
        """Another limit. [0.1 A]"""
        clamped = min(tenths, self.model_tenths)
        self.limit_tenths = clamped if self._settings.clamps_limit else tenths

    def put_temperature(self, celsius: float) -> None:
        """It is so hot inside."""
        hottest = self._settings.overheats_at_c
        if celsius >= hottest:
            self.is_too_hot = True
        elif celsius <= hottest - COOLER_BY_K:
            self.is_too_hot = False

    def ceiling(self) -> Ceiling:
        """What it allows a car now."""
        error = self._error()
        allowed_ma = self._allowed_ma() if error is ChargePointErrorCode.NO_ERROR else 0
        return Ceiling(Limit(allowed_ma, self.pilot.phases), error)

    def _error(self) -> ChargePointErrorCode:
        if self.has_dc_fault:
            return ChargePointErrorCode.GROUND_FAILURE
        if self.is_too_hot:
            return ChargePointErrorCode.HIGH_TEMPERATURE
        return ChargePointErrorCode.NO_ERROR

    def _allowed_ma(self) -> int:
        if self.pilot.is_off:
            return 0
        if self.failsafe.is_assumed:
            ordered = self._flash.number(FAIL_SAFE_CURRENT, DEFAULT_FAIL_SAFE_TENTHS)
        else:
            ordered = self.limit_tenths if self.is_enabled else 0
        cable_ma = self.fixed_tenths * TENTH_MA or self._settings.cable_ma
        return min(ordered * TENTH_MA, cable_ma)

    def _failsafe_after_s(self) -> int:
        return self._flash.number(FAIL_SAFE_DURATION, DEFAULT_FAIL_SAFE_S)
