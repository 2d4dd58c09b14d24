"""The request that opens a WebSocket, and its answer. RFC 6455, section 4; RFC 7617."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from attrs import field, frozen

from cfos_cm.errors import LocalProtocolError, RemoteProtocolError

__all__ = [
    "SUBPROTOCOL",
    "Address",
    "Response",
    "Upgrade",
    "address_of",
    "may_be_response",
    "read_response",
]

SUBPROTOCOL = "ocpp1.6"

_PORTS = {"ws": 80, "wss": 443}
_SWITCHING_PROTOCOLS = 101
_VERSION = b"HTTP/1."


@frozen
class Address:
    """
    Where a Central System listens.

    @ivar path: what goes before the identity; without a slash at its end.
    @ivar is_secure: it is called by TLS.
    """

    host: str
    port: int
    path: str = ""
    is_secure: bool = False

    def target(self, identity: str) -> str:
        """What is asked for: the path and the percent-encoded identity."""
        return f"{self.path}/{quote(identity, safe='')}"

    @property
    def authority(self) -> str:
        """Host and port, as they stand in a URL and in the header C{Host}."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        """The URL, without an identity."""
        return f"{'wss' if self.is_secure else 'ws'}://{self.authority}{self.path}/"


def address_of(url: str) -> Address:
    """
    Read a URL.

    @raise LocalProtocolError: if it is not one of C{ws://} or C{wss://}.
    """
    allowed = "allowed: ws:// or wss://HOST:PORT/PATH, without an identity, a user or a query"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise LocalProtocolError(f"the URL: {error}; {allowed}") from error
    if parts.username is not None:
        # Not repeated: there may be a password in it.
        raise LocalProtocolError(f"the URL: found a user in it; {allowed}")
    usual = _PORTS.get(parts.scheme)
    plain = usual and parts.hostname and not parts.query and not parts.fragment
    if port == 0 or not plain or not url.isascii() or not url.isprintable() or " " in url:
        raise LocalProtocolError(f"the URL: found {url[:80]!r}; {allowed}")
    path = parts.path.rstrip("/")
    return Address(parts.hostname or "", port or usual or 0, path, parts.scheme == "wss")


@frozen
class Upgrade:
    """
    A request for a WebSocket, which may lack what it should have.

    @ivar target: the path as it goes over the wire.
    @ivar subprotocols: what is offered; C{None}: there is no such header.
    @ivar connection: whether there is the header C{Connection: Upgrade}.
    @ivar origin: of which page it says to be; C{None}: there is no such header.
    @ivar user: whose password it is.
    @ivar password: C{None}: no C{Authorization} header.
    """

    target: str
    host: str
    subprotocols: str | None = SUBPROTOCOL
    connection: bool = True
    origin: str | None = None
    user: str = ""
    password: bytes | None = field(default=None, repr=False)

    def encode(self, key: bytes) -> bytes:
        """
        The request.

        @param key: 16 random bytes.
        """
        lines = [
            f"GET {self.target} HTTP/1.1",
            f"Host: {self.host}",
            "Upgrade: websocket",
            *(["Connection: Upgrade"] if self.connection else []),
            f"Sec-WebSocket-Key: {b64encode(key).decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        if self.subprotocols is not None:
            lines.append(f"Sec-WebSocket-Protocol: {self.subprotocols}")
        if self.origin is not None:
            lines.append(f"Origin: {self.origin}")
        if self.password is not None:
            proof = b64encode(self.user.encode() + b":" + self.password).decode()
            lines.append(f"Authorization: Basic {proof}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")

    def __str__(self) -> str:
        """What is asked for, for people; without the password."""
        offered = "no subprotocol" if self.subprotocols is None else self.subprotocols
        without = "" if self.connection else ", no Connection header"
        origin = "" if self.origin is None else f", Origin: {self.origin}"
        proof = "" if self.password is None else f", with a password as {self.user}"
        return f"GET {self.target} ({offered}{without}{origin}{proof})"


@frozen
class Response:
    """
    The answer to an L{Upgrade}.

    @ivar headers: by their names in lower case; of doubled ones the last.
    """

    status: int
    reason: str
    headers: Mapping[str, str]

    @property
    def switches(self) -> bool:
        """Whether it is a WebSocket now."""
        return self.status == _SWITCHING_PROTOCOLS

    @property
    def subprotocol(self) -> str | None:
        """The one that was chosen."""
        return self.headers.get("sec-websocket-protocol")


def may_be_response(begun: bytes) -> bool:
    """Whether what has come so far can be the beginning of an answer."""
    return begun[: len(_VERSION)] == _VERSION[: len(begun)]


def read_response(head: bytes) -> Response:
    """
    Read the head of an answer, without the empty line.

    @raise RemoteProtocolError: if it is not HTTP.
    """
    first, *rest = head.decode("latin-1").split("\r\n")
    version, _, after = first.partition(" ")
    status, _, reason = after.partition(" ")
    if not version.startswith(_VERSION.decode()) or len(status) != 3 or not status.isdecimal():
        raise RemoteProtocolError(f"the answer is not HTTP: {first[:80]!r}")
    headers = {}
    for line in rest:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return Response(int(status), "".join(c for c in reason[:80] if c.isprintable()), headers)
