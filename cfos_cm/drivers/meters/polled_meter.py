"""A meter behind a Modbus connection, which is asked each second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred
from zope.interface import implementer

from cfos_cm.drivers.interfaces import DriverEnvironment, IMeter, MeterDevice
from cfos_cm.drivers.meters.parameters import read_parameters
from cfos_cm.drivers.meters.readings import Reading, Wiring, measured
from cfos_cm.drivers.modbus.contact import Contact
from cfos_cm.drivers.modbus.place import PLACE_WORDS, parse_place
from cfos_cm.drivers.modbus.unit import Unit
from cfos_cm.errors import RemoteProtocolError
from cfos_cm.site.events import MeterLost

__all__ = ["PolledMeter", "Source", "objection"]


class Source(Protocol):
    """How one kind of meter is read."""

    async def read(self) -> Reading:
        """
        What it says now.

        @raise CfosError: if it cannot be read.
        """

    def forget(self) -> None:
        """It was away: what was learnt of it may not be so any more."""


def objection(device: MeterDevice, *, has_number: bool = False) -> tuple[str, str] | None:
    """
    What is wrong with the parameters or the address of a meter, as an C{IMeterMaker} says it.

    @param has_number: see L{read_parameters}.
    """
    try:
        read_parameters(device.parameters, has_number=has_number)
    except ValueError as error:
        return "parameters", str(error)
    try:
        parse_place(device.address or "")
    except ValueError:
        return "address", PLACE_WORDS
    return None


@implementer(IMeter)
class PolledMeter:
    """
    A meter that is read by Modbus.

    @ivar name: its name in the site.
    """

    def __init__(
        self,
        device: MeterDevice,
        environment: DriverEnvironment,
        source: Callable[[Unit], Source],
    ) -> None:
        """
        @param source: how it is read.
        @raise ValueError: if L{objection} has one.
        """
        self.name = device.name
        said = read_parameters(device.parameters, has_number=True)
        self._wiring = Wiring(device.settings.role, device.phases, said.is_inverted)
        self._report = environment.report
        self._contact = Contact(
            f"meter {self.name}",
            device,
            environment,
            source,
            self._look,
            lambda: None,
            self._went,
        )

    def start(self) -> None:
        """See L{IMeter}."""
        self._contact.start()

    def stop(self) -> Deferred[None]:
        """See L{IMeter}."""
        return self._contact.stop()

    async def _look(self, source: Source) -> None:
        said = measured(self.name, await source.read(), self._wiring)
        if (said.currents, said.power_w, said.energy_wh) == (None, None, None):
            raise RemoteProtocolError("it tells neither a current nor a power")
        self._report(said)

    def _went(self, why: str) -> None:
        source = self._contact.device
        assert source is not None
        source.forget()
        self._report(MeterLost(self.name, why))
