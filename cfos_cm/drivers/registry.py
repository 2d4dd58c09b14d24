"""
The drivers by the word that C{type} has in tap.cfg.

A driver of this package is a row here. One of another package is found as a Twisted plugin; see
L{cfos_cm.drivers.interfaces}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from twisted.logger import Logger
from twisted.plugin import getPlugins
from twisted.python.reflect import namedAny

from cfos_cm.drivers.interfaces import IEvseMaker, IMeterMaker

__all__ = ["EVSE_MAKERS", "METER_MAKERS", "OCPP16", "SIMULATED", "Makers"]

#: The type of an EVSE that connects to this program's Central System.
OCPP16 = "ocpp16"
#: The type of a meter that is made up.
SIMULATED = "simulated"

M = TypeVar("M")

_log = Logger(namespace="cfos_cm.drivers")


class Makers(Generic[M]):
    """
    Who makes drivers of one kind.

    @ivar built_in: the words for those of this package.
    @ivar found: those of other packages that were asked for, by word. To look for plugins is
        slow; who is not there yet is looked for each time.
    """

    def __init__(self, rows: Mapping[str, str], interface: Any) -> None:
        """
        @param rows: where the maker for each word is; it is imported when it is needed.
        @param interface: what plugins of other packages provide.
        """
        self.built_in = tuple(rows)
        self.found: dict[str, M] = {}
        self._rows = rows
        self._interface = interface

    def of(self, word: str) -> M | None:
        """Who makes the drivers of a type; C{None}: nobody."""
        if word in self._rows:
            return namedAny(self._rows[word])  # type: ignore[no-any-return]
        if word not in self.found and (maker := self._plugins().get(word)) is not None:
            self.found[word] = maker
        return self.found.get(word)

    def _plugins(self) -> Mapping[str, M]:
        found: dict[str, M] = {}
        for plugin in getPlugins(self._interface):
            word = getattr(plugin, "type", None)
            if word is None:
                _log.warn("{plugin} is not used: it has no type", plugin=plugin)
            elif word in self._rows or word in found:
                _log.warn(
                    "{plugin} is not used: there is a driver for {word}",
                    plugin=plugin,
                    word=word,
                )
            else:
                found[word] = plugin
        return found


#: Types of EVSE.
EVSE_MAKERS: Makers[IEvseMaker] = Makers(
    {
        OCPP16: "cfos_cm.drivers.ocpp16.MAKER",
        "cfos_power_brain": "cfos_cm.drivers.power_brain.maker.MAKER",
    },
    IEvseMaker,
)

#: Types of meter.
METER_MAKERS: Makers[IMeterMaker] = Makers(
    {
        "sunspec": "cfos_cm.drivers.meters.sunspec.MAKER",
        "power_brain_meter": "cfos_cm.drivers.meters.power_brain_meter.MAKER",
        "modbus": "cfos_cm.drivers.meters.modbus_meter.MAKER",
        SIMULATED: "cfos_cm.drivers.meters.simulated.MAKER",
        "reported": "cfos_cm.drivers.meters.reported.MAKER",
    },
    IMeterMaker,
)
