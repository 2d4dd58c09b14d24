"""
The way through a proxy: SOCKS5 (RFC 1928, RFC 1929) and HTTP's CONNECT (RFC 9110, 9.3.6).

What is said to the proxy, and what follows from its answers, is in two small conversations of
bytes; around them is an endpoint like any other. The proxy looks names up, not we.
"""

from __future__ import annotations

from base64 import b64encode
from ipaddress import ip_address
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.net.proxy_url import Proxy, ProxyKind

__all__ = ["Conversation", "HttpConnect", "Socks5", "ThroughProxy"]

#: How long a proxy may take to reach the backend. [s]
PROXY_TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 8 * 1024

_SOCKS_VERSION = 5
_PASSWORD_VERSION = 1
_NO_PASSWORD, _WITH_PASSWORD = 0, 2
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
_SIZES = {_IPV4: 4, _IPV6: 16}

#: RFC 1928, 6: the reply field.
_SOCKS_REFUSALS = {
    1: "it has failed",
    2: "its rules do not allow it",
    3: "it does not reach the backend's network",
    4: "it does not reach the backend's host",
    5: "nobody listens at the backend's address",
    6: "the way is too long",
    7: "it does not know the command",
    8: "it does not know this kind of address",
}
_HTTP_REFUSALS = {
    403: "it does not allow this host and port",
    404: "it is no proxy",
    405: "it is no proxy",
    407: "it refuses its user or password",
    502: "it does not reach the backend",
    503: "it does not reach the backend",
    504: "it does not reach the backend",
}


class Conversation(Protocol):
    """What is said to a proxy until it has made the way free."""

    def begin(self) -> bytes:
        """The first words."""

    def received(self, data: bytes) -> tuple[bytes, bytes | None]:
        """
        All that the proxy has said and that was not taken yet.

        @return: what is said to it, and C{None} until the way is free; then what came behind
            its last words, which is the backend's. What was taken need not come again.
        @raise RemoteProtocolError: if it does not make the way free; the text says why.
        """


class Socks5:
    """SOCKS5 for one connection."""

    def __init__(self, proxy: Proxy, host: str, port: int) -> None:
        self._proxy = proxy
        self._target = _socks_address(host) + port.to_bytes(2, "big")
        self._step = self._method_chosen
        self._heard = b""

    def begin(self) -> bytes:
        """Which ways we know to say who we are."""
        methods = [_NO_PASSWORD]
        if self._proxy.username is not None:
            methods.append(_WITH_PASSWORD)
        return bytes([_SOCKS_VERSION, len(methods), *methods])

    def received(self, data: bytes) -> tuple[bytes, bytes | None]:
        """See L{Conversation}."""
        self._heard += data
        words = b""
        while True:
            before = self._step
            more, is_free = self._step()
            words += more
            if is_free:
                return words, self._heard
            if before == self._step:
                return words, None

    def _method_chosen(self) -> tuple[bytes, bool]:
        if len(self._heard) < 2:
            return b"", False
        version, method = self._taken(2)
        if version != _SOCKS_VERSION:
            raise RemoteProtocolError("it does not speak SOCKS5")
        if method == _NO_PASSWORD:
            self._step = self._connected
            return self._connect(), False
        if method != _WITH_PASSWORD or self._proxy.username is None:
            raise RemoteProtocolError("it wants a user and a password")
        self._step = self._let_in
        user, password = self._proxy.username.encode(), self._proxy.password.encode()
        credentials = bytes([len(user)]) + user + bytes([len(password)]) + password
        return bytes([_PASSWORD_VERSION]) + credentials, False

    def _let_in(self) -> tuple[bytes, bool]:
        if len(self._heard) < 2:
            return b"", False
        _, status = self._taken(2)
        if status:
            raise RemoteProtocolError("it refuses its user or password")
        self._step = self._connected
        return self._connect(), False

    def _connect(self) -> bytes:
        return bytes([_SOCKS_VERSION, _CONNECT, 0]) + self._target

    def _connected(self) -> tuple[bytes, bool]:
        heard = self._heard
        if len(heard) >= 2 and heard[1]:
            words = _SOCKS_REFUSALS.get(heard[1], f"it refuses with {heard[1]}")
            raise RemoteProtocolError(words)
        if len(heard) < 5:
            return b"", False
        if heard[0] != _SOCKS_VERSION or heard[3] not in (*_SIZES, _NAME):
            raise RemoteProtocolError("it does not speak SOCKS5")
        size = 5 + heard[4] if heard[3] == _NAME else 4 + _SIZES[heard[3]]
        if len(heard) < size + 2:
            return b"", False
        self._taken(size + 2)
        return b"", True

    def _taken(self, size: int) -> bytes:
        taken, self._heard = self._heard[:size], self._heard[size:]
        return taken


class HttpConnect:
    """HTTP's CONNECT for one connection."""

    def __init__(self, proxy: Proxy, host: str, port: int) -> None:
        self._proxy = proxy
        self._authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._heard = b""

    def begin(self) -> bytes:
        """The request."""
        lines = [f"CONNECT {self._authority} HTTP/1.1", f"Host: {self._authority}"]
        if self._proxy.username is not None:
            credentials = f"{self._proxy.username}:{self._proxy.password}".encode()
            encoded = b64encode(credentials).decode("ascii")
            lines.append(f"Proxy-Authorization: Basic {encoded}")
        return "\r\n".join((*lines, "", "")).encode("ascii")

    def received(self, data: bytes) -> tuple[bytes, bytes | None]:
        """See L{Conversation}."""
        self._heard += data
        if not self._heard.startswith(b"HTTP/"[: len(self._heard)]):
            raise RemoteProtocolError("it does not speak HTTP")
        head, end, rest = self._heard.partition(b"\r\n\r\n")
        if not end:
            return b"", None
        words = head.split(b"\r\n")[0].split()
        if len(words) < 2 or not words[1].isdigit() or len(words[1]) != 3:
            raise RemoteProtocolError("it does not speak HTTP")
        status = int(words[1])
        if not 200 <= status < 300:
            known = _HTTP_REFUSALS.get(status, "it refuses")
            raise RemoteProtocolError(f"{known} ({status})")
        return b"", rest


def _socks_address(host: str) -> bytes:
    try:
        address = ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        return bytes([_NAME, len(name)]) + name
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed


class _Way(TwistedProtocol):
    """A connection to a proxy, until it is one to the backend."""

    def __init__(self, factory: _WayFactory, address: IAddress) -> None:
        self.factory: _WayFactory = factory
        self._address = address
        self._heard_bytes = 0
        self._timer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Ask the proxy."""
        assert self.transport is not None
        self._timer = self.factory.clock.callLater(PROXY_TIMEOUT_S, self._too_late)
        self.transport.write(self.factory.conversation.begin())

    def dataReceived(self, data: bytes) -> None:
        """It has said something."""
        assert self.transport is not None
        self._heard_bytes += len(data)
        try:
            if self._heard_bytes > MAX_ANSWER_BYTES:
                raise RemoteProtocolError("its answer has no end")
            words, rest = self.factory.conversation.received(data)
        except RemoteProtocolError as error:
            self._fail(str(error))
            return
        if words:
            self.transport.write(words)
        if rest is not None:
            self._go_on(rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It has closed the connection."""
        self._fail("it has closed the connection")

    def _go_on(self, rest: bytes) -> None:
        """The way is free: this steps out of it."""
        self._stop_timer()
        transport: Any = self.transport
        inner = self.factory.inner.buildProtocol(self._address)
        if inner is None:
            self._fail("it is not wanted any more")
            return
        transport.protocol = inner
        inner.makeConnection(transport)
        connected, self.factory.connected = self.factory.connected, None
        if connected is not None:
            connected.callback(inner)
        if rest and not transport.disconnecting:
            inner.dataReceived(rest)

    def _too_late(self) -> None:
        self._timer = None
        self._fail(f"it has not answered within {PROXY_TIMEOUT_S:g} s")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fail(self, why: str) -> None:
        self._stop_timer()
        connected, self.factory.connected = self.factory.connected, None
        transport: Any = self.transport
        transport.abortConnection()
        if connected is not None:
            words = f"the proxy {self.factory.shown}: {why}"
            connected.errback(Failure(RemoteProtocolError(words)))


class _WayFactory(Factory):
    """
    Makes the connection to a proxy for one attempt.

    @ivar connected: fires with the backend's protocol; C{None}: it has.
    """

    noisy = False

    def __init__(
        self,
        inner: IProtocolFactory,
        conversation: Conversation,
        clock: IReactorTime,
        shown: str,
    ) -> None:
        self.inner = inner
        self.conversation = conversation
        self.clock = clock
        self.shown = shown
        self.way: _Way | None = None
        self.connected: Deferred[IProtocol] | None = Deferred(self._cancelled)

    def buildProtocol(self, address: Any) -> Any:
        """A connection to the proxy."""
        self.way = _Way(self, address)
        return self.way

    def doStart(self) -> None:
        """Autobahn's factories want to be told."""
        super().doStart()
        self.inner.doStart()

    def doStop(self) -> None:
        """Autobahn's factories want to be told."""
        self.inner.doStop()
        super().doStop()

    def _cancelled(self, _: Deferred[IProtocol]) -> None:
        self.connected = None
        if self.way is not None:
            self.way._fail("")


@implementer(IStreamClientEndpoint)
class ThroughProxy:
    """A host behind a proxy."""

    def __init__(
        self,
        proxy: Proxy,
        to_proxy: IStreamClientEndpoint,
        host: str,
        port: int,
        clock: IReactorTime,
    ) -> None:
        """
        @param to_proxy: where the proxy is.
        @param host: a name or an address; the proxy looks it up.
        @raise UnicodeEncodeError: if the host is not ASCII.
        """
        host.encode("ascii")
        self._proxy = proxy
        self._to_proxy = to_proxy
        self._host = host
        self._port = port
        self._clock = clock

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See L{IStreamClientEndpoint}; fails with what the proxy says, in plain words."""
        kind = Socks5 if self._proxy.kind is ProxyKind.SOCKS5 else HttpConnect
        conversation: Conversation = kind(self._proxy, self._host, self._port)
        factory = _WayFactory(protocolFactory, conversation, self._clock, self._proxy.shown)
        connected = factory.connected
        assert connected is not None
        to_proxy: Deferred[Any] = self._to_proxy.connect(factory)
        # Until the proxy is reached it is that attempt which is cancelled.
        return to_proxy.addCallback(lambda _: connected)
