"""Who a Charge Point is, and whether it gets a WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from attrs import evolve, frozen
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.interfaces import IReactorTime

from cfos_cm.central_system.approach import Approach
from cfos_cm.central_system.central_system import Admission, CentralSystem
from cfos_cm.central_system.refusals import BY_OPERATOR
from cfos_cm.counters import Counter
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.net.login_throttle import LoginThrottle, Turn
from cfos_cm.net.quiet_log import QuietLog
from cfos_cm.net.refusal import NO_SUBPROTOCOL, Refusal
from cfos_cm.net.upgrade_request import (
    END_OF_HEAD,
    is_connection_upgrade,
    is_of_foreign_page,
    path_of,
    target_of,
    with_connection_upgrade,
    with_encoded_blanks,
    without_origin,
)
from cfos_cm.quirk import Quirk
from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.v16.violations import excerpt
from cfos_cm.wire.basic_auth import Credentials, read_authorization
from cfos_cm.wire.charge_box import identities_in_path

__all__ = ["SUBPROTOCOL", "Guest", "Later", "Reception"]

SUBPROTOCOL = "ocpp1.6"

_STATUSES: dict[Admission, HTTPStatus] = {
    Admission.UNAUTHORISED: HTTPStatus.UNAUTHORIZED,
    Admission.NEEDS_TLS: HTTPStatus.FORBIDDEN,
    Admission.NEEDS_CERTIFICATE: HTTPStatus.FORBIDDEN,
    Admission.UNKNOWN: HTTPStatus.NOT_FOUND,
    Admission.REFUSED: HTTPStatus.FORBIDDEN,
    Admission.TOO_MANY: HTTPStatus.SERVICE_UNAVAILABLE,
    Admission.SHUT_OUT: HTTPStatus.SERVICE_UNAVAILABLE,
}
_COUNTERS: dict[Admission, Counter] = {
    Admission.UNAUTHORISED: Counter.LOGINS_FAILED,
    Admission.NEEDS_TLS: Counter.LOGINS_TOO_WEAK,
    Admission.NEEDS_CERTIFICATE: Counter.LOGINS_TOO_WEAK,
    Admission.UNKNOWN: Counter.IDENTITIES_REFUSED,
    Admission.REFUSED: Counter.IDENTITIES_REFUSED,
    Admission.TOO_MANY: Counter.IDENTITIES_REFUSED,
    Admission.SHUT_OUT: Counter.IDENTITIES_REFUSED,
}
#: Those who said to be somebody and could not prove it, or not as well as before.
_LOGINS = (Admission.UNAUTHORISED, Admission.NEEDS_TLS, Admission.NEEDS_CERTIFICATE)
#: Those who are refused for not being configured.
_STRANGERS = (Admission.UNKNOWN, Admission.REFUSED, Admission.TOO_MANY)
_ALLOW = "if that is right, allow it: cfos-cm charge-point allow {identity}"
_REASONS: dict[Admission, str] = {
    Admission.NEEDS_TLS: f"it has come encrypted (wss://) before, and does not now; {_ALLOW}",
    Admission.NEEDS_CERTIFICATE: (
        f"it has shown a certificate before, and shows none now that counts; {_ALLOW}"
    ),
    Admission.UNKNOWN: "no [evse ...] section has it as its address",
    Admission.REFUSED: BY_OPERATOR,
    Admission.TOO_MANY: "too many that are not configured are connected",
    Admission.SHUT_OUT: (
        "its backend cannot be reached, and outage = strict closes it out until then"
    ),
}


@frozen
class Guest:
    """
    A Charge Point that may connect.

    @ivar identity: its charge box identity, as it is configured.
    @ivar authenticated: whether it has proved with a password or a certificate that it is the
        one.
    @ivar subprotocol: what is agreed upon; C{None}: it speaks OCPP 1.6 without saying so.
    @ivar profile: the security profile that it comes with.
    """

    identity: str
    authenticated: bool
    subprotocol: str | None
    profile: SecurityProfile = SecurityProfile.NONE


@frozen
class Later:
    """
    It is not this one's turn yet: others have tried too many wrong passwords.

    @ivar wait_s: in how long it is. [s]
    @ivar decide: what L{Reception.receive} then comes to.
    @ivar give_up: somebody else may have the turn.
    """

    wait_s: float
    decide: Callable[[], Guest]
    give_up: Callable[[], None]


@frozen
class _Visitor:
    """
    Who asks for an upgrade.

    @ivar identity: who that would be.
    @ivar approach: what it shows.
    @ivar peer: where it comes from, for people.
    @ivar source: what counts as one source of requests.
    @ivar offered: the subprotocols.
    """

    identity: str
    approach: Approach
    peer: str
    source: str
    offered: list[str]


class Reception:
    """Receives the upgrade requests; the Central System decides about identities."""

    def __init__(
        self, central_system: CentralSystem, clock: IReactorTime, quiet_log: QuietLog
    ) -> None:
        self._central_system = central_system
        self._quiet_log = quiet_log
        self._throttle = LoginThrottle(clock)

    def mended(self, request: bytes) -> bytes:
        """
        The request as it was meant, from a Charge Point that is forgiven its mistakes.

        Its C{Origin} stays in it only where it is of a page of another web site.

        @param request: with its end, and whatever comes behind.
        """
        head, end, rest = request.partition(END_OF_HEAD)
        target = target_of(head)
        if " " in target and self._is_configured(target.replace(" ", "%20")):
            head = with_encoded_blanks(head)
            target = target_of(head)
        if not is_connection_upgrade(head) and self._is_configured(target):
            identity = self._identity(target)
            if self.is_forgiven(identity, Quirk.NO_CONNECTION_HEADER):
                head = with_connection_upgrade(head)
            else:
                self._quiet_log.warn(
                    Quirk.NO_CONNECTION_HEADER,
                    identity,
                    "{identity}: its request has no 'Connection: Upgrade'; if its firmware "
                    "cannot do better, add {quirk} to the quirks of its EVSE",
                    identity=identity,
                    quirk=Quirk.NO_CONNECTION_HEADER.value,
                )
        if not is_of_foreign_page(head) or self._is_forgiven_at(target, Quirk.FOREIGN_ORIGIN):
            # Else it is refused for what remains.
            head = without_origin(head)
        return head + end + rest

    def receive(
        self,
        uri: str,
        request: ConnectionRequest,
        peer: str,
        source: str,
        approach: Approach,
    ) -> Guest | Later:
        """
        Decide about an upgrade request.

        @param uri: what it asks for, as it came.
        @param peer: where it comes from, for people.
        @param source: what counts as one source of requests.
        @param approach: what the connection shows, without what the request says.
        @raise Refusal: if this is not a Charge Point that may connect.
        """
        offered = [str(name) for name in request.protocols]
        if offered and SUBPROTOCOL not in offered:
            raise self._no_subprotocol(peer, source, offered)
        try:
            identity = self._identity(uri)
        except RemoteProtocolError as error:
            self._quiet_log.info(
                "identity", source, "{peer}: refused, {error!s}", peer=peer, error=error
            )
            self._central_system.counters.count(Counter.IDENTITIES_REFUSED)
            raise Refusal(HTTPStatus.NOT_FOUND) from error
        if request.origin:
            raise self._foreign_page(peer, self._who(identity, source))
        approach = evolve(approach, credentials=self._credentials(request, peer, source))
        visitor = _Visitor(identity, approach, peer, source, offered)
        if not self._is_guess(visitor):
            return self._welcome(visitor, None)
        turn = self._throttle.turn(identity, source)
        if turn.wait_s == 0:
            return self._welcome(visitor, turn)
        self._tell_to_wait(visitor)
        if not turn.is_kept:
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, retry_after_s=turn.wait_s)
        return Later(
            turn.wait_s,
            lambda: self._welcome(visitor, turn),
            lambda: self._throttle.given_back(turn),
        )

    def _welcome(self, visitor: _Visitor, turn: Turn | None) -> Guest:
        """@raise Refusal: if it may not connect."""
        asked = self._log_in(visitor, turn)
        certified = visitor.approach.certificate_names is not None
        identity, offered = visitor.identity, visitor.offered
        if not offered and not self.is_forgiven(identity, Quirk.NO_SUBPROTOCOL):
            who = self._who(identity, visitor.source)
            raise self._no_subprotocol(visitor.peer, who, offered)
        subprotocol = SUBPROTOCOL if offered else None
        profile = visitor.approach.profile(asked)
        return Guest(identity, asked or certified, subprotocol, profile)

    def _foreign_page(self, peer: str, who: str) -> Refusal:
        self._central_system.counters.count(Counter.HANDSHAKES_FAILED)
        self._quiet_log.warn(
            Quirk.FOREIGN_ORIGIN,
            who,
            "{peer}: refused, a page of another web site asks, in a browser there; if it is a "
            "wallbox all the same, add {quirk} to the quirks of its EVSE",
            peer=peer,
            quirk=Quirk.FOREIGN_ORIGIN.value,
        )
        return Refusal(HTTPStatus.FORBIDDEN)

    def _no_subprotocol(self, peer: str, who: str, offered: list[str]) -> Refusal:
        self._central_system.counters.count(Counter.HANDSHAKES_FAILED)
        word = Quirk.NO_SUBPROTOCOL.value
        self._quiet_log.warn(
            Quirk.NO_SUBPROTOCOL,
            who,
            "{peer}: refused, offers no subprotocol {wanted}, only {found}: the wallbox must "
            "be set to OCPP 1.6J{hint}",
            peer=peer,
            wanted=SUBPROTOCOL,
            found=[name[:40] for name in offered[:5]],
            hint="" if offered else f"; if it is, add {word} to the quirks of its EVSE",
        )
        return Refusal(HTTPStatus.BAD_REQUEST, NO_SUBPROTOCOL)

    def is_forgiven(self, identity: str, quirk: Quirk) -> bool:
        """Whether a deviation of a Charge Point is tolerated."""
        return quirk in self._central_system.quirks_of(identity)

    def _identity(self, uri: str) -> str:
        """
        The configured Charge Point that a URI means; else what stands at its end.

        @raise RemoteProtocolError: if no identity stands there.
        """
        candidates = identities_in_path(path_of(uri))
        for text in candidates:
            identity = self._central_system.find(text)
            if self._knows(identity):
                return identity
        return candidates[0]

    def _is_forgiven_at(self, uri: str, quirk: Quirk) -> bool:
        return self._is_configured(uri) and self.is_forgiven(self._identity(uri), quirk)

    def _is_configured(self, uri: str) -> bool:
        try:
            return self._knows(self._identity(uri))
        except RemoteProtocolError:
            return False

    def _knows(self, identity: str) -> bool:
        return identity in self._central_system.settings.charge_points

    def _who(self, identity: str, source: str) -> str:
        """For the log: there may be any number of identities that are not configured."""
        return identity if self._knows(identity) else source

    def _is_guess(self, visitor: _Visitor) -> bool:
        # Who shows no password guesses none; many programs try without one first.
        identity = visitor.identity
        if visitor.approach.credentials is None:
            return False
        return self._asks(visitor) or self._is_disguised(identity)

    def _asks(self, visitor: _Visitor) -> bool:
        """Whether its password is looked at: who shows a certificate is known by that alone."""
        has_certificate = visitor.approach.certificate_names is not None
        return not has_certificate and self._central_system.passwords.asks(visitor.identity)

    def _is_disguised(self, identity: str) -> bool:
        """Where others have to know a password, nobody learns who they are from this one."""
        system = self._central_system
        known = self._knows(identity) or system.passwords.asks(identity)
        return system.settings.asks_passwords and not known

    def _log_in(self, visitor: _Visitor, turn: Turn | None) -> bool:
        """
        @param turn: to try a password, if it may be wrong.
        @return: whether a password was asked for.
        @raise Refusal: if it may not connect.
        """
        system, identity = self._central_system, visitor.identity
        asked = self._asks(visitor)
        try:
            admission = system.admit(identity, visitor.approach)
        except Exception:
            # A mistake of ours is no guess, and must not keep its place in a queue.
            if turn is not None:
                self._throttle.given_back(turn)
            raise
        if admission is Admission.ADMITTED:
            if turn is not None:
                # Whoever need not know a password must not be remembered for having shown one.
                settle = self._throttle.succeeded if asked else self._throttle.given_back
                settle(turn)
            return asked
        status = _STATUSES[admission]
        if self._is_disguised(identity):
            status = HTTPStatus.UNAUTHORIZED
        if turn is not None:
            was_wrong = status is HTTPStatus.UNAUTHORIZED
            settle = self._throttle.failed if was_wrong else self._throttle.given_back
            settle(turn)
        system.counters.count(_COUNTERS[admission])
        why = _why(admission, visitor.approach)
        names = excerpt(", ".join(visitor.approach.certificate_names or ()))
        self._quiet_log.warn(
            why,
            self._who(identity, visitor.source),
            "{peer}: {identity} refused: " + why,
            peer=visitor.peer,
            identity=identity,
            names=names,
        )
        why = why.format(identity=identity, names=names)
        if admission in _LOGINS:
            system.refusals.login_failed(identity, visitor.source, why)
        elif admission in _STRANGERS:
            system.refusals.note(identity, visitor.source, why)
        raise Refusal(status)

    def _tell_to_wait(self, visitor: _Visitor) -> None:
        self._central_system.counters.count(Counter.LOGINS_PUT_OFF)
        self._quiet_log.warn(
            "put off",
            self._who(visitor.identity, visitor.source),
            "{peer}: {identity} has to wait: too many wrong passwords were tried for it",
            peer=visitor.peer,
            identity=visitor.identity,
        )
        self._central_system.refusals.login_failed(
            visitor.identity, visitor.source, "too many wrong passwords were tried for it"
        )

    def _credentials(
        self, request: ConnectionRequest, peer: str, source: str
    ) -> Credentials | None:
        header = request.headers.get("authorization")
        try:
            return None if header is None else read_authorization(header)
        except RemoteProtocolError as error:
            self._quiet_log.info(
                "authorization", source, "{peer}: {error!s}", peer=peer, error=error
            )
            return None


def _why(admission: Admission, approach: Approach) -> str:
    """A format for a log that knows C{identity}, and the C{names} in its certificate."""
    if admission is not Admission.UNAUTHORISED:
        return _REASONS[admission]
    if approach.certificate_names is not None:
        return (
            "its certificate is somebody else's: it names {names}; if that is right, put the "
            "name into its [evse ...] section as certificate_name"
        )
    if approach.credentials is None:
        return "it has sent no password"
    return "wrong password, or its user name is not its ChargeBox ID"
