"""All Charge Points in one list: who is there, who is away, who waits, who was refused."""

from __future__ import annotations

from collections.abc import Iterator

from cfos_cm.central_system.refusals import TurnedAway
from cfos_cm.services.charge_point_office import ChargePointOffice, KnownChargePoint
from cfos_cm.services.console_words import printable
from cfos_cm.services.web.charge_point_answers import ListedChargePoint, State
from cfos_cm.services.web.site_answers import Device

__all__ = ["listed"]

_ORDER: tuple[State, ...] = ("waiting", "connected", "away", "refused")


def listed(office: ChargePointOffice) -> tuple[ListedChargePoint, ...]:
    """Those that wait first, then those that are there, away and refused, each by its name."""
    known = [_shown(office, one) for one in office.all()]
    there = {one.identity.casefold() for one in known}
    found = [*known, *_refused(office, there)]
    return tuple(sorted(found, key=lambda one: (_ORDER.index(one.state), one.identity)))


def _shown(office: ChargePointOffice, one: KnownChargePoint) -> ListedChargePoint:
    connection, device = one.connection, one.device
    return ListedChargePoint(
        identity=printable(one.identity),
        state=_state(office, one),
        evses=() if one.settings is None else _names(one),
        origin=None if connection is None else printable(connection.origin),
        since=None if connection is None else connection.connected_at,
        profile=None if connection is None else connection.profile.value,
        is_accepted=connection is not None and connection.is_accepted,
        device=None
        if device is None
        else Device(
            vendor=device.vendor,
            model=device.model,
            serial_number=device.serial_number,
            firmware_version=device.firmware_version,
        ),
        highest_profile=one.highest_profile.value,
        asks_password=one.asks_password,
    )


def _names(one: KnownChargePoint) -> tuple[str, ...]:
    assert one.settings is not None
    return tuple(evse.name for _, evse in sorted(one.settings.evses.items()))


def _state(office: ChargePointOffice, one: KnownChargePoint) -> State:
    if one.connection is None:
        return "away"
    return "connected" if office.central_system.roster.serves(one.identity) else "waiting"


def _refused(office: ChargePointOffice, there: set[str]) -> Iterator[ListedChargePoint]:
    system = office.central_system
    for one in system.refusals.refused:
        if one.identity.casefold() not in there:
            yield _turned_away(one, system.passwords.asks(one.identity))


def _turned_away(one: TurnedAway, asks_password: bool) -> ListedChargePoint:
    return ListedChargePoint(
        identity=printable(one.identity),
        state="refused",
        evses=(),
        origin=printable(one.origin),
        since=one.last_at,
        profile=None,
        is_accepted=False,
        device=None,
        highest_profile=0,
        asks_password=asks_password,
        why=one.why,
        count=one.count,
    )
