"""How somebody comes who says to be a Charge Point."""

from __future__ import annotations

from attrs import field, frozen

from cfos_cm.site.security_profile import SecurityProfile
from cfos_cm.wire.basic_auth import Credentials

__all__ = ["Approach"]


@frozen
class Approach:
    """
    What a connection shows before it is let in.

    @ivar credentials: what it says with HTTP Basic authentication; C{None}: nothing.
    @ivar is_encrypted: whether it came by TLS.
    @ivar certificate_names: whose certificate it has shown, one that TLS has verified: the
        common names and the alternative ones; C{None}: it has shown none.
    """

    credentials: Credentials | None = field(default=None, repr=False)
    is_encrypted: bool = False
    certificate_names: tuple[str, ...] | None = None

    def profile(self, is_proven_by_password: bool) -> SecurityProfile:
        """The security profile that it amounts to; "Improved security for OCPP 1.6-J", A00."""
        if self.certificate_names is not None:
            return SecurityProfile.CERTIFICATE
        if self.is_encrypted:
            return SecurityProfile.TLS
        return SecurityProfile.PASSWORD if is_proven_by_password else SecurityProfile.NONE
