"""Who counts as one source of connections."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any

__all__ = ["source_of", "source_of_peer"]

#: Whoever has one IPv6 address has at least as many as these.
_IPV6_PREFIX_BITS = 64


def source_of(host: str) -> str:
    """
    The source that an address belongs to: an IPv4 address, or the /64 of an IPv6 address.

    @param host: as Twisted has it; what is no IP address is its own source.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _IPV6_PREFIX_BITS), strict=False))


#: It is asked for several times in a handshake, and most come again.
_source_of = lru_cache(1000)(source_of)


def source_of_peer(transport: Any) -> str:
    """The source that the other end of a transport belongs to; an empty text if it has none."""
    return _source_of(str(getattr(transport.getPeer(), "host", "")))
