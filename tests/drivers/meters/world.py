"""Meters in memory, behind pymodbus's own framers, and their drivers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
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
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from cfos_cm.drivers.interfaces import IMeter, IMeterMaker, MeterDevice
from cfos_cm.drivers.modbus import buses
from cfos_cm.site.events import MeterLost, MeterMeasured, SiteEvent
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.wire.registers import Register, Value
from tests.drivers.environment import environment

__all__ = ["FakeMeter", "MeterCase", "device", "words_of"]

_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS = 1, 2


def words_of(values: Mapping[Register, Value]) -> dict[int, int]:
    """What stands in each register when these values stand in them."""
    words: dict[int, int] = {}
    for register, value in values.items():
        words.update(zip(register.addresses, register.encode(value), strict=True))
    return words


def device(role: MeterRole = MeterRole.GRID, **others: Any) -> MeterDevice:
    """What tap.cfg says about a meter."""
    settings = MeterSettings(
        "meter", role, others.pop("circuit", None), others.pop("evse", None)
    )
    return MeterDevice(settings=settings, **{"address": "tcp:192.0.2.6:502", **others})


@implementer(IStreamClientEndpoint)
class FakeMeter:
    """
    A device, and the way to it.

    @ivar words: what its registers hold, by function and address; a hole has none.
    @ivar asked: the function, first register and count of each request.
    @ivar is_mute: it hears everything and answers nothing.
    @ivar is_off: nobody can connect.
    @ivar deaf_to: requests for so many registers are not answered.
    """

    def __init__(self, clock: Clock, unit: int = 1) -> None:
        self.words: dict[int, dict[int, int]] = {3: {}, 4: {}}
        self.asked: list[tuple[int, int, int]] = []
        self.is_mute = False
        self.is_off = False
        self.deaf_to = 0
        self.clock = clock
        self.unit = unit
        self._protocol: IProtocol | None = None

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """See L{IStreamClientEndpoint.connect}."""
        if self.is_off:
            return fail(ConnectError())
        protocol = self._protocol = protocolFactory.buildProtocol(None)
        assert protocol is not None
        self._wire = _Wire(self, protocol)
        protocol.makeConnection(self._wire)
        return succeed(protocol)

    @property
    def is_left(self) -> bool:
        """Whether the other end has hung up."""
        return self._wire.is_closed

    def hang_up(self, is_off: bool = False) -> None:
        """Close the connection."""
        self.is_off = is_off
        protocol, self._protocol = self._protocol, None
        assert protocol is not None
        protocol.connectionLost(Failure(ConnectionDone()))

    def answer_to(self, asked: ModbusPDU) -> ModbusPDU:
        """What it says."""
        function = asked.function_code
        if function not in self.words:
            return ExceptionResponse(function, _ILLEGAL_FUNCTION)
        self.asked.append((function, asked.address, asked.count))
        words = self.words[function]
        addresses = range(asked.address, asked.address + asked.count)
        if not all(address in words for address in addresses):
            return ExceptionResponse(function, _ILLEGAL_ADDRESS)
        says = ReadHoldingRegistersResponse if function == 3 else ReadInputRegistersResponse
        return says(registers=[words[address] for address in addresses])


@implementer(ITCPTransport)
class _Wire(StringTransport):
    """What is said through it comes to the device, and its answer a moment later."""

    def __init__(self, meter: FakeMeter, protocol: IProtocol) -> None:
        super().__init__()
        self._meter = meter
        self._protocol = protocol
        self._framer = FramerSocket(DecodePDU(is_server=True))
        self.is_closed = False

    def write(self, data: bytes) -> None:
        """See L{ITCPTransport.write}."""
        _, asked = self._framer.handleFrame(data, 0, 0)
        assert asked is not None
        if self._meter.is_mute or asked.dev_id != self._meter.unit:
            return
        if asked.count == self._meter.deaf_to:
            return
        answer = self._meter.answer_to(asked)
        answer.dev_id, answer.transaction_id = asked.dev_id, asked.transaction_id
        self._meter.clock.callLater(0, self._say, self._framer.buildFrame(answer))

    def loseConnection(self) -> None:
        """See L{ITCPTransport.loseConnection}."""
        self.abortConnection()

    def abortConnection(self) -> None:
        """See L{ITCPTransport.abortConnection}."""
        if not self.is_closed:
            self.is_closed = True
            lost = Failure(ConnectionDone())
            self._meter.clock.callLater(0, self._protocol.connectionLost, lost)

    def _say(self, data: bytes) -> None:
        if not self.is_closed:
            self._protocol.dataReceived(data)


class MeterCase(SynchronousTestCase):
    """
    Has a device and its driver on a clock that is set by hand.

    @ivar reports: what the driver has reported, in the order.
    """

    def setUp(self) -> None:
        """A device without registers."""
        self.clock = Clock()
        self.fake = FakeMeter(self.clock)
        self.reports: list[SiteEvent] = []
        self.patch(buses, "endpoint_of", lambda reactor, place: self.fake)

    def start(self, maker: IMeterMaker, device: MeterDevice) -> IMeter:
        """A driver, after its first round."""
        self.fake.unit = device.unit
        meter = self.make(maker, device)
        meter.start()
        self.run_for(0)
        return meter

    def make(self, maker: IMeterMaker, device: MeterDevice) -> IMeter:
        """A driver, which is stopped when the test ends."""
        around = environment(self.clock, lambda event: self.reports.append(event))
        meter = maker.make(device, around)
        self.addCleanup(meter.stop)
        return meter

    def leave(self, meter: IMeter) -> None:
        """Stop a driver, and see that nothing of it is left."""
        stopping = meter.stop()
        self.clock.advance(0)
        self.successResultOf(stopping)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.assertTrue(self.fake.is_left)

    def run_for(self, wait_s: float) -> None:
        """Some time passes."""
        end_s = self.clock.seconds() + wait_s
        self.clock.advance(0)
        while self.clock.seconds() < end_s:
            self.clock.advance(0.25)

    def measured(self) -> list[MeterMeasured]:
        """What was measured since the start, or since this was called last."""
        found = [event for event in self.reports if isinstance(event, MeterMeasured)]
        self.reports = [event for event in self.reports if event not in found]
        return found

    def one(self) -> MeterMeasured:
        """What was measured in one round."""
        (found,) = self.measured()
        return found

    def lost(self) -> list[str]:
        """Why the meter was lost, each time that it was."""
        return [event.why for event in self.reports if isinstance(event, MeterLost)]
