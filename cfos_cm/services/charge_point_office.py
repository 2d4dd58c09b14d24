"""Where people ask about Charge Points and their security, from a console or over HTTP."""

from __future__ import annotations

from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.commands.operator import Operator
from cfos_cm.central_system.commands.passwords import PasswordChange
from cfos_cm.central_system.connected import ConnectedChargePoint
from cfos_cm.central_system.settings import ChargePointSettings
from cfos_cm.errors import CfosError
from cfos_cm.services.console_words import printable
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.storage.security_events import SecurityEvent
from cfos_cm.v16.core import ConfigurationStatus
from cfos_cm.v16.remote_trigger import TriggerMessageStatus

__all__ = ["ChargePointOffice", "EventArchive", "KnownChargePoint", "NoSuchChargePoint"]

#: So many are named where there is none of the name that was said.
_NAMED = 20


class NoSuchChargePoint(CfosError):
    """There is no Charge Point of that name; the text is for whoever has said it."""


class EventArchive(Protocol):
    """What Charge Points have said about their security."""

    def of(self, charge_point: str) -> Deferred[tuple[SecurityEvent, ...]]:
        """What one has said, oldest first."""


@frozen
class KnownChargePoint:
    """
    One that is configured or connected.

    @ivar settings: C{None}: it is not configured.
    @ivar device: what it has said of itself, fit to be printed.
    @ivar highest_profile: the highest security profile that it has logged in with.
    @ivar asks_password: whether it has to know a password.
    @ivar connection: C{None}: it is not connected.
    """

    identity: str
    settings: ChargePointSettings | None
    device: DeviceIdentity | None
    highest_profile: SecurityProfile
    asks_password: bool
    connection: ConnectedChargePoint | None


class ChargePointOffice:
    """
    Looks Charge Points up, and has them asked.

    All that names one fails with L{NoSuchChargePoint} where it is neither configured nor
    connected; what asks one fails as the methods of L{Operator} do.
    """

    def __init__(
        self, central_system: CentralSystem, operator: Operator, events: EventArchive
    ) -> None:
        self.central_system = central_system
        self.operator = operator
        self._events = events

    def all(self) -> tuple[KnownChargePoint, ...]:
        """All of them, in the order of their names."""
        return tuple(self._shown(identity) for identity in self._everyone())

    def one(self, text: str) -> KnownChargePoint:
        """The one of a name."""
        return self._shown(self.known(text))

    def known(self, text: str) -> str:
        """The identity of the one that somebody means."""
        identity = self.central_system.find(text)
        everyone = self._everyone()
        if identity not in everyone:
            there = ", ".join(printable(one) for one in everyone[:_NAMED]) or "none"
            more = ", …" if len(everyone) > _NAMED else ""
            raise NoSuchChargePoint(
                f"there is no Charge Point {printable(identity)}; there are: {there}{more}"
            )
        return identity

    async def events_of(self, identity: str, limit: int) -> tuple[SecurityEvent, ...]:
        """
        What a Charge Point has said last about its security, the newest last.

        Also of one that is not configured any more: that is when somebody may want to know.
        """
        return (await self._events.of(identity))[-limit:]

    async def allow(self, text: str, profile: SecurityProfile) -> str:
        """
        Let a Charge Point come with less security than before.

        @return: its identity.
        @raise cfos_cm.errors.LocalProtocolError: if there is none, or it may do that anyhow.
        """
        identity = self.central_system.find(text)
        await self.central_system.standings.allow(identity, profile)
        return identity

    async def raise_profile(self, text: str, profile: SecurityProfile) -> ConfigurationStatus:
        """Have a Charge Point connect more safely; see L{Operator.raise_profile}."""
        return await self.operator.raise_profile(self.known(text), profile)

    async def renew_certificate(self, text: str) -> TriggerMessageStatus:
        """Have one ask for a new certificate; see L{Operator.renew_certificate}."""
        return await self.operator.renew_certificate(self.known(text))

    async def change_password(self, text: str) -> PasswordChange:
        """Give one another password; see L{Operator.change_password}."""
        return await self.operator.change_password(self.known(text))

    def _everyone(self) -> list[str]:
        system = self.central_system
        connected = {session.identity for session in system.sessions()}
        return sorted(connected.union(system.settings.charge_points))

    def _shown(self, identity: str) -> KnownChargePoint:
        system = self.central_system
        session = system.session(identity)
        device = system.roster.device_of(identity)
        return KnownChargePoint(
            identity,
            system.settings.charge_points.get(identity),
            None if device is None else _printable(device),
            system.standings.of(identity),
            system.passwords.asks(identity),
            None if session is None else session.charge_point,
        )


def _printable(device: DeviceIdentity) -> DeviceIdentity:
    return DeviceIdentity(
        printable(device.vendor),
        printable(device.model),
        device.serial_number and printable(device.serial_number),
        device.firmware_version and printable(device.firmware_version),
    )
