"""
Which status a connector may have after which. OCPP 1.6, "Status Notification".

Not every change of a device is one of these steps: where one is missing, the statuses between
are told too, so that a backend that counts by them is never led astray.
"""

from __future__ import annotations

from collections.abc import Mapping

from cfos_cm.v16.core import ChargePointStatus

__all__ = ["TRANSITIONS", "route"]

_AVAILABLE = ChargePointStatus.AVAILABLE
_PREPARING = ChargePointStatus.PREPARING
_CHARGING = ChargePointStatus.CHARGING
_SUSPENDED_EV = ChargePointStatus.SUSPENDED_EV
_SUSPENDED_EVSE = ChargePointStatus.SUSPENDED_EVSE
_FINISHING = ChargePointStatus.FINISHING
_RESERVED = ChargePointStatus.RESERVED
_UNAVAILABLE = ChargePointStatus.UNAVAILABLE
_FAULTED = ChargePointStatus.FAULTED

_POWERED = frozenset({_CHARGING, _SUSPENDED_EV, _SUSPENDED_EVSE})
_FROM_POWERED = _POWERED | {_AVAILABLE, _FINISHING, _UNAVAILABLE, _FAULTED}

#: The specification's table, rows A to I.
TRANSITIONS: Mapping[ChargePointStatus, frozenset[ChargePointStatus]] = {
    _AVAILABLE: _POWERED | {_PREPARING, _RESERVED, _UNAVAILABLE, _FAULTED},
    _PREPARING: _POWERED | {_AVAILABLE, _FINISHING, _FAULTED},
    _CHARGING: _FROM_POWERED - {_CHARGING},
    _SUSPENDED_EV: _FROM_POWERED - {_SUSPENDED_EV},
    _SUSPENDED_EVSE: _FROM_POWERED - {_SUSPENDED_EVSE},
    _FINISHING: frozenset({_AVAILABLE, _PREPARING, _UNAVAILABLE, _FAULTED}),
    _RESERVED: frozenset({_AVAILABLE, _PREPARING, _UNAVAILABLE, _FAULTED}),
    _UNAVAILABLE: _POWERED | {_AVAILABLE, _PREPARING, _FAULTED},
    _FAULTED: frozenset(ChargePointStatus) - {_FAULTED},
}

#: What may be told on the way, the likeliest first.
_BETWEEN = (_PREPARING, _FINISHING, _AVAILABLE)


def route(before: ChargePointStatus, after: ChargePointStatus) -> tuple[ChargePointStatus, ...]:
    """
    What is told when C{before} was told last and C{after} is so: that, and maybe one between.
    """
    if before is after or after in TRANSITIONS[before]:
        return (after,)
    for between in _BETWEEN:
        if between in TRANSITIONS[before] and after in TRANSITIONS[between]:
            return between, after
    raise AssertionError(f"no way from {before} to {after}")
