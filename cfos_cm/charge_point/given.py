"""
What the connection of a gateway is made with beyond its settings, and what it tells of itself.

"Improved security for OCPP 1.6-J": a backend gives its Charge Point another password (A01), a
certificate (A02) and roots, and raises its security profile (A05). What it has given counts
from the next connection on.
"""

from __future__ import annotations

from attrs import field, frozen

from cfos_cm.site.security_profile import SecurityProfile

__all__ = [
    "Given",
    "LoggedIn",
    "LoginRefused",
    "Notice",
    "ServerDistrusted",
    "ServerKeySeen",
    "UpgradeFailed",
    "WeakTls",
]


@frozen
class Given:
    """
    What a gateway was given, or has learned.

    @ivar keys: AuthorizationKeys as hexadecimal digits, the newest first. While none of them
        has worked yet, what is configured is tried after them.
    @ivar keys_work: the first one has; nothing else is tried.
    @ivar profile: what the backend has raised it to; C{None}: it is called as configured.
    @ivar profile_works: it was connected like that; there is no way back.
    @ivar profile_before: what it was raised to before that, and has worked; while C{profile}
        does not, it is called like that. C{None}: as configured.
    @ivar roots: certificates (PEM) that the backend's may lead to, beside those configured.
    @ivar chain: our own certificate (PEM), with those of its authorities behind it; C{None}:
        as configured.
    @ivar private_key: its key (PEM).
    @ivar pin: of the backend's public key, SHA-256 in hexadecimal; C{None}: not seen yet.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    keys_work: bool = False
    profile: SecurityProfile | None = None
    profile_works: bool = False
    profile_before: SecurityProfile | None = None
    roots: tuple[str, ...] = field(default=(), repr=False)
    chain: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    pin: str | None = None


@frozen
class LoggedIn:
    """
    The backend has opened a connection.

    @ivar key: the given key that it took; C{None}: it was told what is configured, or nothing.
    @ivar profile: what the connection amounts to.
    @ivar root: the fingerprint, as L{cfos_cm.certificates.names.fingerprint} has it, of the
        certificate at the end of the chain by which its own was believed; C{None}: none was,
        or it is not known.
    """

    key: str | None = field(repr=False)
    profile: SecurityProfile
    root: str | None = None


@frozen
class ServerKeySeen:
    """
    A backend that nothing is known of was connected for the first time: trust on first use.

    @ivar pin: as that of L{Given}.
    @ivar fingerprint: of its certificate, for people.
    @ivar subject: whose it says to be, for people.
    """

    pin: str
    fingerprint: str
    subject: str


@frozen
class ServerDistrusted:
    """The backend's certificate was not accepted; C{why} is for people."""

    why: str


@frozen
class LoginRefused:
    """The backend has refused the log-in; C{status} is that of HTTP, 401 or 403."""

    status: int


@frozen
class UpgradeFailed:
    """A higher security profile has not worked; it is called as before."""

    profile: SecurityProfile
    why: str


@frozen
class WeakTls:
    """The backend speaks no TLS that is good enough; C{why} is for people."""

    why: str


#: What a connection tells of itself, beside that it is there or not.
Notice = LoggedIn | ServerKeySeen | ServerDistrusted | LoginRefused | UpgradeFailed | WeakTls
