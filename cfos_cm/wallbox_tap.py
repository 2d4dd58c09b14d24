"""
What C{twistd cfos-wallbox} starts: the virtual Power Brains of a C{tap.cfg}, and nothing else.

So a box is another program than the one that steers it, as it is in a building.
"""

from __future__ import annotations

from twisted.application.service import MultiService
from twisted.python import usage

from cfos_cm.services.config.words import SimulatorType
from cfos_cm.services.configured_options import ConfiguredOptions
from cfos_cm.services.steady_time import make_steady
from cfos_cm.services.stop_signal import stop_once
from cfos_cm.virtual_devices import virtual_power_brain

__all__ = ["Options", "makeService"]


class Options(ConfiguredOptions):
    """The options of the command C{twistd cfos-wallbox}."""

    longdesc = (
        "Virtual cFos Power Brains: wallboxes that are steered by Modbus TCP and speak OCPP "
        "1.6 to a backend at the same time. Each is a section [simulator NAME] of the "
        "configuration file with 'type = power_brain'; all other sections are left alone."
    )

    def postOptions(self) -> None:
        """
        Read the configuration.

        @raise usage.UsageError: with every mistake in it, or because it has no Power Brain.
        """
        super().postOptions()
        simulators = self["parsed"].simulators
        wanted = [one for one in simulators if one.type is SimulatorType.POWER_BRAIN]
        if not wanted:
            raise usage.UsageError(
                f"{self['config']}: has no section [simulator NAME] with 'type = power_brain'"
            )
        self["power_brains"] = wanted


def makeService(options: Options) -> MultiService:
    """
    The service for some options; it opens nothing before it is started.

    The reactor's timers do not follow jumps of the clock any more, and the first signal stops
    it, as with C{twistd cfos-cm}.

    @param options: parsed ones.
    """
    from twisted.internet import reactor

    make_steady(reactor)
    stop_once(reactor)
    boxes = MultiService()
    for section in options["power_brains"]:
        virtual_power_brain(options["parsed"], section, reactor).setServiceParent(boxes)
    return boxes
