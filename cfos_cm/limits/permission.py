"""Rules that forbid charging: a car charges only if every one of them is content."""

from __future__ import annotations

from math import inf

from cfos_cm.electrical import amps_text
from cfos_cm.limits.ceiling import Ceiling, forbidden
from cfos_cm.site.evse import Evse, Link, Occupancy
from cfos_cm.site.setpoint import Reason, ReasonCode
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict

__all__ = [
    "authorised",
    "backend_allows",
    "enabled",
    "meters_known",
    "outside",
    "reachable",
    "ready",
]


def reachable(state: SiteState, evse: Evse) -> Ceiling | None:
    """An EVSE that cannot be told to stop is not told to start."""
    if evse.link is Link.ONLINE:
        return None
    text = f"{evse.name} is not connected"
    return forbidden(ReasonCode.NOT_CONNECTED, text)


def enabled(state: SiteState, evse: Evse) -> Ceiling | None:
    """A device that was deactivated gets nothing, or what the settings leave it."""
    if evse.settings.enabled:
        return None
    reason = Reason(ReasonCode.DISABLED, f"{evse.name} is switched off in the settings")
    return Ceiling(evse.settings.disabled_current_ma, reason)


def ready(state: SiteState, evse: Evse) -> Ceiling | None:
    """A car must be there, and the EVSE in order."""
    match evse.occupancy:
        case Occupancy.FAULTED:
            fault = evse.fault or "no code given"
            return forbidden(ReasonCode.FAULTED, f"{evse.name} reports a fault: {fault}")
        case Occupancy.UNAVAILABLE:
            return forbidden(ReasonCode.FAULTED, f"{evse.name} is out of service")
        case Occupancy.FREE:
            return forbidden(ReasonCode.NO_CAR, "no car is plugged in")
        case _:
            # Not every Charge Point repeats its status after a reconnect: a transaction that
            # runs is word enough that a car is there.
            return None


def authorised(state: SiteState, evse: Evse) -> Ceiling | None:
    """Somebody who may charge must have started a transaction."""
    if evse.transaction is None:
        return forbidden(ReasonCode.NO_TRANSACTION, "nobody has started to charge")
    if evse.transaction.verdict is not Verdict.ACCEPTED:
        verdict = evse.transaction.verdict.value.lower()
        return forbidden(ReasonCode.TAG_REFUSED, f"the tag is {verdict}")
    return None


def backend_allows(state: SiteState, evse: Evse) -> Ceiling | None:
    """What is billed by a backend charges only with its consent."""
    if not evse.settings.needs_backend or evse.backend_objection is None:
        return None
    return forbidden(ReasonCode.BACKEND, f"its billing backend {evse.backend_objection}")


def meters_known(state: SiteState, evse: Evse) -> Ceiling | None:
    """
    A circuit whose meter is silent is not loaded, unless a fail-safe load was given.

    What else the circuit carries is not known then, and not knowing never means that it
    carries nothing.
    """
    for circuit in state.path(evse.settings.circuit):
        if circuit.meter is None or circuit.failsafe_load is not None:
            continue
        meter = state.meters.get(circuit.meter)
        if meter is None or not meter.is_read:
            was_read = meter is not None and meter.at_s > -inf
            what = "is silent" if was_read else "has not been read"
            text = f"meter {circuit.meter} of {circuit.name} {what}"
            return Ceiling(0, Reason(ReasonCode.METER, text, circuit.name))
    return None


def outside(state: SiteState, evse: Evse) -> Ceiling | None:
    """Whoever else has a say allows no more than this; the strictest counts."""
    if not evse.outside_ma:
        return None
    by, limit_ma = min(evse.outside_ma.items(), key=lambda one: (one[1], one[0]))
    return Ceiling(limit_ma, Reason(ReasonCode.OUTSIDE, _outside_words(evse, by, limit_ma)))


def _outside_words(evse: Evse, by: str, limit_ma: int) -> str:
    if limit_ma <= 0:
        return f"paused by {by}"
    text, least_ma = f"{by} allows {amps_text(limit_ma)}", evse.settings.min_current_ma
    if limit_ma >= least_ma:
        return text
    return f"{text}, less than the {amps_text(least_ma)} that it needs"
