"""What is wrong with an EVSE, in OCPP's words for it."""

from __future__ import annotations

from cfos_cm.v16.core import ChargePointErrorCode

__all__ = ["error_of"]

#: Parts of a device's own words, the first that is found counts.
_WORDS = (
    ("residual", ChargePointErrorCode.GROUND_FAILURE),
    ("ground", ChargePointErrorCode.GROUND_FAILURE),
    ("insulation", ChargePointErrorCode.GROUND_FAILURE),
    ("lock", ChargePointErrorCode.CONNECTOR_LOCK_FAILURE),
    ("over-current", ChargePointErrorCode.OVER_CURRENT_FAILURE),
    ("overcurrent", ChargePointErrorCode.OVER_CURRENT_FAILURE),
    ("over-voltage", ChargePointErrorCode.OVER_VOLTAGE),
    ("overvoltage", ChargePointErrorCode.OVER_VOLTAGE),
    ("under-voltage", ChargePointErrorCode.UNDER_VOLTAGE),
    ("undervoltage", ChargePointErrorCode.UNDER_VOLTAGE),
    ("contactor", ChargePointErrorCode.POWER_SWITCH_FAILURE),
    ("relay", ChargePointErrorCode.POWER_SWITCH_FAILURE),
    ("meter", ChargePointErrorCode.POWER_METER_FAILURE),
    ("reader", ChargePointErrorCode.READER_FAILURE),
    ("temperature", ChargePointErrorCode.HIGH_TEMPERATURE),
)
_CODES = {code.value.casefold(): code for code in ChargePointErrorCode}


def error_of(fault: str) -> tuple[ChargePointErrorCode, str]:
    """
    What an EVSE's words for its fault mean.

    One that can mean several things, as F of a Power Brain, is an C{OtherError}; what it said
    goes with it in any case.

    @return: the code of OCPP, and the device's own one: all of C{fault} before a colon.
    """
    own, _, _ = fault.partition(":")
    words = fault.casefold()
    found = _CODES.get(words, ChargePointErrorCode.NO_ERROR)
    if found is not ChargePointErrorCode.NO_ERROR:
        return found, own.strip()
    for part, code in _WORDS:
        if part in words:
            return code, own.strip()
    return ChargePointErrorCode.OTHER_ERROR, own.strip()
