"""How the site is shown: a pure function of what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from math import inf

from attrs import field, frozen

from cfos_cm.electrical import (
    ALL_PHASES,
    NO_CURRENT,
    NOMINAL_VOLTAGE_V,
    PhaseCurrents,
    amps_text,
)
from cfos_cm.limits.capacity import capacity_ma
from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.loads import METER_PATIENCE_S
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.settling import drawn_ma
from cfos_cm.services.certificate_watch import CertificateReport
from cfos_cm.services.config import Config
from cfos_cm.services.console_words import printable
from cfos_cm.services.web import site_answers as answers
from cfos_cm.services.web.evse_view import currents_of
from cfos_cm.services.web.site_answers import Currents
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, Occupancy
from cfos_cm.site.meter import Meter, MeterRole
from cfos_cm.site.state import SiteState

__all__ = ["AroundSite", "flow_view", "meter_is_silent", "site_view"]


@frozen
class AroundSite:
    """
    What belongs to the site and is no part of what the control loop knows.

    @ivar config: the settings.
    @ivar version: of this program.
    @ivar now: the time of day; aware, UTC.
    @ivar started_at: when the site began to run; aware, UTC.
    @ivar urls: what wallboxes are told.
    @ivar cycle_ms: how long the last decision took; C{None}: there was none. [ms]
    @ivar longest_cycle_ms: how long the longest one took. [ms]
    @ivar waiting_charge_points: how many ask to be let in.
    @ivar gateways: as they are shown.
    @ivar certificates: how each stands.
    @ivar unserved: what of the settings is not in force; empty: nothing.
    """

    config: Config
    version: str
    now: datetime
    started_at: datetime
    urls: tuple[str, ...] = ()
    cycle_ms: float | None = None
    longest_cycle_ms: float | None = None
    waiting_charge_points: int = 0
    gateways: tuple[answers.Gateway, ...] = ()
    certificates: tuple[CertificateReport, ...] = field(default=())
    unserved: str = ""


def site_view(state: SiteState, memory: Memory, around: AroundSite) -> answers.Site:
    """The site as it is shown."""
    server = around.config.ocpp_server
    return answers.Site(
        title=state.title,
        version=around.version,
        mode="observe" if state.observe_only else "on",
        now=around.now,
        started_at=around.started_at,
        cycle_ms=around.cycle_ms,
        longest_cycle_ms=around.longest_cycle_ms,
        ocpp_server=answers.OcppServer(
            port=server.port,
            interface=server.interface,
            tls=server.tls.value,
            urls=around.urls,
        ),
        flow=flow_view(state, memory),
        circuits=_circuits(state, memory),
        meters=tuple(_meter(state, one) for one in state.meters.values()),
        charging=sum(1 for one in state.evses.values() if one.occupancy is Occupancy.CHARGING),
        waiting_charge_points=around.waiting_charge_points,
        warnings=tuple(_warnings(state, memory, around)),
    )


# Where power flows


def flow_view(state: SiteState, memory: Memory) -> answers.Flow:
    """Where power flows."""
    grid_w, generation_w = _grid_w(state, memory), _generation_w(state, memory)
    chargers_w, all_known = _chargers_w(state)
    has_generator = any(
        one.settings.role is MeterRole.GENERATION for one in state.meters.values()
    )
    house_w = None
    if grid_w is not None and all_known and not (has_generator and generation_w is None):
        # What was not measured at the same moment may seem to be less than nothing.
        house_w = max(0, grid_w + (generation_w or 0) - (chargers_w or 0))
    return answers.Flow(
        grid_w=grid_w, house_w=house_w, generation_w=generation_w, chargers_w=chargers_w
    )


def _grid_w(state: SiteState, memory: Memory) -> int | None:
    total_w = 0
    mains = [circuit for circuit in state.circuits.values() if circuit.parent is None]
    for circuit in mains:
        meter = None if circuit.meter is None else state.meters.get(circuit.meter)
        if meter is None or circuit.name in memory.loads.doubts:
            return None
        power_w = None if meter_is_silent(meter, memory) else _power_w(meter)
        if power_w is None:
            return None
        total_w += power_w
    return total_w if mains else None


def _generation_w(state: SiteState, memory: Memory) -> int | None:
    meters = [one for one in state.meters.values() if one.settings.role is MeterRole.GENERATION]
    known = [None if meter_is_silent(one, memory) else _power_w(one) for one in meters]
    found = [one for one in known if one is not None]
    return sum(found) if meters and len(found) == len(meters) else None


def _chargers_w(state: SiteState) -> tuple[int | None, bool]:
    """What EVSEs draw as far as it is measured, and whether that is all."""
    total_w, is_measured, is_all = 0, False, True
    for evse in state.evses.values():
        power_w = _drawn_w(evse)
        if power_w is not None:
            total_w += power_w
            is_measured = True
        elif _may_charge(evse):
            is_all = False
    return (total_w if is_measured or is_all else None), is_all


def _may_charge(evse: Evse) -> bool:
    return evse.transaction is not None or evse.occupancy is Occupancy.CHARGING


def _drawn_w(evse: Evse) -> int | None:
    meter = evse.meter
    if meter.power_w is not None:
        # The sign only says which way round a transformer is mounted.
        return abs(meter.power_w)
    return None if meter.currents is None else _watts(_magnitudes(meter.currents).total())


def _power_w(meter: Meter) -> int | None:
    """What a meter shows, with its sign. [W]"""
    if meter.power_w is not None or meter.currents is None:
        return meter.power_w
    return _watts(meter.currents.total())


def _watts(summed_ma: int) -> int:
    """What a current, summed over its phases, is at nominal voltage. [W]"""
    return round(summed_ma * NOMINAL_VOLTAGE_V / 1000)


def _magnitudes(currents: PhaseCurrents) -> PhaseCurrents:
    return PhaseCurrents(abs(currents.l1_ma), abs(currents.l2_ma), abs(currents.l3_ma))


def meter_is_silent(meter: Meter, memory: Memory) -> bool:
    """Whether nobody decides by what it has said, as it was found at the last look."""
    return not meter.is_read or memory.now_s - meter.at_s > METER_PATIENCE_S


# Circuits and meters


def _circuits(state: SiteState, memory: Memory) -> tuple[answers.Circuit, ...]:
    drawn = _drawn_in_circuits(state)
    # Before the first decision, and for a moment after a change of the settings.
    is_known = memory.state.circuits is state.circuits
    left = capacity_ma(state, memory) if is_known else {}
    return tuple(
        _circuit(state, memory if is_known else None, circuit, drawn[circuit.name], left)
        for circuit in state.circuits.values()
    )


def _circuit(
    state: SiteState,
    memory: Memory | None,
    circuit: CircuitSettings,
    drawn: PhaseCurrents,
    left_ma: Mapping[Constraint, int],
) -> answers.Circuit:
    beside = None if memory is None else memory.loads.of(circuit.name)
    cooling = NO_CURRENT if memory is None else memory.overdrafts.derating(circuit.name)
    usable = circuit.usable
    if memory is not None:
        usable = circuit.usable_keeping(memory.kept(circuit))
    return answers.Circuit(
        name=circuit.name,
        parent=circuit.parent,
        max_current_ma=currents_of(circuit.max_current),
        reserve_ma=circuit.reserve_ma,
        usable_ma=currents_of(usable),
        meter=circuit.meter,
        load_ma=None if beside is None else currents_of(beside + drawn),
        evses_ma=currents_of(drawn),
        headroom_ma=None if beside is None else _headroom(circuit.name, drawn, left_ma),
        max_power_w=circuit.max_power_w,
        overdrawn_ma=None if cooling == NO_CURRENT else currents_of(cooling),
        limits=tuple(_circuit_limits(state, circuit.name)),
    )


def _headroom(
    circuit: str, drawn: PhaseCurrents, left_ma: Mapping[Constraint, int]
) -> Currents:
    """What is left for EVSEs beyond what they draw."""
    one, two, three = (
        left_ma[Constraint(circuit, phase)] - drawn[phase] for phase in ALL_PHASES
    )
    return one, two, three


def _drawn_in_circuits(state: SiteState) -> Mapping[str, PhaseCurrents]:
    """What is measured at the EVSEs that each circuit feeds, also by way of others. [mA]"""
    sums = {name: [0, 0, 0] for name in state.circuits}
    paths: dict[str, tuple[str, ...]] = {}
    for evse in state.evses.values():
        drawn = _drawn(evse)
        if drawn is NO_CURRENT:
            continue
        own = evse.settings.circuit
        if own not in paths:
            paths[own] = tuple(one.name for one in state.path(own))
        for name in paths[own]:
            found = sums[name]
            found[0] += drawn.l1_ma
            found[1] += drawn.l2_ma
            found[2] += drawn.l3_ma
    return {name: PhaseCurrents(*found) for name, found in sums.items()}


def _drawn(evse: Evse) -> PhaseCurrents:
    """What its meter sees, or what its power is on all of its phases."""
    currents = evse.meter.currents
    if currents is not None and (currents != NO_CURRENT or not evse.meter.power_w):
        return NO_CURRENT if currents == NO_CURRENT else _magnitudes(currents)
    each_ma = drawn_ma(evse)
    return PhaseCurrents.on(evse.settings.phases, each_ma) if each_ma else NO_CURRENT


def _circuit_limits(state: SiteState, circuit: str) -> Iterator[answers.CircuitLimit]:
    for limit in state.outside_limits.values():
        if limit.circuit == circuit:
            yield answers.CircuitLimit(
                by=printable(limit.by),
                max_power_w=limit.max_power_w,
                all_loads=not limit.evses_only,
                until=limit.until,
            )


def _meter(state: SiteState, meter: Meter) -> answers.Meter:
    settings = meter.settings
    return answers.Meter(
        name=settings.name,
        role=settings.role.value,
        circuit=settings.circuit or _measured_circuit(state, meter.name),
        evse=settings.evse,
        is_read=meter.is_read,
        currents_ma=None if meter.currents is None else currents_of(meter.currents),
        power_w=meter.power_w,
        energy_wh=meter.energy_wh,
    )


def _measured_circuit(state: SiteState, meter: str) -> str | None:
    """The circuit that names it as its meter."""
    for circuit in state.circuits.values():
        if circuit.meter == meter:
            return circuit.name
    return None


# What somebody should look at


def _warnings(
    state: SiteState, memory: Memory, around: AroundSite
) -> Iterator[answers.SiteWarning]:
    if state.observe_only:
        yield _warning("observe_mode", "load management only observes: no current is set")
    if around.unserved:
        yield _warning("not_listening", around.unserved)
    yield from _meter_warnings(state, memory)
    yield from _overdraft_warnings(state, memory)
    yield from _gateway_warnings(around.gateways)
    for one in around.certificates:
        if one.is_warning:
            yield _warning("certificate", printable(str(one)), one.what)


def _meter_warnings(state: SiteState, memory: Memory) -> Iterator[answers.SiteWarning]:
    for name, meter in state.meters.items():
        if meter_is_silent(meter, memory):
            what = "is silent" if meter.at_s > -inf else "has not been read"
            yield _warning("meter_silent", f"meter {name} {what}", name)
    for circuit, doubt in memory.loads.doubts.items():
        settings = state.circuits.get(circuit)
        if settings is not None and settings.meter is not None:
            text = f"meter {settings.meter} of {circuit} is not believed: {doubt.value}"
            yield _warning("meter_doubted", text, settings.meter)


def _overdraft_warnings(state: SiteState, memory: Memory) -> Iterator[answers.SiteWarning]:
    for circuit in state.circuits:
        cooling = memory.overdrafts.derating(circuit)
        for phase in ALL_PHASES:
            if cooling[phase]:
                more = amps_text(cooling[phase])
                text = (
                    f"phase {phase} of {circuit} carried {more} more than its fuse is made for"
                )
                yield _warning("overdraft", text, circuit)


def _gateway_warnings(gateways: Iterable[answers.Gateway]) -> Iterator[answers.SiteWarning]:
    for one in gateways:
        if not one.is_serving:
            text = f"gateway {one.name} is not served by its backend: {one.state}"
            yield _warning("gateway_away", text, one.name)
        if one.dead:
            what = "1 message" if one.dead == 1 else f"{one.dead} messages"
            text = f"the backend of gateway {one.name} does not take {what}"
            yield _warning("dead_letters", text, one.name)


def _warning(code: str, text: str, subject: str = "") -> answers.SiteWarning:
    return answers.SiteWarning(code=code, text=text, subject=subject)
