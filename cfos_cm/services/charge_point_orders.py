"""What consoles can ask of a running manager about its Charge Points and their security."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.commands.operator import Operator
from cfos_cm.central_system.connected import ConnectedChargePoint
from cfos_cm.errors import CfosError
from cfos_cm.services.console_words import printable
from cfos_cm.services.control_socket import Command, CommandRefused
from cfos_cm.services.said import Said, number_said, text_said
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.storage.security_events import SecurityEvent

__all__ = ["MAX_EVENTS", "MAX_IDENTITIES", "EventArchive", "charge_point_orders"]

#: How many security events are shown at once.
MAX_EVENTS = 200

#: How many Charge Points are named in one command.
MAX_IDENTITIES = 100

Answer = Mapping[str, object]


class EventArchive(Protocol):
    """What Charge Points have said about their security."""

    def of(self, charge_point: str) -> Deferred[tuple[SecurityEvent, ...]]:
        """What one has said, oldest first."""


@frozen
class _Office:
    """Where is asked."""

    central_system: CentralSystem
    operator: Operator
    events: EventArchive


def charge_point_orders(
    central_system: CentralSystem, operator: Operator, events: EventArchive
) -> dict[str, Command]:
    """
    The commands, by name.

    C{charge-points} answers with all C{charge_points} that are configured or connected, or with
    that of C{identity}, and then with the C{certificate_names} that it may have;
    C{security-events} (identity, limit) with its newest C{events}, the newest last;
    C{allow-profile} (identities, profile) with the C{allowed}, and with C{refused}: why not, by
    identity; C{raise-profile} (identity, profile), C{renew-certificate} (identity) and
    C{change-password} (identity, show) with the C{status} that the Charge Point has answered;
    the last one with the new C{key}, when it is to be shown.
    """
    office = _Office(central_system, operator, events)
    return {
        "charge-points": partial(_charge_points, office),
        "security-events": partial(_events, office),
        "allow-profile": partial(_allow, office),
        "raise-profile": partial(_raise, office),
        "renew-certificate": partial(_renew, office),
        "change-password": partial(_change_password, office),
    }


async def _charge_points(office: _Office, said: Said) -> Answer:
    if "identity" in said:
        identity = _known(office, said)
        # What others tell has to be looked at for each name, which is not for all at once.
        names = office.central_system.roster.certificate_names(identity)
        named = {"certificate_names": [printable(one) for one in names]}
        return {"charge_points": [{**_shown(office, identity), **named}]}
    return {"charge_points": [_shown(office, one) for one in _everyone(office)]}


async def _events(office: _Office, said: Said) -> Answer:
    limit = number_said(said, "limit", 1, MAX_EVENTS)
    # Also of one that is not configured any more: that is when somebody may want to know.
    found = await office.events.of(text_said(said, "identity"))
    return {"events": [_event(one) for one in found[-limit:]]}


async def _allow(office: _Office, said: Said) -> Answer:
    profile = SecurityProfile(number_said(said, "profile", 0, SecurityProfile.TLS.value))
    allowed: list[str] = []
    refused: dict[str, str] = {}
    for text in _identities(said):
        identity = office.central_system.find(text)
        why = await _allow_one(office, identity, profile)
        if why is None:
            allowed.append(identity)
        else:
            refused[identity] = why
    return {"allowed": allowed, "refused": refused}


async def _allow_one(office: _Office, identity: str, profile: SecurityProfile) -> str | None:
    """@return: why it is not allowed."""
    try:
        await office.central_system.standings.allow(identity, profile)
    except CfosError as error:
        return str(error)
    return None


async def _raise(office: _Office, said: Said) -> Answer:
    profile = SecurityProfile(
        number_said(said, "profile", 1, SecurityProfile.CERTIFICATE.value)
    )
    status = await office.operator.raise_profile(_known(office, said), profile)
    return {"status": status.value}


async def _renew(office: _Office, said: Said) -> Answer:
    status = await office.operator.renew_certificate(_known(office, said))
    return {"status": status.value}


async def _change_password(office: _Office, said: Said) -> Answer:
    change = await office.operator.change_password(_known(office, said))
    # A secret goes no further than it is asked to.
    shown = {"key": change.key} if said.get("show") is True and change.key else {}
    return {"status": change.status.value, **shown}


def _everyone(office: _Office) -> list[str]:
    system = office.central_system
    connected = {session.identity for session in system.sessions()}
    return sorted(connected.union(system.settings.charge_points))


def _known(office: _Office, said: Said) -> str:
    """@raise CommandRefused: if it names no Charge Point that is configured or connected."""
    identity = office.central_system.find(text_said(said, "identity"))
    everyone = _everyone(office)
    if identity not in everyone:
        there = ", ".join(printable(one) for one in everyone[:20]) or "none"
        more = ", …" if len(everyone) > 20 else ""
        raise CommandRefused(
            f"there is no Charge Point {printable(identity)}; there are: {there}{more}"
        )
    return identity


def _shown(office: _Office, identity: str) -> dict[str, object]:
    system = office.central_system
    session = system.session(identity)
    configured = system.settings.charge_points.get(identity)
    device = system.roster.device_of(identity)
    return {
        "identity": printable(identity),
        "is_configured": configured is not None,
        "evses": {}
        if configured is None
        else {str(number): evse.name for number, evse in configured.evses.items()},
        "device": None
        if device is None
        else {
            "vendor": printable(device.vendor),
            "model": printable(device.model),
            "serial_number": device.serial_number and printable(device.serial_number),
            "firmware_version": device.firmware_version and printable(device.firmware_version),
        },
        "highest_profile": system.standings.of(identity).value,
        "asks_password": system.passwords.asks(identity),
        "connection": None if session is None else _connection(session.charge_point),
    }


def _connection(charge_point: ConnectedChargePoint) -> dict[str, object]:
    return {
        "origin": printable(charge_point.origin),
        "since": _time(charge_point.connected_at),
        "profile": charge_point.profile.value,
        "is_accepted": charge_point.is_accepted,
    }


def _event(event: SecurityEvent) -> dict[str, object]:
    return {
        "kind": printable(event.kind),
        "told_at": printable(event.told_at),
        "tech_info": event.tech_info and printable(event.tech_info),
        "received_at": _time(event.received_at),
    }


def _time(moment: datetime) -> str:
    return moment.isoformat()


def _identities(said: Said) -> list[str]:
    found = said.get("identities")
    if (
        not isinstance(found, list)
        or not found
        or not all(isinstance(one, str) for one in found)
    ):
        raise CommandRefused("identities: must be a list of texts")
    if len(found) > MAX_IDENTITIES:
        raise CommandRefused(
            f"identities: {len(found)} of them; at most {MAX_IDENTITIES} at once"
        )
    return found
