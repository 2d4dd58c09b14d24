"""
Registers as data: where a value is, what it looks like, and what has to be read for it.

A device is a table of these. Modbus has words of 16 bits; how a longer value is put together
from them, no specification says: most devices send the high word first ("big-endian"), some
swap the words, few the bytes of each.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from attrs import field, frozen
from attrs.validators import and_, ge, le

from cfos_cm.errors import LocalProtocolError, RemoteProtocolError
from cfos_cm.wire.modbus import MAX_READ

__all__ = [
    "Access",
    "Block",
    "Order",
    "Register",
    "RegisterType",
    "Snapshot",
    "Value",
    "read_plan",
]

#: What stands in a register: a whole number, a fraction or a text.
Value = int | float | str

_ADDRESSES = 1 << 16


class RegisterType(StrEnum):
    """What a register's bits mean."""

    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    """IEEE 754, as C{F32}."""
    TEXT = "text"
    """Two characters in each register, the first in the high byte; filled up with NUL."""


class Access(StrEnum):
    """What can be done with a register."""

    READ = "r"
    WRITE = "w"
    READ_WRITE = "rw"


class Order(StrEnum):
    """Which end comes first."""

    BIG = "big"
    LITTLE = "little"


#: How L{struct} names a number, and how many registers it has.
_FORMATS = {
    RegisterType.U16: ("H", 1),
    RegisterType.I16: ("h", 1),
    RegisterType.U32: ("I", 2),
    RegisterType.I32: ("i", 2),
    RegisterType.U64: ("Q", 4),
    RegisterType.I64: ("q", 4),
    RegisterType.F32: ("f", 2),
    RegisterType.F64: ("d", 4),
}


@frozen
class Register:
    """
    One value of a device.

    @ivar address: of its first register, as it stands on the wire.
    @ivar unit: of the number, such as C{0.1 A}; empty: it has none.
    @ivar is_volatile: it may be written often; any other ends up in a memory that wears out.
    @ivar length: how many registers a text has; of a number its type says it.
    @ivar word_order: which word of a longer number comes first.
    @ivar byte_order: which byte of each word comes first.
    """

    name: str
    address: int = field(validator=and_(ge(0), le(_ADDRESSES - 1)))
    type: RegisterType = RegisterType.U16
    unit: str = ""
    access: Access = Access.READ
    is_volatile: bool = False
    length: int = field(default=0, validator=and_(ge(0), le(MAX_READ)))
    word_order: Order = Order.BIG
    byte_order: Order = Order.BIG

    @property
    def count(self) -> int:
        """How many registers it has."""
        return self.length if self.type is RegisterType.TEXT else _FORMATS[self.type][1]

    @property
    def addresses(self) -> range:
        """The addresses of all of them."""
        return range(self.address, self.address + self.count)

    def decode(self, words: Sequence[int]) -> Value:
        """
        The value that stands in some registers.

        @raise RemoteProtocolError: if there are more or fewer of them than it has.
        """
        if len(words) != self.count:
            raise RemoteProtocolError(
                f"{self.name} has {self.count} registers, and {len(words)} were read"
            )
        raw = self._bytes(words)
        if self.type is RegisterType.TEXT:
            # What comes after the first NUL is left from something longer.
            return raw.partition(b"\0")[0].decode("latin-1").rstrip()
        value: int | float = struct.unpack(f">{_FORMATS[self.type][0]}", raw)[0]
        return value

    def encode(self, value: Value) -> tuple[int, ...]:
        """
        The registers in which C{value} stands: what L{decode} makes C{value} of.

        @raise LocalProtocolError: if it cannot stand there.
        """
        raw = self._text(value) if isinstance(value, str) else self._number(value)
        return tuple(self._words(raw))

    def _number(self, value: float) -> bytes:
        if self.type is RegisterType.TEXT:
            raise LocalProtocolError(f"{self.name} is a text, and {value!r} is a number")
        try:
            return struct.pack(f">{_FORMATS[self.type][0]}", value)
        except (struct.error, OverflowError) as error:
            raise LocalProtocolError(f"{value!r} is no {self.type} for {self.name}") from error

    def _text(self, value: str) -> bytes:
        if self.type is not RegisterType.TEXT:
            raise LocalProtocolError(f"{self.name} is a number, and {value!r} is a text")
        most = 2 * self.count
        try:
            raw = value.encode("latin-1")
        except UnicodeEncodeError as error:
            raise LocalProtocolError(f"{value!r} cannot be written into {self.name}") from error
        if len(raw) > most or b"\0" in raw or value != value.rstrip():
            raise LocalProtocolError(
                f"{value!r} is no text for {self.name}: at most {most} characters, none of "
                "them NUL, no space at the end"
            )
        return raw.ljust(most, b"\0")

    def _bytes(self, words: Sequence[int]) -> bytes:
        """High word first, high byte first."""
        return struct.pack(self._format, *self._turned(words))

    def _words(self, raw: bytes) -> Sequence[int]:
        return self._turned(struct.unpack(self._format, raw))

    @property
    def _format(self) -> str:
        """How L{struct} names its words."""
        return f"{'>' if self.byte_order is Order.BIG else '<'}{self.count}H"

    def _turned(self, words: Sequence[int]) -> Sequence[int]:
        """The other way round where its low word comes first; of a text none does."""
        is_turned = self.word_order is Order.LITTLE and self.type is not RegisterType.TEXT
        return words[::-1] if is_turned else words


@frozen
class Block:
    """Registers beside each other, which are read by one request."""

    address: int
    count: int

    @property
    def addresses(self) -> range:
        """The addresses of all of them."""
        return range(self.address, self.address + self.count)


def read_plan(registers: Iterable[Register], bridge: int = 0) -> tuple[Block, ...]:
    """
    The requests that it takes to read some registers: as few as there can be.

    None of them has more than L{MAX_READ} registers, and no value is torn apart: half of it
    might be from before it has changed.

    @param bridge: so many registers that nobody wants may lie between two that are read by one
        request. Many devices refuse a request for a register that they do not have.
    @return: by address.
    """
    blocks: list[Block] = []
    for one in sorted(registers, key=lambda register: register.address):
        end = one.address + one.count
        if blocks:
            last = blocks[-1]
            last_end = last.address + last.count
            whole = max(end, last_end) - last.address
            if one.address - last_end <= bridge and whole <= MAX_READ:
                blocks[-1] = Block(last.address, whole)
                continue
        blocks.append(Block(one.address, one.count))
    return tuple(blocks)


@frozen
class Snapshot:
    """
    What some registers of a device held, read one shortly after the other.

    @ivar words: by address.
    """

    words: Mapping[int, int] = field(factory=dict)

    def __or__(self, other: Snapshot) -> Snapshot:
        """Both; where both have a register, what the other one says."""
        return Snapshot({**self.words, **other.words})

    def __contains__(self, register: Register) -> bool:
        return all(address in self.words for address in register.addresses)

    def __getitem__(self, register: Register) -> Value:
        """
        The value of a register.

        @raise KeyError: if it was not read.
        """
        return register.decode([self.words[address] for address in register.addresses])

    def number(self, register: Register) -> int:
        """
        The value of a register that holds a whole number.

        @raise KeyError: if it was not read.
        """
        value = self[register]
        assert isinstance(value, int), f"{register.name} holds no whole number"
        return value

    def text(self, register: Register) -> str:
        """
        The value of a register that holds a text.

        @raise KeyError: if it was not read.
        """
        value = self[register]
        assert isinstance(value, str), f"{register.name} holds no text"
        return value
