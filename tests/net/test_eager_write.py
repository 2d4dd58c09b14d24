"""Sending at once, on real sockets and beside Twisted's own way."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.internet import reactor, tcp
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from cfos_cm.net.eager_write import EagerServer
from cfos_cm.net.listening import listening_endpoint
from cfos_cm.net.speed import Speed

from .peers import Wire


class _Kept(Protocol):
    """A server's end that is handed out, and knows how it ended."""

    factory: Any

    def connectionMade(self) -> None:
        self.ended: Deferred[Failure] = Deferred()
        self.factory.made.callback(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(reason.type)


class Case(TestCase):
    """A server and a peer."""

    timeout = 30
    rounds = False

    async def connect(
        self, eager: bool = True, kind: str = "tcp", host: str = "127.0.0.1"
    ) -> tuple[Any, Any]:
        """Both ends of a connection."""
        factory: Any = Factory.forProtocol(_Kept)
        factory.made = Deferred()
        interface = host.replace(":", r"\:")
        description = f"{kind}:0:interface={interface}:backlog=7"
        speed = Speed(eager=eager, rounds=self.rounds)
        port = await listening_endpoint(reactor, description, speed).listen(factory)
        self.addCleanup(maybeDeferred, port.stopListening)
        client = TCP6ClientEndpoint if ":" in host else TCP4ClientEndpoint
        peer = await client(reactor, host, port.getHost().port).connect(
            Factory.forProtocol(Wire)
        )
        return await factory.made, peer


class Writing(Case):
    """What arrives, and when."""

    async def test_at_once(self) -> None:
        """An answer is on its way before the loop turns."""
        server, peer = await self.connect()
        server.transport.write(b"at once")
        self.assertEqual([], server.transport._tempDataBuffer)
        await peer.until(lambda: peer.heard == b"at once")
        peer.drop()
        await server.ended

    async def test_ipv6(self) -> None:
        """So it is over IPv6."""
        server, peer = await self.connect(kind="tcp6", host="::1")
        self.assertIsInstance(server.transport, EagerServer)
        server.transport.write(b"six")
        await peer.until(lambda: peer.heard == b"six")
        peer.drop()
        await server.ended

    async def test_in_order(self) -> None:
        """What the socket does not take at once arrives in its order."""
        random = Random(7)
        pieces = [random.randbytes(random.choice([1, 100, 60_000])) for _ in range(400)]
        for eager in (False, True):
            server, peer = await self.connect(eager)
            peer.transport.pauseProducing()
            for number, piece in enumerate(pieces):
                server.transport.write(piece)
                if number == 200:
                    peer.transport.resumeProducing()
                if number % 50 == 0:
                    await deferLater(reactor, 0)
            server.transport.loseConnection()
            self.assertIs(ConnectionDone, await server.ended)
            await peer.closed()
            self.assertEqual(b"".join(pieces), peer.heard)

    async def test_after_the_end(self) -> None:
        """What is written after the end goes nowhere, as with Twisted."""
        for eager in (False, True):
            server, peer = await self.connect(eager)
            server.transport.write(b"last words")
            server.transport.loseConnection()
            await server.ended
            server.transport.write(b"too late")
            await peer.closed()
            self.assertEqual(b"last words", peer.heard)

    async def test_after_a_reset(self) -> None:
        """What is written after a reset goes nowhere either, before the loop has seen to it."""
        for eager in (False, True):
            server, peer = await self.connect(eager)
            server.transport.abortConnection()
            server.transport.write(b"too late")
            await server.ended
            await peer.closed()
            self.assertEqual(b"", peer.heard)

    async def test_while_closing(self) -> None:
        """What waits is sent before the connection is closed."""
        for eager in (False, True):
            server, peer = await self.connect(eager)
            peer.transport.pauseProducing()
            server.transport.write(bytes(10_000_000))
            server.transport.loseConnection()
            peer.transport.resumeProducing()
            await peer.closed()
            self.assertEqual(10_000_000, len(peer.heard))

    async def test_peer_gone(self) -> None:
        """A peer that has gone ends the connection as it does with Twisted."""
        for eager in (False, True):
            server, peer = await self.connect(eager)
            peer.drop()
            # The server has had no turn yet to notice it.
            await peer.closed()
            server.transport.write(b"anybody?")
            self.assertIs(ConnectionLost, await server.ended)

    async def test_not_bytes(self) -> None:
        """What is not bytes is refused as by Twisted, and nothing is no trouble."""
        server, peer = await self.connect()
        server.transport.write(b"")
        for data in ("text", bytearray(b"x"), None):
            self.assertRaises(TypeError, server.transport.write, data)
        peer.drop()
        await server.ended


class Endpoints(Case):
    """Where it is done, and where not."""

    async def test_switched_off(self) -> None:
        """It can be left out."""
        server, peer = await self.connect(eager=False)
        self.assertIs(tcp.Server, type(server.transport))
        peer.drop()
        await server.ended
