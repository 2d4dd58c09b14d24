"""
What an upgrade request asks for, and how two that are slightly wrong are put right.

Bytes in, bytes out; whether a wallbox is forgiven its mistake is decided elsewhere.
"""

from __future__ import annotations

import re

__all__ = [
    "END_OF_HEAD",
    "is_connection_upgrade",
    "path_of",
    "target_of",
    "with_connection_upgrade",
    "with_encoded_blanks",
]

#: What an upgrade request ends with.
END_OF_HEAD = b"\r\n\r\n"

_CONNECTION = re.compile(rb"\r\nConnection[ \t]*:([^\r\n]*)", re.IGNORECASE)
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
