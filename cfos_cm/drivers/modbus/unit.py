"""One device behind a bus: its registers are read, and written and looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred

from cfos_cm.drivers.modbus.buses import Bus
from cfos_cm.errors import DeviceRefusal
from cfos_cm.wire.modbus import Answer, Read, Write
from cfos_cm.wire.registers import Access, Block, Register, Snapshot, Value

__all__ = ["READ_RETRIES", "Unit"]

#: A request for registers is repeated once: what is lost on a line is seldom lost twice.
READ_RETRIES = 1


class Unit:
    """
    A device with a unit id of its own.

    @ivar number: its unit id.
    """

    def __init__(self, bus: Bus, number: int) -> None:
        self.number = number
        self._bus = bus

    async def read(
        self, blocks: Sequence[Block], function: int = 3, retries: int = READ_RETRIES
    ) -> Snapshot:
        """
        Read some blocks of registers.

        @param function: 3 for holding registers, 4 for input registers.
        @raise cfos_cm.errors.DeviceError: if one of them cannot be read.
        """
        asked = [
            self._bus.ask(Read(self.number, block.address, block.count, function), retries)
            for block in blocks
        ]
        read: dict[int, int] = {}
        try:
            for block, answer in zip(blocks, asked, strict=True):
                registers = (await answer).registers
                read.update(zip(block.addresses, registers, strict=True))
        except BaseException:
            _drop(asked)
            raise
        return Snapshot(read)

    async def put(
        self,
        register: Register,
        value: Value,
        is_right: Callable[[Value], bool] | None = None,
    ) -> Value:
        """
        Have a register hold C{value}, and see that it does.

        @param is_right: whether what stands there afterwards is good enough; C{None}: only what
            was written is. A register that cannot be read is not looked at.
        @return: what stands there afterwards.
        @raise DeviceRefusal: if it says no, or something else stands there afterwards.
        @raise cfos_cm.errors.DeviceError: if it is not known what stands there.
        """
        words = register.encode(value)
        await self._bus.ask(Write(self.number, register.address, words))
        if register.access is Access.WRITE:
            return value
        block = Block(register.address, register.count)
        found = (await self.read((block,)))[register]
        if found != value if is_right is None else not is_right(found):
            raise DeviceRefusal(
                f"{register.name}: {value} was written, and {found} stands there afterwards"
            )
        return found


def _drop(asked: Sequence[Deferred[Answer]]) -> None:
    """Wait for no more answers, after one of them has failed."""
    for one in asked:
        one.addErrback(lambda _: None)
        one.cancel()
