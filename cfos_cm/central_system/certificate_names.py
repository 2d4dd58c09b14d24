"""
Whose certificate it is that a client shows.

"Improved security for OCPP 1.6-J", A00: it names the Charge Point by its serial number. Many
put the charge box identity there, and what a maker has put there is what the operator says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from cfos_cm.central_system.admission import configured_identity
from cfos_cm.central_system.roster import Roster

__all__ = ["CertificateNames"]


class CertificateNames:
    """The names that the certificate of each Charge Point may have."""

    def __init__(self, roster: Roster, serial_is_proven: Callable[[str], bool]) -> None:
        """
        @param serial_is_proven: whether nobody but the Charge Point itself can have told us its
            serial number.
        """
        self._roster = roster
        self._serial_is_proven = serial_is_proven

    def of(self, identity: str) -> tuple[str, ...]:
        """
        Its identity; what the operator says; and its serial number, if it has told that after
        it had proved who it is, and nobody else has the same.
        """
        serial = self._serial_of(identity)
        return (
            identity,
            *self._configured(identity),
            *(() if serial is None or not self._may_count(identity, serial) else (serial,)),
        )

    def fit(self, identity: str, shown: Collection[str]) -> bool:
        """
        Whether a certificate is that of a Charge Point. Upper and lower case are the same.

        @param shown: the names in the certificate.
        """
        settings = self._roster.settings
        if any(configured_identity(settings, name.strip()) == identity for name in shown):
            return True
        others = {_folded(name) for name in self.of(identity)[1:]}
        return any(_folded(name) in others for name in shown)

    def _configured(self, identity: str) -> tuple[str, ...]:
        known = self._roster.settings.charge_points.get(identity)
        return () if known is None else known.certificate_names

    def _serial_of(self, identity: str) -> str | None:
        device = self._roster.device_of(identity)
        serial = None if device is None else device.serial_number
        return (serial and serial.strip()) or None

    def _may_count(self, identity: str, serial: str) -> bool:
        if not self._serial_is_proven(identity):
            return False
        return not any(
            _folded(serial) in self._claims_of(other)
            for other in self._roster.settings.charge_points
            if other != identity
        )

    def _claims_of(self, identity: str) -> set[str]:
        claims = (identity, *self._configured(identity), self._serial_of(identity) or "")
        return {_folded(claim) for claim in claims}


def _folded(name: str) -> str:
    return name.strip().casefold()
