"""The registers of a Power Brain's EVSE."""

from __future__ import annotations

import typing
from collections.abc import Callable

from cfos_cm.drivers.power_brain.registers import (
    CABLE_CURRENT,
    CHARGE_PILOT_STATE,
    CHARGING_CUR_LIMIT,
    CHARGING_CURRENT,
    CHARGING_ENABLE,
    CURRENTS,
    DEF_CHARG_CUR_LIMIT,
    DEF_CHARGING_ENABLE,
    DEF_FIXED_CURRENT,
    DETECTED_RFIDS,
    DISCONNECT_CP,
    ENERGY,
    FAIL_SAFE_CURRENT,
    FAIL_SAFE_DURATION,
    FIXED_CURRENT,
    HAS_METER,
    LAST_RFID,
    METER_FLAGS,
    POWER,
    RELAY2,
    RELAY_SELECT,
    S0_INPUTS,
    TENTH_MA,
)
from cfos_cm.simulator.measurements import Flow
from cfos_cm.simulator.power_brain.control import (
    DEFAULT_ENABLE,
    DEFAULT_FAIL_SAFE_S,
    DEFAULT_FAIL_SAFE_TENTHS,
    DEFAULT_FIXED_TENTHS,
    Control,
)
from cfos_cm.simulator.power_brain.memory import Cell, Flash, kept

__all__ = ["Behind", "evse_cells"]

_LIMITS = range(60, 631)
#: 0 has a meaning of its own where a current need not be one.
_LIMITS_OR_0 = frozenset((0, *_LIMITS))
_FLAGS = range(2)


class Behind(typing.Protocol):
    """The box, as far as its EVSE's registers show it."""

    last_rfid: str
    detected_rfids: int

    @property
    def flow(self) -> Flow:
        """What flows."""

    @property
    def energy_wh(self) -> int:
        """What the attached meter shows. [Wh]"""

    @property
    def cable_ma(self) -> int:
        """What the cable says that it bears; 0: there is none. [mA]"""

    @property
    def signalled_ma(self) -> int:
        """What the car is told that it may draw; 0: nothing. [mA]"""

    def show_state(self) -> int:
        """The state of register 8092, to somebody who reads it."""

    @property
    def relay2(self) -> bool:
        """Whether the second relay is on."""

    @property
    def s0_inputs(self) -> int:
        """The bits of register 8113."""

    def put_relay2(self, is_on: bool) -> None:
        """Switch the second relay, where that is possible."""

    def put_contactor(self, contactor: int) -> None:
        """Use another contactor."""


def evse_cells(
    box: Behind, control: Control, flash: Flash, has_meter: bool
) -> tuple[Cell, ...]:
    """
    What it has besides its identification.

    @param has_meter: whether a meter is attached; without one its registers are not there.
    """
    return (
        *(_attached_meter(box) if has_meter else ()),
        Cell(HAS_METER, lambda: int(has_meter)),
        *_kept_settings(control, flash),
        *_orders(box, control),
        Cell(CABLE_CURRENT, lambda: box.cable_ma // TENTH_MA),
        Cell(CHARGE_PILOT_STATE, box.show_state),
        Cell(CHARGING_CURRENT, lambda: box.signalled_ma // TENTH_MA),
        Cell(LAST_RFID, lambda: box.last_rfid),
        Cell(DETECTED_RFIDS, lambda: box.detected_rfids),
        Cell(S0_INPUTS, lambda: box.s0_inputs),
    )


def _kept_settings(control: Control, flash: Flash) -> tuple[Cell, ...]:
    return (
        kept(flash, DEF_FIXED_CURRENT, DEFAULT_FIXED_TENTHS, _LIMITS_OR_0),
        kept(flash, DEF_CHARG_CUR_LIMIT, control.model_tenths, _LIMITS),
        kept(flash, DEF_CHARGING_ENABLE, DEFAULT_ENABLE, _FLAGS),
        _failsafe_duration(control, flash),
        kept(flash, FAIL_SAFE_CURRENT, DEFAULT_FAIL_SAFE_TENTHS, _LIMITS_OR_0),
    )


def _failsafe_duration(control: Control, flash: Flash) -> Cell:
    def put(duration_s: int) -> None:
        flash.keep(FAIL_SAFE_DURATION, duration_s)
        control.failsafe.contact()

    return Cell(
        FAIL_SAFE_DURATION, lambda: flash.number(FAIL_SAFE_DURATION, DEFAULT_FAIL_SAFE_S), put
    )


def _orders(box: Behind, control: Control) -> tuple[Cell, ...]:
    """What may be written often."""

    def enable(value: int) -> None:
        control.is_enabled = bool(value)

    def fix(tenths: int) -> None:
        control.fixed_tenths = tenths

    def switch_relay2(value: int) -> None:
        box.put_relay2(bool(value))

    pilot = control.pilot
    return (
        Cell(DISCONNECT_CP, lambda: pilot.remaining_s, pilot.interrupt),
        Cell(RELAY_SELECT, lambda: pilot.selected, box.put_contactor, _FLAGS),
        Cell(RELAY2, lambda: int(box.relay2), switch_relay2, _FLAGS),
        Cell(FIXED_CURRENT, lambda: control.fixed_tenths, fix, _LIMITS_OR_0),
        Cell(CHARGING_CUR_LIMIT, lambda: control.limit_tenths, control.put_limit, _LIMITS),
        Cell(CHARGING_ENABLE, lambda: int(control.is_enabled), enable, _FLAGS),
    )


def _attached_meter(box: Behind) -> tuple[Cell, ...]:
    return (
        Cell(METER_FLAGS, lambda: 1),
        Cell(ENERGY, lambda: box.energy_wh),
        Cell(POWER, lambda: round(box.flow.power_w)),
        *(Cell(register, _current(box, index)) for index, register in enumerate(CURRENTS)),
    )


def _current(box: Behind, phase: int) -> Callable[[], int]:
    return lambda: round(box.flow.on(phase) / TENTH_MA)
