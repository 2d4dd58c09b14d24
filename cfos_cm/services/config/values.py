"""
The kinds of values in C{tap.cfg}: each reads a text, and says in words what it takes.

Quantities are in L{cfos_cm.services.config.quantities}.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Any, Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from attrs import evolve, frozen

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.drivers.registry import Makers
from cfos_cm.electrical import Phase
from cfos_cm.net.client_material import SYSTEM_ROOTS
from cfos_cm.quirk import Quirk
from cfos_cm.site.tag import MAX_ID_TAG_CHARS
from cfos_cm.wire.charge_box import IDENTITY_WORDS, is_identity

__all__ = [
    "ADDRESSES",
    "AUTHORITIES",
    "BOOLEAN",
    "CHARGE_BOX_IDENTITY",
    "DATABASE_URL",
    "FILE",
    "FILES",
    "HOST_NAMES",
    "ID_TAG",
    "INTERFACE",
    "NAME",
    "PASSPHRASE",
    "PASSWORD",
    "PHASES",
    "QUIRKS",
    "TAG_PATTERNS",
    "WEBSOCKET_URL",
    "Kind",
    "NoChoice",
    "choice",
    "driver",
    "of_pattern",
    "optional",
    "or_empty",
    "reference",
    "shown_url",
    "text",
    "words_of",
]

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_MAX_PATTERNS = 1000
_MAX_FILES = 50
_MAX_HOSTS = 50

_NAME = re.compile(r"[A-Za-z0-9._-]{1,40}")
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}")
_SCHEME = re.compile(r"[a-z][a-z0-9+]{0,30}://")
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,2000}")


class NoChoice(ValueError):
    """
    One word of a list is none of those that there are.

    @ivar word: that word.
    """

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@frozen
class Kind(Generic[T]):
    """
    A kind of value.

    @ivar allowed: what it takes, in words that complete "must be …".
    @ivar read: the value of a text; raises C{ValueError} when the text is none.
    @ivar choices: the words that it takes, when there is a list of them.
    @ivar refers_to: the kind of section that it names; empty: none.
    @ivar is_file: it names one or more files that have to be there.
    @ivar no_files: words among them that are no files.
    @ivar words: those that a list is made of, with spaces between.
    @ivar unit: of the numbers in it; empty: they have none, or it is written with them.
    @ivar is_number: it is one plain number.
    """

    allowed: str
    read: Callable[[str], T]
    choices: tuple[str, ...] = ()
    refers_to: str = ""
    is_file: bool = False
    no_files: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    unit: str = ""
    is_number: bool = False


def optional(kind: Kind[T]) -> Kind[T | None]:
    """C{kind}, or nothing at all, which is C{None}."""
    read = kind.read
    return Kind(
        f"{kind.allowed}; or empty",
        lambda written: read(written) if written else None,
        kind.choices,
        kind.refers_to,
        kind.is_file,
        kind.no_files,
        kind.words,
        kind.unit,
        kind.is_number,
    )


def or_empty(kind: Kind[str]) -> Kind[str]:
    """C{kind}, or an empty text where another section gives the value."""
    read = kind.read
    return evolve(
        kind,
        allowed=f"{kind.allowed}; or empty",
        read=lambda written: read(written) if written else "",
    )


def of_pattern(pattern: str, allowed: str) -> Kind[str]:
    """A text that matches all of a regular expression."""
    compiled = re.compile(pattern)

    def read(written: str) -> str:
        if not compiled.fullmatch(written):
            raise ValueError(allowed)
        return written

    return Kind(allowed, read)


def _read_identity(written: str) -> str:
    if not is_identity(written):
        raise ValueError("no identity of a Charge Point")
    return written


def text(most: int) -> Kind[str]:
    """Any printable text of 1 to C{most} characters."""
    allowed = f"1 to {most} printable characters"

    def read(written: str) -> str:
        if not 1 <= len(written) <= most or not written.isprintable():
            raise ValueError(allowed)
        return written

    return Kind(allowed, read)


def choice(words: type[E]) -> Kind[E]:
    """One word of an enumeration."""
    values = tuple(word.value for word in words)
    *most, last = values
    return Kind(f"{', '.join(most)} or {last}" if most else last, words, values)


def driver(makers: Makers[Any]) -> Kind[str]:
    """The word for a driver that there is."""
    built_in = makers.built_in

    def read(written: str) -> str:
        if written not in built_in and makers.of(written) is None:
            raise ValueError(written)
        return written

    *most, last = built_in
    allowed = f"{', '.join(most)} or {last}; or the type of an installed driver"
    return Kind(allowed, read, built_in)


def reference(kind: str) -> Kind[str]:
    """The name of a C{[kind NAME]} that is in the same file."""
    allowed = f"the NAME of one of the [{kind} NAME] sections"
    return evolve(NAME, allowed=allowed, refers_to=kind)


_BOOLEANS = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}


def _read_boolean(written: str) -> bool:
    if written not in _BOOLEANS:
        raise ValueError(BOOLEAN.allowed)
    return _BOOLEANS[written]


def _read_phases(written: str) -> tuple[Phase, ...]:
    phases = tuple(Phase(word) for word in written.split())
    if not 1 <= len(phases) <= 3 or len(set(phases)) != len(phases):
        raise ValueError(PHASES.allowed)
    return phases


def _read_files(written: str) -> tuple[str, ...]:
    files = tuple(one.strip() for one in written.split(",")) if written else ()
    if len(files) > _MAX_FILES:
        raise ValueError(FILES.allowed)
    return tuple(FILE.read(one) for one in files)


def _read_interface(written: str) -> str:
    return str(ip_address(written))


def _read_addresses(written: str) -> tuple[str, ...]:
    words = words_of(written)
    if len(words) > _MAX_HOSTS:
        raise ValueError(ADDRESSES.allowed)
    return tuple(
        str(ip_network(word)) if "/" in word else str(ip_address(word)) for word in words
    )


def _read_host_names(written: str) -> tuple[str, ...]:
    words = words_of(written)
    if len(words) > _MAX_HOSTS or not all(_HOST_NAME.fullmatch(word) for word in words):
        raise ValueError(HOST_NAMES.allowed)
    return tuple(word.lower() for word in words)


def _split(written: str) -> SplitResult:
    """
    The parts of an absolute URL.

    @raise ValueError: if it has a character that no URL has, or a port that is none.
    """
    if not _URL_CHARACTERS.fullmatch(written) or "://" not in written:
        raise ValueError(written)
    parts = urlsplit(written)
    if parts.port == 0:
        raise ValueError(written)
    return parts


def _read_websocket_url(written: str) -> str:
    parts = _split(written)
    # The password has an option of its own: in a URL it would be shown wherever the URL is.
    # RFC 6455, WebSocket URIs: a fragment is not allowed.
    if parts.scheme not in ("ws", "wss") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(WEBSOCKET_URL.allowed)
    if "#" in written:
        raise ValueError(WEBSOCKET_URL.allowed)
    return written


_SQLITE = re.compile(r"sqlite:///[^?#]{1,1000}")
_SERVERS = ("postgresql", "postgresql+psycopg")


def _read_database_url(written: str) -> str:
    if _SQLITE.fullmatch(written) and written.isprintable() and not written.endswith("/"):
        return written
    parts = _split(written)
    if parts.scheme not in _SERVERS or len(parts.path) < 2:
        raise ValueError(DATABASE_URL.allowed)
    return written


def words_of(written: str) -> tuple[str, ...]:
    """
    The words of a list, which have spaces or commas between them.

    @raise ValueError: if there is nothing between two commas.
    """
    parts = tuple(written.split(",")) if written.strip() else ()
    if not all(part.strip() for part in parts):
        raise ValueError(written)
    return tuple(word for part in parts for word in part.split())


def _read_patterns(written: str) -> tuple[str, ...]:
    patterns = words_of(written)
    if not 1 <= len(patterns) <= _MAX_PATTERNS:
        raise ValueError(TAG_PATTERNS.allowed)
    for one in patterns:
        fixed = one.replace("*", "")
        if fixed:
            ID_TAG.read(fixed)
        elif one != "*":
            raise ValueError(TAG_PATTERNS.allowed)
    return patterns


def _read_quirks(written: str) -> QuirkPolicy:
    words = written.split()
    if words in (["none"], ["strict"]):
        return QuirkPolicy(auto=False, strict=words == ["strict"])
    if not words:
        raise ValueError(QUIRKS.allowed)
    return QuirkPolicy(
        auto="auto" in words, named=frozenset(Quirk(word) for word in words if word != "auto")
    )


def shown_url(written: str) -> str:
    """
    A URL, or what was meant to be one, without what may be secret in it: the user, the password
    and the query.
    """
    scheme = _SCHEME.match(written)
    start = scheme[0] if scheme else ""
    rest = written.removeprefix(start)
    # The last @, because a password may have one, and is then no correct URL's.
    hidden = f"***{rest[rest.rindex('@') :]}" if "@" in rest else rest
    shown, query, _ = hidden.partition("?")
    return f"{start}{shown}?***" if query else f"{start}{shown}"


#: The NAME of a C{[kind NAME]}.
NAME = of_pattern(
    _NAME.pattern, "1 to 40 letters (A-Z, a-z), digits, hyphens, underscores or dots"
)
#: OCPP-J 1.6: the last part of the URL that a Charge Point connects to.
CHARGE_BOX_IDENTITY = Kind(IDENTITY_WORDS, _read_identity)
#: OCPP 1.6, IdToken: a CiString20Type.
ID_TAG = text(MAX_ID_TAG_CHARS)
#: OCPP-J 1.6: the AuthorizationKey has at most 40 characters.
PASSWORD = text(40)
BOOLEAN = Kind("yes, no, on, off, true or false", _read_boolean, tuple(_BOOLEANS))
PHASES = Kind(
    "one to three different ones of L1 L2 L3, with spaces between",
    _read_phases,
    words=tuple(Phase),
)
FILE = evolve(text(1000), allowed="a file's path", is_file=True)
FILES: Kind[tuple[str, ...]] = Kind(
    f"the paths of 1 to {_MAX_FILES} files, with commas between; or empty",
    _read_files,
    is_file=True,
)
#: Those who sign certificates: in files, or those that this computer believes.
AUTHORITIES: Kind[tuple[str, ...]] = Kind(
    f"the paths of 1 to {_MAX_FILES} files, with commas between, and among them the word "
    f"{SYSTEM_ROOTS}; or empty",
    _read_files,
    is_file=True,
    no_files=(SYSTEM_ROOTS,),
)
#: What unlocks a private key.
PASSPHRASE = text(200)
INTERFACE = Kind("an IP address of this machine", _read_interface)
ADDRESSES: Kind[tuple[str, ...]] = Kind(
    f"up to {_MAX_HOSTS} IP addresses or networks, with spaces or commas between; or empty",
    _read_addresses,
)
HOST_NAMES: Kind[tuple[str, ...]] = Kind(
    f"up to {_MAX_HOSTS} host names, with spaces or commas between; or empty",
    _read_host_names,
)
WEBSOCKET_URL = Kind(
    "ws://HOST… or wss://HOST…, without user:password@ and without #", _read_websocket_url
)
DATABASE_URL = Kind(
    "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME", _read_database_url
)
TAG_PATTERNS = Kind(
    "* for all, or idTags with spaces or commas between, in which * stands for anything",
    _read_patterns,
)
QUIRKS = Kind(
    "auto, none or strict; or, with spaces between, auto and what else is forgiven: "
    + ", ".join(Quirk),
    _read_quirks,
    words=("auto", "none", "strict", *Quirk),
)
