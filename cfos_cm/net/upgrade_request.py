"""
What an upgrade request asks for, and how those that are slightly wrong are put right.

Bytes in, bytes out; whether a wallbox is forgiven its mistake is decided elsewhere.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = [
    "END_OF_HEAD",
    "is_connection_upgrade",
    "is_of_foreign_page",
    "path_of",
    "target_of",
    "with_connection_upgrade",
    "with_encoded_blanks",
    "without_origin",
]

#: What an upgrade request ends with.
END_OF_HEAD = b"\r\n\r\n"

_CONNECTION = re.compile(rb"\r\nConnection[ \t]*:([^\r\n]*)", re.IGNORECASE)
# The longer name is of drafts of RFC 6455 that some still speak.
_ORIGIN = re.compile(rb"\r\n(?:Sec-WebSocket-)?Origin[ \t]*:([^\r\n]*)", re.IGNORECASE)
_HOST = re.compile(rb"\r\nHost[ \t]*:([^\r\n]*)", re.IGNORECASE)
# Blanks in the middle: RFC 9112, 3.2, has them encoded.
_REQUEST_LINE = re.compile(rb"GET[ ](/[!-~ ]*[!-~])[ ](HTTP/1\.1)(?=\r\n)")


def path_of(request_uri: str) -> str:
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


def target_of(head: bytes) -> str:
    """What a request asks for, blanks included; an empty text if it cannot be told."""
    found = _REQUEST_LINE.match(head)
    return found[1].decode("ascii") if found else ""


def with_encoded_blanks(head: bytes) -> bytes:
    """The request, with the blanks in what it asks for as C{%20}."""
    found = _REQUEST_LINE.match(head)
    if found is None:
        return head
    target = found[1].replace(b" ", b"%20")
    return b"GET " + target + b" " + found[2] + head[found.end() :]


def is_connection_upgrade(head: bytes) -> bool:
    """Whether a request says that the connection is to be upgraded."""
    options = b",".join(_CONNECTION.findall(head)).lower().split(b",")
    return b"upgrade" in (option.strip() for option in options)


def with_connection_upgrade(head: bytes) -> bytes:
    """The request, as if it said C{Connection: Upgrade}, and nothing else of the kind."""
    line, _, headers = _CONNECTION.sub(b"", head).partition(b"\r\n")
    return line + b"\r\nConnection: Upgrade\r\n" + headers


def is_of_foreign_page(head: bytes) -> bool:
    """
    Whether a request comes from a page of some web site, in a browser of somebody here.

    RFC 6455, 10.2: a browser names the site in C{Origin}, and a page cannot keep it from that.
    Firmware names what it likes, such as C{file://}, or the host that it connects to.
    """
    origins = _ORIGIN.findall(head)
    if not origins:
        # As nearly all: they come a thousand at once after a power cut.
        return False
    hosts = [_authority("//" + _text(one)) for one in _HOST.findall(head)]
    return any(_is_foreign(_text(one), hosts) for one in origins)


def without_origin(head: bytes) -> bytes:
    """The request without C{Origin}, which means nothing where it is no page's."""
    return _ORIGIN.sub(b"", head)


_Authority = tuple[str | None, int | None]


def _is_foreign(origin: str, hosts: list[_Authority | None]) -> bool:
    if origin == "null":
        # Of a page that is to be nobody's.
        return True
    if not origin.startswith(("http://", "https://")):
        return False
    found = _authority(origin)
    if found is None or len(hosts) != 1 or hosts[0] is None:
        return True
    (host, port), (own_host, own_port) = found, hosts[0]
    # Another port is another service; a wallbox may name none.
    return host != own_host or port not in (None, own_port)


def _authority(url: str) -> _Authority | None:
    """The host and the port in a URL; C{None}: it has none that could be read."""
    try:
        parts = urlsplit(url)
        return (parts.hostname, parts.port) if parts.hostname else None
    except ValueError:
        return None


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip().lower()
