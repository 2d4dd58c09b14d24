"""Meters that somebody else in this process reads, and reports; see C{docs/integrate.md}."""

from __future__ import annotations

from zope.interface import implementer

from cfos_cm.drivers.interfaces import DriverEnvironment, IMeter, IMeterMaker, MeterDevice
from cfos_cm.drivers.passive import Passive

__all__ = ["MAKER", "ReportedMeter"]


@implementer(IMeter)
class ReportedMeter(Passive):
    """A meter that is silent until somebody reports what it says."""

    def __init__(self, name: str) -> None:
        self.name = name


@implementer(IMeterMaker)
class _Maker:
    """See L{IMeterMaker}."""

    type = "reported"

    def objection(self, device: MeterDevice) -> tuple[str, str] | None:
        """See L{IMeterMaker.objection}."""
        if device.address is not None:
            return "address", "empty: a reported meter is read by another part of the program"
        return None

    def make(self, device: MeterDevice, environment: DriverEnvironment) -> ReportedMeter:
        """See L{IMeterMaker.make}."""
        return ReportedMeter(device.name)


MAKER = _Maker()
