"""Who a Charge Point is, and whether it gets a WebSocket."""

from __future__ import annotations

from http import HTTPStatus

from attrs import frozen
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.interfaces import IReactorTime

from cfos_cm.central_system.central_system import Admission, CentralSystem
from cfos_cm.counters import Counter
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.net.login_throttle import LoginThrottle
from cfos_cm.net.quiet_log import QuietLog
from cfos_cm.net.refusal import NO_SUBPROTOCOL, Refusal
from cfos_cm.net.upgrade_request import (
    END_OF_HEAD,
    is_connection_upgrade,
    path_of,
    target_of,
    with_connection_upgrade,
    with_encoded_blanks,
)
from cfos_cm.quirk import Quirk
from cfos_cm.wire.basic_auth import Credentials, read_authorization
from cfos_cm.wire.charge_box import identities_in_path

__all__ = ["SUBPROTOCOL", "Guest", "Reception"]

SUBPROTOCOL = "ocpp1.6"

_STATUSES: dict[Admission, HTTPStatus] = {
    Admission.UNAUTHORISED: HTTPStatus.UNAUTHORIZED,
    Admission.UNKNOWN: HTTPStatus.NOT_FOUND,
    Admission.TOO_MANY: HTTPStatus.SERVICE_UNAVAILABLE,
}
_COUNTERS: dict[Admission, Counter] = {
    Admission.UNAUTHORISED: Counter.LOGINS_FAILED,
    Admission.UNKNOWN: Counter.IDENTITIES_REFUSED,
    Admission.TOO_MANY: Counter.IDENTITIES_REFUSED,
}


@frozen
class Guest:
    """
    A Charge Point that may connect.

    @ivar identity: its charge box identity, as it is configured.
    @ivar authenticated: whether it has proved with a password that it is the one.
    @ivar subprotocol: what is agreed upon; C{None}: it speaks OCPP 1.6 without saying so.
    """

    identity: str
    authenticated: bool
    subprotocol: str | None


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
        return head + end + rest

    def receive(self, uri: str, request: ConnectionRequest, peer: str, source: str) -> Guest:
        """
        Decide about an upgrade request.

        @param uri: what it asks for, as it came.
        @param peer: where it comes from, for people.
        @param source: what counts as one source of requests.
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
        authenticated = self._log_in(identity, request, peer, source)
        if not offered and not self.is_forgiven(identity, Quirk.NO_SUBPROTOCOL):
            raise self._no_subprotocol(peer, self._who(identity, source), offered)
        return Guest(identity, authenticated, SUBPROTOCOL if offered else None)

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

    def _log_in(
        self, identity: str, request: ConnectionRequest, peer: str, source: str
    ) -> bool:
        """@return: whether a password was asked for; @raise Refusal: if it may not connect."""
        credentials = self._credentials(request, peer, source)
        system = self._central_system
        asked = system.passwords.asks(identity)
        # Where others have to know a password, nobody learns from this who they are.
        disguised = not asked and system.settings.asks_passwords and not self._knows(identity)
        # Who shows no password guesses none; many programs try without one first.
        guesses = credentials is not None and (asked or disguised)
        if guesses:
            self._put_off(identity, source)
        admission = system.admit(identity, credentials)
        if admission is Admission.ADMITTED:
            if guesses and asked:
                self._throttle.succeeded(identity, source)
            return asked
        status = HTTPStatus.UNAUTHORIZED if disguised else _STATUSES[admission]
        wait_s = 0.0
        if guesses and status is HTTPStatus.UNAUTHORIZED:
            self._throttle.failed(identity, source)
            wait_s = self._throttle.wait_s(identity, source)
        system.counters.count(_COUNTERS[admission])
        self._tell(identity, peer, source, _why(admission, credentials), wait_s)
        raise Refusal(status)

    def _tell(self, identity: str, peer: str, source: str, why: str, wait_s: float) -> None:
        """Say that a Charge Point may not connect."""
        self._quiet_log.warn(
            (why, wait_s > 0),
            self._who(identity, source),
            "{peer}: {identity} refused: {why}{wait}",
            peer=peer,
            identity=identity,
            why=why,
            wait=f"; it has to wait {wait_s:.0f} s before the next try" if wait_s else "",
        )

    def _put_off(self, identity: str, source: str) -> None:
        # Not told: a failure was, and said for how long. Guessers would fill the log.
        wait_s = self._throttle.wait_s(identity, source)
        if wait_s > 0:
            self._central_system.counters.count(Counter.LOGINS_PUT_OFF)
            raise Refusal(HTTPStatus.TOO_MANY_REQUESTS, retry_after_s=wait_s)

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


def _why(admission: Admission, credentials: Credentials | None) -> str:
    if admission is Admission.UNKNOWN:
        return "no [evse ...] section has it as its address"
    if admission is Admission.TOO_MANY:
        return "too many that are not configured are connected"
    if credentials is None:
        return "it has sent no password"
    return "wrong password, or its user name is not its ChargeBox ID"
