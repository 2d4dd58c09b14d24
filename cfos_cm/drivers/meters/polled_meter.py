"""A meter behind a Modbus connection, which is asked each second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from cfos_cm.drivers.interfaces import DriverEnvironment, IMeter, MeterDevice
from cfos_cm.drivers.meters.parameters import read_parameters
from cfos_cm.drivers.meters.readings import Reading, Wiring, measured
from cfos_cm.drivers.modbus.buses import Bus
from cfos_cm.drivers.modbus.complaint import Complaint
from cfos_cm.drivers.modbus.place import PLACE_WORDS, Place, parse_place
from cfos_cm.drivers.modbus.rounds import Rounds
from cfos_cm.drivers.modbus.unit import Unit
from cfos_cm.errors import CfosError, RemoteProtocolError
from cfos_cm.site.events import MeterLost

__all__ = ["INTERVAL_S", "PolledMeter", "Source", "objection", "place_of"]

#: So long after a round has begun the next one does. [s]
INTERVAL_S = 1.0


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


def place_of(device: MeterDevice) -> Place:
    """
    Where a meter is.

    @raise ValueError: if its address names no place.
    """
    return parse_place(device.address or "")


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
        self._place = place_of(device)
        self._number, self._window = device.unit, device.window
        said = read_parameters(device.parameters, has_number=True)
        self._wiring = Wiring(device.settings.role, device.phases, said.is_inverted)
        self._buses, self._report = environment.buses, environment.report
        self._make_source = source
        self._source: Source | None = None
        self._bus: Bus | None = None
        self._complaint = Complaint(f"meter {self.name}")
        self._rounds = Rounds(
            environment.reactor, INTERVAL_S, self._look, self._came, self._went
        )

    def start(self) -> None:
        """See L{IMeter}."""
        if self._bus is not None:
            return
        bus = self._bus = self._buses.bus(self._place, self._window)
        self._source = self._make_source(Unit(bus, self._number))
        bus.changed = self._changed
        self._rounds.start()

    def stop(self) -> Deferred[None]:
        """See L{IMeter}."""
        bus, self._bus = self._bus, None
        if bus is None:
            return succeed(None)
        bus.changed = lambda _: None
        self._rounds.stop()
        return bus.leave()

    async def _look(self) -> None:
        assert self._source is not None
        try:
            said = measured(self.name, await self._source.read(), self._wiring)
            if (said.currents, said.power_w, said.energy_wh) == (None, None, None):
                raise RemoteProtocolError("it tells neither a current nor a power")
        except CfosError as error:
            if not self._rounds.is_there:
                is_open = self._bus is not None and self._bus.is_open
                self._complaint.hear(error, is_open)
            raise
        self._report(said)

    def _came(self) -> None:
        self._complaint.know("")

    def _went(self, why: str) -> None:
        assert self._source is not None
        self._source.forget()
        self._complaint.know(why)
        self._report(MeterLost(self.name, why))

    def _changed(self, is_open: bool) -> None:
        if is_open:
            self._rounds.at_once()
        else:
            self._rounds.gone(f"the connection to {self._place} is lost")
