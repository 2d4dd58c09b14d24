"""A peer in memory: the bytes of a WebSocket by hand, on a transport without a socket."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.compliance.bench import Door
from tests.compliance.line import Line
from tests.net.peers import CLOSE, PING, PONG, TEXT, basic, frame, upgrade

__all__ = ["SWITCHING_PROTOCOLS", "MemoryLine", "MemoryTransport", "frames_in"]

SWITCHING_PROTOCOLS = 101


class MemoryTransport(StringTransport):
    """
    The subject's end of a connection.

    As on a socket, nothing that the server does comes back to it while it does it: bytes and
    ends wait until they are carried over.

    @ivar written: what the peer has not read yet.
    @ivar ending: why the subject has ended it, if it has.
    @ivar protocol: who is told what comes; whoever is can put somebody else in his place.
    """

    def __init__(self) -> None:
        peer = IPv4Address("TCP", "192.0.2.7", 50_000)
        super().__init__(IPv4Address("TCP", "192.0.2.1", 19_520), peer)
        self.written = b""
        self.ending: Exception | None = None
        self.protocol: Any = None

    def write(self, data: bytes) -> None:
        """The subject has something to say."""
        if self.ending is None:
            self.written += data

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """The same in pieces."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """The subject ends it, when all is written."""
        self.ending = self.ending or ConnectionDone()

    def abortConnection(self) -> None:
        """The subject ends it at once."""
        self.written = b""
        self.ending = ConnectionAborted()

    def unregisterProducer(self) -> None:
        """A socket does not mind when there is none."""
        self.producer = None

    def getTcpNoDelay(self) -> bool:
        """There is nothing to delay."""
        return True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is nothing to delay."""

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """There is nothing to keep alive."""


class MemoryLine(Line):
    """
    A peer in memory: frames by hand.

    @ivar status: of the response to the handshake, once it has come.
    @ivar subprotocol: that it names.
    """

    def __init__(self, door: IProtocolFactory) -> None:
        """@param door: where it comes in."""
        super().__init__()
        self.status: int | None = None
        self.subprotocol: str | None = None
        self._to_say: list[bytes] = []
        self._unread = b""
        self._goodbye: int | None = None
        self._pinged: list[Deferred[None]] = []
        self._transport = MemoryTransport()
        protocol: Any = door.buildProtocol(self._transport.getPeer())
        assert protocol is not None, "the server takes no more connections"
        self._transport.protocol = protocol
        protocol.makeConnection(self._transport)

    def shake_hands(self, door: Door) -> None:
        """Send the upgrade request."""
        headers = []
        if door.password is not None:
            headers.append(f"Authorization: {basic(door.identity, door.password)}")
        offered = ", ".join(door.subprotocols) or None
        self._to_say.append(upgrade(f"/{door.identity}", *headers, subprotocol=offered))

    def write(self, text: bytes) -> Deferred[None]:
        """Send a text message in one frame."""
        self._to_say.append(frame(TEXT, text))
        return succeed(None)

    def drop(self) -> Deferred[None]:
        """The server learns that the connection is gone."""
        self._end(ConnectionLost())
        return succeed(None)

    def round_trip(self) -> Deferred[None]:
        """Ping, and see the pong."""
        self._to_say.append(frame(PING, b"there?"))
        answered: Deferred[None] = Deferred()
        self._pinged.append(answered)
        return answered

    def carry(self) -> bool:
        """
        Move what either side has written to the other.

        @return: whether there was anything.
        """
        to_say, self._to_say = self._to_say, []
        for data in to_say:
            if self.is_open:
                self._transport.protocol.dataReceived(data)
        written, self._transport.written = self._transport.written, b""
        if written:
            self._read(written)
        if self._transport.ending is not None and self.is_open and not written:
            self._end(self._transport.ending)
            return True
        return bool(to_say or written)

    def _end(self, why: Exception) -> None:
        self._transport.ending = why
        self.gone(self._goodbye)
        self._transport.protocol.connectionLost(Failure(why))

    def _read(self, data: bytes) -> None:
        self._unread += data
        if self.status is None:
            self._read_head()
        if self.status == SWITCHING_PROTOCOLS:
            found, self._unread = frames_in(self._unread)
            for opcode, payload in found:
                self._take(opcode, payload)

    def _read_head(self) -> None:
        head, found, rest = self._unread.partition(b"\r\n\r\n")
        if not found:
            return
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self._unread = rest
        for line in lines[1:]:
            name, _, value = line.partition(":")
            if name.lower() == "sec-websocket-protocol":
                self.subprotocol = value.strip()

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.came(payload)
        elif opcode == PING:
            self._to_say.append(frame(PONG, payload))
        elif opcode == PONG and self._pinged:
            self._pinged.pop(0).callback(None)
        elif opcode == CLOSE:
            self._goodbye = int.from_bytes(payload[:2], "big")
            self._to_say.append(frame(CLOSE, payload[:2]))


def frames_in(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """
    The whole frames at the beginning of C{data}, with a mask or without.

    @return: their opcodes and payloads, and what is left.
    """
    found = []
    while len(data) >= 2:
        is_masked, size, begin = data[1] & 128, data[1] & 127, 2
        if size > 125:
            begin = 4 if size == 126 else 10
            size = int.from_bytes(data[2:begin], "big")
        mask = data[begin : begin + 4] if is_masked else bytes(4)
        begin += 4 if is_masked else 0
        if len(data) < begin + size:
            break
        payload = data[begin : begin + size]
        found.append(
            (data[0] & 15, bytes(one ^ mask[at % 4] for at, one in enumerate(payload)))
        )
        data = data[begin + size :]
    return found, data
