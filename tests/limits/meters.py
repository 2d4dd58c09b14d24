"""Meters, and sites whose circuits have some."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from cfos_cm.electrical import PhaseCurrents, on_each_phase
from cfos_cm.limits.loads import Loads
from cfos_cm.limits.settling import Settling
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse
from cfos_cm.site.measured import Measured
from cfos_cm.site.meter import Meter, MeterRole, MeterSettings
from cfos_cm.site.state import SiteState
from tests.limits.sites import setpoint, site

__all__ = ["Course", "consumer", "drawing", "generator", "grid", "metered", "obeying"]


def grid(currents: PhaseCurrents | int, at_s: float, name: str = "grid") -> Meter:
    """The meter of a whole circuit, and what it showed at a time. [mA, s]"""
    settings = MeterSettings(name, MeterRole.GRID)
    return Meter(settings, is_read=True, currents=on_each_phase(currents), at_s=at_s)


def consumer(currents: PhaseCurrents | int, circuit: str = "main", name: str = "oven") -> Meter:
    """The meter of a load in a circuit, at 0 s. [mA]"""
    settings = MeterSettings(name, MeterRole.CONSUMPTION, circuit)
    return Meter(settings, is_read=True, currents=on_each_phase(currents), at_s=0.0)


def generator(currents: PhaseCurrents | int, circuit: str = "main") -> Meter:
    """The meter of what a roof feeds into a circuit, at 0 s. [mA]"""
    settings = MeterSettings("roof", MeterRole.GENERATION, circuit)
    return Meter(settings, is_read=True, currents=on_each_phase(currents), at_s=0.0)


def obeying(evse: Evse, current_ma: int) -> Evse:
    """The same after it has confirmed another current. [mA]"""
    return evolve(evse, confirmed=setpoint(current_ma), stale=False, unsure=False)


def drawing(evse: Evse, current_ma: int, at_s: float) -> Evse:
    """The same after its meter has told so much on each of its phases. [mA, s]"""
    currents = PhaseCurrents.on(evse.settings.phases, current_ma)
    return evse.with_meter(Measured(currents, at_s=at_s))


def metered(
    circuits: list[CircuitSettings], evses: list[Evse], meters: Iterable[Meter] = ()
) -> SiteState:
    """A site of these."""
    return evolve(site(circuits, evses), meters={meter.name: meter for meter in meters})


class Course:
    """What is known of loads while a site goes through some states."""

    def __init__(self) -> None:
        self.settling = Settling()
        self.loads = Loads()

    def look(self, state: SiteState, now_s: float) -> Course:
        """Look once more. [s]"""
        self.settling = self.settling.after(state, now_s)
        self.loads = self.loads.after(state, self.settling, now_s)
        return self
