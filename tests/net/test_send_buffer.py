"""How much waits to be sent, on real sockets."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import CertificateOptions
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import TestCase

from cfos_cm.net.listening import listening_endpoint
from cfos_cm.net.speed import Speed
from cfos_cm.send_buffer import waiting_bytes

from .certificate import self_signed
from .peers import Wire

#: More than the buffers of the system take on both sides.
FLOOD = bytes(20_000_000)


class _Kept(Protocol):
    """A server's end that is handed out."""

    factory: Any

    def connectionMade(self) -> None:
        self.factory.made.callback(self)


class Sockets(TestCase):
    """A peer that stops reading, and reads on."""

    timeout = 20

    async def connect(self, tls: bool, eager: bool) -> tuple[Any, Wire]:
        """The transport of a server, and the peer at its other end."""
        factory: Any = Factory.forProtocol(_Kept)
        factory.made = Deferred()
        key, certificate = self_signed()
        options = CertificateOptions(privateKey=key, certificate=certificate)
        listened = TLSMemoryBIOFactory(options, False, factory) if tls else factory
        port = await listening_endpoint(
            reactor, "tcp:0:interface=127.0.0.1", Speed(eager=eager, rounds=eager)
        ).listen(listened)
        self.addCleanup(maybeDeferred, port.stopListening)
        endpoint: Any = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
        if tls:
            endpoint = wrapClientTLS(CertificateOptions(), endpoint)
        peer: Any = await endpoint.connect(Factory.forProtocol(Wire))
        kept = await factory.made
        peer.say(b"hello")
        return kept.transport, peer

    async def check(self, tls: bool, eager: bool) -> None:
        """Nothing waits, then nearly all of a flood does, then nothing again."""
        transport, peer = await self.connect(tls, eager)
        self.assertEqual(0, waiting_bytes(transport))
        peer.transport.pauseProducing()
        transport.write(FLOOD)
        self.assertGreater(waiting_bytes(transport), len(FLOOD) // 2)
        peer.transport.resumeProducing()
        await peer.until(lambda: len(peer.heard) == len(FLOOD))
        self.assertEqual(0, waiting_bytes(transport))
        peer.drop()
        await peer.closed()

    async def test_plain(self) -> None:
        """Over TCP, as Twisted has it and with eager writing."""
        await self.check(tls=False, eager=False)
        await self.check(tls=False, eager=True)

    async def test_tls(self) -> None:
        """Over TLS, where some of it is not encrypted yet."""
        await self.check(tls=True, eager=False)

    async def test_small_writes_over_tls(self) -> None:
        """What TLS collects before it encrypts it counts as well."""
        transport, peer = await self.connect(tls=True, eager=False)
        await peer.until(lambda: True)
        transport.write(b"x" * 1000)
        self.assertGreaterEqual(waiting_bytes(transport), 1000)
        await peer.until(lambda: len(peer.heard) == 1000)
        peer.drop()
        await peer.closed()

    def test_unknown(self) -> None:
        """Of a transport that is not known nothing waits."""
        for transport in (StringTransport(), object(), None):
            self.assertEqual(0, waiting_bytes(transport))
