"""What is wrong with a certificate, a key or a request."""

from __future__ import annotations

from cfos_cm.errors import CfosError

__all__ = ["CertificateFault", "KeyLocked"]


class CertificateFault(CfosError):
    """
    A certificate, a key or a request cannot be read, used or made.

    Its text is for people: what was found, and where. There is never any of a key, of a
    passphrase or of the file's text in it.
    """


class KeyLocked(CertificateFault):
    """A private key needs a passphrase, and there was none."""
