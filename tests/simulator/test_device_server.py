"""Where a virtual device listens for Modbus TCP."""

from __future__ import annotations

from twisted.internet.interfaces import IPushProducer
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from cfos_cm.simulator.device_server import MAX_CONNECTIONS, Connection, DeviceServer
from cfos_cm.wire.modbus import Request
from cfos_cm.wire.modbus_server import Outcome

READ = bytes.fromhex("00 01 00 00 00 06 01 03 00 2a 00 01")
ANSWER = bytes.fromhex("00 01 00 00 00 05 01 03 02 00 2a")


class _Transport(StringTransport):
    """A transport that knows what a TCP socket knows."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Nothing."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Nothing."""

    def abortConnection(self) -> None:
        """Lose the connection at once."""
        self.disconnected = True


class _Device:
    """Unit 1, each register of which holds its own address."""

    def __init__(self) -> None:
        self.asked = 0

    def is_unit(self, unit: int) -> bool:
        """Whether it is 1."""
        return unit == 1

    def serve(self, request: Request) -> Outcome:
        """The address of one register."""
        self.asked += 1
        return (request.address,)


class DeviceServerTests(SynchronousTestCase):
    """A server without sockets."""

    def setUp(self) -> None:
        """The server."""
        self.device = _Device()
        self.server = DeviceServer("box", self.device)

    def connected(self) -> tuple[Connection, _Transport]:
        """Somebody new."""
        connection = self.server.buildProtocol(None)
        assert connection is not None
        transport = _Transport()
        connection.makeConnection(transport)
        transport.protocol = connection
        return connection, transport

    def test_answers(self) -> None:
        """A request is answered, on the connection that it came on."""
        connection, transport = self.connected()
        _, other = self.connected()
        connection.dataReceived(READ)
        self.assertEqual((ANSWER, b""), (transport.value(), other.value()))

    def test_bounded(self) -> None:
        """There is room for so many, and for one more when one has gone."""
        connections = [self.connected()[0] for _ in range(MAX_CONNECTIONS)]
        self.assertIsNone(self.server.buildProtocol(None))
        connections[3].connectionLost()
        self.assertIsNotNone(self.server.buildProtocol(None))

    def test_no_modbus(self) -> None:
        """Who speaks no Modbus is answered what he had asked before, and is hung up on."""
        connection, transport = self.connected()
        connection.dataReceived(READ + b"GET / HTTP/1.1\r\n")
        self.assertEqual(ANSWER, transport.value())
        self.assertTrue(transport.disconnecting)
        self.assertIsNone(transport.producer)

    def test_goes_on_all_the_same(self) -> None:
        """What he sends after that is neither served nor kept."""
        connection, _ = self.connected()
        connection.dataReceived(b"GET / HTTP/1.1\r\n")
        kept = len(connection._responder._received)
        for _ in range(10):
            connection.dataReceived(READ)
        self.assertEqual(kept, len(connection._responder._received))
        self.assertEqual(0, self.device.asked)

    def test_takes_no_answers(self) -> None:
        """Who does not take the answers is not read until he has."""
        connection, transport = self.connected()
        verifyObject(IPushProducer, connection)
        self.assertIs(connection, transport.producer)
        self.assertTrue(transport.streaming)
        connection.pauseProducing()
        self.assertEqual("paused", transport.producerState)
        connection.resumeProducing()
        self.assertEqual("producing", transport.producerState)

    def test_drop_all(self) -> None:
        """All connections end, and it is told when the last has."""
        peers = [self.connected() for _ in range(3)]
        dropped = self.server.drop_all()
        for connection, transport in peers:
            self.assertNoResult(dropped)
            self.assertTrue(transport.disconnected)
            connection.connectionLost()
        self.assertIsNone(self.successResultOf(dropped))

    def test_drop_none(self) -> None:
        """Where there is none, nothing is waited for."""
        self.assertIsNone(self.successResultOf(self.server.drop_all()))
