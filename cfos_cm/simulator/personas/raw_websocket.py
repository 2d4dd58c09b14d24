"""A WebSocket client that also does what no library would: each byte is its user's."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.net.client_tls import tls_words
from cfos_cm.simulator.personas.frames import (
    MAX_PAYLOAD_BYTES,
    Frame,
    FrameReader,
    Opcode,
    encode_frame,
)
from cfos_cm.simulator.personas.upgrade import (
    Response,
    Upgrade,
    may_be_response,
    read_response,
)

__all__ = ["MAX_HEAD_BYTES", "RawWebSocket"]

#: An answer to an upgrade that is longer is not one.
MAX_HEAD_BYTES = 16 * 1024

_NORMAL = 1000


@implementer(IHandshakeListener)
class RawWebSocket(Protocol):
    """
    One connection.

    It answers pings and a goodbye, unless it is told not to; everything else it leaves to its
    user.

    @ivar pings: how many have come.
    @ivar answers_pings: whether they are answered.
    @ivar pongs: how many have come.
    @ivar close_code: the status of the other end's goodbye, if it has said one.
    @ivar close_reason: its words, if there are any.
    @ivar is_over: whether the TCP connection is gone.
    @ivar secured: with TLS, fires when its handshake is over: with C{True}, or with C{False} if
        the connection has ended before.
    """

    # Of a TCP connection; Twisted has no one interface for all that it can do.
    transport: Any

    def __init__(
        self,
        received: Callable[[bytes], None],
        ended: Callable[[], None],
        ponged: Callable[[], None] = lambda: None,
    ) -> None:
        """
        @param received: is given each whole text message.
        @param ended: is told when the connection is gone.
        @param ponged: is told when a ping was answered.
        """
        self.pings = 0
        self.answers_pings = True
        self.pongs = 0
        self.close_code: int | None = None
        self.close_reason = ""
        self.is_over = False
        self.secured: Deferred[bool] = Deferred()
        self._received = received
        self._ended = ended
        self._ponged = ponged
        self._head: bytes | None = b""
        self._answer: Deferred[Response | None] = Deferred()
        self._reader = FrameReader()
        self._pieces: list[bytes] = []
        self._piece_bytes = 0
        self._said_goodbye = False

    def ask(self, upgrade: Upgrade) -> Deferred[Response | None]:
        """
        Ask for a WebSocket.

        @return: fires with the answer; with C{None} if there is none before the end.
        """
        self.transport.write(upgrade.encode(secrets.token_bytes(16)))
        return self._answer

    def send_frame(
        self, opcode: int, payload: bytes = b"", *, final: bool = True, reserved: int = 0
    ) -> None:
        """Send one frame, be it right or wrong; see L{encode_frame}."""
        mask = secrets.token_bytes(4)
        self.transport.write(
            encode_frame(opcode, payload, mask=mask, final=final, reserved=reserved)
        )

    def send_text(self, text: bytes) -> None:
        """Send a text message in one piece."""
        self.send_frame(Opcode.TEXT, text)

    def send_pieces(self, pieces: list[bytes], between: bytes | None = None) -> None:
        """
        Send a text message in several pieces.

        @param between: what a ping after each but the last says; C{None}: there is none.
        """
        for number, piece in enumerate(pieces, 1):
            opcode = Opcode.TEXT if number == 1 else Opcode.CONTINUATION
            self.send_frame(opcode, piece, final=number == len(pieces))
            if between is not None and number < len(pieces):
                self.send_frame(Opcode.PING, between)

    def go_deaf(self) -> None:
        """Read nothing any more, and so answer nothing: a peer whose cable was pulled."""
        self.answers_pings = False
        self.transport.pauseProducing()

    def say_goodbye(self, code: int = _NORMAL) -> None:
        """Begin the end in good order."""
        if not self._said_goodbye and not self.is_over:
            self._said_goodbye = True
            self.send_frame(Opcode.CLOSE, code.to_bytes(2, "big"))

    def drop(self) -> None:
        """Reset the connection."""
        if not self.is_over:
            self.transport.abortConnection()

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come."""
        try:
            if self._head is not None:
                data = self._read_head(data)
            for frame in self._reader.feed(data) if data else ():
                self._take(frame)
        except RemoteProtocolError as error:
            self.close_reason = str(error)
            self.drop()

    def handshakeCompleted(self) -> None:
        """TLS is there."""
        self.secured.callback(True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self.is_over = True
        if isinstance(reason.value, SSL.Error) and not self.close_reason:
            self.close_reason = tls_words(reason.value)
        if not self.secured.called:
            self.secured.callback(False)
        if not self._answer.called:
            self._answer.callback(None)
        self._ended()

    def _read_head(self, data: bytes) -> bytes:
        """Read the answer to the upgrade; what is behind it is returned."""
        head, end, rest = ((self._head or b"") + data).partition(b"\r\n\r\n")
        if len(head) > MAX_HEAD_BYTES:
            raise RemoteProtocolError(f"an answer of more than {MAX_HEAD_BYTES} bytes")
        if not end and may_be_response(head):
            self._head = head
            return b""
        # Who speaks something else may never come to an empty line, and is told of at once.
        response = read_response(head)
        self._head = None
        self._answer.callback(response)
        # What follows a refusal is a page for people.
        return rest if response.switches else b""

    def _take(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.PING:
                self.pings += 1
                if self.answers_pings:
                    self.send_frame(Opcode.PONG, frame.payload)
            case Opcode.PONG:
                self.pongs += 1
                self._ponged()
            case Opcode.CLOSE:
                self._take_goodbye(frame.payload)
            case Opcode.TEXT | Opcode.CONTINUATION:
                self._take_piece(frame)
            case _:
                # OCPP-J uses nothing else.
                pass

    def _take_goodbye(self, payload: bytes) -> None:
        if len(payload) >= 2:
            self.close_code = int.from_bytes(payload[:2], "big")
            self.close_reason = payload[2:].decode("utf-8", "replace")
        self.say_goodbye(self.close_code or _NORMAL)
        self.transport.loseConnection()

    def _take_piece(self, frame: Frame) -> None:
        self._pieces.append(frame.payload)
        self._piece_bytes += len(frame.payload) + 1
        if self._piece_bytes > MAX_PAYLOAD_BYTES:
            raise RemoteProtocolError(f"a message of more than {MAX_PAYLOAD_BYTES} bytes")
        if frame.final:
            text = b"".join(self._pieces)
            self._pieces.clear()
            self._piece_bytes = 0
            self._received(text)
