"""How an EVSE is shown: a pure function of what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter

from attrs import field, fields, frozen
from msgspec import structs

from cfos_cm.drivers.registry import OCPP16
from cfos_cm.electrical import PhaseCurrents, amps_text
from cfos_cm.services.config.device_sections import EvseSection
from cfos_cm.services.config.words import OnDisable
from cfos_cm.services.console_words import printable
from cfos_cm.services.web import site_answers as answers
from cfos_cm.services.web.site_answers import Currents
from cfos_cm.site.evse import DeviceIdentity, Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.measured import Measured
from cfos_cm.site.setpoint import Reason, ReasonCode, Setpoint
from cfos_cm.site.tag import shortened
from cfos_cm.site.transaction import ANONYMOUS, Transaction

__all__ = ["Beside", "currents_of", "evse_view", "renewed_view"]

_LINKS: dict[Link, answers.LinkWord] = {
    Link.NEVER: "never",
    Link.ONLINE: "online",
    Link.LOST: "lost",
}

_OCCUPANCIES: dict[Occupancy, answers.OccupancyWord] = {
    Occupancy.UNKNOWN: "unknown",
    Occupancy.FREE: "free",
    Occupancy.PLUGGED: "plugged",
    Occupancy.CHARGING: "charging",
    Occupancy.UNAVAILABLE: "unavailable",
    Occupancy.FAULTED: "faulted",
}

_CODES = {code: code.name.lower() for code in ReasonCode}

_NOT_TO_BE_RELEASED = answers.Release(state="none", why=None)


@frozen
class Beside:
    """
    What belongs to an EVSE and is no part of what the site knows of it.

    Two are equal only if they are of the very same section: whoever reads the file again makes
    new ones.

    @ivar section: what is configured for it; C{None}: the site is a moment behind the file.
    @ivar on_disable: what those are left with that are disabled.
    @ivar detail: its own word for what its car does.
    @ivar refusal: why it has not dropped its limits.
    @ivar is_paused: an operator has paused it.
    @ivar gateways: where it is shown to backends.
    @ivar exceeds: its meter says that it draws more than it was told.
    @ivar is_observed: nothing is ordered.
    @ivar is_meter_silent: it has a meter apart, which is not read.
    """

    section: EvseSection | None = field(default=None, eq=id)
    on_disable: OnDisable = OnDisable.BLOCK
    detail: str | None = None
    refusal: str | None = None
    is_paused: bool = False
    gateways: tuple[answers.EvseGateway, ...] = ()
    exceeds: bool = False
    is_observed: bool = False
    is_meter_silent: bool = False


def evse_view(evse: Evse, beside: Beside) -> answers.Evse:
    """An EVSE as it is shown."""
    settings, section, meter = evse.settings, beside.section, evse.meter
    return answers.Evse(
        name=settings.name,
        circuit=settings.circuit,
        enabled=settings.enabled,
        type="" if section is None else section.type,
        address="" if section is None else section.address,
        connector=1 if section is None else section.connector,
        unit=1 if section is None else section.unit,
        priority=settings.priority,
        charging_mode=settings.mode.value,
        min_current_ma=settings.min_current_ma,
        max_current_ma=settings.max_current_ma,
        phases=tuple(phase.value for phase in settings.phases),
        on_disable=beside.on_disable.value,
        link=_LINKS[evse.link],
        occupancy=_OCCUPANCIES[evse.occupancy],
        detail=_said(beside.detail),
        fault=_said(evse.fault),
        identity=None if evse.identity is None else _device(evse.identity),
        charge_point=_charge_point(section),
        setpoint=None if evse.target is None else _set_to(evse.target, settings),
        confirmed_ma=None if evse.confirmed is None else evse.confirmed.current_ma,
        may_draw_ma=evse.may_draw_ma,
        currents_ma=None if meter.currents is None else currents_of(meter.currents),
        power_w=meter.power_w,
        energy_wh=meter.energy_wh,
        session_wh=_taken_wh(evse.transaction, meter),
        transaction=_started(evse.transaction),
        limits=tuple(
            answers.ChargeLimit(by=printable(by), current_ma=limit_ma)
            for by, limit_ma in evse.outside_ma.items()
        ),
        paused=beside.is_paused,
        release=_release(evse, beside),
        gateways=beside.gateways,
        warnings=tuple(_warnings(evse, beside)),
    )


def renewed_view(view: answers.Evse, was: Evse, now: Evse) -> answers.Evse | None:
    """
    How an EVSE is shown whose meter has spoken, and of which nothing else is known that was not
    when C{view} was made of C{was}.

    @return: C{None} where there is anything else.
    """
    if _all_but_the_meter(was) != _all_but_the_meter(now):
        return None
    meter = now.meter
    return structs.replace(
        view,
        currents_ma=None if meter.currents is None else currents_of(meter.currents),
        power_w=meter.power_w,
        energy_wh=meter.energy_wh,
        session_wh=_taken_wh(now.transaction, meter),
    )


_all_but_the_meter = attrgetter(*[one.name for one in fields(Evse) if one.name != "meter"])


def currents_of(currents: PhaseCurrents) -> Currents:
    """One on each phase. [mA]"""
    return currents.l1_ma, currents.l2_ma, currents.l3_ma


def _said(text: str | None) -> str | None:
    """A device's own words, or nothing."""
    return printable(text) if text else None


def _device(identity: DeviceIdentity) -> answers.Device:
    return answers.Device(
        vendor=printable(identity.vendor),
        model=printable(identity.model),
        serial_number=_said(identity.serial_number),
        firmware_version=_said(identity.firmware_version),
    )


def _charge_point(section: EvseSection | None) -> str | None:
    return section.address if section is not None and section.type == OCPP16 else None


def _set_to(setpoint: Setpoint, settings: EvseSettings) -> answers.SetTo:
    return answers.SetTo(
        current_ma=setpoint.current_ma,
        phases=len(settings.phases) if setpoint.phases is None else setpoint.phases,
        reason=_reason(setpoint.reason),
    )


def _reason(reason: Reason) -> answers.SetReason:
    return answers.SetReason(
        code=_CODES[reason.code],
        text=printable(reason.text),
        circuit=reason.circuit,
        phase=None if reason.phase is None else reason.phase.value,
    )


def _started(transaction: Transaction | None) -> answers.Started | None:
    if transaction is None:
        return None
    id_tag = transaction.id_tag
    return answers.Started(
        id=transaction.transaction_id,
        id_tag=id_tag if id_tag == ANONYMOUS else printable(shortened(id_tag)),
        verdict=transaction.verdict.value,
        started_at=transaction.started_at,
    )


def _taken_wh(transaction: Transaction | None, meter: Measured) -> int | None:
    if transaction is None or meter.energy_wh is None:
        return None
    if meter.energy_wh < transaction.meter_start_wh:
        # A register that went back is another one.
        return None
    return meter.energy_wh - transaction.meter_start_wh


def _release(evse: Evse, beside: Beside) -> answers.Release:
    if not evse.is_left_alone:
        return _NOT_TO_BE_RELEASED
    if evse.released:
        return answers.Release(state="confirmed", why=None)
    if beside.refusal is None:
        return answers.Release(state="pending", why=None)
    return answers.Release(state="refused", why=printable(beside.refusal))


def _warnings(evse: Evse, beside: Beside) -> Iterator[answers.EvseWarning]:
    name = evse.settings.name
    if evse.link is Link.LOST and evse.transaction is not None:
        kept = amps_text(evse.may_draw_ma)
        yield _warning(
            "link_lost", f"{name} is out of reach while a transaction runs: {kept} are kept"
        )
    if evse.link is Link.ONLINE and not beside.is_observed:
        yield from _order_warnings(evse, beside)
    if evse.occupancy is Occupancy.FAULTED:
        fault = printable(evse.fault or "no code given")
        yield _warning("faulted", f"{name} reports a fault: {fault}")
    if beside.is_meter_silent:
        yield _warning("meter_silent", f"the meter of {name} is silent")
    if evse.settings.needs_backend and evse.backend_objection is not None:
        said = printable(evse.backend_objection)
        yield _warning("backend_objection", f"the billing backend of {name} {said}")
    if evse.is_left_alone and not evse.released and beside.refusal is not None:
        why = printable(beside.refusal)
        yield _warning("release_refused", f"{name} has not dropped its limits: {why}")


def _order_warnings(evse: Evse, beside: Beside) -> Iterator[answers.EvseWarning]:
    """It does not do what it is told, or nobody knows whether it does."""
    name, kept = evse.settings.name, amps_text(evse.may_draw_ma)
    if evse.is_left_alone:
        return
    if beside.exceeds:
        yield _warning("disobedient", f"{name} draws more than it was told")
    elif evse.disobedient and evse.unsure:
        yield _warning(
            "unsure",
            f"{name} has not confirmed anything since it may have forgotten its limit: {kept} "
            "are kept for it",
        )
    elif evse.disobedient:
        yield _warning(
            "disobedient", f"{name} did not take its last order: {kept} are kept for it"
        )


def _warning(code: str, text: str) -> answers.EvseWarning:
    return answers.EvseWarning(code=code, text=text)
