"""The beginning of a connection: the upgrade request, and what is answered."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.central_system.approach import Approach
from cfos_cm.counters import Counter
from cfos_cm.net.reception import Guest, Later
from cfos_cm.net.refusal import Refusal
from cfos_cm.net.tls_end import TlsEnd
from cfos_cm.net.upgrade_request import END_OF_HEAD
from cfos_cm.source_address import source_of_peer

if TYPE_CHECKING:
    from cfos_cm.net.charge_point_server import ChargePointServer

__all__ = ["Handshake"]

_NOBODY = Guest("", False, None)

_log = Logger(namespace="cfos_cm.net")


class _FewWords:
    """Autobahn's logger: its mistakes are told, its remarks, which repeat the peer, are not."""

    failure = _log.failure
    error = _log.error
    critical = _log.critical

    def debug(self, *_: object, **__: object) -> None:
        """Not told."""

    trace = info = warn = debug


class Handshake(WebSocketServerProtocol):
    """
    A connection until it is open.

    @ivar guest: who is at the other end, as soon as it is known.
    """

    factory: ChargePointServer
    log = _FewWords()
    guest = _NOBODY
    _is_held = False
    _refusal: Refusal | None = None
    _later: tuple[Later, IDelayedCall] | None = None
    # Autobahn's own, which it does not annotate.
    openHandshakeTimeoutCall: IDelayedCall | None
    data: bytes

    def connectionMade(self) -> None:
        """The TCP connection is up."""
        super().connectionMade()
        self.factory.connection_made(self)

    def processHandshake(self) -> None:
        """Bytes of an upgrade request have come."""
        if END_OF_HEAD in self.data:
            self.data = self.factory.reception.mended(self.data)
        super().processHandshake()

    def onConnect(self, request: ConnectionRequest) -> str | Deferred[str | None] | None:
        """
        The upgrade request is complete.

        @return: the subprotocol, as soon as the connection may be opened.
        @raise Refusal: if this is not a Charge Point that may connect.
        """
        try:
            decision = self.factory.reception.receive(
                self.http_request_uri, request, self.peer, self._source(), self._approach()
            )
            if isinstance(decision, Later):
                return self._put_off(decision)
            return self._received(decision)
        except Refusal as refusal:
            self._refusal = refusal
            raise
        except Exception:
            self._tell_of(Failure())
            raise

    def _received(self, guest: Guest) -> str | Deferred[str | None] | None:
        """@raise Refusal: if its place is taken."""
        self.guest = guest
        may_open = self.factory.rivals.welcome(self)
        if may_open is None:
            return guest.subprotocol
        self._stop_waiting()
        self.factory.connection_held(self)
        return may_open.addCallbacks(lambda _: guest.subprotocol, self._refused)

    def _put_off(self, later: Later) -> Deferred[str | None]:
        """It is decided later; when the peer goes before, it never is."""
        self._stop_waiting()
        # It is old because of us, and would be the first to make room for a newcomer.
        self.factory.connection_held(self)
        its_turn: Deferred[None] = Deferred()
        timer = self.factory.reactor.callLater(later.wait_s, its_turn.callback, None)
        self._later = later, timer
        return its_turn.addCallback(lambda _: self._received(later.decide())).addErrback(
            self._refused
        )

    def connectionLost(self, reason: Failure) -> None:
        """The TCP connection is gone."""
        if self._later is not None:
            later, timer = self._later
            if timer.active():
                timer.cancel()
                later.give_up()
            self._later = None
        super().connectionLost(reason)

    def failHandshake(
        self,
        reason: str,
        code: int = HTTPStatus.BAD_REQUEST,
        responseHeaders: list[tuple[str, str]] | None = None,
    ) -> None:
        """Refuse the upgrade, in a way that tells a client how to do better."""
        headers = [*(responseHeaders or []), ("Content-Length", "0"), ("Connection", "close")]
        if self._refusal is not None:
            headers += self._refusal.headers
        else:
            # Autobahn's reasons repeat what the peer has sent, be it a password.
            reason = HTTPStatus(code).phrase
            self.count(Counter.HANDSHAKES_FAILED)
            self.factory.quiet_log.info(
                reason,
                self._source(),
                "{peer}: refused, {reason}",
                peer=self.peer,
                reason=reason,
            )
        super().failHandshake(reason, code, headers)

    def onOpenHandshakeTimeout(self) -> None:
        """The upgrade request has not come in time."""
        self.count(Counter.HANDSHAKES_FAILED)
        super().onOpenHandshakeTimeout()

    def _stop_waiting(self) -> None:
        """The handshake waits for us now, not for the peer."""
        self._is_held = True
        if self.openHandshakeTimeoutCall is not None:
            self.openHandshakeTimeoutCall.cancel()
            self.openHandshakeTimeoutCall = None

    def _refused(self, failure: Failure) -> NoReturn:
        if isinstance(failure.value, Refusal):
            self._refusal = failure.value
        else:
            self._tell_of(failure)
        failure.raiseException()

    def _tell_of(self, failure: Failure) -> None:
        """A mistake of ours."""
        _log.failure("{peer}: its request could not be answered", failure, peer=self.peer)

    def _released(self) -> None:
        """Our answer is given."""
        self._is_held = False

    def _source(self) -> str:
        return source_of_peer(self.transport)

    def _approach(self) -> Approach:
        """What the connection shows, without what the upgrade request says."""
        transport = self.transport
        if isinstance(transport, TlsEnd):
            return Approach(None, True, transport.certificate_names)
        return Approach()

    def _shake_hands(self, data: bytes) -> None:
        if len(self.data) + len(data) > self.factory.limits.handshake_bytes:
            # Autobahn puts no bound on a handshake.
            self.count(Counter.HANDSHAKES_FAILED)
            self.factory.rivals.left(self)
            self.transport.abortConnection()
        elif self._is_held:
            self.data += data
        else:
            super().dataReceived(data)

    def count(self, what: Counter) -> None:
        """It has happened once more."""
        self.factory.central_system.counters.count(what)
