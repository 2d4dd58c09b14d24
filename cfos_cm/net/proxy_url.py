"""A proxy on the way to a backend, as a URL says it."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import unquote, urlsplit

from attrs import field, frozen

__all__ = ["PROXY_WORDS", "Proxy", "ProxyKind", "read_proxy"]

#: What L{read_proxy} takes.
PROXY_WORDS = (
    "socks5://HOST:PORT or http://HOST:PORT, with user:password@ before HOST if needed"
)

#: RFC 1929: a length is one byte.
_MAX_CREDENTIAL_BYTES = 255


class ProxyKind(StrEnum):
    """What a proxy speaks."""

    SOCKS5 = "socks5"
    HTTP = "http"


@frozen
class Proxy:
    """
    A proxy.

    @ivar host: a name or an address, without brackets.
    @ivar username: C{None}: none is told.
    """

    kind: ProxyKind
    host: str
    port: int
    username: str | None = None
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """For people, without the user and the password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.kind}://{host}:{self.port}"


def read_proxy(url: str) -> Proxy:
    """
    Read a URL.

    @raise ValueError: if it is none of L{PROXY_WORDS}; its text does not repeat the URL.
    """
    if not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>?#'):
        raise ValueError(PROXY_WORDS)
    try:
        parts = urlsplit(url)
        kind, host, port = ProxyKind(parts.scheme), parts.hostname, parts.port
    except ValueError:
        raise ValueError(PROXY_WORDS) from None
    username = None if parts.username is None else unquote(parts.username)
    password = unquote(parts.password or "")
    if not host or not port or parts.path not in ("", "/"):
        raise ValueError(PROXY_WORDS)
    if username is not None and not _can_be_told(kind, username, password):
        raise ValueError(PROXY_WORDS)
    return Proxy(kind, host, port, username, password)


def _can_be_told(kind: ProxyKind, username: str, password: str) -> bool:
    longest = max(len(username.encode()), len(password.encode()))
    # RFC 7617: a colon ends the user.
    is_clear = kind is ProxyKind.SOCKS5 or ":" not in username
    return bool(username) and longest <= _MAX_CREDENTIAL_BYTES and is_clear
