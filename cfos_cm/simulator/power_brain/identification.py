"""What each of a Power Brain's devices says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from cfos_cm.drivers.power_brain.registers import (
    COUNT_RESTART,
    DEVICE_ID,
    MAPPING_VERSION,
    NAME,
    PADDING_1,
    PRODUCT_BUILD,
    PRODUCT_ID,
    PRODUCT_VERSION,
    SERIAL_NO,
    SLAVE_ID,
    VENDOR_ID,
)
from cfos_cm.simulator.power_brain.memory import Cell, Flash, kept
from cfos_cm.wire.registers import Register, Value

__all__ = ["EVSE_DEVICE_ID", "METER_DEVICE_ID", "identification"]

EVSE_DEVICE_ID = 0x100
METER_DEVICE_ID = 0x101

_UNITS = range(1, 248)

_FIXED: Final[Mapping[Register, Value]] = MappingProxyType(
    {
        VENDOR_ID: 0xCF05_0000,
        PRODUCT_ID: 1,
        PRODUCT_VERSION: 0x0100,
        PRODUCT_BUILD: 0,
        MAPPING_VERSION: 0x0100,
        PADDING_1: 0,
        NAME: "cFos Power Brain Controller",
    }
)


def identification(
    device_id: int, serial: str, unit: int, flash: Flash, common: Flash
) -> tuple[Cell, ...]:
    """
    The registers that all devices have.

    @param unit: its unit id as it is delivered.
    @param flash: the device's own.
    @param common: where it is kept how often the whole box has started.
    """
    said = {**_FIXED, DEVICE_ID: device_id, SERIAL_NO: serial}
    return (
        *(Cell(register, partial(_constant, value)) for register, value in said.items()),
        kept(flash, SLAVE_ID, unit, _UNITS),
        kept(common, COUNT_RESTART, 0),
    )


def _constant(value: Value) -> Value:
    return value
