"""One of a Power Brain's devices, as it is asked by Modbus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from cfos_cm.drivers.power_brain.registers import SLAVE_ID
from cfos_cm.simulator.power_brain.memory import Cell, Flash, Memory
from cfos_cm.wire.modbus import Request, Write
from cfos_cm.wire.modbus_server import Outcome

__all__ = ["Device"]


class Device:
    """
    A unit with its registers.

    @ivar unit: the unit id that it answers to; another one that is written counts from the next
        start on.
    """

    def __init__(
        self,
        cells: Iterable[Cell],
        flash: Flash,
        unit: int,
        asked: Callable[[], None] = lambda: None,
        written: Callable[[], None] = lambda: None,
    ) -> None:
        """
        @param unit: its unit id as it is delivered.
        @param asked: is told before each request.
        @param written: is told after one that has written something.
        """
        self._flash = flash
        self._delivered_as = unit
        self._asked = asked
        self._written = written
        self.memory = Memory(cells, flash)
        self.restart()

    def restart(self) -> None:
        """It has started again."""
        self.unit = self._flash.number(SLAVE_ID, self._delivered_as)

    def is_unit(self, unit: int) -> bool:
        """Whether C{unit} is meant to be this one."""
        return unit == self.unit

    def serve(self, request: Request) -> Outcome:
        """Do what was asked."""
        self._asked()
        outcome = self.memory.serve(request)
        if isinstance(request, Write):
            self._written()
        return outcome
