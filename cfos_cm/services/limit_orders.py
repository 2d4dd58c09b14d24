"""What consoles can ask of a running manager about limits from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial

from cfos_cm.limits.outside import evses_in, minimum_w
from cfos_cm.services.control_socket import Command, CommandRefused
from cfos_cm.services.outside_limits import LimitRefused, OutsideLimits, Standing
from cfos_cm.services.said import Said, text_said
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState

__all__ = ["MINIMUM", "least_power_w", "limit_orders"]

#: In the place of a power: the least that the operator of the grid may leave the circuit.
MINIMUM = "minimum"


def limit_orders(limits: OutsideLimits, state: Callable[[], SiteState]) -> dict[str, Command]:
    """
    The commands, by name.

    C{limit} (circuit, power_w, by; all_loads, until) and C{lift} (circuit, by) answer with the
    C{limit}, with C{limits} none is needed to be said and all C{limits} in force are answered.
    Times are ISO 8601 with a zone.

    @param state: the site as it is now.
    """
    return {
        "limit": partial(_limit, limits, state),
        "lift": partial(_lift, limits),
        "limits": partial(_list, limits, state),
    }


async def _limit(
    limits: OutsideLimits, state: Callable[[], SiteState], said: Said
) -> Mapping[str, object]:
    circuit = text_said(said, "circuit")
    power_w = said.get("power_w")
    if power_w == MINIMUM:
        power_w = least_power_w(state(), circuit)
    if not isinstance(power_w, int) or isinstance(power_w, bool):
        raise CommandRefused(f"power_w: must be a whole number of watts, or {MINIMUM!r}")
    all_loads = said.get("all_loads", False)
    if not isinstance(all_loads, bool):
        raise CommandRefused("all_loads: must be true or false")
    by, until = text_said(said, "by"), _moment(said, "until")
    limit = OutsideLimit(circuit, by, power_w, not all_loads, until)
    standing = await limits.limit(limit)
    return {"limit": _shown(standing), "observe_only": state().observe_only}


async def _lift(limits: OutsideLimits, said: Said) -> Mapping[str, object]:
    circuit, by = text_said(said, "circuit"), text_said(said, "by")
    return {"limit": _shown(await limits.lift(circuit, by, "it was lifted"))}


async def _list(
    limits: OutsideLimits, state: Callable[[], SiteState], said: Said
) -> Mapping[str, object]:
    return {
        "limits": [_shown(standing) for standing in limits.in_force],
        "observe_only": state().observe_only,
    }


def least_power_w(state: SiteState, circuit: str) -> int:
    """
    The least that the operator of the grid may leave a circuit. [W]

    @raise LimitRefused: if the circuit feeds nothing that has a minimum.
    """
    if circuit not in state.circuits:
        # Whoever takes the limit says that there is no such circuit, and which there are.
        return 0
    count = sum(evse.settings.enabled for evse in evses_in(state, circuit))
    if not count:
        raise LimitRefused(f"{circuit} feeds no EVSE that is enabled: there is no minimum")
    return minimum_w(count)


def _moment(said: Said, name: str) -> datetime | None:
    value = said.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None and moment.utcoffset() is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise CommandRefused(f"{name}: must be a time with a zone, such as 2030-12-31T23:59Z")


def _shown(standing: Standing) -> dict[str, object]:
    proof, limit = standing.proof, standing.proof.limit
    moments = {
        "until": limit.until,
        "asked_at": proof.asked_at,
        "met_at": proof.met_at,
        "ended_at": proof.ended_at,
    }
    return {
        "circuit": limit.circuit,
        "by": limit.by,
        "max_power_w": limit.max_power_w,
        "all_loads": not limit.evses_only,
        "booked_w": proof.booked_w,
        "measured_w": proof.measured_w,
        "why_not_stored": standing.why_not_stored,
        **{name: moment and moment.isoformat() for name, moment in moments.items()},
    }
