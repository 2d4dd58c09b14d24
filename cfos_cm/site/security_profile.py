"""The security profiles of OCPP 1.6."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["SecurityProfile"]


class SecurityProfile(IntEnum):
    """
    How two peers of OCPP prove who they are, and whether others can listen.

    "Improved security for OCPP 1.6-J", A00; a higher one is safer.
    """

    NONE = 0
    """Plain, and nobody proves anything."""
    PASSWORD = 1
    """Plain; the Charge Point tells a password."""
    TLS = 2
    """Encrypted: the server has a certificate, the Charge Point tells a password."""
    CERTIFICATE = 3
    """Encrypted: both have certificates."""

    @property
    def is_encrypted(self) -> bool:
        """Whether it needs TLS."""
        return self >= SecurityProfile.TLS
