"""
Limits from outside: what a grid operator leaves at least, and whether what he asked for is met.

In Germany § 14a EnWG, with the rules of the Bundesnetzagentur for it (BK6-22-300), lets the
operator of a grid lower what devices of customers draw, and says to how much at least.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf

from cfos_cm.electrical import NOMINAL_VOLTAGE_V, PhaseCurrents
from cfos_cm.site.evse import Evse, Occupancy
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState

__all__ = ["MINIMUM_W", "evses_in", "measured_w", "met", "minimum_w"]

#: What one device is left at least. [W]
MINIMUM_W = 4200

#: How much of that is added for each further one, when a system divides it among them: they do
#: not all draw at once. By how many they are in all, from two on; for more, the last. [%]
_SIMULTANEITY_PERCENT = (80, 75, 70, 65, 60, 55, 50, 45)


def minimum_w(evses: int) -> int:
    """
    What the operator of the grid leaves some EVSEs together at least. [W]

    P_min = 4.2 kW + (n - 1) · simultaneity factor · 4.2 kW

    @param evses: how many, at least one.
    @raise ValueError: for fewer.
    """
    if evses < 1:
        raise ValueError(f"there is no minimum for {evses} EVSEs")
    if evses == 1:
        return MINIMUM_W
    percent = _SIMULTANEITY_PERCENT[min(evses - 2, len(_SIMULTANEITY_PERCENT) - 1)]
    # 1 % of 4.2 kW is a whole number of watts.
    return MINIMUM_W + (evses - 1) * (MINIMUM_W * percent // 100)


def evses_in(state: SiteState, circuit: str) -> Iterator[Evse]:
    """
    All EVSEs that a circuit feeds, also by way of others.

    @return: none for a circuit that is not there.
    """
    inside: dict[str, bool] = {}
    for evse in state.evses.values():
        own = evse.settings.circuit
        if own not in inside:
            inside[own] = any(one.name == circuit for one in state.path(own))
        if inside[own]:
            yield evse


def met(
    state: SiteState,
    booked_ma: Mapping[str, int],
    limit: OutsideLimit,
    *,
    load_w: int = 0,
    phases: Mapping[str, int] | None = None,
) -> int | None:
    """
    Whether all that may be drawn is within a limit.

    @param booked_ma: what each EVSE may draw at most; who is left out draws nothing. [mA per
        phase]
    @param load_w: what the circuit carries besides our EVSEs, negative where it feeds in;
        counts where the limit is for all that it draws. [W]
    @param phases: on how many phases an EVSE draws, where that is known to be less than it has.
    @return: what may be drawn at most, when that is within the limit, else C{None}; at nominal
        voltage and rounded up. [W]
    """
    known = {} if phases is None else phases
    together_ma = sum(
        booked_ma.get(evse.name, 0) * known.get(evse.name, len(evse.settings.phases))
        for evse in evses_in(state, limit.circuit)
    )
    booked_w = _watts(together_ma) + (0 if limit.evses_only else load_w)
    return booked_w if booked_w <= limit.max_power_w else None


def measured_w(state: SiteState, limit: OutsideLimit, since_s: float = -inf) -> int | None:
    """
    What is drawn now of what a limit is for, as far as meters know it.

    @param since_s: what was measured before says nothing, by the control loop's clock. [s]
    @return: C{None} where some of it is not measured. [W]
    """
    if limit.evses_only:
        return _measured_evses_w(state, limit.circuit, since_s)
    circuit = state.circuits.get(limit.circuit)
    meter = None if circuit is None else state.meters.get(circuit.meter or "")
    if meter is None or not meter.is_read or meter.at_s < since_s:
        return None
    if meter.power_w is not None or meter.currents is None:
        return meter.power_w
    return _watts(_summed_ma(meter.currents))


def _measured_evses_w(state: SiteState, circuit: str, since_s: float) -> int | None:
    total_w = 0
    for evse in evses_in(state, circuit):
        drawn_w = _drawn_w(evse)
        is_new = evse.meter.at_s >= since_s
        stands_still = drawn_w == 0 and evse.occupancy is not Occupancy.CHARGING
        if drawn_w is not None and (is_new or stands_still):
            total_w += drawn_w
        elif evse.may_draw_ma:
            return None
    return total_w


def _drawn_w(evse: Evse) -> int | None:
    # The sign only says which way round a transformer is mounted.
    power_w = None if evse.power_w is None else abs(evse.power_w)
    if evse.measured is None:
        return power_w
    # A meter that tells only one of them may have told the other when it was less.
    return max(power_w or 0, _watts(_summed_ma(evse.measured.map(abs))))


def _summed_ma(currents: PhaseCurrents) -> int:
    return currents.l1_ma + currents.l2_ma + currents.l3_ma


def _watts(summed_ma: int) -> int:
    """What a current, summed over its phases, is at nominal voltage, rounded up. [W]"""
    return -(-summed_ma * NOMINAL_VOLTAGE_V // 1000)
