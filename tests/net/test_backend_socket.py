"""The WebSocket to a Central System, byte by byte."""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.backend_socket import (
    FRAMES_PER_TURN,
    HANDSHAKE_TIMEOUT_S,
    MAX_HANDSHAKE_BYTES,
    MAX_STEPS_AFTER_GOODBYE,
    PING_INTERVAL_S,
    PONG_TIMEOUT_S,
    TURN_S,
    Events,
    Loss,
    SocketFactory,
    basic_authorization,
)
from cfos_cm.net.backend_url import backend_url
from cfos_cm.net.client_frames import MAX_SHORT_BYTES
from cfos_cm.net.masking import unmask
from cfos_cm.wire.basic_auth import read_authorization
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES

from .peers import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame
from .websocket_server import accepted


class SocketCase(SynchronousTestCase):
    """A socket on a transport that writes down what is sent."""

    url = "ws://backend.test/CP-1"
    authorization: str | None = None

    def setUp(self) -> None:
        """Dial."""
        self.opened = 0
        self.received: list[bytes] = []
        self.lost: list[Loss] = []
        self.clock = Clock()
        events = Events(self._opened, self.received.append, self.lost.append)
        factory = SocketFactory(self.url, self.authorization, events, self.clock)
        self.socket = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 80))
        self.transport = _Transport()
        self.socket.makeConnection(self.transport)
        self.addCleanup(self.gone)

    def _opened(self) -> None:
        self.opened += 1

    def gone(self) -> None:
        """The TCP connection is gone; no timer is left."""
        if not self.lost:
            self.socket.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(self.lost), 1)

    def request(self) -> str:
        """What the upgrade was asked for with."""
        return self.transport.value().decode()

    def say(self, data: bytes) -> None:
        """The other end says something, as long as it is listened to."""
        if not self.transport.disconnected:
            self.socket.dataReceived(data)

    def open(self) -> None:
        """The upgrade is granted."""
        self.say(accepted(self.transport.value()))
        self.assertEqual(self.opened, 1)
        self.transport.clear()

    def why(self) -> str:
        """Why it has ended."""
        if not self.lost:
            self.assertTrue(self.transport.disconnected, "it has not hung up")
            self.socket.connectionLost(Failure(ConnectionAborted()))
        return self.lost[0].why


class _Transport(StringTransport):
    """One that knows whether it is read."""

    paused = False

    def pauseProducing(self) -> None:
        """It is not read."""
        self.paused = True

    def unregisterProducer(self) -> None:
        """Nobody is registered, as with a real one."""

    def resumeProducing(self) -> None:
        """It is read again."""
        self.paused = False


class RequestTests(SocketCase):
    """The upgrade request."""

    url = backend_url("ws://[::1]:8080/a b?key=1", "DE*1")
    authorization = basic_authorization("DE*1", b"\x00:\xff")

    def test_request(self) -> None:
        """It is a correct one, tells no version of ours, and offers no compression."""
        line, *headers = self.request().removesuffix("\r\n\r\n").split("\r\n")
        self.assertEqual(line, "GET /a%20b/DE%2A1?key=1 HTTP/1.1")
        names = dict(one.split(": ", 1) for one in headers)
        self.assertEqual(names.pop("Authorization"), self.authorization)
        self.assertEqual(len(names.pop("Sec-WebSocket-Key")), 24)
        self.assertEqual(
            names,
            {
                "Host": "[::1]:8080",
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Protocol": "ocpp1.6",
                "Sec-WebSocket-Version": "13",
            },
        )

    def test_bytes(self) -> None:
        """A password of any bytes arrives as it is, also with a colon in it."""
        found = read_authorization(basic_authorization("CP-1", b"\x00:\xff"))
        self.assertEqual((found.username, found.password), ("CP-1", b"\x00:\xff"))


class HandshakeTests(SocketCase):
    """What a server may answer to the upgrade request."""

    def test_usual_port(self) -> None:
        """The usual port is not told, and no credentials where there are none."""
        self.assertIn("Host: backend.test\r\n", self.request())
        self.assertNotIn("Authorization", self.request())

    def test_bit_by_bit(self) -> None:
        """An answer may come in single bytes."""
        for byte in accepted(self.transport.value()):
            self.say(bytes([byte]))
        self.assertEqual(self.opened, 1)

    def test_too_slow(self) -> None:
        """One that has not come in time is given up, however it drips."""
        answer = accepted(self.transport.value())
        self.say(answer[:20])
        self.clock.advance(HANDSHAKE_TIMEOUT_S - 0.1)
        self.say(answer[20:21])
        self.assertFalse(self.transport.disconnected)
        self.clock.advance(0.1)
        self.assertEqual(self.why(), "the backend has not answered the upgrade within 5 s")

    def test_endless(self) -> None:
        """An answer that is longer than a handshake can be is cut off at once."""
        self.say(b"HTTP/1.1 101 X\r\nX: " + b"y" * (MAX_HANDSHAKE_BYTES - 100))
        self.assertFalse(self.transport.disconnected)
        self.say(b"y" * 100)
        self.assertEqual(self.why(), "the backend's answer to the upgrade has no end")

    def test_no_http(self) -> None:
        """What is no HTTP is given up with its first bytes."""
        self.say(b"SSH-2.0-x\r\n")
        self.assertEqual(self.why(), "the other end does not speak HTTP")

    def test_tls(self) -> None:
        """A server that wants TLS is told from others."""
        self.say(b"\x15\x03\x01\x00\x02\x02\x46")
        self.assertIn("wss://", self.why())

    def test_strange_status_line(self) -> None:
        """Something that only begins like HTTP is given up."""
        self.say(b"HTTP/9 what\r\n\r\n")
        self.assertEqual(self.why(), "the other end does not speak HTTP")

    def test_status(self) -> None:
        """A refusal is told with its status."""
        self.say(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(self.why(), "401: the backend refuses the password or the client id")
        self.assertEqual(self.lost[0].status, 401)

    def test_wrong_key(self) -> None:
        """An answer to another request opens nothing."""
        answer = accepted(self.transport.value()).replace(b"Accept: ", b"Accept: x")
        self.say(answer)
        self.assertIn("the backend's answer to the upgrade is wrong", self.why())

    def test_not_ascii(self) -> None:
        """Letters that no header may have open nothing, and break nothing."""
        answer = accepted(self.transport.value(), "X-Town: K\xf6ln".encode("latin-1"))
        self.say(answer)
        self.assertIn("letters that none may have", self.why())

    def test_extension(self) -> None:
        """Compression that was not offered is refused."""
        header = b"Sec-WebSocket-Extensions: permessage-deflate"
        self.say(accepted(self.transport.value(), header))
        self.assertIn("the backend's answer to the upgrade is wrong", self.why())

    def test_closed(self) -> None:
        """A server that only hangs up has said nothing."""
        self.socket.connectionLost(Failure(ConnectionDone()))
        self.assertIn("instead of an answer", self.why())


class OpenTests(SocketCase):
    """A WebSocket that is open."""

    def setUp(self) -> None:
        """Open it."""
        super().setUp()
        self.open()

    def said(self, opcode: int, payload: bytes = b"", **options: bool) -> None:
        """The server sends a frame; servers do not mask."""
        self.say(frame(opcode, payload, masked=False, **options))  # type: ignore[arg-type]

    def test_text(self) -> None:
        """A message arrives, and one is sent in the same turn."""
        self.said(TEXT, b"[2]")
        self.assertEqual(self.received, [b"[2]"])
        self.socket.send_text(b"[3]")
        self.assertEqual(len(self.transport.value()), 2 + 4 + 3)

    def test_long_texts(self) -> None:
        """A message of any length is sent in one frame."""
        for size in (MAX_SHORT_BYTES, MAX_SHORT_BYTES + 1, MAX_FRAME_BYTES):
            self.transport.clear()
            self.socket.send_text(b"x" * size)
            sent = self.transport.value()
            head = 2 + (2 if size <= 0xFFFF else 8)
            self.assertEqual((len(sent), sent[0]), (head + 4 + size, 0x81))
            mask, masked = sent[head : head + 4], sent[head + 4 :]
            self.assertEqual(unmask(mask, masked), b"x" * size)

    def test_binary(self) -> None:
        """A message that is no text ends the connection."""
        self.said(BINARY, b"[2]")
        self.clock.advance(1)
        self.assertIn("OCPP-J is text", self.why())
        self.assertEqual(self.received, [])

    def test_close_code(self) -> None:
        """Why the server closes is told, its own words printable and not too long."""
        self.said(CLOSE, (1008).to_bytes(2, "big") + b"unknown\x1b[2J station")
        self.clock.advance(1)
        self.assertEqual(
            self.why(),
            "it has closed the connection: 1008 (policy violation): unknown [2J station",
        )

    def test_close_without_code(self) -> None:
        """A server need not say why."""
        self.said(CLOSE)
        self.clock.advance(1)
        self.assertIn("without a reason", self.why())

    def test_hang_up(self) -> None:
        """After our goodbye nothing is delivered, and a server that stays is dropped."""
        self.socket.hang_up(1000, "enough")
        self.said(TEXT, b"[2]")
        self.assertFalse(self.transport.disconnected)
        self.clock.advance(1)
        self.assertEqual(self.why(), "we have hung up: enough")
        self.assertEqual(self.received, [])

    def test_talks_on(self) -> None:
        """A server that goes on sending after our goodbye is dropped before its time."""
        self.socket.hang_up(1000, "enough")
        self.say(frame(TEXT, masked=False) * MAX_STEPS_AFTER_GOODBYE)
        self.assertTrue(self.transport.disconnected)

    def test_lost(self) -> None:
        """A connection that breaks is told as such."""
        self.socket.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.why(), "the connection was lost")

    def test_no_pong(self) -> None:
        """A connection on which nothing comes after a ping is given up."""
        self.clock.advance(PING_INTERVAL_S)
        self.assertEqual(self.transport.value()[0] & 15, PING)
        self.clock.advance(PONG_TIMEOUT_S)
        self.assertEqual(self.why(), "nothing has come within 10 s after a ping")

    def test_pong(self) -> None:
        """Anything that comes after a ping is a sign of life."""
        for opcode in (TEXT, PING, PONG):
            self.clock.advance(PING_INTERVAL_S)
            self.clock.advance(PONG_TIMEOUT_S - 1)
            self.said(opcode, b"[2]")
            self.clock.advance(2)
            self.assertFalse(self.transport.disconnected)
            self.clock.advance(PING_INTERVAL_S)
            self.said(opcode, b"[2]")

    def test_ping_interval(self) -> None:
        """The interval can be changed while it is open; 0 is never."""
        self.socket.set_ping_interval(5)
        self.clock.advance(5)
        self.assertEqual(self.transport.value()[0] & 15, PING)
        self.said(PONG, b"x")
        self.transport.clear()
        self.socket.set_ping_interval(0)
        self.clock.advance(1000)
        self.assertEqual(self.transport.value(), b"")
        self.socket.set_ping_interval(7)
        self.clock.advance(7)
        self.assertEqual(self.transport.value()[0] & 15, PING)

    def test_turns(self) -> None:
        """So many messages are read at once; then others have their turn, and none is lost."""
        self.say(frame(TEXT, b"[2]", masked=False) * (FRAMES_PER_TURN * 2 + 1))
        self.assertLessEqual(len(self.received), FRAMES_PER_TURN)
        self.assertTrue(self.transport.paused)
        self.clock.advance(0)
        self.assertEqual(len(self.received), FRAMES_PER_TURN * 2 + 1)
        self.assertFalse(self.transport.paused)

    def test_long_turns(self) -> None:
        """If each message takes its time, others have their turn after each."""

        def take(text: bytes) -> None:
            self.received.append(text)
            # As if so much time had gone by; nothing else happens.
            self.clock.rightNow += TURN_S

        self.socket.factory.events = Events(self._opened, take, self.lost.append)
        self.say(frame(TEXT, b"[2]", masked=False) * 5)
        self.assertEqual(len(self.received), 1)
        self.assertTrue(self.transport.paused)
        self.clock.advance(0)
        self.assertEqual(len(self.received), 5)
        self.assertFalse(self.transport.paused)

    def test_pings_take_turns(self) -> None:
        """Pings without a break do not keep a turn of the loop either."""
        self.say(frame(PING, masked=False) * 10_000)
        self.assertEqual(len(self.transport.value()) // 6, FRAMES_PER_TURN)

    def test_flood(self) -> None:
        """Whoever sends far more than anybody needs has to wait."""
        for _ in range(1000):
            self.say(frame(TEXT, b"[2]", masked=False) * 10)
            self.clock.advance(0)
        self.assertLess(len(self.received), 5000)
        self.assertTrue(self.transport.paused)

    def test_flooded_is_alive(self) -> None:
        """Who has to wait is not taken for dead meanwhile."""
        self.clock.advance(PING_INTERVAL_S)
        self.socket._held_back = True
        self.clock.advance(PONG_TIMEOUT_S)
        self.assertFalse(self.transport.disconnected)

    def test_fragments(self) -> None:
        """Pieces of one message without an end are not put together for ever."""
        self.said(TEXT, b"", fin=False)
        for _ in range(1100):
            self.said(CONTINUATION, b"", fin=False)
            self.clock.advance(0.001)
        self.clock.advance(1)
        self.assertIn("fragments", self.why())

    def test_too_big(self) -> None:
        """A message that is longer than any may be ends the connection at its head."""
        self.say(frame(TEXT, b"x", masked=False, length=10_000_000))
        self.assertIn(CLOSE, {one & 15 for one in self.transport.value()[:1]})
