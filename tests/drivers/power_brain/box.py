"""A Power Brain in memory: registers behind pymodbus's own framers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterResponse,
)
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    ITCPTransport,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from cfos_cm.drivers.power_brain import registers as on
from cfos_cm.wire.modbus import Framing
from cfos_cm.wire.registers import Access, Register, Value

__all__ = ["FakeBox", "Wire", "factory_words"]

_MAP = {one.address: one for one in (*on.IDENTIFICATION, *on.EVSE)}

_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS = 1, 2

#: As it comes, with an attached meter that has counted something.
_FACTORY: dict[Register, Value] = {
    on.VENDOR_ID: 0xCF050000,
    on.PRODUCT_ID: 1,
    on.DEVICE_ID: 0x100,
    on.PRODUCT_VERSION: 0x010C,
    on.PRODUCT_BUILD: 1200,
    on.MAPPING_VERSION: 0x0100,
    on.SERIAL_NO: "fcf5-c46",
    on.NAME: "cFos Power Brain Controller",
    on.SLAVE_ID: 1,
    on.COUNT_RESTART: 7,
    on.METER_FLAGS: 1,
    on.ENERGY: 123_456,
    on.DEF_FIXED_CURRENT: 0,
    on.DEF_CHARG_CUR_LIMIT: 160,
    on.DEF_CHARGING_ENABLE: 1,
    on.FAIL_SAFE_DURATION: 300,
    on.FAIL_SAFE_CURRENT: 60,
    on.CABLE_CURRENT: 320,
    on.CHARGING_CUR_LIMIT: 160,
    on.CHARGING_ENABLE: 1,
    on.CHARGING_CURRENT: 160,
    on.HAS_METER: 1,
}


def factory_words() -> dict[int, int]:
    """All registers of one that nobody has told anything; holes are left out."""
    words = {address: 0 for one in _MAP.values() for address in one.addresses}
    for register, value in _FACTORY.items():
        words.update(zip(register.addresses, register.encode(value), strict=True))
    return words


@implementer(IStreamClientEndpoint)
class FakeBox:
    """
    A box, and the way to it.

    @ivar words: what its registers hold, by address; a hole has none.
    @ivar heard: the frames that have come.
    @ivar reads: what was read: the first register, and how many.
    @ivar writes: what was written, by name, in the order.
    @ivar stubborn: what registers hold again after they were written, whatever that was.
    @ivar most_tenths: it holds no higher limit. [0.1 A]
    @ivar refuses: it says no to whatever it is told.
    @ivar is_mute: it hears everything and answers nothing.
    @ivar is_off: nobody can connect.
    @ivar connections: how many there were.
    @ivar interrupted_until_s: its control pilot is, until then; 0: C{words} say so. [s]
    """

    def __init__(self, clock: Clock, framing: Framing = Framing.TCP) -> None:
        self.words = factory_words()
        self.heard: list[bytes] = []
        self.reads: list[tuple[int, int]] = []
        self.writes: list[tuple[str, int]] = []
        self.stubborn: dict[Register, int] = {}
        self.most_tenths = 320
        self.refuses = False
        self.is_mute = False
        self.is_off = False
        self.connections = 0
        self.interrupted_until_s = 0.0
        self._clock = clock
        decoder = DecodePDU(is_server=True)
        self._framer = (FramerSocket if framing is Framing.TCP else FramerRTU)(decoder)
        self._wire: Wire | None = None

    def __getitem__(self, register: Register) -> Value:
        return register.decode([self.words[address] for address in register.addresses])

    def __setitem__(self, register: Register, value: Value) -> None:
        self.words.update(zip(register.addresses, register.encode(value), strict=True))

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See L{IStreamClientEndpoint.connect}."""
        if self.is_off:
            return fail(ConnectError())
        protocol = protocolFactory.buildProtocol(None)
        assert protocol is not None
        self.connections += 1
        self._wire = Wire(self._clock, protocol, self._served)
        protocol.makeConnection(self._wire)
        return succeed(protocol)

    @property
    def is_connected(self) -> bool:
        """Whether anything can be said to it."""
        return self._wire is not None and not self._wire.is_closed

    def say(self, data: bytes) -> None:
        """Some bytes, whatever was asked."""
        assert self._wire is not None
        self._wire.say(data)

    def hang_up(self, is_off: bool = True) -> None:
        """Close the connection."""
        self.is_off = is_off
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.cut()

    def restart(self) -> None:
        """As after its supply was off for a moment."""
        restarts = self[on.COUNT_RESTART]
        assert isinstance(restarts, int)
        self[on.COUNT_RESTART] = restarts + 1
        self[on.CHARGING_CUR_LIMIT] = self[on.DEF_CHARG_CUR_LIMIT]
        self[on.CHARGING_ENABLE] = self[on.DEF_CHARGING_ENABLE]
        self.hang_up(is_off=False)

    def _served(self, data: bytes) -> Iterable[bytes]:
        self.heard.append(data)
        if self.is_mute:
            return
        used, asked = self._framer.handleFrame(data, 0, 0)
        assert asked is not None
        assert used == len(data)
        answer = self._answer_to(asked)
        answer.dev_id, answer.transaction_id = asked.dev_id, asked.transaction_id
        yield self._framer.buildFrame(answer)

    def _answer_to(self, asked: ModbusPDU) -> ModbusPDU:
        count = 1 if asked.function_code == 6 else asked.count
        addresses = range(asked.address, asked.address + count)
        if asked.function_code not in (3, 6, 16):
            return ExceptionResponse(asked.function_code, _ILLEGAL_FUNCTION)
        if not all(address in self.words for address in addresses):
            return ExceptionResponse(asked.function_code, _ILLEGAL_ADDRESS)
        if asked.function_code == 3:
            self.reads.append((asked.address, count))
            self._count_down()
            registers = [self.words[address] for address in addresses]
            return ReadHoldingRegistersResponse(registers=registers)
        if self.refuses or not self._write(asked.address, tuple(asked.registers)):
            return ExceptionResponse(asked.function_code, _ILLEGAL_ADDRESS)
        if asked.function_code == 6:
            return WriteSingleRegisterResponse(address=asked.address, registers=asked.registers)
        return WriteMultipleRegistersResponse(address=asked.address, count=count)

    def _write(self, address: int, values: tuple[int, ...]) -> bool:
        register = _MAP.get(address)
        if register is None or register.count != len(values):
            return False
        if register.access is Access.READ:
            return False
        value = register.decode(values)
        assert isinstance(value, int)
        self.writes.append((register.name, value))
        if register is on.CHARGING_CUR_LIMIT:
            value = min(value, self.most_tenths)
        if register is on.DISCONNECT_CP and register not in self.stubborn:
            self.interrupted_until_s = self._clock.seconds() + value
        self[register] = self.stubborn.get(register, value)
        return True

    def _count_down(self) -> None:
        left_s = self.interrupted_until_s - self._clock.seconds()
        if self.interrupted_until_s:
            self[on.DISCONNECT_CP] = max(0, round(left_s))


@implementer(ITCPTransport)
class Wire(StringTransport):
    """
    What is said through it comes to a device, and its answers a moment later.

    @ivar is_closed: nothing comes through it any more.
    """

    def __init__(
        self, clock: Clock, protocol: IProtocol, device: Callable[[bytes], Iterable[bytes]]
    ) -> None:
        """
        @param device: what it says when it hears something.
        """
        super().__init__()
        self.is_closed = False
        self._clock = clock
        self._protocol = protocol
        self._device = device

    def write(self, data: bytes) -> None:
        """See L{ITCPTransport.write}."""
        for answer in self._device(data):
            self._clock.callLater(0, self.say, answer)

    def loseConnection(self) -> None:
        """See L{ITCPTransport.loseConnection}."""
        self.abortConnection()

    def abortConnection(self) -> None:
        """See L{ITCPTransport.abortConnection}."""
        self._clock.callLater(0, self.cut)

    def cut(self) -> None:
        """Nothing comes through it any more."""
        if not self.is_closed:
            self.is_closed = True
            self._protocol.connectionLost(Failure(ConnectionDone()))

    def say(self, data: bytes) -> None:
        """Some bytes come through it."""
        if not self.is_closed:
            self._protocol.dataReceived(data)
