"""
The URLs of files: where a Charge Point fetches one from, or puts one.

Who names such a URL to a Charge Point has it call somebody, from within the network that it is
in, and some Charge Points hand the text to a shell. So a place that a backend names is read
here first, by one strict grammar: nothing gets through it that two readers could take for two
hosts, and nothing that is more than a letter to a shell.

A URL may hold a password: no error and no log repeats one; L{shown} is what may be seen.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

from attrs import evolve, field, frozen

from cfos_cm.errors import CallErrorCode, RemoteProtocolError

__all__ = [
    "FILE_SCHEMES",
    "MAX_LOCATION_CHARS",
    "UPLOAD_SCHEMES",
    "Address",
    "Location",
    "literal_address",
    "objection_to_address",
    "objection_to_host",
    "read_location",
    "shown",
    "split_location",
]

#: As the messages of "Improved security for OCPP 1.6-J" bound theirs. [characters]
MAX_LOCATION_CHARS: Final = 512
#: OCPP 1.6, "Supported file transfer protocols".
FILE_SCHEMES: Final = ("http", "https", "ftp", "ftps", "sftp")
#: Those that this program speaks itself.
UPLOAD_SCHEMES: Final = ("http", "https")

_PORTS: Final = {"http": 80, "https": 443, "ftp": 21, "ftps": 990, "sftp": 22}

#: An address of a host.
Address = IPv4Address | IPv6Address

_MAX_HOST_CHARS: Final = 253
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_IN_PATHS = r"[A-Za-z0-9._~%+,=:@/-]*"
#: Less than RFC 3986 lets through. Left out is what a shell takes for more than a letter, and a
#: dash where a command would read it as an option. An C{&} has to be followed by C{name=}: to a
#: shell that is a variable of that name, and no command.
_URL: Final = re.compile(
    rf"""
    (?P<scheme> [A-Za-z]+ ) ://
    (?: (?P<user> [A-Za-z0-9_%] [A-Za-z0-9._~%+,=:-]* ) @ )?
    (?P<host> \[ [0-9A-Fa-f:.]+ \] | {_LABEL} (?: \. {_LABEL} )* \.? )
    (?: : (?P<port> [0-9]{{1,5}} ) )?
    (?P<path> / {_IN_PATHS} )?
    (?: \? (?P<query> {_IN_PATHS} (?: & [A-Za-z0-9._~-]+ = {_IN_PATHS} )* ) )?
    """,
    re.VERBOSE | re.ASCII,
)
_PERCENT: Final = re.compile("%(?![0-9A-Fa-f]{2})")
#: What a label is that makes some readers take a whole name for an address.
_NUMBER: Final = re.compile("[0-9]+|0[xX][0-9A-Fa-f]*")

#: Names that mean somebody nearby, whoever is asked for them.
_LOCAL_ENDINGS: Final = frozenset(
    (
        "corp",
        "home",
        "internal",
        "intranet",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "private",
    )
)

_PRIVATE = "is in a private network"
_SELF = "is this computer itself"
_NEARBY = "is in the same network"
_NOBODY = "is nobody's in the internet"
_CLOUD = "is for the machines of a cloud"

#: All of IPv4 that is not everybody's: IANA's registry of special-purpose addresses, and one
#: address of a cloud that looks like any other.
_BLOCKED_V4: Final = tuple(
    (IPv4Network(network), why)
    for network, why in (
        ("127.0.0.0/8", _SELF),
        ("0.0.0.0/8", _SELF),
        ("10.0.0.0/8", _PRIVATE),
        ("172.16.0.0/12", _PRIVATE),
        ("192.168.0.0/16", _PRIVATE),
        ("100.64.0.0/10", _PRIVATE),
        ("169.254.0.0/16", _NEARBY),
        ("168.63.129.16/32", _CLOUD),
        ("192.0.0.0/24", _NOBODY),
        ("192.0.2.0/24", _NOBODY),
        ("192.88.99.0/24", _NOBODY),
        ("198.18.0.0/15", _PRIVATE),
        ("198.51.100.0/24", _NOBODY),
        ("203.0.113.0/24", _NOBODY),
        ("224.0.0.0/4", "is a group of many"),
        ("240.0.0.0/4", _NOBODY),
    )
)
#: Of IPv6 only the addresses that are everybody's count, and not these of them.
_PUBLIC_V6: Final = IPv6Network("2000::/3")
_BLOCKED_V6: Final = tuple(
    IPv6Network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)
_NEARBY_V6: Final = tuple(IPv6Network(one) for one in ("fe80::/10", "fec0::/10"))
_PRIVATE_V6: Final = tuple(IPv6Network(one) for one in ("fc00::/7", "64:ff9b:1::/48"))
#: RFC 6052: the IPv4 address is in the last 32 bits.
_NAT64: Final = IPv6Network("64:ff9b::/96")
_GROUPS_V6: Final = IPv6Network("ff00::/8")
_SELF_V6: Final = (IPv6Address("::"), IPv6Address("::1"))
_LINK_BITS: Final = 64


@frozen
class Location:
    """
    Where a file is to be fetched from, or to be put.

    @ivar scheme: in small letters.
    @ivar host: a name in small letters without a dot at its end, or an address without
        brackets.
    @ivar target: the path and the query, as they are asked for.
    @ivar credentials: user and password with a colon between; C{None}: none are told.
    """

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    credentials: bytes | None = field(default=None, repr=False)

    @property
    def authority(self) -> str:
        """The host, and its port where it is not the usual one of the scheme."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """For people: scheme and host; all else of it may be a secret."""
        return f"{self.scheme}://{self.authority}/…"

    def named(self, name: str, is_directory: bool) -> Location:
        """
        The place of a file.

        @param name: of the file.
        @param is_directory: this is one, however it is written. Otherwise only a path that ends
            with a slash is one. What has a query is the place itself: it was signed as it is.
        """
        if "?" in self.target or not (is_directory or self.target.endswith("/")):
            return self
        return evolve(self, target=f"{self.target.rstrip('/')}/{quote(name, safe='')}")


def read_location(url: str, schemes: Collection[str] = FILE_SCHEMES) -> Location:
    """
    Read a URL that a peer has named.

    @param schemes: those that are allowed.
    @raise RemoteProtocolError: if it is none, or one that could be misunderstood; the text does
        not repeat it.
    """
    if not 1 <= len(url) <= MAX_LOCATION_CHARS:
        raise _refusal(f"it has {len(url)} characters; allowed: 1 to {MAX_LOCATION_CHARS}")
    found = _URL.fullmatch(url)
    if found is None:
        raise _refusal(
            "it is no URL of a file, or has a character in it that a program could take for a "
            "command"
        )
    scheme, host, port = found["scheme"].lower(), _host(found["host"]), found["port"]
    if scheme not in schemes or scheme not in _PORTS:
        raise _refusal(f"it begins with {scheme[:10]}; allowed: {', '.join(schemes)}")
    if port is not None and not 1 <= int(port) <= 65535:
        raise _refusal("its port is none")
    path = found["path"] or "/"
    query = "" if found["query"] is None else f"?{found['query']}"
    _check_encoding(f"{found['user'] or ''}{path}{query}", path)
    number = _PORTS[scheme] if port is None else int(port)
    return Location(scheme, host, number, path + query, _credentials(found["user"]))


def literal_address(host: str) -> Address | None:
    """
    The address that a host is.

    @return: C{None}: it is a name, or an address in a form that not everybody reads; see
        L{objection_to_host}.
    """
    try:
        return ip_address(host)
    except ValueError:
        return None


def objection_to_host(host: str) -> str | None:
    """
    Why nobody may be sent to the host of a L{Location}, as far as its name says so.

    @return: for people, to be put behind the host's name; C{None}: there is no reason.
    """
    address = literal_address(host)
    if address is not None:
        return objection_to_address(address)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]) is not None:
        return "is an address that not everybody reads alike; allowed: four numbers, or a name"
    if len(labels) == 1 or labels[-1] in _LOCAL_ENDINGS or host.endswith(".home.arpa"):
        return "is a name that only means something in the network here"
    return None


def objection_to_address(address: Address, own: Address | None = None) -> str | None:
    """
    Why nobody may be sent to an address: only those that are everybody's in the internet count.

    @param own: our own one towards it, where it is known: nobody is sent to this computer, or
        to whoever is in its network, though with IPv6 all of them have addresses of the
        internet.
    @return: for people, to be put behind the address; C{None}: there is no reason.
    """
    if own is not None and _is_nearby(address, own):
        return _SELF if address == own else _NEARBY
    if isinstance(address, IPv4Address):
        return next((why for network, why in _BLOCKED_V4 if address in network), None)
    if address in _NAT64:
        return objection_to_address(IPv4Address(int(address) & 0xFFFF_FFFF))
    if address in _PUBLIC_V6:
        return _NOBODY if any(address in network for network in _BLOCKED_V6) else None
    return _words_v6(address)


def split_location(url: str) -> SplitResult | None:
    """The parts of a URL whose author is trusted; C{None}: it is none."""
    try:
        parts = urlsplit(url)
        # Read only when asked for, and then refused.
        _ = parts.port, parts.hostname
    except ValueError:
        return None
    return parts


def shown(url: str) -> str:
    """A URL for people: its scheme and host; all else of it may be a secret."""
    parts = split_location(url)
    if parts is None or not parts.hostname:
        return "<hidden>"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}/…"


def _refusal(why: str) -> RemoteProtocolError:
    return RemoteProtocolError(
        f"the place of a file: {why}", CallErrorCode.PROPERTY_CONSTRAINT_VIOLATION
    )


def _host(text: str) -> str:
    """@raise RemoteProtocolError: if it is too long, or no address in its brackets."""
    host = text.lower().removesuffix(".")
    if len(host) > _MAX_HOST_CHARS:
        raise _refusal(f"its host has more than {_MAX_HOST_CHARS} characters")
    if not host.startswith("["):
        return host
    try:
        return str(IPv6Address(host[1:-1]))
    except ValueError:
        raise _refusal("its host is no address") from None


def _check_encoding(encoded: str, path: str) -> None:
    """@raise RemoteProtocolError: if what is encoded in a URL is not what it seems to be."""
    if _PERCENT.search(encoded) is not None:
        raise _refusal("there is a % in it that encodes nothing")
    if any(byte < 0x20 or byte == 0x7F for byte in unquote_to_bytes(encoded)):
        raise _refusal("there is a control character in it")
    if b".." in unquote_to_bytes(path).replace(b"\\", b"/").split(b"/"):
        raise _refusal("there is a .. in its path")


def _credentials(user: str | None) -> bytes | None:
    if user is None:
        return None
    name, colon, password = user.partition(":")
    # RFC 7617: what is behind the first colon is the password.
    if b":" in unquote_to_bytes(name):
        raise _refusal("there is a colon in its user's name")
    return unquote_to_bytes(name) + b":" + unquote_to_bytes(password if colon else "")


def _is_nearby(address: Address, own: Address) -> bool:
    if isinstance(address, IPv6Address) and isinstance(own, IPv6Address):
        return int(address) >> _LINK_BITS == int(own) >> _LINK_BITS
    return address == own


def _words_v6(address: IPv6Address) -> str:
    if address in _SELF_V6:
        return _SELF
    if any(address in network for network in _NEARBY_V6):
        return _NEARBY
    if any(address in network for network in _PRIVATE_V6):
        return _PRIVATE
    return "is a group of many" if address in _GROUPS_V6 else _NOBODY
