"""How many charging profiles a virtual wallbox has room for, and how far ahead it tells."""

from __future__ import annotations

from cfos_cm.limits.schedules.composite import Outlook
from cfos_cm.limits.schedules.objections import Bounds
from cfos_cm.limits.schedules.ocpp16 import to_charging_schedule
from cfos_cm.limits.schedules.profile import RateUnit
from cfos_cm.v16.types import ChargingSchedule

__all__ = [
    "BOUNDS",
    "MAX_COMPOSITE_S",
    "MAX_PERIODS",
    "MAX_PROFILES",
    "MAX_STACK_LEVEL",
    "composite_schedule",
]

#: What small wallboxes have room for.
MAX_PROFILES = 20
MAX_PERIODS = 24
MAX_STACK_LEVEL = 10
BOUNDS = Bounds(MAX_PROFILES, MAX_PERIODS, MAX_STACK_LEVEL)

#: Nobody plans further. [s]
MAX_COMPOSITE_S = 86_400


def composite_schedule(
    outlook: Outlook, connector: int, from_s: int, duration_s: int, unit: RateUnit
) -> ChargingSchedule:
    """
    What the wallbox expects to allow, in at most L{MAX_PERIODS} periods.

    @param connector: one that it has, or 0.
    @param from_s: [s since 1970]
    @param duration_s: of which at most L{MAX_COMPOSITE_S} are told. [s]
    """
    duration_s = min(duration_s, MAX_COMPOSITE_S)
    return to_charging_schedule(
        outlook.composite_schedule(connector, from_s, duration_s, unit, MAX_PERIODS)
    )
