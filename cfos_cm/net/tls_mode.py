"""Which connections the server takes."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["TlsMode"]


class TlsMode(StrEnum):
    """Whether Charge Points come encrypted."""

    OFF = "off"
    """Plain connections only."""
    DETECT = "detect"
    """Both, at the same port: the first byte tells."""
    ON = "on"
    """Encrypted connections only."""
