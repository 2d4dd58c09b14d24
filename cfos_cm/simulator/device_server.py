"""Where a virtual device listens for Modbus TCP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

from twisted.internet import protocol
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IPushProducer
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.wire.modbus import Framing, Request
from cfos_cm.wire.modbus_server import Outcome, Responder

__all__ = ["MAX_CONNECTIONS", "Connection", "Device", "DeviceServer", "Doors"]

#: To each device. A site has one manager, and a device little memory.
MAX_CONNECTIONS = 8

_log = Logger(namespace="cfos_cm.simulator")


class Device(Protocol):
    """What can be asked."""

    def is_unit(self, unit: int) -> bool:
        """Whether C{unit} is meant to be this one."""

    def serve(self, request: Request) -> Outcome:
        """Do what was asked."""


@implementer(IPushProducer)
class Connection(protocol.Protocol):
    """
    Somebody who asks a device.

    Who asks without taking the answers is not read any further until he has.
    """

    transport: Any
    _is_over = False

    def __init__(self, server: DeviceServer) -> None:
        self._server = server
        device = server.device
        self._responder = Responder(Framing.TCP, device.is_unit, device.serve)

    def connectionMade(self) -> None:
        """Listen to him."""
        # Who has vanished has to give up his place some time.
        self.transport.setTcpKeepAlive(True)
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)
        self._server.came(self)

    def dataReceived(self, data: bytes) -> None:
        """Answer him, unless he speaks no Modbus."""
        if self._is_over:
            # He sends more before he has taken what was said to him.
            return
        try:
            for answer in self._responder.receive(data):
                self.transport.write(answer)
        except RemoteProtocolError as error:
            self._server.say("hangs up: {why!s}", why=error)
            self._is_over = True
            # While there is a producer, a transport waits for that instead of closing.
            self.transport.unregisterProducer()
            self.transport.loseConnection()

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        """He is gone."""
        self._server.left(self)

    def pauseProducing(self) -> None:
        """There are too many answers that he has not taken."""
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """He has taken them."""
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is lost."""


class DeviceServer(protocol.Factory):
    """
    Where one device listens.

    @ivar device: the device.
    """

    noisy = False

    def __init__(self, name: str, device: Device) -> None:
        """
        @param name: of whom it is a part, for people.
        """
        self.device = device
        self._name = name
        self._connections: set[Connection] = set()
        self._ended: list[Deferred[None]] = []

    def buildProtocol(self, addr: IAddress | None) -> Connection | None:
        """A connection for somebody new; C{None}: there is no room for him."""
        if len(self._connections) >= MAX_CONNECTIONS:
            self.say("turns a connection away: it has {count}", count=MAX_CONNECTIONS)
            return None
        return Connection(self)

    def came(self, connection: Connection) -> None:
        """A connection is up."""
        self._connections.add(connection)

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        if not self._connections:
            ended, self._ended = self._ended, []
            for waiting in ended:
                waiting.callback(None)

    def drop_all(self) -> Deferred[None]:
        """
        End all connections, as one does that has lost power.

        @return: fires when none is left.
        """
        if not self._connections:
            return succeed(None)
        ended: Deferred[None] = Deferred()
        self._ended.append(ended)
        for connection in tuple(self._connections):
            connection.transport.abortConnection()
        return ended

    def say(self, words: str, **fields: object) -> None:
        """Log something for people."""
        _log.info(f"{{name}} {words}", name=self._name, **fields)


class Doors:
    """
    Where the devices of one box can be asked: at ports in a row, at all of them or at none.
    """

    def __init__(
        self, name: str, devices: Sequence[Device], reactor: Any, interface: str, port: int
    ) -> None:
        """
        @param name: of the box, for people.
        @param interface: the address of this machine where they are.
        @param port: that of the first device; 0: free ones are taken.
        """
        self._name = name
        self._servers = [DeviceServer(name, device) for device in devices]
        self._reactor = reactor
        self._interface = interface
        self._port = port
        self._listening: list[IListeningPort] = []
        self._is_wanted = False
        self._closing = 0

    @property
    def ports(self) -> tuple[int, ...]:
        """The TCP ports, in the order of the devices; empty: nobody can ask."""
        return tuple(cast(IPv4Address, port.getHost()).port for port in self._listening)

    def open(self) -> None:
        """
        Let people in.

        A port that is taken is said in the log, and nobody can ask then, as with a box whose
        cable is not plugged in.
        """
        self._is_wanted = True
        if not (self._closing or self._listening):
            self._listen()

    def close(self) -> Deferred[None]:
        """
        Let nobody in, and throw out whoever is there.

        @return: fires when no socket is left.
        """
        self._is_wanted = False
        self._closing += 1
        closed = self._stop_listening().addCallback(self._closed)
        return gatherResults([closed, *self.drop_all()]).addCallback(lambda _: None)

    def drop_all(self) -> list[Deferred[None]]:
        """@return: see L{DeviceServer.drop_all}, for each device."""
        return [server.drop_all() for server in self._servers]

    def _listen(self) -> None:
        for offset, server in enumerate(self._servers):
            number = self._port + offset if self._port else 0
            try:
                port = self._reactor.listenTCP(number, server, interface=self._interface)
            except CannotListenError as error:
                _log.error("{name} has no Modbus: {why!s}", name=self._name, why=error)
                # Half a box is worse to search for than none.
                self._stop_listening()
                return
            self._listening.append(port)
        _log.info(
            "{name} listens for Modbus at {interface}, TCP {ports}",
            name=self._name,
            interface=self._interface,
            ports=", ".join(map(str, self.ports)),
        )

    def _stop_listening(self) -> Deferred[Any]:
        """@return: fires when the ports are free for somebody else."""
        listening, self._listening = self._listening, []
        return gatherResults([maybeDeferred(port.stopListening) for port in listening])

    def _closed(self, _: object) -> None:
        self._closing -= 1
        if self._is_wanted and not self._closing:
            # They were opened again meanwhile.
            self._listen()
