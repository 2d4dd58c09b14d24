"""
What is allowed in C{tap.cfg} and hardly meant: warnings about circuits, EVSEs and meters.

They are about sections without a mistake: every name leads somewhere, and no circuit feeds
itself.
"""

from __future__ import annotations

from attrs import frozen

from cfos_cm.electrical import (
    ALL_PHASES,
    NO_CURRENT,
    NOMINAL_VOLTAGE_V,
    Phase,
    PhaseCurrents,
    amps_text,
    power_text,
)
from cfos_cm.services.config.options import Findings
from cfos_cm.services.config.sections import CircuitSection, EvseSection, MeterSection
from cfos_cm.services.config.tree import loads, main_fuses, parents_first
from cfos_cm.services.config.words import OnDisable
from cfos_cm.site.evse import ChargingMode
from cfos_cm.site.meter import MeterRole

__all__ = ["Wired", "warn_of_wiring"]


@frozen
class Wired:
    """The sections that load management is about, and what a disabled EVSE is left with."""

    circuits: tuple[CircuitSection, ...]
    meters: tuple[MeterSection, ...]
    evses: tuple[EvseSection, ...]
    on_disable: OnDisable


def warn_of_wiring(site: Wired, found: Findings) -> None:
    """Note what is hardly meant so."""
    _warn_of_fallback(site, found)
    _warn_of_idle_evses(site, found)
    _warn_of_surplus(site, found)
    _warn_of_meters(site, found)


@frozen
class _Fallback:
    """
    What EVSEs draw on a phase when nobody tells them anything.

    @ivar evses: how many do.
    @ivar current_ma: all together. [mA]
    """

    evses: int = 0
    current_ma: int = 0

    def __add__(self, other: _Fallback) -> _Fallback:
        return _Fallback(self.evses + other.evses, self.current_ma + other.current_ma)


def _warn_of_fallback(site: Wired, found: Findings) -> None:
    """Which fuses do not carry what EVSEs draw when this program is gone."""
    fallbacks = _fallbacks(site)
    beside = loads(
        site.circuits,
        site.meters,
        lambda one: one.assumed_load if one.failsafe_load is None else one.failsafe_load,
    )
    for circuit in site.circuits:
        text = _overload(circuit, fallbacks[circuit.name], beside[circuit.name])
        if text is not None:
            found.about(circuit, "", text)


def _fallbacks(site: Wired) -> dict[str, dict[Phase, _Fallback]]:
    """By circuit and phase."""
    sums = {one.name: dict.fromkeys(ALL_PHASES, _Fallback()) for one in site.circuits}
    for evse in site.evses:
        released = not evse.enabled and site.on_disable is OnDisable.CANCEL_LIMITS
        current_ma = evse.max_current_ma if released else evse.failsafe_current_ma
        if current_ma:
            for phase in evse.phases:
                sums[evse.circuit][phase] += _Fallback(1, current_ma)
    for circuit in reversed(list(parents_first(site.circuits))):
        if circuit.parent is not None:
            for phase in ALL_PHASES:
                sums[circuit.parent][phase] += sums[circuit.name][phase]
    return sums


def _overload(
    circuit: CircuitSection, fallbacks: dict[Phase, _Fallback], load: PhaseCurrents
) -> str | None:
    """What is above the fuse on the phase that is the worst; C{None}: nothing."""

    def excess_ma(phase: Phase) -> int:
        return fallbacks[phase].current_ma + load[phase] - circuit.max_current[phase]

    phase = max(
        (one for one in ALL_PHASES if fallbacks[one].evses), key=excess_ma, default=None
    )
    if phase is None or excess_ma(phase) <= 0:
        return None
    count = fallbacks[phase].evses
    who = f"{count} EVSE{'s' if count > 1 else ''}"
    draw = f"{amps_text(fallbacks[phase].current_ma)} on {phase} of {circuit.name}"
    beside = f" beside a load of {amps_text(load[phase])}" if load[phase] else ""
    fuse = amps_text(circuit.max_current[phase])
    return (
        f"if this program is gone, {who} may draw {draw}{beside}, and its fuse is {fuse}: "
        "look at failsafe_current"
    )


@frozen
class _Left:
    """
    The most that there can ever be for an EVSE, and the circuit where that is so.

    @ivar phases: on each phase, with the circuit. [mA]
    @ivar power: on all of them, with the circuit; C{None}: no circuit says it. [W]
    """

    phases: dict[Phase, tuple[int, str]]
    power: tuple[int, str] | None


def _warn_of_idle_evses(site: Wired, found: Findings) -> None:
    """Which EVSEs never charge, because their least current never fits."""
    left = _left(site)
    for evse in site.evses:
        phases = evse.phases[:1] if evse.phase_switching else evse.phases
        most = left[evse.circuit]
        most_ma, circuit, phase = min((*most.phases[one], one) for one in phases)
        least_w = evse.least_ma * len(phases) * NOMINAL_VOLTAGE_V // 1000
        if most_ma < evse.least_ma:
            needs, has = amps_text(evse.least_ma), amps_text(max(0, most_ma))
            where = f"{phase} of {circuit}"
        elif most.power is not None and most.power[0] < least_w:
            needs, has = power_text(least_w), power_text(max(0, most.power[0]))
            where = most.power[1]
        else:
            continue
        found.about(
            evse, "", f"never charges: it needs {needs}, and {where} has {has} at most for it"
        )


def _left(site: Wired) -> dict[str, _Left]:
    """By circuit; what a meter has to say is taken for nothing."""
    beside = loads(site.circuits, site.meters, lambda _: NO_CURRENT)
    found: dict[str, _Left] = {}
    for circuit in parents_first(site.circuits):
        load = beside[circuit.name]
        usable = circuit.settings().usable - load
        phases = {phase: (usable[phase], circuit.name) for phase in ALL_PHASES}
        powers = []
        if circuit.max_power_w is not None:
            load_w = load.total() * NOMINAL_VOLTAGE_V // 1000
            powers.append((circuit.max_power_w - load_w, circuit.name))
        if circuit.parent is not None:
            above = found[circuit.parent]
            phases = {phase: min(phases[phase], above.phases[phase]) for phase in ALL_PHASES}
            powers += [] if above.power is None else [above.power]
        found[circuit.name] = _Left(phases, min(powers, default=None))
    return found


def _warn_of_surplus(site: Wired, found: Findings) -> None:
    """Behind which main fuses no meter says what would be fed into the grid."""
    main = main_fuses(site.circuits)
    generating = {
        main[one.circuit].name
        for one in site.meters
        if one.role is MeterRole.GENERATION and one.circuit is not None
    }
    waiting: dict[str, int] = {}
    for evse in site.evses:
        if evse.mode is ChargingMode.SURPLUS:
            name = main[evse.circuit].name
            waiting[name] = waiting.get(name, 0) + 1
    for circuit in site.circuits:
        count = waiting.get(circuit.name)
        if count and circuit.meter is None and circuit.name not in generating:
            who = f"{count} EVSE{'s' if count > 1 else ''}"
            text = (
                "is missing: a meter of role grid here, or one of role generation behind this "
                f"fuse, tells of a surplus, and without it {who} of that mode cannot charge"
            )
            found.about(circuit, "meter", text)


def _warn_of_meters(site: Wired, found: Findings) -> None:
    """Which meters are read for nothing."""
    named = {one.meter for one in site.circuits}
    for meter in site.meters:
        if meter.role is MeterRole.GRID and meter.name not in named:
            found.about(meter, "role", f"is of no use: no circuit has meter = {meter.name}")
