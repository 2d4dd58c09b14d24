"""Being in touch with one Modbus device, from a start to a stop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, succeed

from cfos_cm.drivers.interfaces import DriverEnvironment, EvseDevice, MeterDevice
from cfos_cm.drivers.modbus.buses import Bus
from cfos_cm.drivers.modbus.complaint import Complaint
from cfos_cm.drivers.modbus.place import parse_place
from cfos_cm.drivers.modbus.rounds import Rounds
from cfos_cm.drivers.modbus.unit import Unit
from cfos_cm.errors import CfosError

__all__ = ["ROUND_S", "Contact"]

#: So long after a round has begun the next one does. [s]
ROUND_S = 1.0

D = TypeVar("D")


class Contact(Generic[D]):
    """
    A device that is looked at in rounds, through a bus that is this user's own meanwhile.

    Why it cannot be read while it is away is told once.

    @ivar place: where it is.
    @ivar device: what is read and written, from L{start} to L{stop}; C{None}: it is stopped.
    """

    def __init__(
        self,
        who: str,
        device: EvseDevice | MeterDevice,
        environment: DriverEnvironment,
        make: Callable[[Unit], D],
        look: Callable[[D], Coroutine[Any, Any, None]],
        came: Callable[[], None],
        went: Callable[[str], None],
        lost: str = "is lost",
    ) -> None:
        """
        @param who: the device, for people.
        @param make: makes what is read and written, at each start.
        @param look: one round; see L{Rounds}, as for C{came} and C{went}.
        @param lost: what has become of its connection, where that is why it is away.
        @raise ValueError: if the device's address is none.
        """
        self.place = parse_place(device.address or "")
        self.device: D | None = None
        self._number, self._window = device.unit, device.window
        self._buses = environment.buses
        self._make, self._look, self._came, self._went = make, look, came, went
        self._why_lost = f"the connection to {self.place} {lost}"
        self._complaint = Complaint(who)
        self._rounds = Rounds(
            environment.reactor, ROUND_S, self._round, self._arrived, self._departed
        )
        self._bus: Bus | None = None

    @property
    def is_there(self) -> bool:
        """Whether the device answers; see L{Rounds}."""
        return self._rounds.is_there

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._bus is not None and self._bus.is_open

    def start(self) -> None:
        """Look at it from now on, unless that is done already."""
        if self._bus is not None:
            return
        bus = self._bus = self._buses.bus(self.place, self._window)
        self.device = self._make(Unit(bus, self._number))
        bus.changed = self._changed
        self._rounds.start()

    def stop(self) -> Deferred[None]:
        """
        Look at it no more; nobody is told anything any more.

        @return: fires when the connection is left.
        """
        self._rounds.stop()
        bus, self._bus, self.device = self._bus, None, None
        if bus is None:
            return succeed(None)
        bus.changed = lambda _: None
        return bus.leave()

    async def _round(self) -> None:
        assert self.device is not None
        try:
            await self._look(self.device)
        except CfosError as error:
            if not self._rounds.is_there:
                self._complaint.hear(error, self.is_open)
            raise

    def _arrived(self) -> None:
        self._complaint.know("")
        self._came()

    def _departed(self, why: str) -> None:
        self._complaint.know(why)
        self._went(why)

    def _changed(self, is_open: bool) -> None:
        if is_open:
            self._rounds.at_once()
        else:
            self._rounds.gone(self._why_lost)
