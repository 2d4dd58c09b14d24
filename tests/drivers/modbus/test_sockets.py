"""A line to pymodbus's own server, over a real socket."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import DeferredQueue, gatherResults
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory

from cfos_cm.counters import Counter, Counters
from cfos_cm.drivers.modbus.connection import Connection
from cfos_cm.drivers.modbus.line import Line, ModbusRefusal
from cfos_cm.errors import DeviceError, NotSent
from cfos_cm.wire.modbus import ExceptionCode, Framing, Read, Write
from tests.drivers.modbus.served import FIRST
from tests.drivers.modbus.serving import ServedCase


class ServerTests(ServedCase):
    """What a server that we did not write makes of it."""

    async def line(self) -> Line:
        """A line to a server of its own."""
        _, port = self.serve()
        counters = self.counters = Counters()
        factory = Factory.forProtocol(
            lambda: Line(reactor, Framing.TCP, timeout_s=10, counters=counters)
        )
        line: Line = await HostnameEndpoint(reactor, "127.0.0.1", port).connect(factory)
        assert line.transport is not None
        self.addCleanup(line.transport.loseConnection)
        return line

    async def test_read_and_write(self) -> None:
        """Registers are read, written and read again, of two units through one connection."""
        line = await self.line()
        both = gatherResults([line.ask(Read(unit, FIRST + 92, 3)) for unit in (1, 2)])
        for answer in await both:
            self.assertEqual((FIRST + 92, FIRST + 93, FIRST + 94), answer.registers)
        await line.ask(Write(1, FIRST + 93, (160,)))
        await line.ask(Write(2, FIRST + 83, (0, 300)))
        first = await line.ask(Read(1, FIRST + 93, 1))
        second = await line.ask(Read(2, FIRST + 83, 2))
        self.assertEqual(((160,), (0, 300)), (first.registers, second.registers))
        self.assertEqual(
            (0, 0),
            (self.counters[Counter.MODBUS_FOREIGN], self.counters[Counter.MODBUS_CONTRADICTED]),
        )

    async def test_refused(self) -> None:
        """It refuses registers that it does not have, and the line goes on."""
        line = await self.line()
        failure = await self.assertFailure(line.ask(Read(1, 40_000, 2)), ModbusRefusal)
        self.assertEqual(ExceptionCode.ILLEGAL_DATA_ADDRESS, failure.exception_code)
        answer = await line.ask(Read(1, FIRST, 1))
        self.assertEqual((FIRST,), answer.registers)


class ConnectionTests(ServedCase):
    """Servers that come and go."""

    def connection(self, port: int) -> tuple[Connection, DeferredQueue[bool]]:
        """A connection that has been started, and what it tells."""
        told: DeferredQueue[bool] = DeferredQueue()
        connection = Connection(
            reactor,
            HostnameEndpoint(reactor, "127.0.0.1", port),
            "the box",
            lambda: Line(reactor, Framing.TCP, timeout_s=10),
            told.put,
        )
        self.addCleanup(connection.stop)
        connection.start()
        return connection, told

    async def test_comes_back(self) -> None:
        """What is asked in between fails at once and says why; afterwards it goes on."""
        server, port = self.serve()
        connection, told = self.connection(port)
        self.assertTrue(await told.get())
        answer = await connection.ask(Read(1, FIRST, 1))
        self.assertEqual((FIRST,), answer.registers)
        server.kill()
        self.assertFalse(await told.get())
        refused = await self.assertFailure(connection.ask(Read(1, FIRST, 1)), NotSent)
        self.assertIn("the box cannot be reached: ", str(refused))
        server.wait()
        self.serve(port)
        self.assertTrue(await told.get())
        answer = await connection.ask(Read(2, FIRST + 1, 1))
        self.assertEqual((FIRST + 1,), answer.registers)

    async def test_stopped(self) -> None:
        """Who is asked something when it is closed does not wait for ever."""
        _, port = self.serve()
        connection, told = self.connection(port)
        await told.get()
        asked = [connection.ask(Read(1, FIRST, 1)) for _ in range(2)]
        await connection.stop()
        await self.assertFailure(asked[1], NotSent)
        asked[0].addErrback(lambda failure: failure.trap(DeviceError))
        self.assertFalse(connection.is_open)
        refused = await self.assertFailure(connection.ask(Read(1, FIRST, 1)), NotSent)
        self.assertIn("the box cannot be reached: it is closed", str(refused))
