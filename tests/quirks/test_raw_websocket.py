"""The hand-made WebSocket client, on a transport in memory."""

from __future__ import annotations

from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.simulator.personas.frames import (
    MAX_PAYLOAD_BYTES,
    Frame,
    FrameReader,
    Opcode,
    encode_frame,
)
from cfos_cm.simulator.personas.raw_websocket import MAX_HEAD_BYTES, RawWebSocket
from cfos_cm.simulator.personas.upgrade import Response, Upgrade

SWITCHES = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


class Transport(StringTransport):
    """A transport in memory that can be reset."""

    aborted = False

    def abortConnection(self) -> None:
        """It was reset."""
        self.aborted = True


class SocketCase(SynchronousTestCase):
    """
    A test with a connection.

    @ivar texts: the messages that it has passed on.
    @ivar ended: how often it has said that it is over.
    """

    def setUp(self) -> None:
        """Connect."""
        self.texts: list[bytes] = []
        self.ended = 0
        self.transport = Transport()
        self.socket = RawWebSocket(self.texts.append, self.count_end)
        self.socket.makeConnection(self.transport)

    def count_end(self) -> None:
        """It is over."""
        self.ended += 1

    def sent(self) -> list[Frame]:
        """The frames that it has sent and that were not looked at yet."""
        frames = FrameReader().feed(self.transport.value())
        self.transport.clear()
        return frames


class Handshake(SocketCase):
    """From the request to the answer."""

    def test_switches(self) -> None:
        """The answer may come byte by byte; what follows it is a message already."""
        asking = self.socket.ask(Upgrade("/CP-1", "h"))
        self.assertIn(b"GET /CP-1 HTTP/1.1\r\n", self.transport.value())
        for byte in SWITCHES + encode_frame(Opcode.TEXT, b"[]"):
            self.socket.dataReceived(bytes([byte]))
        self.assertEqual(Response(101, "Switching Protocols", {}), self.successResultOf(asking))
        self.assertEqual([b"[]"], self.texts)

    def test_page(self) -> None:
        """The page behind a refusal is no message."""
        asking = self.socket.ask(Upgrade("/CP-1", "h"))
        self.socket.dataReceived(b"HTTP/1.1 404 Not Found\r\n\r\n\x81\x02[]")
        answer = self.successResultOf(asking)
        assert answer is not None
        self.assertEqual((404, []), (answer.status, self.texts))

    def test_lost(self) -> None:
        """Without an answer there is none."""
        asking = self.socket.ask(Upgrade("/CP-1", "h"))
        self.socket.connectionLost(Failure(ConnectionError()))
        self.assertIsNone(self.successResultOf(asking))
        self.assertEqual((True, 1), (self.socket.is_over, self.ended))

    def test_endless(self) -> None:
        """An answer without an end is not read to it."""
        self.socket.ask(Upgrade("/CP-1", "h"))
        self.socket.dataReceived(b"x" * (MAX_HEAD_BYTES + 1))
        self.assertTrue(self.transport.aborted)

    def test_nonsense(self) -> None:
        """Whoever speaks something else is left, and it is said why."""
        self.socket.ask(Upgrade("/CP-1", "h"))
        self.socket.dataReceived(b"SSH-2.0\r\n\r\n")
        self.assertTrue(self.transport.aborted)
        self.assertIn("not HTTP", self.socket.close_reason)

    def test_nonsense_without_end(self) -> None:
        """Nobody waits for the end of what has not begun as HTTP."""
        self.socket.ask(Upgrade("/CP-1", "h"))
        self.socket.dataReceived(b"\x15\x03\x01")
        self.assertTrue(self.transport.aborted)
        self.assertIn("not HTTP", self.socket.close_reason)


class OpenCase(SocketCase):
    """A test with a connection that is open."""

    def setUp(self) -> None:
        """Connect, and shake hands."""
        super().setUp()
        self.socket.ask(Upgrade("/CP-1", "h"))
        self.socket.dataReceived(SWITCHES)
        self.transport.clear()


class Messages(OpenCase):
    """What is said."""

    def test_pieces(self) -> None:
        """A message in pieces is one, also with a ping in between."""
        for frame in (
            encode_frame(Opcode.TEXT, b"[2", final=False),
            encode_frame(Opcode.PING, b"?"),
            encode_frame(Opcode.CONTINUATION, b",3]"),
        ):
            self.socket.dataReceived(frame)
        self.assertEqual([b"[2,3]"], self.texts)
        self.assertEqual([Frame(Opcode.PONG, b"?", True)], self.sent())

    def test_too_long(self) -> None:
        """A message in pieces has the same bound as one in one; empty pieces count."""
        piece = encode_frame(Opcode.CONTINUATION, b"x" * 60_000, final=False)
        for _ in range(MAX_PAYLOAD_BYTES // 60_000 + 1):
            self.socket.dataReceived(piece)
        self.assertTrue(self.transport.aborted)

    def test_send_pieces(self) -> None:
        """Only the last piece is final, and only between pieces there are pings."""
        self.socket.send_pieces([b"a", b"", b"b"], between=b"?")
        ping = Frame(Opcode.PING, b"?", True)
        self.assertEqual(
            [
                Frame(Opcode.TEXT, b"a", False),
                ping,
                Frame(Opcode.CONTINUATION, b"", False),
                ping,
                Frame(Opcode.CONTINUATION, b"b", True),
            ],
            self.sent(),
        )

    def test_no_pong(self) -> None:
        """It answers no ping when it should not, but counts it."""
        self.socket.answers_pings = False
        self.socket.dataReceived(encode_frame(Opcode.PING))
        self.assertEqual(([], 1), (self.sent(), self.socket.pings))

    def test_deaf(self) -> None:
        """Who is deaf reads nothing more."""
        self.socket.go_deaf()
        self.assertEqual("paused", self.transport.producerState)


class End(OpenCase):
    """How it is over."""

    def test_theirs(self) -> None:
        """A goodbye is answered with the same code, and kept with its words."""
        self.socket.dataReceived(encode_frame(Opcode.CLOSE, b"\x03\xeatoo odd"))
        self.assertEqual((1002, "too odd"), (self.socket.close_code, self.socket.close_reason))
        self.assertEqual([Frame(Opcode.CLOSE, b"\x03\xea", True)], self.sent())
        self.assertTrue(self.transport.disconnecting)

    def test_ours(self) -> None:
        """Ours is said once."""
        self.socket.say_goodbye()
        self.socket.say_goodbye()
        self.assertEqual([Frame(Opcode.CLOSE, b"\x03\xe8", True)], self.sent())
        self.socket.dataReceived(encode_frame(Opcode.CLOSE, b"\x03\xe8"))
        self.assertEqual([], self.sent())

    def test_dropped(self) -> None:
        """A connection that is over is not reset once more."""
        self.socket.connectionLost(Failure(ConnectionError()))
        self.socket.drop()
        self.assertFalse(self.transport.aborted)
