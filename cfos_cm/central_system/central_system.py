"""All Charge Points: who may connect, and which connection counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import frozen
from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from cfos_cm.central_system.admission import Admission, admission, configured_identity
from cfos_cm.central_system.approach import Approach
from cfos_cm.central_system.certificate_names import CertificateNames
from cfos_cm.central_system.environment import Environment
from cfos_cm.central_system.passwords import Passwords
from cfos_cm.central_system.refusals import BY_OPERATOR, Refusals
from cfos_cm.central_system.roster import Roster
from cfos_cm.central_system.session import Session
from cfos_cm.central_system.settings import CentralSystemSettings, UnknownChargePoints
from cfos_cm.central_system.standings import SecurityStandings
from cfos_cm.counters import Counter, Counters
from cfos_cm.errors import LocalProtocolError, NotSent
from cfos_cm.quirk import Quirk
from cfos_cm.site.events import ProfilesMeddled, TransactionResumed
from cfos_cm.site.evse import DeviceIdentity
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.remote_trigger import MessageTrigger, TriggerMessageRequest
from cfos_cm.v16.types import Message
from cfos_cm.wire.close_code import CloseCode

__all__ = ["MAX_UNKNOWN_CHARGE_POINTS", "Admission", "CentralSystem", "WaitingChargePoint"]

#: Charge Points that are connected and not configured; more are refused.
MAX_UNKNOWN_CHARGE_POINTS = 100


_log = Logger(namespace="cfos_cm.central_system")


@frozen
class WaitingChargePoint:
    """
    A Charge Point that is connected and waits for the operator's word.

    @ivar origin: where it connected from.
    @ivar since: when it connected.
    @ivar device: what it has said of itself; C{None} before its BootNotification.
    """

    identity: str
    origin: str
    since: datetime
    device: DeviceIdentity | None


class CentralSystem:
    """
    The Central System.

    @ivar roster: the Charge Points that it knows, and what runs there.
    @ivar counters: what has happened how often.
    @ivar passwords: of the Charge Points.
    @ivar standings: the security profiles that they have logged in with.
    @ivar refusals: who was not let in, and whom an operator has refused.
    """

    def __init__(
        self,
        environment: Environment,
        settings: CentralSystemSettings,
        *,
        counters: Counters | None = None,
    ) -> None:
        self.counters = Counters() if counters is None else counters
        self.roster = Roster(environment, settings, self.counters)
        self.passwords = Passwords(self.roster)
        self.standings = SecurityStandings(self.roster)
        self.refusals = Refusals(environment.now)
        self._certificate_names = CertificateNames(self.roster, self._proves_itself)
        self.roster.certificate_names = self._certificate_names.of
        self._sessions: dict[str, Session] = {}

    @property
    def settings(self) -> CentralSystemSettings:
        """The settings; L{configure} replaces them."""
        return self.roster.settings

    def admit(self, identity: str, approach: Approach) -> Admission:
        """
        Whether a Charge Point may connect.

        @param approach: what it shows: its password, its certificate, and whether it came
            encrypted.
        """
        proven = self._proves(identity, approach)
        falls_short = self.standings.falls_short(identity, approach)
        shut_out = self.roster.environment.backends.shuts_out(identity)
        if proven and falls_short is None and shut_out:
            return Admission.SHUT_OUT
        room = not self._is_stranger(identity) or self._has_room_for(identity)
        owes = self.roster.owes(identity)
        refused = self.refusals.is_refused(identity)
        return admission(self.settings, identity, proven, room, owes, falls_short, refused)

    def is_certified(self, identity: str, approach: Approach) -> bool:
        """Whether a Charge Point shows a certificate of its own; then it needs no password."""
        shown = approach.certificate_names
        return shown is not None and self._certificate_names.fit(identity, shown)

    def find(self, text: str) -> str:
        """The configured identity that the one in a URL means; else that one itself."""
        return configured_identity(self.settings, text)

    def quirks_of(self, identity: str) -> frozenset[Quirk]:
        """The deviations that a Charge Point is forgiven, from its first byte on."""
        if self._is_stranger(identity):
            return self.settings.policy_for(identity).tolerated(None)
        return self.roster.acquaintance(identity).tolerated

    def learn(self, identity: str, quirk: Quirk) -> None:
        """A Charge Point has shown a deviation; it is treated accordingly from now on."""
        self.roster.acquaintance(identity).learn(quirk)

    def waiting(self) -> tuple[WaitingChargePoint, ...]:
        """The Charge Points that wait for the operator's word, those that came first first."""
        return tuple(
            WaitingChargePoint(
                session.identity,
                session.charge_point.origin,
                session.charge_point.connected_at,
                session.charge_point.acquaintance.device,
            )
            for session in self._sessions.values()
            if not self.roster.serves(session.identity)
        )

    def open(
        self,
        identity: str,
        origin: str,
        send: Callable[[bytes], None],
        hang_up: Callable[[int, str], None],
        profile: SecurityProfile = SecurityProfile.NONE,
    ) -> Session:
        """
        A Charge Point that was admitted is connected now.

        Its earlier connection, if there is one, is closed: a Charge Point that dials again has
        given up on it.

        @param profile: the security profile that its L{Approach} amounts to.
        """
        self.counters.count(Counter.CONNECTIONS_OPENED)
        before = self._sessions.get(identity)
        is_proven = self._is_proven(identity, profile)
        if is_proven or before is None or before.charge_point.profile.is_encrypted:
            # Where nothing is asked for, whoever claims to be it must not be able to lock it
            # out that is there.
            self.standings.logged_in(identity, profile)
        if not is_proven:
            self.roster.acquaintance(identity).may_be_another = True
        session = Session(self.roster, identity, origin, send, hang_up, profile, is_proven)
        self._sessions[identity] = session
        if before is not None:
            self.counters.count(Counter.CONNECTIONS_REPLACED)
            before.displaced("the Charge Point has connected again")
            before.hang_up(CloseCode.NORMAL, "connected again")
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
        try:
            session.charge_point.opened()
        except BaseException:
            # Nobody would ever close a connection that nobody was given.
            self.closed(session, "it could not be opened")
            raise
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

        @return: its confirmation; fails with L{NotSent} if it is not connected or too many wait
            for it, with L{cfos_cm.errors.DeviceError} if it does not answer, and with
            L{cfos_cm.errors.DeviceRefusal} if it refuses.
        """
        session = self._sessions.get(identity)
        if session is None:
            return fail(NotSent(f"{identity} is not connected"))
        return session.charge_point.call(request)

    def relay(self, identity: str, action: str, payload: bytes) -> Deferred[bytes]:
        """
        Ask a Charge Point what a backend asks, word for word.

        @param payload: the JSON text of the request's object, vetted.
        @return: the JSON text of the confirmation's object; fails as that of L{call}.
        """
        session = self._sessions.get(identity)
        if session is None:
            return fail(NotSent(f"{identity} is not connected"))
        return session.charge_point.relay(action, payload)

    def shut_out(self, identity: str, why: str) -> None:
        """Close the connection of a Charge Point whose backend is away; it dials again."""
        session = self._sessions.get(identity)
        if session is not None:
            session.hang_up(CloseCode.GOING_AWAY, why)

    def refuse(self, identity: str) -> None:
        """
        Let a Charge Point in no more, until it is configured or the program starts anew.

        @raise LocalProtocolError: if it is configured.
        """
        if not self._is_stranger(identity):
            raise LocalProtocolError(
                f"{identity} is configured: take its [evse ...] sections out of the settings"
            )
        self.refusals.refuse(identity)
        session = self._sessions.get(identity)
        if session is not None and not self.roster.owes(identity):
            self.refusals.note(identity, session.charge_point.origin, BY_OPERATOR)
            session.hang_up(CloseCode.POLICY_VIOLATION, BY_OPERATOR)

    def meddled(self, identity: str, connector: int | None = None) -> None:
        """
        Somebody beside the control loop has set or cleared charging profiles, or had the Charge
        Point started anew.

        @param connector: where; C{None} or 0: at all of them.
        """
        self.cleared(identity, connector)
        known = self.settings.charge_points.get(identity)
        for number, evse in ({} if known is None else known.evses).items():
            if not connector or number == connector:
                self.roster.environment.report(ProfilesMeddled(evse.name, "an operator"))

    def cleared(self, identity: str, connector: int | None = None) -> None:
        """
        Charging profiles may not be there any more. What forbids charging where there is no
        EVSE of the site is set again with the next state that is reported there.

        @param connector: where; C{None} or 0: at all of them.
        """
        session = self._sessions.get(identity)
        if session is not None:
            session.charge_point.cleared(connector)

    def configure(self, settings: CentralSystemSettings) -> None:
        """
        Take other settings. No connection is closed, except of Charge Points that are refused
        from now on.
        """
        before = {one.identity: one.charge_point.evses for one in self.sessions()}
        waited = {name for name in before if not self.roster.serves(name)}
        settings_before = self.roster.configured(settings)
        self.refusals.forget(settings.charge_points)
        for name, transaction in self.roster.taken_up(settings_before):
            # Its charging profile is still in force: an EVSE that seems to have no transaction
            # would count as one that draws nothing.
            self.roster.environment.report(TransactionResumed(name, transaction))
        for session in self.sessions():
            identity = session.identity
            session.charge_point.settings_changed(before[identity])
            refused = settings.unknown is UnknownChargePoints.REFUSE
            if refused and self._is_stranger(identity) and not self.roster.owes(identity):
                session.hang_up(CloseCode.POLICY_VIOLATION, "not configured any more")
                continue
            if identity in waited and self.roster.serves(identity):
                # It was told to wait; without this it would say BootNotification only at the
                # end of the interval that it was given.
                session.charge_point.call_aside(
                    TriggerMessageRequest(requested_message=MessageTrigger.BOOT_NOTIFICATION)
                )

    def _proves(self, identity: str, approach: Approach) -> bool:
        if approach.certificate_names is not None:
            # Its certificate says who it is; a password says nothing against that.
            return self.is_certified(identity, approach)
        return self.passwords.proves(identity, approach.credentials)

    def _is_proven(self, identity: str, profile: SecurityProfile) -> bool:
        """Whether somebody who was admitted with a profile has proved who it is."""
        if profile is SecurityProfile.CERTIFICATE:
            return True
        return self.passwords.lets_nobody_in_without(identity)

    def _proves_itself(self, identity: str) -> bool:
        """
        Whether nobody is admitted in a Charge Point's name who has not proved to be it, nor can
        have told what is known of it.
        """
        if self.roster.acquaintance(identity).may_be_another:
            return False
        certified = self.standings.of(identity) is SecurityProfile.CERTIFICATE
        return certified or self.passwords.lets_nobody_in_without(identity)

    def _has_room_for(self, identity: str) -> bool:
        strangers = {name for name in self._sessions if self._is_stranger(name)}
        return identity in strangers or len(strangers) < MAX_UNKNOWN_CHARGE_POINTS

    def _is_stranger(self, identity: str) -> bool:
        return identity not in self.settings.charge_points
