"""
What a connection to the grid would feed into it, steady enough to charge by.

The meter of a main fuse and those of EVSEs look at different moments: a car that has just begun
to charge is seen by the one and not yet by the other, as if the sun had gone. So the middle of
what was found lately counts, which nothing moves that is soon over. And what is handed out
follows it in steps, because each of them is an order to a car.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from attrs import evolve, frozen

from cfos_cm.electrical import NOMINAL_VOLTAGE_V, watts_to_milliamps
from cfos_cm.limits.loads import METER_PATIENCE_S
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse
from cfos_cm.site.meter import Meter, MeterRole
from cfos_cm.site.state import SiteState

__all__ = [
    "UNKNOWN",
    "WINDOW_S",
    "FeedIn",
    "Reading",
    "phases_charged_with",
    "read",
    "summed_draw_ma",
]

#: So far back goes what the middle is taken of. It is blind for half of that, which has to be
#: longer than the slowest usual meter (10 s) is late. [s]
WINDOW_S = 24.0

#: Meters that speak more often are not listened to each time. [s]
_SAMPLE_S = 0.9

#: A difference of so much is followed soon: 160 W. [mA]
_STEP_MA = 700
#: So long after the last change a fall is followed. [s]
_FALL_S = 5.0
#: So long after the last change a rise is. [s]
_RISE_S = 30.0
#: So long after it any difference is, so that nothing is left lying for ever. [s]
_DRIFT_S = 120.0

#: What flows into the grid for what flows through a meter.
_SIGNS = {MeterRole.GENERATION: 1, MeterRole.CONSUMPTION: -1}


@frozen
class Reading:
    """
    What meters say of a connection to the grid.

    @ivar at_s: when it was true. [s]
    @ivar power_ma: what flows into the grid, summed over the phases as such meters do it;
        negative: out of it. [mA at nominal voltage]
    """

    at_s: float
    power_ma: int


@frozen
class FeedIn:
    """
    What one connection would feed in if the cars that charge by surplus did not.

    @ivar free_ma: the steady figure, summed over the phases; negative: it would not;
        C{None}: nobody knows. [mA]
    @ivar changed_s: when that was another. [s]
    @ivar found: what was found lately, with when, the oldest first. [s, mA]
    """

    free_ma: int | None = None
    changed_s: float = -inf
    found: tuple[tuple[float, int], ...] = ()

    def after(self, reading: Reading | None, drawn_ma: int, now_s: float) -> FeedIn:
        """
        What is known a moment later; itself if it is the same.

        @param reading: C{None}: the meters say nothing.
        @param drawn_ma: what those cars draw now, summed over their phases. [mA]
        """
        if reading is None or now_s - reading.at_s > METER_PATIENCE_S:
            return self if self == UNKNOWN else UNKNOWN
        if self.found and reading.at_s < self.found[-1][0] + _SAMPLE_S:
            return self
        recent = [one for one in self.found if one[0] > reading.at_s - WINDOW_S]
        found = (*recent, (reading.at_s, reading.power_ma + drawn_ma))
        middle_ma = sorted(power_ma for _, power_ma in found)[(len(found) - 1) // 2]
        if not self._is_followed(middle_ma, now_s):
            return evolve(self, found=found)
        return FeedIn(middle_ma, now_s, found)

    def _is_followed(self, middle_ma: int, now_s: float) -> bool:
        """Whether the steady figure is to be another now."""
        if self.free_ma is None:
            return True
        risen_ma = middle_ma - self.free_ma
        waited_s = now_s - self.changed_s
        if risen_ma >= _STEP_MA:
            return waited_s >= _RISE_S
        if risen_ma <= -_STEP_MA:
            return waited_s >= _FALL_S
        return risen_ma != 0 and waited_s >= _DRIFT_S


UNKNOWN = FeedIn()


def phases_charged_with(evse: Evse, phases: Mapping[str, int]) -> int:
    """What is said in C{phases} of an EVSE; else all that it is wired to."""
    return phases.get(evse.name, len(evse.settings.phases))


def summed_draw_ma(evse: Evse, phases: Mapping[str, int]) -> int:
    """
    What an EVSE's car draws now, as its meter says; without one, what it was granted.

    @param phases: how many EVSEs charge with, where that is known.
    @return: summed over the phases. [mA]
    """
    # The sign only says which way round a transformer is mounted.
    if evse.power_w:
        return watts_to_milliamps(abs(evse.power_w), 1)
    if evse.measured is not None:
        # A meter that tells no power was last known to see none when nothing flowed.
        return evse.measured.map(abs).total()
    if evse.power_w is not None:
        return 0
    return evse.granted_ma * phases_charged_with(evse, phases)


def read(state: SiteState, main: CircuitSettings, phases: Mapping[str, int]) -> Reading | None:
    """
    What meters say of the connection that C{main} is the fuse of.

    Its own meter, or else those of all generation and consumption behind it, and what is
    assumed besides.

    @param phases: how many EVSEs charge with, where that is known.
    @return: C{None}: it has no such meters, or one of them is silent.
    """
    if main.meter is not None:
        meter = state.meters.get(main.meter)
        power_ma = None if meter is None else _power_ma(meter)
        return None if meter is None or power_ma is None else Reading(meter.at_s, -power_ma)
    return _balance(state, main, phases)


def _balance(
    state: SiteState, main: CircuitSettings, phases: Mapping[str, int]
) -> Reading | None:
    behind = {name for name in state.circuits if state.path(name)[-1].name == main.name}
    meters = [
        meter
        for meter in state.meters.values()
        if meter.settings.circuit in behind and meter.settings.role in _SIGNS
    ]
    if all(meter.settings.role is MeterRole.CONSUMPTION for meter in meters):
        return None
    measured = {
        meter.settings.circuit
        for meter in meters
        if meter.settings.role is MeterRole.CONSUMPTION
    }
    power_ma = -sum(state.circuits[name].assumed_load.total() for name in behind - measured)
    power_ma -= sum(
        summed_draw_ma(evse, phases)
        for evse in state.evses.values()
        if evse.settings.circuit in behind
    )
    for meter in meters:
        flow_ma = _power_ma(meter)
        if flow_ma is None:
            return None
        power_ma += _SIGNS[meter.settings.role] * flow_ma
    return Reading(min(meter.at_s for meter in meters), power_ma)


def _power_ma(meter: Meter) -> int | None:
    """
    What flows through a meter, summed over the phases.

    @return: C{None}: it does not say. [mA]
    """
    if not meter.is_read:
        return None
    if meter.power_w is not None:
        # Many meters give currents without a sign.
        return meter.power_w * 1000 // NOMINAL_VOLTAGE_V
    return None if meter.currents is None else meter.currents.total()
