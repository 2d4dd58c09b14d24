"""A device's words for a fault, in OCPP's."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.charge_point.made.faults import error_of

_CASES = (
    ("E: no power", "OtherError", "E"),
    ("F: an error, or too hot inside", "OtherError", "F"),
    ("9: the sensor of residual direct current", "GroundFailure", "9"),
    ("ConnectorLockFailure", "ConnectorLockFailure", "ConnectorLockFailure"),
    ("connector is not locked", "ConnectorLockFailure", "connector is not locked"),
    ("temperature exceeded", "HighTemperature", "temperature exceeded"),
    ("NoError", "OtherError", "NoError"),
    ("", "OtherError", ""),
)


class FaultsTests(SynchronousTestCase):
    """One fault after the other."""

    def test_each(self) -> None:
        """OCPP's code, and the device's own."""
        for fault, code, own in _CASES:
            found, own_found = error_of(fault)
            self.assertEqual((code, own), (found.value, own_found), fault)
