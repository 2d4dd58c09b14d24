"""
Where a Charge Point connects to: the URL of its Central System and its own identity.

OCPP-J 1.6, "The connection URL": the endpoint, a slash, and the percent-encoded identity. What
operators call their URL has every form: a host alone, a key in the host, in the path or in the
query, with and without a slash at its end, and at times with the identity in it already.
"""

from __future__ import annotations

from ipaddress import IPv6Address
from urllib.parse import SplitResult, quote, unquote, urlsplit

from attrs import frozen

from cfos_cm.errors import LocalProtocolError

__all__ = [
    "MAX_CLIENT_ID_CHARS",
    "Endpoint",
    "backend_key",
    "backend_url",
    "endpoint_of",
    "with_tls",
]

MAX_CLIENT_ID_CHARS = 255

_PORTS = {"ws": 80, "wss": 443}
#: RFC 3986, 3.3: what a path has besides letters, digits and C{-._~}. What is encoded stays so.
_OF_PATHS = "/%:@!$&'()*+,;="
#: RFC 3986, 3.4.
_OF_QUERIES = _OF_PATHS + "?"
_SHOWN_CHARS = 80


@frozen
class Endpoint:
    """
    What a URL says to a socket.

    @ivar host: a name or an address, without brackets.
    @ivar resource: the path with its query, as it is asked for.
    """

    is_secure: bool
    host: str
    port: int
    resource: str

    @property
    def host_header(self) -> str:
        """RFC 9110, 7.2: the port is left out where it is the usual one."""
        usual = _PORTS["wss" if self.is_secure else "ws"]
        return _bracketed(self.host) if self.port == usual else self.authority

    @property
    def authority(self) -> str:
        """The host, and its port."""
        return f"{_bracketed(self.host)}:{self.port}"


def backend_url(url: str, client_id: str) -> str:
    """
    The URL that is dialled: the backend's with the client id behind its path, before its query.

    A path that ends with the client id already, encoded or not, stays as it is.

    @raise LocalProtocolError: if the URL is not one of C{ws://} or C{wss://}, has a fragment or
        a user in it, or the client id cannot be a part of a URL.
    """
    parts = _split(url)
    base = _base(parts, client_id)
    path = _clean(parts.path) if base is None else f"{base}/{_encoded(client_id)}"
    query = f"?{quote(parts.query, safe=_OF_QUERIES)}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{path}{query}"


def backend_key(url: str, client_id: str) -> str:
    """
    One text for all ways to write the same backend and the same client id there. What differs
    in the query only is the same.

    @raise LocalProtocolError: as L{backend_url} does.
    """
    parts = _split(url)
    base = _base(parts, client_id)
    if base is None:
        base = _clean(parts.path).rstrip("/").rpartition("/")[0].rstrip("/")
    host = _bracketed((parts.hostname or "").lower())
    port = parts.port or _PORTS[parts.scheme]
    return f"{parts.scheme}://{host}:{port}{base}/{_encoded(client_id)}"


def endpoint_of(url: str) -> Endpoint:
    """
    What a URL of L{backend_url} says to a socket.

    @raise LocalProtocolError: if it is none of C{ws://} or C{wss://}.
    """
    parts = _split(url)
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or _PORTS[parts.scheme]
    return Endpoint(parts.scheme == "wss", parts.hostname or "", port, resource)


def with_tls(url: str) -> str:
    """
    The same URL with TLS: C{wss://}. A port that is written in it stays; where there is none
    it is the usual one of TLS.

    @raise LocalProtocolError: as L{endpoint_of} does.
    """
    return _split(url)._replace(scheme="wss").geturl()


def _split(url: str) -> SplitResult:
    """@raise LocalProtocolError: if it is no URL of a backend."""
    allowed = "allowed: ws://HOST… or wss://HOST…, without user:password@ and without #"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "#" in url or "@" in parts.netloc or not _is_host(parts.netloc):
        raise LocalProtocolError(f"the URL of a backend: found {_shown(url)!r}; {allowed}")
    return parts


def _is_host(netloc: str) -> bool:
    return netloc.isascii() and netloc.isprintable() and not set(netloc) & set(' \\"<>^`{|}%')


def _base(parts: SplitResult, client_id: str) -> str | None:
    """
    The path that the client id goes behind; C{None}: it is there already.

    @raise LocalProtocolError: if the client id cannot be a part of a URL.
    """
    if not 1 <= len(client_id) <= MAX_CLIENT_ID_CHARS or not client_id.isprintable():
        raise LocalProtocolError(
            f"a client id: found {client_id[:_SHOWN_CHARS]!r}; allowed: 1 to "
            f"{MAX_CLIENT_ID_CHARS} printable characters"
        )
    if client_id in (".", ".."):
        raise LocalProtocolError(
            f"a client id: found {client_id!r}; allowed: anything but . and .., which stand "
            "for another path"
        )
    path = parts.path.rstrip("/")
    last = path.rpartition("/")[2]
    if client_id in (last, unquote(last)) and last:
        return None
    return _clean(path)


def _clean(path: str) -> str:
    return quote(path, safe=_OF_PATHS)


def _encoded(client_id: str) -> str:
    try:
        return quote(client_id, safe="")
    except UnicodeEncodeError:
        raise LocalProtocolError("a client id: found characters that are none") from None


def _bracketed(host: str) -> str:
    try:
        return f"[{IPv6Address(host)}]"
    except ValueError:
        return host


def _shown(url: str) -> str:
    """Without what may be secret in it."""
    scheme, separator, rest = url.rpartition("://")
    hidden = f"***@{rest.rpartition('@')[2]}" if "@" in rest else rest
    return f"{scheme if '@' not in scheme else '***'}{separator}{hidden.partition('?')[0]}"[
        :_SHOWN_CHARS
    ]
