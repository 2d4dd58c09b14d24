"""A device's registers: what stands in each of them, and what happens when one is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator

from attrs import define, field, frozen

from cfos_cm.errors import LocalProtocolError
from cfos_cm.wire.modbus import ExceptionCode, Request, Write
from cfos_cm.wire.modbus_server import Outcome
from cfos_cm.wire.registers import Register, Value

__all__ = ["Cell", "Flash", "Memory", "PowerBrainFlash", "kept"]


@define
class Flash:
    """
    What a device keeps without power.

    @ivar values: by the name of the register.
    @ivar writes: how often each was written by Modbus, also with what it held already: each
        time wears it out.
    """

    values: dict[str, int] = field(factory=dict)
    writes: Counter[str] = field(factory=Counter)

    def number(self, register: Register, default: int) -> int:
        """What is kept of a register."""
        return self.values.get(register.name, default)

    def keep(self, register: Register, value: int) -> None:
        """Keep something else."""
        self.values[register.name] = value


@frozen
class PowerBrainFlash:
    """That of a whole Power Brain; it survives when it is handed to another one."""

    evse: Flash = field(factory=Flash)
    meters: tuple[Flash, Flash] = field(factory=lambda: (Flash(), Flash()))


@frozen
class Cell:
    """
    A register and what is behind it.

    @ivar read: what stands there; C{None}: it can only be written.
    @ivar write: puts something else there; C{None}: it can only be read.
    @ivar allowed: what may be written; C{None}: whatever fits in.
    """

    register: Register
    read: Callable[[], Value] | None = None
    write: Callable[[int], None] | None = None
    allowed: Container[int] | None = None


def kept(
    flash: Flash, register: Register, default: int, allowed: Container[int] | None = None
) -> Cell:
    """A register that is kept without power, and does nothing more."""
    return Cell(
        register,
        lambda: flash.number(register, default),
        lambda value: flash.keep(register, value),
        allowed,
    )


class Memory:
    """
    All registers of a device.

    A request is served as a whole or not at all. It is refused with "illegal data address" if
    it touches what is not there, cannot be read or cannot be written: the last is said of the
    address, since no value would be accepted there. It is refused with "illegal data value" if
    a value is out of its range, or only a part of a longer one is written.
    """

    def __init__(self, cells: Iterable[Cell], flash: Flash) -> None:
        self._flash = flash
        self._places = {
            address: (cell, offset)
            for cell in cells
            for offset, address in enumerate(cell.register.addresses)
        }

    @property
    def registers(self) -> frozenset[Register]:
        """Those that there are."""
        return frozenset(cell.register for cell, _ in self._places.values())

    def serve(self, request: Request) -> Outcome:
        """Do what was asked."""
        if isinstance(request, Write):
            return self._write(request)
        return self._read(request.address, request.count)

    def _read(self, address: int, count: int) -> Outcome:
        words: list[int] = []
        while len(words) < count:
            cell, offset = self._places.get(address + len(words), (None, 0))
            if cell is None or cell.read is None:
                return ExceptionCode.ILLEGAL_DATA_ADDRESS
            words += cell.register.encode(cell.read())[offset:]
        return tuple(words[:count])

    def _write(self, request: Write) -> Outcome:
        addresses = range(request.address, request.address + len(request.values))
        if not all(self._may_be_written(address) for address in addresses):
            return ExceptionCode.ILLEGAL_DATA_ADDRESS
        try:
            orders = [*self._orders(request)]
        except ValueError:
            return ExceptionCode.ILLEGAL_DATA_VALUE
        for cell, value in orders:
            assert cell.write is not None
            if not cell.register.is_volatile:
                self._flash.writes[cell.register.name] += 1
            cell.write(value)
        return ()

    def _may_be_written(self, address: int) -> bool:
        cell, _ = self._places.get(address, (None, 0))
        return cell is not None and cell.write is not None

    def _orders(self, request: Write) -> Iterator[tuple[Cell, int]]:
        """Which values are written; ValueError: one of them must not be."""
        left = list(request.values)
        address = request.address
        while left:
            cell, offset = self._places[address]
            words = left[: cell.register.count]
            if offset or len(words) < cell.register.count:
                raise ValueError
            value = cell.register.decode(words)
            if not isinstance(value, int):
                raise LocalProtocolError(f"{cell.register.name} cannot be written as a number")
            if cell.allowed is not None and value not in cell.allowed:
                raise ValueError
            yield cell, value
            del left[: len(words)]
            address += len(words)
