"""What consoles can ask of a running manager about its Charge Points and their security."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from attrs import asdict

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.commands.operator import Operator
from cfos_cm.central_system.connected import ConnectedChargePoint
from cfos_cm.errors import CfosError
from cfos_cm.services.charge_point_office import (
    ChargePointOffice,
    EventArchive,
    KnownChargePoint,
)
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
    office = ChargePointOffice(central_system, operator, events)
    return {
        "charge-points": partial(_charge_points, office),
        "security-events": partial(_events, office),
        "allow-profile": partial(_allow, office),
        "raise-profile": partial(_raise, office),
        "renew-certificate": partial(_renew, office),
        "change-password": partial(_change_password, office),
    }


async def _charge_points(office: ChargePointOffice, said: Said) -> Answer:
    if "identity" in said:
        one = office.one(text_said(said, "identity"))
        # What others tell has to be looked at for each name, which is not for all at once.
        names = office.central_system.roster.certificate_names(one.identity)
        named = {"certificate_names": [printable(name) for name in names]}
        return {"charge_points": [{**_shown(one), **named}]}
    return {"charge_points": [_shown(one) for one in office.all()]}


async def _events(office: ChargePointOffice, said: Said) -> Answer:
    limit = number_said(said, "limit", 1, MAX_EVENTS)
    found = await office.events_of(text_said(said, "identity"), limit)
    return {"events": [_event(one) for one in found]}


async def _allow(office: ChargePointOffice, said: Said) -> Answer:
    profile = SecurityProfile(number_said(said, "profile", 0, SecurityProfile.TLS.value))
    allowed: list[str] = []
    refused: dict[str, str] = {}
    for text in _identities(said):
        try:
            allowed.append(await office.allow(text, profile))
        except CfosError as error:
            refused[office.central_system.find(text)] = str(error)
    return {"allowed": allowed, "refused": refused}


async def _raise(office: ChargePointOffice, said: Said) -> Answer:
    profile = SecurityProfile(
        number_said(said, "profile", 1, SecurityProfile.CERTIFICATE.value)
    )
    status = await office.raise_profile(text_said(said, "identity"), profile)
    return {"status": status.value}


async def _renew(office: ChargePointOffice, said: Said) -> Answer:
    status = await office.renew_certificate(text_said(said, "identity"))
    return {"status": status.value}


async def _change_password(office: ChargePointOffice, said: Said) -> Answer:
    change = await office.change_password(text_said(said, "identity"))
    # A secret goes no further than it is asked to.
    shown = {"key": change.key} if said.get("show") is True and change.key else {}
    return {"status": change.status.value, **shown}


def _shown(one: KnownChargePoint) -> dict[str, object]:
    evses = {} if one.settings is None else one.settings.evses
    return {
        "identity": printable(one.identity),
        "is_configured": one.settings is not None,
        "evses": {str(number): evse.name for number, evse in evses.items()},
        "device": None if one.device is None else asdict(one.device),
        "highest_profile": one.highest_profile.value,
        "asks_password": one.asks_password,
        "connection": None if one.connection is None else _connection(one.connection),
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
