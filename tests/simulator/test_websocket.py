"""Where a virtual wallbox connects to."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import LocalProtocolError
from cfos_cm.simulator.websocket import (
    MAX_HANDSHAKE_BYTES,
    Events,
    SocketFactory,
    basic_authorization,
    url_of,
)
from cfos_cm.wire.basic_auth import read_authorization


class UrlTests(SynchronousTestCase):
    """The URL of OCPP-J 1.6, "The connection URL"."""

    def test_one_slash(self) -> None:
        """There is one slash before the identity, however the server's URL ends."""
        for server, url in (
            ("ws://127.0.0.1:19520", "ws://127.0.0.1:19520/CP-1"),
            ("ws://127.0.0.1:19520/", "ws://127.0.0.1:19520/CP-1"),
            ("ws://host/ocpp/", "ws://host/ocpp/CP-1"),
            ("ws://host/ocpp", "ws://host/ocpp/CP-1"),
        ):
            self.assertEqual(url_of(server, "CP-1"), url)

    def test_percent_encoded(self) -> None:
        """The identity is percent-encoded, as in the specification's own example."""
        self.assertEqual(url_of("ws://host", "RDAM 123"), "ws://host/RDAM%20123")
        self.assertEqual(url_of("ws://host", "DE*1#2"), "ws://host/DE%2A1%232")

    def test_refused(self) -> None:
        """Another scheme, a query, a password and an identity that is none are refused."""
        for server, identity in (
            ("wss://host", "CP-1"),
            ("http://host", "CP-1"),
            ("ws://", "CP-1"),
            ("ws://host/?x=1", "CP-1"),
            ("ws://user:secret@host/", "CP-1"),
            ("ws://host", "a/b"),
            ("ws://host", ".."),
        ):
            self.assertRaises(LocalProtocolError, url_of, server, identity)


class HandshakeTests(SynchronousTestCase):
    """What a server may answer to the upgrade request."""

    def test_bound(self) -> None:
        """An answer that is longer than a handshake can be is cut off at once."""
        lost: list[str] = []
        events = Events(lambda: None, lambda _text: None, lost.append)
        factory = SocketFactory("ws://127.0.0.1/CP-1", None, events, MemoryReactorClock())
        socket = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 80))
        transport = StringTransport()
        socket.makeConnection(transport)
        socket.dataReceived(b"HTTP/1.1 101 X\r\nX: " + b"y" * (MAX_HANDSHAKE_BYTES - 100))
        self.assertFalse(transport.disconnected)
        socket.dataReceived(b"y" * 100)
        self.assertTrue(transport.disconnected)
        socket.connectionLost(Failure(ConnectionAborted()))
        self.assertEqual(len(lost), 1)


class AuthorizationTests(SynchronousTestCase):
    """The header of RFC 7617."""

    def test_bytes(self) -> None:
        """A password of any bytes arrives as it is, also with a colon in it."""
        found = read_authorization(basic_authorization("CP-1", b"\x00:\xff"))
        self.assertEqual((found.username, found.password), ("CP-1", b"\x00:\xff"))
