"""Connections that several devices share, and one device behind them."""

from __future__ import annotations

import gc
import os
import pty
import subprocess
import sys
import termios
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.counters import Counter, Counters
from cfos_cm.drivers.modbus.buses import Bus, Buses
from cfos_cm.drivers.modbus.place import parse_place
from cfos_cm.drivers.modbus.unit import Unit
from cfos_cm.errors import DeviceError, DeviceRefusal, NotSent
from cfos_cm.wire.modbus import Answer, Framing, Read, Write
from cfos_cm.wire.modbus_server import Responder
from cfos_cm.wire.registers import Access, Block, Register, RegisterType, read_plan
from tests.drivers.modbus.served import FIRST
from tests.drivers.modbus.serving import ROOT, ServedCase

BOX = parse_place("tcp:192.0.2.5:502")
#: How long a request for registers is through a socket.
REQUEST_BYTES = 12


class SharingTests(SynchronousTestCase):
    """Who dials, and who hangs up."""

    def setUp(self) -> None:
        """No connection."""
        self.reactor = MemoryReactorClock()
        self.buses = Buses(self.reactor)

    def dialled(self) -> int:
        """How often somebody has dialled."""
        self.reactor.advance(0)
        return len(self.reactor.tcpClients)

    def test_shared(self) -> None:
        """Two users of a place have one connection; of two places, two."""
        first, second = self.buses.bus(BOX), self.buses.bus(BOX)
        self.assertEqual(1, self.dialled())
        self.assertEqual((BOX, False), (first.place, second.is_open))
        self.buses.bus(parse_place("tcp:192.0.2.6:502"))
        self.assertEqual(2, self.dialled())

    def test_left(self) -> None:
        """It is closed with its last user, and dialled again for the next one."""
        first, second = self.buses.bus(BOX), self.buses.bus(BOX)
        self.dialled()
        self.successResultOf(first.leave())
        self.assertTrue(self.reactor.getDelayedCalls())
        self.successResultOf(second.leave())
        self.assertEqual([], self.reactor.getDelayedCalls())
        self.buses.bus(BOX)
        self.assertEqual(2, self.dialled())

    def test_left_twice(self) -> None:
        """Who has left cannot ask, and can leave again."""
        bus, _ = self.buses.bus(BOX), self.buses.bus(BOX)
        bus.leave()
        self.successResultOf(bus.leave())
        self.failureResultOf(bus.ask(Read(1, 0, 1)), NotSent)
        self.assertFalse(bus.is_open)

    def test_window(self) -> None:
        """Of a shared connection no more is asked than the weakest of its users bears."""
        for windows, expected in (((8,), 8), ((8, 1), 1), ((4, 8), 4)):
            place = parse_place(f"tcp:192.0.2.5:{500 + expected}")
            users = [self.buses.bus(place, window) for window in windows]
            shared: Any = users[0]._shared
            self.assertEqual(expected, shared.window)

    def test_told(self) -> None:
        """One that leaves when it is told keeps nobody else from being told."""
        first, second = self.buses.bus(BOX), self.buses.bus(BOX)
        told: list[bool] = []
        first.changed = lambda _: self.successResultOf(first.leave())
        second.changed = told.append
        self.connect()
        self.assertEqual([True], told)

    def connect(self) -> StringTransport:
        """Somebody answers the last call; what is sent to him."""
        self.dialled()
        *_, factory, timeout_s, _ = self.reactor.tcpClients[-1]
        self.assertEqual(5, timeout_s)
        transport = StringTransport()
        factory.buildProtocol(None).makeConnection(transport)
        self.reactor.advance(0)
        return transport


class LineTests(SynchronousTestCase):
    """What of its users and its place reaches a line."""

    def setUp(self) -> None:
        """No connection."""
        self.reactor = MemoryReactorClock()
        self.counters = Counters()
        self.buses = Buses(self.reactor, self.counters, timeout_s=3.0)

    def connect(self) -> StringTransport:
        """Somebody answers the call; what is sent to him."""
        self.reactor.advance(0)
        *_, factory, _, _ = self.reactor.tcpClients[-1]
        transport = StringTransport()
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(transport)
        self.reactor.advance(0)
        return transport

    def ask(self, bus: Bus, times: int) -> list[Deferred[Answer]]:
        """Ask for so many registers, one by one."""
        asked = [bus.ask(Read(1, address, 1)) for address in range(times)]
        for one in asked:
            one.addErrback(lambda _: None)
        return asked

    def test_window(self) -> None:
        """As much is asked at once as its users bear, also from the next one on."""
        bus = self.buses.bus(BOX, 3)
        transport = self.connect()
        self.ask(bus, 4)
        self.assertEqual(3 * REQUEST_BYTES, len(transport.value()))
        other = self.buses.bus(parse_place("tcp:192.0.2.6:502"), 3)
        transport = self.connect()
        self.buses.bus(other.place, 1)
        self.ask(other, 4)
        self.assertEqual(REQUEST_BYTES, len(transport.value()))

    def test_timeout(self) -> None:
        """An answer may take as long as was said; one that does not come is counted."""
        bus = self.buses.bus(BOX)
        self.connect()
        asked = bus.ask(Read(1, 0, 1))
        self.reactor.advance(2.9)
        self.assertNoResult(asked)
        self.reactor.advance(0.1)
        self.failureResultOf(asked, DeviceError)
        self.assertEqual(1, self.counters[Counter.MODBUS_TIMED_OUT])

    def test_retries(self) -> None:
        """It is asked as often as was said."""
        bus = self.buses.bus(BOX)
        transport = self.connect()
        asked = bus.ask(Read(1, 0, 1), 1)
        self.reactor.advance(3)
        self.assertEqual(2 * REQUEST_BYTES, len(transport.value()))
        self.reactor.advance(3)
        self.failureResultOf(asked, DeviceError)

    def test_gap(self) -> None:
        """Between an answer and the next request there is the silence of its place."""
        place = parse_place("rtu:192.0.2.5:4196")
        bus = self.buses.bus(place)
        transport = self.connect()
        first, _ = self.ask(bus, 2)
        device = Responder(Framing.RTU, lambda _: True, lambda _: (7,))
        (answer,) = device.receive(transport.value())
        transport.clear()
        self.protocol.dataReceived(answer)
        self.assertEqual((7,), self.successResultOf(first).registers)
        self.reactor.advance(place.gap_s / 2)
        self.assertEqual(b"", transport.value())
        self.reactor.advance(place.gap_s / 2)
        self.assertNotEqual(b"", transport.value())


class UnitTests(ServedCase):
    """A device of pymodbus's own server."""

    async def unit(self, number: int = 1) -> Unit:
        """A device, which can be reached."""
        _, port = self.serve()
        bus = Buses(reactor).bus(parse_place(f"tcp:127.0.0.1:{port}"))
        self.addCleanup(bus.leave)
        await self.opened(bus)
        return Unit(bus, number)

    async def opened(self, bus: Bus) -> None:
        """When something can be asked."""
        opening: Deferred[None] = Deferred()
        bus.changed = lambda is_open: opening.callback(None) if is_open else None
        if not bus.is_open:
            await opening

    async def test_read(self) -> None:
        """What a plan asks for is read, whatever the number of requests."""
        unit = await self.unit(2)
        wanted = [
            Register("one", FIRST),
            Register("two", FIRST + 10, RegisterType.U32),
            Register("three", FIRST + 12),
        ]
        plan = read_plan(wanted)
        self.assertEqual(2, len(plan))
        read = await unit.read(plan)
        self.assertEqual(FIRST, read[wanted[0]])
        self.assertEqual(((FIRST + 10) << 16) + FIRST + 11, read[wanted[1]])
        self.assertEqual(FIRST + 12, read[wanted[2]])

    async def test_refused(self) -> None:
        """One block that it does not have makes the whole of it fail; the line goes on."""
        unit = await self.unit()
        blocks = (Block(FIRST, 1), Block(40_000, 1), Block(FIRST + 1, 1))
        await self.assertFailure(Deferred.fromCoroutine(unit.read(blocks)), DeviceRefusal)
        read = await unit.read((Block(FIRST, 2),))
        self.assertEqual({FIRST, FIRST + 1}, set(read.words))

    async def test_put(self) -> None:
        """What is written stands there afterwards, in one register and in two."""
        unit = await self.unit()
        for kind, value in ((RegisterType.U16, 160), (RegisterType.U32, 70_000)):
            register = Register("limit", FIRST + 93, kind, access=Access.READ_WRITE)
            self.assertEqual(value, await unit.put(register, value))
            self.assertEqual(value, (await unit.read(read_plan([register])))[register])

    async def test_other_unit(self) -> None:
        """It asks the unit that it is, not any other behind the same line."""
        unit = await self.unit(2)
        await unit.put(Register("limit", FIRST, access=Access.READ_WRITE), 7)
        bus: Any = unit._bus
        other = await Unit(bus, 1).read((Block(FIRST, 1),))
        self.assertEqual({FIRST: FIRST}, other.words)


class _Scripted:
    """A bus whose answers the test gives."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, int, Deferred[Answer]]] = []

    def ask(self, request: Any, retries: int = 0) -> Deferred[Answer]:
        """See L{Bus.ask}."""
        deferred: Deferred[Answer] = Deferred()
        self.asked.append((request, retries, deferred))
        return deferred


class ReadingTests(SynchronousTestCase):
    """What a unit asks for, and what becomes of it when a part of it fails."""

    def setUp(self) -> None:
        """Nothing is asked."""
        self.bus = _Scripted()
        bus: Any = self.bus
        self.unit = Unit(bus, 7)

    def test_asked(self) -> None:
        """Registers are asked for by the wanted function, and once more if need be."""
        reading = Deferred.fromCoroutine(self.unit.read((Block(10, 2),), function=4))
        ((request, retries, answer),) = self.bus.asked
        self.assertEqual((Read(7, 10, 2, 4), 1), (request, retries))
        answer.callback(Answer(0, 7, 4, (1, 2)))
        self.assertEqual({10: 1, 11: 2}, self.successResultOf(reading).words)

    def test_written_once(self) -> None:
        """What is written is not repeated: it may have been done."""
        register = Register("limit", 8093, access=Access.READ_WRITE)
        writing = Deferred.fromCoroutine(self.unit.put(register, 160))
        ((request, retries, answer),) = self.bus.asked
        self.assertEqual((Write(7, 8093, (160,)), 0), (request, retries))
        answer.errback(DeviceError("no answer"))
        self.failureResultOf(writing, DeviceError)

    def test_dropped(self) -> None:
        """When one block fails nobody waits for the others, whatever becomes of them."""
        blocks = (Block(10, 1), Block(20, 1), Block(30, 1))
        reading = Deferred.fromCoroutine(self.unit.read(blocks))
        first, second, third = (answer for _, _, answer in self.bus.asked)
        second.errback(DeviceError("no answer"))
        first.errback(DeviceError("no answer"))
        self.failureResultOf(reading, DeviceError)
        self.assertTrue(third.called)
        self.bus.asked.clear()
        del first, second, third
        gc.collect()
        self.assertEqual([], self.flushLoggedErrors())


class _Stubborn:
    """A bus whose device holds what it wants, whatever is written."""

    def __init__(self, held: int) -> None:
        self.held = held
        self.asked: list[Any] = []

    def ask(self, request: Any, retries: int = 0) -> Deferred[Any]:
        """Say that it was done."""
        self.asked.append(request)
        return succeed(Answer(0, request.unit, request.function, (self.held,)))


class VerificationTests(SynchronousTestCase):
    """A write is only done when it can be seen."""

    def put(self, held: int, register: Register, **options: Any) -> Deferred[Any]:
        """Write 160 into a register that holds something afterwards."""
        bus: Any = _Stubborn(held)
        self.bus = bus
        return Deferred.fromCoroutine(Unit(bus, 1).put(register, 160, **options))

    def test_other_value(self) -> None:
        """Another value that stands there afterwards is a refusal, which names both."""
        register = Register("limit", 8093, access=Access.READ_WRITE)
        failure = self.failureResultOf(self.put(320, register), DeviceRefusal)
        self.assertEqual(
            "limit: 160 was written, and 320 stands there afterwards", str(failure.value)
        )

    def test_good_enough(self) -> None:
        """Whoever writes may say what else is good enough."""
        register = Register("limit", 8093, access=Access.READ_WRITE)
        found = self.put(130, register, is_right=lambda value: value <= 160)
        self.assertEqual(130, self.successResultOf(found))

    def test_write_only(self) -> None:
        """What cannot be read is not looked at."""
        register = Register("reset", 8070, access=Access.WRITE)
        self.assertEqual(160, self.successResultOf(self.put(0, register)))
        self.assertEqual(1, len(self.bus.asked))


class SerialTests(TestCase):
    """A serial line: a pseudo-terminal, with pymodbus's own server at the other end."""

    timeout = 30

    def line(self) -> tuple[str, Any]:
        """A serial line whose other end is served; its device here, and the server."""
        ours, theirs = pty.openpty()
        for end in (ours, theirs):
            settings = termios.tcgetattr(end)
            settings[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(end, termios.TCSANOW, settings)
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.drivers.modbus.serial_served", str(ours)],
            cwd=ROOT,
            pass_fds=(ours,),
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(os.close, theirs)
        os.close(ours)
        self.addCleanup(server.wait)
        assert server.stdout is not None
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.kill)
        server.stdout.readline()
        return os.ttyname(theirs), server

    async def test_read_and_write(self) -> None:
        """Two devices on one line take turns, and what is written stands there."""
        device, _ = self.line()
        buses = Buses(reactor)
        place = parse_place(f"serial:{device}:19200:8E1")
        first, second = buses.bus(place), buses.bus(place)
        self.addCleanup(first.leave)
        self.addCleanup(second.leave)
        clock: IReactorTime = reactor
        while not first.is_open:
            await deferLater(clock, 0.01, lambda: None)
        limit = Register("limit", FIRST + 93, access=Access.READ_WRITE)
        await Unit(first, 1).put(limit, 160)
        read = await Unit(second, 2).read((Block(FIRST + 93, 2),))
        self.assertEqual({FIRST + 93: FIRST + 93, FIRST + 94: FIRST + 94}, read.words)

    async def test_no_port(self) -> None:
        """A port that is not there says so, and is tried again."""
        bus = Buses(reactor).bus(parse_place("serial:/dev/no-such-port"))
        self.addCleanup(bus.leave)
        await deferLater(reactor, 0.05, lambda: None)
        refused = await self.assertFailure(bus.ask(Read(1, 0, 1)), DeviceError)
        self.assertIn("serial:/dev/no-such-port:9600:8N1 cannot be reached: ", str(refused))
        self.assertIn("No such file", str(refused))
