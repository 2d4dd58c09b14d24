"""How the security of a gateway's connection stands, for people."""

from __future__ import annotations

from attrs import frozen
from cryptography import x509

from cfos_cm.charge_point.credentials import KnownServer
from cfos_cm.site.security_profile import SecurityProfile

__all__ = ["KeptCertificate", "SecurityStanding"]


@frozen
class KeptCertificate:
    """
    A certificate that a backend has given.

    @ivar what: for people: what it is.
    """

    what: str
    certificate: x509.Certificate


@frozen
class SecurityStanding:
    """
    How the security of a connection stands.

    @ivar profile: which it has, or is on the way to.
    @ivar is_proven: it has been connected like that, or is configured like that.
    @ivar has_given_key: it logs in with a password that the backend has given.
    @ivar server: the backend, where it is known by its key; C{None}: it is not.
    @ivar certificates: those that the backend has given.
    """

    profile: SecurityProfile
    is_proven: bool
    has_given_key: bool
    server: KnownServer | None
    certificates: tuple[KeptCertificate, ...]
