"""Makes the drivers of EVSEs whose C{type} in tap.cfg is C{cfos_power_brain}."""

from __future__ import annotations

from zope.interface import implementer

from cfos_cm.drivers.interfaces import DriverEnvironment, EvseDevice, IEvse, IEvseMaker
from cfos_cm.drivers.modbus.place import PLACE_WORDS, parse_place
from cfos_cm.drivers.power_brain.evse import PowerBrainEvse

__all__ = ["MAKER", "PowerBrainMaker"]


@implementer(IEvseMaker)
class PowerBrainMaker:
    """See L{IEvseMaker}."""

    type = "cfos_power_brain"
    knows_transactions = False

    def objection(self, device: EvseDevice) -> str | None:
        """See L{IEvseMaker.objection}."""
        try:
            parse_place(device.address)
        except ValueError:
            return PLACE_WORDS
        return None

    def make(self, device: EvseDevice, environment: DriverEnvironment) -> IEvse:
        """See L{IEvseMaker.make}."""
        return PowerBrainEvse(device, environment)


MAKER = PowerBrainMaker()
