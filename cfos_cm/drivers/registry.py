"""The drivers by the name that C{type} has in tap.cfg."""

from __future__ import annotations

__all__ = ["EVSE_TYPES", "METER_TYPES"]

#: Types of EVSE that this version can steer.
EVSE_TYPES = ("ocpp16",)
#: Types of meter that this version can read.
METER_TYPES: tuple[str, ...] = ()
