"""
What has to be true of a whole C{tap.cfg}, beyond each option by itself.

Each check notes what is wrong and leaves the rest to the others; a check that needs an option
with a mistake in it passes over, so that one mistake is reported once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cfos_cm.drivers.registry import EVSE_MAKERS, METER_MAKERS, OCPP16
from cfos_cm.electrical import ALL_PHASES, amps_text
from cfos_cm.services.config.certificate_checks import (
    certificates_have_keys,
    simulators_need_tls,
)
from cfos_cm.services.config.configuration import Config
from cfos_cm.services.config.gateway_checks import GATEWAY_CHECKS
from cfos_cm.services.config.meter_checks import (
    circuits_have_grid_meters,
    evses_are_really_measured,
    evses_have_one_meter,
    meters_have_places,
)
from cfos_cm.services.config.options import Findings, Option, Section, did_you_mean, options_of
from cfos_cm.services.config.sections import (
    CircuitSection,
    EvseSection,
    MeterSection,
)
from cfos_cm.services.config.values import CHARGE_BOX_IDENTITY
from cfos_cm.services.config.words import SimulatorType

__all__ = ["CHECKS", "files_are_there"]

Check = Callable[[Config, Findings], None]


def references_exist(config: Config, found: Findings) -> None:
    """Every circuit, meter and EVSE that is named somewhere is there."""
    names = {
        "circuit": [one.name for one in config.circuits],
        "meter": [one.name for one in config.meters],
        "evse": [one.name for one in config.evses],
    }
    for section, option in _options(config, lambda one: bool(one.kind.refers_to)):
        kind, name = option.kind.refers_to, getattr(section, option.attribute)
        if name and section.sound(option.name) and name not in names[kind]:
            near = did_you_mean(name, names[kind])
            found.about(section, option.name, f"must be {option.kind.allowed}{near}")


def _options(
    config: Config, wanted: Callable[[Option], bool]
) -> Iterator[tuple[Section, Option]]:
    for section in config.sections:
        for option in options_of(type(section)):
            if wanted(option):
                yield section, option


def needs_a_circuit(config: Config, found: Findings) -> None:
    """Every EVSE has a circuit, its own or the only one that there is."""
    for evse in config.evses:
        # The only circuit has been put in its place, if it has a name that can be used.
        if evse.circuit or not evse.sound("circuit") or len(config.circuits) == 1:
            continue
        if config.circuits:
            names = ", ".join(one.name for one in config.circuits[:10])
            allowed = f"is missing, and there are several: must be one of {names}"
        else:
            allowed = "is missing: write a section [circuit NAME] with max_current, the fuse"
        found.about(evse, "circuit", allowed)


def circuits_have_an_end(config: Config, found: Findings) -> None:
    """No circuit feeds itself, over however many others."""
    by_name = {one.name: one for one in config.circuits}
    done: set[str] = set()
    for circuit in config.circuits:
        way: dict[str, CircuitSection] = {}
        one: CircuitSection | None = circuit
        while one is not None and one.name not in done and one.name not in way:
            way[one.name] = one
            one = by_name.get(one.parent) if one.parent else None
        if one is not None and one.name in way:
            names = list(way)
            _report_ring([way[name] for name in names[names.index(one.name) :]], found)
        done |= way.keys()


def _report_ring(ring: list[CircuitSection], found: Findings) -> None:
    first = min(ring, key=lambda one: one.origin.lines["parent"])
    start = ring.index(first)
    names = [one.name for one in (*ring[start:], *ring[: start + 1])]
    shown = [*names[:10], "…", names[-1]] if len(names) > 12 else names
    allowed = f"must not be fed by this circuit itself: {' <- '.join(shown)}"
    found.about(first, "parent", allowed)


def circuit_currents(config: Config, found: Findings) -> None:
    """A circuit's reserve leaves something of its fuse on each phase."""
    for one in config.circuits:
        if not one.sound("max_current", "reserve"):
            continue
        weakest = min(ALL_PHASES, key=one.max_current.__getitem__)
        rating_ma = one.max_current[weakest]
        if one.reserve_ma >= rating_ma:
            differs = rating_ma < one.max_current.maximum()
            fuse = amps_text(rating_ma) + (f" on {weakest}" if differs else "")
            found.about(one, "reserve", f"must be less than max_current, {fuse}")


def evse_currents(config: Config, found: Findings) -> None:
    """An EVSE's minimum, maximum and fail-safe current fit each other."""
    for one in config.evses:
        if not one.sound("min_current", "max_current"):
            continue
        least, most = amps_text(one.min_current_ma), amps_text(one.max_current_ma)
        if one.max_current_ma < one.min_current_ma:
            if "max_current" in one.origin.lines:
                found.about(one, "max_current", f"must not be less than min_current, {least}")
            else:
                found.about(one, "min_current", f"must not be more than max_current, {most}")
        elif one.sound("failsafe_current") and not _fits(one):
            found.about(one, "failsafe_current", f"must be 0, or from {least} to {most}")


def _fits(evse: EvseSection) -> bool:
    failsafe_ma = evse.failsafe_current_ma
    return failsafe_ma == 0 or evse.min_current_ma <= failsafe_ma <= evse.max_current_ma


def evse_steps(config: Config, found: Findings) -> None:
    """One of the currents that an EVSE can be set to is one that it may give."""
    for one in config.evses:
        if not one.sound("min_current", "max_current", "current_steps"):
            continue
        lowest_ma = one.current_steps.at_least(one.min_current_ma)
        if one.min_current_ma <= one.max_current_ma and (
            lowest_ma is None or lowest_ma > one.max_current_ma
        ):
            least, most = amps_text(one.min_current_ma), amps_text(one.max_current_ma)
            allowed = f"must have a current from min_current, {least}, to max_current, {most}"
            found.about(one, "current_steps", allowed)


def switching_needs_phases(config: Config, found: Findings) -> None:
    """Only an EVSE with three phases can be told to charge with one of them."""
    for one in config.evses:
        if one.sound("phases", "phase_switching") and one.phase_switching:
            count = len(one.phases)
            if count < 3:
                allowed = (
                    f"must be no: only three phases can be switched, and phases has {count}"
                )
                found.about(one, "phase_switching", allowed)


def addresses_fit_types(config: Config, found: Findings) -> None:
    """Every device's address is of the form that its type asks for, and is there."""
    for evse in config.evses:
        if evse.sound("type", "address"):
            maker = EVSE_MAKERS.of(evse.type)
            wrong = None if maker is None else maker.objection(evse.device())
            if wrong is not None:
                found.about(evse, "address", f"must be {wrong}")
        if evse.parameters and evse.sound("type") and evse.type in EVSE_MAKERS.built_in:
            found.about(evse, "parameters", f"must be empty: type {evse.type} takes none")
    for meter in config.meters:
        if meter.sound(*(one.name for one in options_of(type(meter)))):
            _check_meter(meter, config.folder, found)
    for one in config.simulators:
        if one.type is SimulatorType.POWER_BRAIN and one.sound("type", "url", "address"):
            is_told = "url" in one.origin.lines and one.address is None
            if is_told:
                allowed = "needs an address, the ChargeBox ID: without one there is no OCPP"
                found.about(one, "url", allowed)
        is_needed = one.type is SimulatorType.CHARGE_POINT and one.sound("type", "address")
        if is_needed and one.address is None:
            found.about(one, "address", f"is missing; must be {CHARGE_BOX_IDENTITY.allowed}")


def _check_meter(meter: MeterSection, folder: str, found: Findings) -> None:
    maker = METER_MAKERS.of(meter.type)
    wrong = None if maker is None else maker.objection(meter.device(folder))
    if wrong is not None:
        option, words = wrong
        missing = "" if option in meter.origin.lines else "is missing; "
        found.about(meter, option, f"{missing}must be {words}")


def evses_are_different(config: Config, found: Findings) -> None:
    """No two EVSEs are the same connector of the same device."""
    seen: dict[tuple[str, str, int], EvseSection] = {}
    for evse in config.evses:
        if not evse.sound("type", "address", "connector", "unit"):
            continue
        by_ocpp = evse.type == OCPP16
        number, word = (evse.connector, "connector") if by_ocpp else (evse.unit, "unit")
        first = seen.setdefault((evse.type, evse.address, number), evse)
        if first is not evse:
            place = f"[{first.origin.heading}], line {first.origin.line}"
            allowed = f"with {word} {number} is taken by {place}: must be another {word}"
            found.about(evse, "address", f"{allowed} or another address")


def one_password_each(config: Config, found: Findings) -> None:
    """A Charge Point says one password for all of its connectors."""
    first: dict[str, EvseSection] = {}
    for evse in config.evses:
        if evse.type != OCPP16 or not evse.sound("type", "address", "password"):
            continue
        if evse.password is None:
            continue
        other = first.setdefault(evse.address, evse)
        if other.password != evse.password:
            place = f"[{other.origin.heading}], line {other.origin.line}"
            allowed = f"must be that of {place}: it is the same wallbox, or be left out"
            found.about(evse, "password", allowed)


def files_are_there(config: Config, found: Findings, is_file: Callable[[str], bool]) -> None:
    """
    Every certificate and key that is named is there.

    @param is_file: whether a path is a file that can be read.
    """
    for section, option in _options(config, lambda one: one.kind.is_file):
        value = getattr(section, option.attribute)
        for name in (value,) if isinstance(value, str) else value or ():
            if name not in option.kind.no_files and not is_file(config.located(name)):
                allowed = f"is no file that can be read; sought at {config.located(name)}"
                found.about(section, option.name, allowed, name)


CHECKS: tuple[Check, ...] = (
    references_exist,
    needs_a_circuit,
    circuits_have_an_end,
    circuit_currents,
    evse_currents,
    evse_steps,
    switching_needs_phases,
    meters_have_places,
    circuits_have_grid_meters,
    evses_have_one_meter,
    evses_are_really_measured,
    addresses_fit_types,
    evses_are_different,
    one_password_each,
    certificates_have_keys,
    simulators_need_tls,
    *GATEWAY_CHECKS,
)
