"""Charging profiles as a Central System's JSON has them."""

from __future__ import annotations

from typing import Any

__all__ = ["tx_profile"]


def tx_profile(amps: float, **changed: Any) -> dict[str, Any]:
    """
    A TxProfile that allows so much from the start of the transaction on. [A]

    @param changed: fields that are otherwise, or there too.
    """
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": amps}],
        },
        **changed,
    }
