"""Goodbyes that come too early, to a client and to a server."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread

from .client_case import ClientCase
from .tls_server import TlsCase

#: RFC 8446, 6.1: a record with the alert close_notify, as a warning.
GOODBYE = b"\x15\x03\x03\x00\x02\x01\x00"


class _SaysGoodbye(Protocol):
    """Answers the first words of TLS with a goodbye."""

    def dataReceived(self, data: bytes) -> None:
        """Say it."""
        transport: Any = self.transport
        transport.write(GOODBYE)


class ClientTests(ClientCase):
    """A backend says it."""

    async def test_goodbye(self) -> None:
        """It is told in plain words, without a traceback, and dialled again."""
        factory = Factory.forProtocol(_SaysGoodbye)
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        listening = await endpoint.listen(factory)
        self.addCleanup(listening.stopListening)
        client = self.client(f"wss://127.0.0.1:{listening.getHost().port}/")
        await self.until_told(client, "the other end has closed the connection")
        await self.until(lambda: client.state.attempts >= 2)
        self.assertEqual([], self.flushLoggedErrors())
        await client.stop()


class ServerTests(TlsCase):
    """A stranger says it."""

    def leave(self, version: ssl.TLSVersion) -> bytes:
        """Begin TLS, say goodbye in the middle of it; the last that is heard."""
        context = ssl.create_default_context()
        context.minimum_version = context.maximum_version = version
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        self.assertRaises(ssl.SSLWantReadError, client.do_handshake)
        with socket.create_connection(("127.0.0.1", self.port_number), 20) as below:
            below.sendall(outgoing.read())
            below.recv(10)
            below.sendall(GOODBYE)
            while heard := below.recv(65536):
                pass
            return heard

    async def test_goodbye(self) -> None:
        """Nobody can fill the log with it: there is no traceback."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.assertEqual(b"", await deferToThread(self.leave, version))
        await self.gone()
        self.assertEqual([], self.flushLoggedErrors())
