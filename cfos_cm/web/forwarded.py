"""Who asks, where a proxy stands between: X-Forwarded-For and X-Forwarded-Proto."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from attrs import frozen

__all__ = ["UNIX", "Asker", "Proxies"]

#: What somebody is called who comes by a socket of the file system.
UNIX = "unix"

#: Of more proxies in a row the word is not read.
_MOST_HOPS = 16


@frozen
class Asker:
    """
    Where a request comes from.

    @ivar address: an IP address; L{UNIX}; empty, where nobody can say.
    @ivar is_secure: it was made by TLS.
    """

    address: str
    is_secure: bool


class Proxies:
    """The proxies that are believed; whoever else says these header fields says nothing."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """
        @param trusted: addresses, networks, or L{UNIX}.
        @raise ValueError: if one is none of these.
        """
        listed = tuple(trusted)
        self._is_unix_trusted = UNIX in listed
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(one, strict=False) for one in listed if one != UNIX
        )

    def are_believed(self, address: str) -> bool:
        """Whether who has this address is one of them."""
        if address == UNIX:
            return self._is_unix_trusted
        known = _read(address)
        return known is not None and any(known in network for network in self._networks)

    def asker(
        self,
        peer: str,
        is_tls: bool,
        forwarded_for: Sequence[str] = (),
        forwarded_proto: Sequence[str] = (),
    ) -> Asker:
        """
        Who asks.

        @param peer: the address that the connection comes from.
        @param is_tls: it is encrypted.
        @param forwarded_for: the lines C{X-Forwarded-For} of the request, in their order.
        @param forwarded_proto: its lines C{X-Forwarded-Proto}.
        """
        if not self.are_believed(peer):
            return Asker(_plain(peer), is_tls)
        protocols = _words(forwarded_proto)
        is_secure = protocols[-1].lower() == "https" if protocols else is_tls
        return Asker(self._last_stranger(_plain(peer), _words(forwarded_for)), is_secure)

    def _last_stranger(self, peer: str, hops: Sequence[str]) -> str:
        """Each proxy adds on the right who has asked it: what is left of a stranger is his."""
        for hop in hops[: -_MOST_HOPS - 1 : -1]:
            known = _read(_without_port(hop))
            if known is None:
                return peer
            peer = str(known)
            if not self.are_believed(peer):
                return peer
        return peer


def _words(lines: Iterable[str]) -> list[str]:
    return [word.strip() for line in lines for word in line.split(",")]


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _plain(address: str) -> str:
    known = _read(address)
    return address if known is None else str(known)


def _read(address: str) -> IPv4Address | IPv6Address | None:
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(known, "ipv4_mapped", None) or known
