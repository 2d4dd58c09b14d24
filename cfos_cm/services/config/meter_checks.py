"""What has to be true of the meters in a C{tap.cfg}: each is where its role asks for it."""

from __future__ import annotations

from cfos_cm.drivers.registry import SIMULATED
from cfos_cm.services.config.configuration import Config
from cfos_cm.services.config.options import Findings
from cfos_cm.services.config.sections import MeterSection
from cfos_cm.services.config.values import reference
from cfos_cm.site.meter import MeterRole

__all__ = [
    "circuits_have_grid_meters",
    "evses_are_really_measured",
    "evses_have_one_meter",
    "meters_have_places",
]

#: The option that says where a meter of a role is. A grid meter is named by its circuit.
_PLACES = {
    MeterRole.CONSUMPTION: "circuit",
    MeterRole.GENERATION: "circuit",
    MeterRole.EVSE: "evse",
}


def meters_have_places(config: Config, found: Findings) -> None:
    """A meter says where it is if its role asks for that, and not otherwise."""
    names = {
        "circuit": {one.name for one in config.circuits},
        "evse": {one.name for one in config.evses},
    }
    for meter in config.meters:
        if not meter.sound("role"):
            continue
        needed = _PLACES.get(meter.role)
        for option, place in (("circuit", meter.circuit), ("evse", meter.evse)):
            if not meter.sound(option):
                continue
            if option == needed and place is None:
                need = f"is missing, and role {meter.role} needs it"
                allowed = f"{need}: must be {reference(option).allowed}"
                found.about(meter, option, allowed)
            elif option != needed and place in names[option]:
                found.about(meter, option, f"must be empty{_why_empty(meter, option)}")


def _why_empty(meter: MeterSection, option: str) -> str:
    if meter.role is MeterRole.GRID and option == "circuit":
        return f": a meter of role grid is named by its circuit, as meter = {meter.name}"
    return f", because the role is {meter.role}"


def circuits_have_grid_meters(config: Config, found: Findings) -> None:
    """What a circuit names as its meter measures all that it carries."""
    meters = {one.name: one for one in config.meters}
    for circuit in config.circuits:
        if circuit.meter is None or circuit.meter not in meters:
            continue
        meter = meters[circuit.meter]
        if meter.sound("role") and meter.role is not MeterRole.GRID:
            place = f"[{meter.origin.heading}], line {meter.origin.line}"
            allowed = f"must be a meter of role grid, and {place}, is of role {meter.role}"
            found.about(circuit, "meter", allowed)


def evses_have_one_meter(config: Config, found: Findings) -> None:
    """No two meters say what the same EVSE draws."""
    evses = {one.name for one in config.evses}
    first: dict[str, MeterSection] = {}
    for meter in config.meters:
        if not meter.sound("role", "evse") or meter.role is not MeterRole.EVSE:
            continue
        if meter.evse is None or meter.evse not in evses:
            continue
        other = first.setdefault(meter.evse, meter)
        if other is not meter:
            place = f"[{other.origin.heading}], line {other.origin.line}"
            allowed = f"has a meter already, {place}: must be another EVSE"
            found.about(meter, "evse", allowed)


def evses_are_really_measured(config: Config, found: Findings) -> None:
    """
    What says what an EVSE draws is not made up, and sees each of its phases: fuses would be
    guarded by that.
    """
    evses = {one.name: one for one in config.evses}
    for meter in config.meters:
        is_sound = meter.sound("type", "role", "evse", "phases")
        if not is_sound or meter.role is not MeterRole.EVSE:
            continue
        if meter.type == SIMULATED:
            allowed = "must not be evse: a simulated meter cannot see what an EVSE draws"
            found.about(meter, "role", allowed)
        evse = evses.get(meter.evse or "")
        if evse is None or not evse.sound("phases"):
            continue
        missing = [phase for phase in evse.phases if phase not in meter.phases]
        if missing:
            allowed = (
                f"must have {' '.join(missing)}, too: {evse.name} is wired to "
                f"{' '.join(evse.phases)}"
            )
            found.about(meter, "phases", allowed, " ".join(meter.phases))
