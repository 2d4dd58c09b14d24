"""What happens on the site, told in plain words."""

from __future__ import annotations

from twisted.logger import Logger

from cfos_cm.electrical import amps_text, power_text
from cfos_cm.site.events import (
    BackendSpoke,
    CircuitLimited,
    CircuitLimitMet,
    CircuitOverdrawn,
    CircuitReleased,
    DeviceBooted,
    EvseConnected,
    EvseLimited,
    EvseLost,
    EvseMeasured,
    EvseUnproven,
    FailsafeAssumed,
    LimitsCancelled,
    MeterLost,
    MeterMeasured,
    OccupancyReported,
    ProfilesMeddled,
    SetpointConfirmed,
    SetpointDecided,
    SetpointFailed,
    SettingsChanged,
    SiteEvent,
    TagJudged,
    TransactionJudged,
    TransactionResumed,
    TransactionStarted,
    TransactionStopped,
)
from cfos_cm.site.evse import NOT_ASKED, Evse, Link, Occupancy
from cfos_cm.site.state import SiteState
from cfos_cm.site.tag import Verdict, shortened
from cfos_cm.site.transaction import ANONYMOUS, Transaction

__all__ = ["Journal", "counted", "describe"]

#: A running charge is mentioned each time that it has taken this much more. [Wh]
_ENERGY_STEP_WH = 500

# Short, for it stands at the beginning of each line of the console.
_log = Logger(namespace="cfos_cm")

_OCCUPANCY_TEXT = {
    Occupancy.FREE: "is free",
    Occupancy.PLUGGED: "a car is plugged in",
    Occupancy.CHARGING: "the car charges",
    Occupancy.UNAVAILABLE: "is out of service",
    Occupancy.FAULTED: "is faulted",
    Occupancy.UNKNOWN: "state unknown",
}

_VERDICT_TEXT = {
    Verdict.ACCEPTED: "accepted",
    Verdict.BLOCKED: "refused (blocked)",
    Verdict.EXPIRED: "refused (expired)",
    Verdict.INVALID: "refused (invalid: not on the list, or marked so)",
}

#: A device's own word for it can say more.
_DETAIL_TEXT = {
    "SuspendedEV": "the car takes no current",
    "SuspendedEVSE": "the car waits for current",
    "Finishing": "has finished; the car is still plugged in",
}


def describe(event: SiteEvent, before: SiteState, after: SiteState) -> str | None:
    """
    One line about C{event} for a person, or C{None} if it is not worth one.
    """
    if isinstance(event, EvseMeasured):
        return None if before is after else _measured(event, before, after)
    if isinstance(event, SettingsChanged):
        return _settings(event)
    if isinstance(event, TagJudged):
        card = shortened(event.id_tag)
        return f"{event.place}: card {card} is {_VERDICT_TEXT[event.verdict]}"
    if isinstance(event, MeterMeasured | MeterLost):
        return None if before is after else _meter(event, before)
    if isinstance(event, CircuitLimited | CircuitReleased | CircuitLimitMet):
        return _outside_limit(event)
    if isinstance(event, CircuitOverdrawn):
        return (
            f"{event.circuit}: phase {event.phase} carries {amps_text(event.by_ma)} more than "
            f"its fuse is made for; the most ever: {amps_text(event.highest_ma)}"
        )
    was, now = before.evses.get(event.evse), after.evses.get(event.evse)
    if was is None or now is None:
        return None
    said = _charging(event, was, now) or _device(event, was)
    return None if said is None else f"{event.evse}: {said}"


def _meter(event: MeterMeasured | MeterLost, before: SiteState) -> str | None:
    was_read = before.meters[event.meter].is_read
    match event:
        case MeterLost(meter=meter, why=why) if was_read:
            return f"meter {meter} is silent: {why}"
        case MeterMeasured(meter=meter) if not was_read:
            return f"meter {meter} is read"
        case _:
            return None


def _outside_limit(event: CircuitLimited | CircuitReleased | CircuitLimitMet) -> str:
    match event:
        case CircuitLimited(limit=limit):
            what = "its EVSEs" if limit.evses_only else "all that it draws"
            until = f" until {limit.until:%Y-%m-%d %H:%M} UTC" if limit.until else ""
            power = power_text(limit.max_power_w)
            return f"{limit.circuit}: {limit.by} limits {what} to {power}{until}"
        case CircuitReleased(circuit=circuit, by=by, why=why):
            return f"{circuit}: the limit of {by} has ended: {why}"
        case CircuitLimitMet(circuit=circuit, by=by, booked_w=booked_w):
            return f"{circuit}: the limit of {by} is kept, with {power_text(booked_w)} at most"


def _settings(event: SettingsChanged) -> str:
    mode = "observes only and sets nothing" if event.observe_only else "is on"
    return (
        f"{event.title or 'site'}: {counted(len(event.evses), 'EVSE')} on "
        f"{counted(len(event.circuits), 'circuit')}; load management {mode}"
    )


def counted(number: int, noun: str) -> str:
    """How many there are: C{1 EVSE}, C{2 EVSEs}."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _device(event: SiteEvent, was: Evse) -> str | None:
    match event:
        case EvseConnected(origin=origin):
            return f"connected, from {origin}"
        case EvseUnproven():
            return (
                "has not confirmed anything since it may have forgotten its limit: all that it "
                "can draw is kept for it"
            )
        case EvseLost(why=why) if was.link is Link.ONLINE:
            return f"connection lost: {why}"
        case DeviceBooted(identity=device):
            firmware = (
                f", firmware {device.firmware_version}" if device.firmware_version else ""
            )
            return f"has started: {device.vendor} {device.model}{firmware}"
        case FailsafeAssumed(current_ma=current_ma):
            return (
                f"away for so long that it is taken to give {amps_text(current_ma)} by itself"
            )
        case LimitsCancelled(why=None):
            return "has confirmed that it obeys no limit any more"
        case LimitsCancelled(why=why):
            return f"has NOT confirmed that it obeys no limit any more: {why}"
        case EvseLimited(by=by, current_ma=None):
            return f"{by} limits it no more"
        case EvseLimited(by=by, current_ma=int(limit_ma)):
            return f"{by} allows it {amps_text(limit_ma)}"
        case ProfilesMeddled(by=by):
            return f"what it was told has been changed by {by}: it is told again"
        case SetpointConfirmed(setpoint=setpoint) if was.confirmed is None or (
            was.confirmed.current_ma != setpoint.current_ma
        ):
            return f"has confirmed {amps_text(setpoint.current_ma)}"
        case SetpointFailed(setpoint=setpoint, why=why):
            return f"did NOT take {amps_text(setpoint.current_ma)}: {why}"
        case _:
            return None


def _charging(event: SiteEvent, was: Evse, now: Evse) -> str | None:
    match event:
        case OccupancyReported(occupancy=occupancy, detail=detail, fault=fault):
            if occupancy is was.occupancy and fault == was.fault:
                return None
            text = _DETAIL_TEXT.get(detail, _OCCUPANCY_TEXT[occupancy])
            return f"{text} ({fault or detail})"
        case TransactionStarted(transaction=transaction):
            return f"transaction {transaction.transaction_id} has begun, {_whose(transaction)}"
        case TransactionResumed(transaction=transaction):
            return f"transaction {transaction.transaction_id} goes on"
        case TransactionStopped(energy_wh=energy_wh, reason=reason, transaction_id=number):
            energy = "energy unknown" if energy_wh is None else f"{energy_wh / 1000:.2f} kWh"
            return f"finished: {energy}, transaction {number} ({reason})"
        case TransactionJudged(transaction_id=number, verdict=verdict) if now != was:
            return f"the card of transaction {number} is {_VERDICT_TEXT[verdict]}"
        case BackendSpoke(objection=None) if was.backend_objection in (None, NOT_ASKED):
            return None
        case BackendSpoke(objection=objection) if now != was:
            return f"its billing backend {objection or 'lets it charge again'}"
        case SetpointDecided(setpoint=setpoint) if _is_news(was, now):
            return f"may have {setpoint}"
        case _:
            return None


def _whose(transaction: Transaction) -> str:
    if transaction.id_tag == ANONYMOUS:
        return "nobody was asked who charges"
    return f"card {shortened(transaction.id_tag)}"


def _is_news(was: Evse, now: Evse) -> bool:
    if now.link is not Link.ONLINE or now.target is None:
        return False
    if was.target is None or was.target.current_ma != now.target.current_ma:
        return now.transaction is not None or was.target is not None
    return now.transaction is not None and was.target.reason != now.target.reason


def _measured(event: EvseMeasured, before: SiteState, after: SiteState) -> str | None:
    if event.energy_wh is None:
        return None
    now = after.evses[event.evse]
    if now.transaction is None:
        return None
    said = _energy(now.transaction, before.evses[event.evse].energy_wh, event.energy_wh)
    if said is None:
        return None
    drawn = "" if now.measured is None else f", draws {amps_text(now.measured.maximum())}"
    return f"{event.evse}: {said} so far{drawn}"


def _energy(transaction: Transaction, earlier_wh: int | None, now_wh: int) -> str | None:
    """What has been taken, when that is another half kWh."""
    taken_wh = now_wh - transaction.meter_start_wh
    # The reading before may be from before the transaction.
    before_wh = 0 if earlier_wh is None else max(0, earlier_wh - transaction.meter_start_wh)
    if taken_wh <= 0 or taken_wh // _ENERGY_STEP_WH == before_wh // _ENERGY_STEP_WH:
        return None
    return f"{taken_wh / 1000:.2f} kWh"


class Journal:
    """Writes the lines into the log."""

    def note(self, event: SiteEvent, before: SiteState, after: SiteState) -> None:
        """An observer of the control loop."""
        line = describe(event, before, after)
        if line is None:
            return
        if not line.isprintable():
            # Parts of it are a wallbox's own words: those end no line and move no cursor.
            line = "".join(char if char.isprintable() else "?" for char in line)
        if isinstance(event, SetpointFailed):
            _log.warn("{line}", line=line)
        else:
            _log.info("{line}", line=line)
