"""What this computer is called, and the addresses that it can be reached at."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

__all__ = ["host_name", "own_addresses", "own_names"]

#: Where Linux says which addresses are its own: those of IPv4, and those of IPv6.
_FIB_TRIE = Path("/proc/net/fib_trie")
_IF_INET6 = Path("/proc/net/if_inet6")

_LOCAL = "/32 host LOCAL"
#: IFA_F_TEMPORARY, IFA_F_DEPRECATED and IFA_F_TENTATIVE: an address that is soon another one.
_SHORT_LIVED = 0x01 | 0x20 | 0x40
_MAX_ADDRESSES = 30


def host_name() -> str:
    """The name of this computer, without a domain; empty: it has none."""
    return socket.gethostname().partition(".")[0].lower()


def own_names() -> tuple[str, ...]:
    """The names that others in the network know this computer by, and its addresses."""
    full, short = socket.gethostname().lower().rstrip("."), host_name()
    names = (full, short, f"{short}.local" if short else "", "localhost")
    return tuple(dict.fromkeys(one for one in (*names, *own_addresses()) if one))


def own_addresses() -> tuple[str, ...]:
    """
    The addresses of this computer that stay; 127.0.0.1 and ::1 come first.

    Public ones of IPv6 are not among them: many change with what a provider gives out each
    day. Where the system does not say its addresses there are the first two only.
    """
    found = [*_ipv4(_text(_FIB_TRIE)), *_ipv6(_text(_IF_INET6))]
    useful = [one for one in dict.fromkeys(found) if _stays(ip_address(one))]
    return ("127.0.0.1", "::1", *useful[:_MAX_ADDRESSES])


def _stays(address: IPv4Address | IPv6Address) -> bool:
    if address.is_loopback or address.is_link_local:
        return False
    return address.version == 4 or address.is_private


def _ipv4(table: str) -> Iterator[str]:
    """The addresses before the lines that say that they are ours."""
    address = ""
    for line in table.splitlines():
        words = line.strip()
        if words.startswith("|-- "):
            address = words.removeprefix("|-- ")
        elif words == _LOCAL and address:
            yield address


def _ipv6(table: str) -> Iterator[str]:
    """The first word of each line, unless its fifth one says that it is short-lived."""
    for line in table.splitlines():
        words = line.split()
        if len(words) == 6 and not int(words[4], 16) & _SHORT_LIVED:
            yield str(IPv6Address(bytes.fromhex(words[0])))


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""
