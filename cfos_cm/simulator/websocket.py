"""The WebSocket that a virtual wallbox speaks through. OCPP-J 1.6, "Connection"."""

from __future__ import annotations

import typing
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from attrs import frozen
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.types import ConnectionResponse
from twisted.internet.interfaces import IAddress, IDelayedCall

from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.timers import Timers, cancel_timers
from cfos_cm.wire.charge_box import is_identity
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES

__all__ = [
    "HANDSHAKE_TIMEOUT_S",
    "Events",
    "Socket",
    "SocketFactory",
    "basic_authorization",
    "url_of",
]

SUBPROTOCOL = "ocpp1.6"

HANDSHAKE_TIMEOUT_S = 5
MAX_HANDSHAKE_BYTES = 16 * 1024
PING_INTERVAL_S = 30
PONG_TIMEOUT_S = 10
#: How long the server may take to agree to the end of a connection. [s]
CLOSE_TIMEOUT_S = 1

#: RFC 6455, 5.5: so much fits into a close frame.
_MAX_REASON_BYTES = 123

_NORMAL = 1000
_UNSUPPORTED_DATA = 1003


@frozen
class Events:
    """
    Who is told what happens on a socket.

    @ivar opened: it is open.
    @ivar received: a text message has come.
    @ivar lost: the TCP connection is gone; with a few words why.
    """

    opened: Callable[[], None]
    received: Callable[[bytes], None]
    lost: Callable[[str], None]


def url_of(server: str, identity: str) -> str:
    """
    Where a Charge Point connects to: the server's URL, a slash, its percent-encoded identity.

    @raise LocalProtocolError: if the URL is not one of C{ws://}, or the identity none.
    """
    parts = urlsplit(server)
    if parts.scheme != "ws" or not parts.hostname or parts.query or parts.fragment:
        raise LocalProtocolError(
            f"the URL of an OCPP server: found {server[:80]!r}; allowed: ws://HOST:PORT/PATH"
        )
    if parts.username is not None:
        raise LocalProtocolError("the URL of an OCPP server: a password in it is not allowed")
    if not is_identity(identity):
        raise LocalProtocolError(f"found {identity[:80]!r}; allowed: a charge box identity")
    path = parts.path.rstrip("/")
    return f"ws://{parts.netloc}{path}/{quote(identity, safe='')}"


def basic_authorization(identity: str, password: bytes) -> str:
    """The header C{Authorization} of RFC 7617; the password of OCPP is bytes."""
    return "Basic " + b64encode(identity.encode() + b":" + password).decode("ascii")


class Socket(WebSocketClientProtocol):
    """One WebSocket connection to an OCPP server."""

    factory: SocketFactory
    _why = "the connection failed"
    _drop_timer: IDelayedCall | None = None

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come. Autobahn puts no bound on a handshake."""
        connecting = self.state in (self.STATE_CONNECTING, self.STATE_PROXY_CONNECTING)
        if connecting and len(self.data or b"") + len(data) > MAX_HANDSHAKE_BYTES:
            self.transport.abortConnection()
            return
        super().dataReceived(data)

    def onConnect(self, response: ConnectionResponse) -> None:
        """
        The server has answered the upgrade request.

        @raise LocalProtocolError: if it does not speak OCPP 1.6; the connection is then closed.
        """
        if response.protocol != SUBPROTOCOL:
            self._why = f"the server does not speak {SUBPROTOCOL}"
            self.transport.abortConnection()
            raise LocalProtocolError(self._why)

    def onOpen(self) -> None:
        """The WebSocket is open."""
        self.factory.events.opened()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A whole message has come."""
        if isBinary:
            # OCPP-J 1.6, "RPC framework": messages are JSON in UTF-8, sent as text.
            self.hang_up(_UNSUPPORTED_DATA, "OCPP-J is text")
        else:
            self.factory.events.received(payload)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The WebSocket is closed."""
        if reason:
            self._why = reason[:_MAX_REASON_BYTES]

    def connectionLost(self, reason: Any) -> None:
        """The TCP connection is gone."""
        super().connectionLost(reason)
        if self._drop_timer is not None and self._drop_timer.active():
            self._drop_timer.cancel()
        cancel_timers(self)
        self.factory.events.lost(self._why)

    def send_text(self, text: bytes) -> None:
        """Send a text message, if the WebSocket is open."""
        if self.state == self.STATE_OPEN:
            self.sendMessage(text)

    def hang_up(self, code: int = _NORMAL, why: str = "") -> None:
        """End the connection, in good order if the server agrees soon."""
        if self.state != self.STATE_OPEN:
            self.transport.abortConnection()
            return
        # sendClose() allows only some codes to a program; the others are ours to use too.
        self.sendCloseFrame(code=code, reasonUtf8=why.encode()[:_MAX_REASON_BYTES])
        self._drop_timer = self.factory.reactor.callLater(CLOSE_TIMEOUT_S, self._drop)

    def _drop(self) -> None:
        self._drop_timer = None
        self.transport.abortConnection()


class SocketFactory(WebSocketClientFactory):
    """
    Makes the socket for one attempt to connect.

    @ivar events: who is told.
    """

    protocol = Socket
    noisy = False

    def __init__(
        self, url: str, authorization: str | None, events: Events, reactor: Any
    ) -> None:
        """
        @param url: as L{url_of} makes it.
        @param authorization: the header of that name; C{None}: none is sent.
        """
        headers = {} if authorization is None else {"Authorization": authorization}
        super().__init__(
            url, protocols=[SUBPROTOCOL], useragent="", headers=headers, reactor=reactor
        )
        self.events = events
        self._batched_timer = Timers(reactor)
        self.setProtocolOptions(
            # The text is decoded strictly where its JSON is.
            utf8validateIncoming=False,
            maxMessagePayloadSize=MAX_FRAME_BYTES,
            maxFramePayloadSize=MAX_FRAME_BYTES,
            failByDrop=False,
            openHandshakeTimeout=HANDSHAKE_TIMEOUT_S,
            closeHandshakeTimeout=CLOSE_TIMEOUT_S,
            serverConnectionDropTimeout=CLOSE_TIMEOUT_S,
            autoPingInterval=PING_INTERVAL_S,
            autoPingTimeout=PONG_TIMEOUT_S,
            autoPingRestartOnAnyTraffic=True,
            perMessageCompressionOffers=[],
            tcpNoDelay=True,
        )

    def buildProtocol(self, addr: IAddress) -> Socket:
        """The socket for a server that has taken the call."""
        return typing.cast(Socket, super().buildProtocol(addr))
