"""Where Charge Points connect to a virtual backend. OCPP-J 1.6, "Connection"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from OpenSSL import SSL
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IAddress
from twisted.python.failure import Failure

from cfos_cm.net.server_tls_words import handshake_words
from cfos_cm.net.timers import Timers, cancel_timers
from cfos_cm.send_buffer import waiting_bytes
from cfos_cm.simulator.backend.answers import Answers
from cfos_cm.wire.close_code import CloseCode
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES

__all__ = ["MAX_CONNECTIONS", "SUBPROTOCOL", "BackendConnection", "BackendServer"]

SUBPROTOCOL = "ocpp1.6"

#: Charge Points at the same time.
MAX_CONNECTIONS = 100
MAX_IDENTITY_CHARS = 100

HANDSHAKE_TIMEOUT_S = 5
MAX_HANDSHAKE_BYTES = 16 * 1024
PING_INTERVAL_S = 30
PONG_TIMEOUT_S = 10
CLOSE_TIMEOUT_S = 1
#: Of answers that somebody asks for and does not read.
MAX_WAITING_BYTES = 1024 * 1024

_BAD_REQUEST, _NOT_FOUND = 400, 404


class BackendConnection(WebSocketServerProtocol):
    """
    A Charge Point.

    @ivar identity: who it says that it is; empty until its WebSocket is open.
    """

    factory: BackendServer
    identity = ""

    def connectionMade(self) -> None:
        """Somebody has dialled."""
        super().connectionMade()
        self.factory.came(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come. Autobahn puts no bound on a handshake."""
        if (
            self.state == self.STATE_CONNECTING
            and len(self.data or b"") + len(data) > MAX_HANDSHAKE_BYTES
        ):
            self.transport.abortConnection()
            return
        super().dataReceived(data)

    def onConnect(self, request: ConnectionRequest) -> str:
        """
        The upgrade request has been read.

        @return: the subprotocol.
        @raise ConnectionDeny: when it is not let in.
        """
        if SUBPROTOCOL not in request.protocols:
            raise ConnectionDeny(_BAD_REQUEST, f"the subprotocol is {SUBPROTOCOL}")
        identity = unquote(request.path.rpartition("/")[2])
        if not 0 < len(identity) <= MAX_IDENTITY_CHARS or not identity.isprintable():
            raise ConnectionDeny(_NOT_FOUND, "the URL ends with the identity")
        self.identity = identity
        return SUBPROTOCOL

    def onOpen(self) -> None:
        """The WebSocket is open."""
        self.factory.opened(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A whole message has come."""
        if self.state != self.STATE_OPEN:
            return
        if isBinary:
            self.hang_up(CloseCode.UNSUPPORTED_DATA, "OCPP-J is text")
            return
        answer = self.factory.answers.received(self.identity, payload)
        if answer is not None:
            self.sendMessage(answer)
        if waiting_bytes(self.transport) > MAX_WAITING_BYTES:
            self.transport.abortConnection()

    def hang_up(self, code: CloseCode, why: str) -> None:
        """End the connection, in good order where there is one."""
        if self.state == self.STATE_OPEN:
            # sendClose() allows only some codes to a program; the others are ours to use too.
            self.sendCloseFrame(code=int(code), reasonUtf8=why.encode())
        else:
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure) -> None:
        """The TCP connection is gone."""
        if isinstance(reason.value, SSL.Error):
            # Autobahn would tell of it in OpenSSL's words.
            self.factory.has_no_tls(self, handshake_words(reason.value))
            reason = Failure(ConnectionLost())
        super().connectionLost(reason)
        cancel_timers(self)
        self.factory.left(self)


class BackendServer(WebSocketServerFactory):
    """
    Makes the connections, and ends them.

    @ivar answers: who answers.
    """

    protocol = BackendConnection
    noisy = False

    def __init__(self, answers: Answers, reactor: Any, say: Callable[[str], None]) -> None:
        """
        @param say: takes a line for people.
        """
        super().__init__(protocols=[SUBPROTOCOL], server="", reactor=reactor)
        self.answers = answers
        self._say = say
        self._connections: set[BackendConnection] = set()
        self._by_identity: dict[str, BackendConnection] = {}
        self._ended: Deferred[None] | None = None
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
            perMessageCompressionAccept=lambda _: None,
            tcpNoDelay=True,
        )

    def buildProtocol(self, addr: IAddress) -> BackendConnection | None:
        """A connection for somebody who has dialled; C{None}: there is no room for him."""
        if len(self._connections) >= MAX_CONNECTIONS:
            return None
        connection: BackendConnection = super().buildProtocol(addr)
        return connection

    def close_all(self) -> Deferred[None]:
        """
        End every connection.

        @return: fires when none is left.
        """
        if not self._connections:
            return succeed(None)
        self._ended = Deferred()
        ended = self._ended
        for connection in tuple(self._connections):
            connection.hang_up(CloseCode.GOING_AWAY, "the backend stops")
        return ended

    def came(self, connection: BackendConnection) -> None:
        """Somebody has dialled."""
        self._connections.add(connection)

    def has_no_tls(self, connection: BackendConnection, why: str) -> None:
        """There is no TLS with somebody, or none any more."""
        self._say(f"{_host(connection)}: {why}")

    def opened(self, connection: BackendConnection) -> None:
        """Somebody has said who he is: an earlier connection of his counts no more."""
        earlier = self._by_identity.pop(connection.identity, None)
        if earlier is not None:
            self._say(f"{connection.identity} has connected once more")
            earlier.transport.abortConnection()
        self._by_identity[connection.identity] = connection
        self._say(f"{connection.identity} is connected, from {_host(connection)}")

    def left(self, connection: BackendConnection) -> None:
        """Somebody is gone."""
        self._connections.discard(connection)
        if self._by_identity.get(connection.identity) is connection:
            del self._by_identity[connection.identity]
            self._say(f"{connection.identity} is not connected any more")
        if self._ended is not None and not self._connections:
            ended, self._ended = self._ended, None
            ended.callback(None)


def _host(connection: BackendConnection) -> str:
    """Where somebody comes from, for people."""
    return str(getattr(connection.transport.getPeer(), "host", "somewhere"))
