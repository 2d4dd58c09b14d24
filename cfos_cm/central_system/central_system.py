"""All Charge Points: who may connect, and which connection counts."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from enum import Enum, auto

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from cfos_cm.central_system.environment import Environment
from cfos_cm.central_system.roster import Roster
from cfos_cm.central_system.session import Session
from cfos_cm.central_system.settings import CentralSystemSettings, UnknownChargePoints
from cfos_cm.errors import DeviceError
from cfos_cm.site.events import TransactionResumed
from cfos_cm.v16.remote_trigger import MessageTrigger, TriggerMessageRequest
from cfos_cm.v16.types import Message
from cfos_cm.wire.basic_auth import Credentials

__all__ = ["MAX_UNKNOWN_CHARGE_POINTS", "Admission", "CentralSystem"]

#: Charge Points that are connected and not configured; more are refused.
MAX_UNKNOWN_CHARGE_POINTS = 100


_log = Logger(namespace="cfos_cm.central_system")


class Admission(Enum):
    """What becomes of a Charge Point that wants to connect."""

    ADMITTED = auto()
    UNAUTHORISED = auto()
    """Wrong password, or none."""
    UNKNOWN = auto()
    """It is not configured, and others are refused."""
    TOO_MANY = auto()
    """There are too many already that are not configured."""


class CentralSystem:
    """
    The Central System.

    @ivar roster: the Charge Points that it knows, and what runs there.
    """

    def __init__(self, environment: Environment, settings: CentralSystemSettings) -> None:
        self.roster = Roster(environment, settings)
        self._sessions: dict[str, Session] = {}

    @property
    def settings(self) -> CentralSystemSettings:
        """The settings; L{configure} replaces them."""
        return self.roster.settings

    def admit(self, identity: str, credentials: Credentials | None) -> Admission:
        """
        Whether a Charge Point may connect.

        @param credentials: what it says with HTTP Basic authentication, if anything.
        """
        known = self.settings.charge_points.get(identity)
        own_password = None if known is None else known.password
        password = own_password or self.settings.password
        if password is not None and not _proven(identity, password, credentials):
            return Admission.UNAUTHORISED
        if known is not None:
            return Admission.ADMITTED
        if self.settings.unknown is UnknownChargePoints.REFUSE:
            return Admission.UNKNOWN
        strangers = [name for name in self._sessions if name not in self.settings.charge_points]
        if identity not in strangers and len(strangers) >= MAX_UNKNOWN_CHARGE_POINTS:
            return Admission.TOO_MANY
        return Admission.ADMITTED

    def open(
        self,
        identity: str,
        origin: str,
        send: Callable[[bytes], None],
        hang_up: Callable[[int, str], None],
    ) -> Session:
        """
        A Charge Point that was admitted is connected now.

        Its earlier connection, if there is one, is closed: a Charge Point that dials again has
        given up on it.
        """
        session = Session(self.roster, identity, origin, send, hang_up)
        before = self._sessions.get(identity)
        self._sessions[identity] = session
        if before is not None:
            before.displaced("the Charge Point has connected again")
            before.hang_up(1000, "connected again")
            _log.warn(
                "{identity} has connected from {origin}, and its connection from {earlier} was "
                "still open; if it happens often, two wallboxes have the same ChargeBox ID",
                identity=identity,
                origin=origin,
                earlier=before.charge_point.origin,
            )
        if not self.roster.serves(identity):
            _log.warn(
                "{identity} at {origin} is not configured and waits for approval: add an "
                "[evse …] section with address = {identity}",
                identity=identity,
                origin=origin,
            )
        session.charge_point.opened()
        return session

    def closed(self, session: Session, why: str) -> None:
        """A connection is gone."""
        if self._sessions.get(session.identity) is session:
            del self._sessions[session.identity]
        session.closed(why)

    def session(self, identity: str) -> Session | None:
        """The connection of a Charge Point that counts, if it is connected."""
        return self._sessions.get(identity)

    def sessions(self) -> tuple[Session, ...]:
        """Every connection that counts."""
        return tuple(self._sessions.values())

    def call(self, identity: str, request: Message) -> Deferred[Message]:
        """
        Ask a Charge Point.

        @return: its confirmation; fails with L{DeviceError} if it is not connected or does not
            answer, and with L{cfos_cm.errors.DeviceRefusal} if it refuses.
        """
        session = self._sessions.get(identity)
        if session is None:
            return fail(DeviceError(f"{identity} is not connected"))
        return session.charge_point.call(request)

    def configure(self, settings: CentralSystemSettings) -> None:
        """
        Take other settings. No connection is closed, except of Charge Points that are refused
        from now on.
        """
        before = {one.identity: one.charge_point.evses for one in self.sessions()}
        waited = {name for name in before if not self.roster.serves(name)}
        settings_before, self.roster.settings = self.roster.settings, settings
        for name, transaction in self.roster.taken_up(settings_before):
            # Its charging profile is still in force: an EVSE that seems to have no transaction
            # would count as one that draws nothing.
            self.roster.environment.report(TransactionResumed(name, transaction))
        for session in self.sessions():
            identity = session.identity
            session.charge_point.settings_changed(before[identity])
            if identity not in settings.charge_points and (
                settings.unknown is UnknownChargePoints.REFUSE
            ):
                session.hang_up(1008, "not configured any more")
                continue
            if identity in waited and self.roster.serves(identity):
                # It was told to wait; without this it would say BootNotification only at the
                # end of the interval that it was given.
                session.charge_point.call_aside(
                    TriggerMessageRequest(requested_message=MessageTrigger.BOOT_NOTIFICATION)
                )


def _proven(identity: str, password: str, credentials: Credentials | None) -> bool:
    if credentials is None:
        return False
    # Both comparisons are made, and each takes the same time whatever is wrong.
    same_name = hmac.compare_digest(credentials.username.encode(), identity.encode())
    same_password = hmac.compare_digest(credentials.password, password.encode())
    return same_name and same_password
