"""
By which names a browser may ask for this computer.

A page of somebody else whose name is made to point at this computer (DNS rebinding) is of the
same origin as ours, for a browser; only C{Host} tells that it is not.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address

__all__ = ["HostNames", "same_origin", "split_host"]

_PORTS = {"http": 80, "https": 443}


class HostNames:
    """
    The names that are ours.

    All IP addresses are: nobody can make somebody else's page have one of ours.
    """

    def __init__(self, names: Iterable[str], own_name: str | None = None) -> None:
        """
        @param names: those that are configured.
        @param own_name: of this computer; C{None}: the system says it.
        """
        full = _clean(socket.gethostname() if own_name is None else own_name)
        short = full.partition(".")[0]
        own = (full, short, f"{short}.local", "localhost") if short else ("localhost",)
        self._names = {*own, *map(_clean, names)}

    def knows(self, host: str) -> bool:
        """
        Whether a request with this is for us.

        @param host: what the request's C{Host} says, with or without a port.
        """
        parts = split_host(host)
        return parts is not None and (_is_address(parts[0]) or _clean(parts[0]) in self._names)


def split_host(host: str) -> tuple[str, int | None] | None:
    """A name, or an address without its brackets, and a port; C{None}: it is neither."""
    if host.startswith("["):
        name, bracket, rest = host[1:].partition("]")
        if not bracket or ":" not in name or rest[:1] not in ("", ":"):
            return None
        colon, port = rest[:1], rest[1:]
    else:
        name, colon, port = host.partition(":")
    if not name or (colon and not (port.isascii() and port.isdigit() and len(port) <= 5)):
        return None
    return name, int(port) if colon else None


def same_origin(origin: str, is_secure: bool, host: str) -> bool:
    """
    Whether a page of C{origin} is the one that is served here.

    @param origin: what a request's C{Origin} says.
    @param is_secure: the request was made by TLS.
    @param host: what its C{Host} says.
    """
    scheme, separator, authority = origin.lower().partition("://")
    own_scheme = "https" if is_secure else "http"
    theirs, ours = split_host(authority), split_host(host.lower())
    if not separator or scheme != own_scheme or theirs is None or ours is None:
        return False
    port = _PORTS[scheme]
    return theirs[0] == ours[0] and (theirs[1] or port) == (ours[1] or port)


def _clean(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
