"""
The registers of a Power Brain, as far as they are known, and how they are written.

Nothing is written that stands there already, and all that is written is read back. What is
written often is volatile; the rest ends up in a flash memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cfos_cm.drivers.modbus.unit import Unit
from cfos_cm.wire.registers import Block, Register, Snapshot, Value

__all__ = ["Box"]


class Box:
    """
    The registers of a box, as far as they are known.

    @ivar held: what they held when they were read last.
    @ivar flash_writes: how often something was written that is not volatile.
    """

    def __init__(self, unit: Unit) -> None:
        self.held = Snapshot()
        self.flash_writes = 0
        self._unit = unit

    async def look(self, blocks: Sequence[Block]) -> Snapshot:
        """
        Read some registers.

        @return: all that are known now.
        @raise DeviceError: if one of them cannot be read.
        """
        self.held |= await self._unit.read(blocks)
        return self.held

    async def hold(
        self, register: Register, value: int, is_right: Callable[[int], bool] | None = None
    ) -> int:
        """
        Have a register hold C{value}; where it does nothing is sent.

        @param is_right: whether what stands there after it was written is good enough.
        @return: what stands there now.
        @raise DeviceRefusal: if it says no, or something else stands there afterwards.
        @raise DeviceError: if it is not known what stands there.
        """
        if register not in self.held:
            await self.look((Block(register.address, register.count),))
        if self.held.number(register) == value:
            return value
        return await self.put(register, value, is_right)

    async def put(
        self, register: Register, value: int, is_right: Callable[[int], bool] | None = None
    ) -> int:
        """The same, whatever it holds: see L{hold}."""
        self.flash_writes += not register.is_volatile
        self.forget(register)
        found = await self._unit.put(register, value, _on_numbers(is_right))
        assert isinstance(found, int)
        self.held |= Snapshot(
            dict(zip(register.addresses, register.encode(found), strict=True))
        )
        return found

    def forget(self, register: Register) -> None:
        """What a register holds is not known any more."""
        words = self.held.words.items()
        self.held = Snapshot(
            {one: word for one, word in words if one not in register.addresses}
        )


def _on_numbers(is_right: Callable[[int], bool] | None) -> Callable[[Value], bool] | None:
    if is_right is None:
        return None
    return lambda found: isinstance(found, int) and is_right(found)
