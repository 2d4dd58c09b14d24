"""
The WebSocket server that Charge Points connect to.

OCPP-J 1.6, "Connection": the client asks for C{/…/identity} with the subprotocol C{ocpp1.6}
and, from security profile 1 on, proves with HTTP Basic authentication that it is that identity.
Everything is decided before the handshake is answered; what is said afterwards goes to the
session.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.logger import Logger

from cfos_cm.central_system.central_system import Admission, CentralSystem
from cfos_cm.central_system.session import Session
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.net.timers import Timers, cancel_timers
from cfos_cm.wire.basic_auth import Credentials, read_authorization
from cfos_cm.wire.charge_box import identity_in_path
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES

__all__ = ["SUBPROTOCOL", "ChargePointConnection", "ChargePointServer"]

SUBPROTOCOL = "ocpp1.6"

#: A request that is longer is not one of a Charge Point.
MAX_HANDSHAKE_BYTES = 16 * 1024
HANDSHAKE_TIMEOUT_S = 5
#: The connection is tried every so often, and given up when it does not answer.
PING_INTERVAL_S = 30
PONG_TIMEOUT_S = 10
#: How long a peer may take to agree to the end of a connection.
CLOSE_TIMEOUT_S = 2

BAD_REQUEST = 400
UNAUTHORIZED = 401
NOT_FOUND = 404
INTERNAL_SERVER_ERROR = 500
SERVICE_UNAVAILABLE = 503

#: RFC 6455, 5.5: so much fits into a close frame.
MAX_REASON_BYTES = 123
#: How much of a peer's own words is repeated.
MAX_SHOWN_CHARS = 123
#: A message is sent in one piece; empty pieces would get past the bound of its size.
MAX_FRAGMENTS = 1000

GOING_AWAY = 1001
UNSUPPORTED_DATA = 1003
MESSAGE_TOO_BIG = 1009

_REFUSALS: dict[Admission, tuple[int, str]] = {
    Admission.UNAUTHORISED: (UNAUTHORIZED, "Unauthorized"),
    Admission.UNKNOWN: (NOT_FOUND, "Not Found"),
    Admission.TOO_MANY: (SERVICE_UNAVAILABLE, "Service Unavailable"),
}

_NO_SUBPROTOCOL = "Subprotocol ocpp1.6 required"
_OUR_REASONS = frozenset({_NO_SUBPROTOCOL, *(reason for _, reason in _REFUSALS.values())})

_log = Logger(namespace="cfos_cm.net")


class _FewWords:
    """Autobahn's logger: its mistakes are told, its remarks, which repeat the peer, are not."""

    failure = _log.failure
    error = _log.error
    critical = _log.critical

    def debug(self, *_: object, **__: object) -> None:
        """Not told."""

    trace = info = warn = debug


class ChargePointConnection(WebSocketServerProtocol):
    """One WebSocket connection of a Charge Point."""

    factory: ChargePointServer
    log = _FewWords()
    session: Session | None = None
    _identity = ""
    _close_timer: IDelayedCall | None = None
    _fragments = 0
    # Autobahn's own, which it does not annotate.
    closeHandshakeTimeoutCall: IDelayedCall | None
    failedByMe: bool

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come. Autobahn puts no bound on a handshake."""
        connecting = self.state in (self.STATE_CONNECTING, self.STATE_PROXY_CONNECTING)
        if connecting and len(self.data or b"") + len(data) > MAX_HANDSHAKE_BYTES:
            self.transport.abortConnection()
            return
        super().dataReceived(data)

    def connectionMade(self) -> None:
        """The TCP connection is up."""
        super().connectionMade()
        self.factory.connections.add(self)

    def connectionLost(self, reason: Any) -> None:
        """The TCP connection is gone."""
        super().connectionLost(reason)
        if self._close_timer is not None and self._close_timer.active():
            self._close_timer.cancel()
        cancel_timers(self)
        self.factory.connection_ended(self)

    def onConnect(self, request: ConnectionRequest) -> str:
        """
        The upgrade request is complete.

        @return: the subprotocol.
        @raise ConnectionDeny: if this is not a Charge Point that may connect.
        """
        if SUBPROTOCOL not in request.protocols:
            _log.warn(
                "{peer}: refused, offers no subprotocol {wanted}, only {found}: the wallbox "
                "must be set to OCPP 1.6J",
                peer=self.peer,
                wanted=SUBPROTOCOL,
                found=[str(name)[:40] for name in request.protocols[:5]],
            )
            raise ConnectionDeny(BAD_REQUEST, _NO_SUBPROTOCOL)
        try:
            self._identity = identity_in_path(_path(self.http_request_uri))
        except RemoteProtocolError as error:
            _log.info("{peer}: refused, {error!s}", peer=self.peer, error=error)
            raise ConnectionDeny(NOT_FOUND, "Not Found") from error
        credentials = self._credentials(request)
        admission = self.factory.central_system.admit(self._identity, credentials)
        if admission is not Admission.ADMITTED:
            _log.warn(
                "{peer}: {identity} refused: {why}",
                peer=self.peer,
                identity=self._identity,
                why=_why(admission, credentials),
            )
            raise ConnectionDeny(*_REFUSALS[admission])
        return SUBPROTOCOL

    def failHandshake(
        self,
        reason: str,
        code: int = 400,
        responseHeaders: list[tuple[str, str]] | None = None,
    ) -> None:
        """Refuse the upgrade, in a way that tells a client how to do better."""
        headers = [*(responseHeaders or []), ("Content-Length", "0"), ("Connection", "close")]
        if code == UNAUTHORIZED:
            headers.append(("WWW-Authenticate", 'Basic realm="ocpp", charset="UTF-8"'))
        if reason not in _OUR_REASONS:
            # Autobahn's reasons repeat what the peer has sent, be it a password.
            reason = HTTPStatus(code).phrase
            _log.info("{peer}: refused, {reason}", peer=self.peer, reason=reason)
        super().failHandshake(reason, code, headers)

    def onOpen(self) -> None:
        """The WebSocket is open."""
        origin = getattr(self.transport.getPeer(), "host", None) or self.peer
        self.session = self.factory.central_system.open(
            self._identity, str(origin), self._send_text, self._hang_up
        )

    def onMessageBegin(self, isBinary: bool) -> None:
        """The first piece of a message comes."""
        super().onMessageBegin(isBinary)
        self._fragments = 0

    def onMessageFrameBegin(self, length: int) -> None:
        """A piece of a message comes. Autobahn counts bytes, not pieces."""
        super().onMessageFrameBegin(length)
        self._fragments += 1
        if self._fragments > MAX_FRAGMENTS and not self.failedByMe:
            self._hang_up(MESSAGE_TOO_BIG, f"more than {MAX_FRAGMENTS} fragments")
            self.failedByMe = True

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A whole message has come."""
        if self.state != self.STATE_OPEN:
            # We have said goodbye: nothing could be answered any more.
            return
        if isBinary:
            # OCPP-J 1.6, "RPC framework": messages are JSON in UTF-8, sent as text.
            self._hang_up(UNSUPPORTED_DATA, "OCPP-J is text")
        elif self.session is not None:
            self.session.received(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The WebSocket is closed."""
        session, self.session = self.session, None
        if session is not None:
            why = reason or ("closed" if wasClean else "connection lost")
            self.factory.central_system.closed(session, _printable(why))

    def going_away(self) -> None:
        """We are stopping."""
        if self.state == self.STATE_OPEN:
            self._hang_up(GOING_AWAY, "the charging manager is stopping")
        else:
            self.transport.abortConnection()

    def _credentials(self, request: ConnectionRequest) -> Credentials | None:
        header = request.headers.get("authorization")
        try:
            return None if header is None else read_authorization(header)
        except RemoteProtocolError as error:
            _log.info("{peer}: {error!s}", peer=self.peer, error=error)
            return None

    def _send_text(self, text: bytes) -> None:
        if self.state == self.STATE_OPEN:
            self.sendMessage(text)

    def _hang_up(self, code: int, why: str) -> None:
        if self.state != self.STATE_OPEN:
            return
        # sendClose() allows only some codes to a program; the others are ours to use too.
        self.sendCloseFrame(code=code, reasonUtf8=why.encode()[:MAX_REASON_BYTES])
        self._close_timer = self.factory.reactor.callLater(CLOSE_TIMEOUT_S, self._drop)

    def _drop(self) -> None:
        self._close_timer = None
        self.transport.abortConnection()


class ChargePointServer(WebSocketServerFactory):
    """
    Makes the connections of Charge Points, and ends them.

    @ivar central_system: who the Charge Points talk to.
    @ivar connections: all that are open, also those that are still shaking hands.
    """

    protocol = ChargePointConnection
    noisy = False

    def __init__(self, central_system: CentralSystem, reactor: Any) -> None:
        super().__init__(protocols=[SUBPROTOCOL], server="", reactor=reactor)
        self.central_system = central_system
        self.connections: set[ChargePointConnection] = set()
        self._ended: list[Deferred[None]] = []
        self._batched_timer = Timers(reactor)
        self.setProtocolOptions(
            webStatus=False,
            utf8validateIncoming=False,
            maxMessagePayloadSize=MAX_FRAME_BYTES,
            maxFramePayloadSize=MAX_FRAME_BYTES,
            failByDrop=False,
            openHandshakeTimeout=HANDSHAKE_TIMEOUT_S,
            closeHandshakeTimeout=CLOSE_TIMEOUT_S,
            autoPingInterval=PING_INTERVAL_S,
            autoPingTimeout=PONG_TIMEOUT_S,
            autoPingRestartOnAnyTraffic=True,
            perMessageCompressionAccept=_no_compression,
            tcpNoDelay=True,
        )

    def buildProtocol(self, addr: IAddress) -> ChargePointConnection:
        """A connection for a peer that has dialled."""
        connection: ChargePointConnection = super().buildProtocol(addr)
        return connection

    def close_all(self) -> Deferred[None]:
        """
        End every connection with the status 1001, "going away".

        @return: fires when the last one is gone, at the latest after L{CLOSE_TIMEOUT_S}.
        """
        ended: Deferred[None] = Deferred()
        if not self.connections:
            ended.callback(None)
            return ended
        self._ended.append(ended)
        for connection in tuple(self.connections):
            connection.going_away()
        return ended

    def connection_ended(self, connection: ChargePointConnection) -> None:
        """A connection is gone for good."""
        self.connections.discard(connection)
        if not self.connections:
            waiting, self._ended = self._ended, []
            for ended in waiting:
                ended.callback(None)


def _path(request_uri: str) -> str:
    """
    The path that is asked for.

    Not Autobahn's: of "//CP-1", which many make of an endpoint that ends with a slash, it takes
    CP-1 for a host.
    """
    uri = request_uri.partition("?")[0]
    scheme, separator, rest = uri.partition("://")
    if "/" in scheme or not separator:
        return uri
    # RFC 9112, 3.2.2: a whole URI is allowed, and before its path there may be a password.
    return rest.partition("/")[2]


def _why(admission: Admission, credentials: Credentials | None) -> str:
    if admission is Admission.UNKNOWN:
        return "no [evse ...] section has it as its address"
    if admission is Admission.TOO_MANY:
        return "too many that are not configured are connected"
    if credentials is None:
        return "it has sent no password"
    return "wrong password, or its user name is not its ChargeBox ID"


def _no_compression(_offers: object) -> None:
    """Not recommended by OCPP-J, and a small frame that unpacks to a large one is an attack."""


def _printable(text: str) -> str:
    """What a peer may have written, in one line of a log."""
    return "".join(char if char.isprintable() else " " for char in text[:MAX_SHOWN_CHARS])
