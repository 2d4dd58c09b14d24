"""A network without sockets: whoever calls finds the scripted backend, byte for byte."""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.testing import MemoryReactorClock, SynchronousResolver
from twisted.python.failure import Failure

from tests.compliance.gateway.backend import Backend, BackendLine, Entrance, Handshake
from tests.compliance.memory_line import MemoryTransport, frames_in
from tests.net.peers import CLOSE, PING, PONG, TEXT, frame
from tests.net.websocket_server import accepted

__all__ = ["MemoryBackendLine", "NetworkReactor"]

#: Who is held tries again after this time. [s]
_HELD_S = 0.1
_END_OF_HEAD = b"\r\n\r\n"
_REASONS = {301: "Moved Permanently", 401: "Unauthorized", 404: "Not Found"}


class MemoryBackendLine(BackendLine):
    """The backend's end of a connection in memory: frames by hand."""

    def __init__(self, backend: Backend, transport: MemoryTransport, protocol: Any) -> None:
        super().__init__()
        self.backend = backend
        self._transport = transport
        self._protocol = protocol
        self._to_say: list[bytes] = []
        self._unread = b""
        self._is_let_in = False
        self._is_over = False
        self._goodbye: int | None = None
        self._pinged: list[Deferred[None]] = []

    def write(self, text: bytes) -> Deferred[None]:
        """Send a text message in one frame."""
        self._to_say.append(frame(TEXT, text, masked=False))
        return succeed(None)

    def drop(self) -> Deferred[None]:
        """The gateway learns that the connection is gone."""
        self._end(ConnectionLost())
        return succeed(None)

    def round_trip(self) -> Deferred[None]:
        """Ping, and see the pong."""
        self._to_say.append(frame(PING, b"there?", masked=False))
        answered: Deferred[None] = Deferred()
        self._pinged.append(answered)
        return answered

    def carry(self) -> bool:
        """
        Move what either side has written to the other.

        @return: whether there was anything.
        """
        if self._is_over:
            return False
        written, self._transport.written = self._transport.written, b""
        if written:
            self._read(written)
        to_say, self._to_say = self._to_say, []
        for data in to_say:
            if not self._is_over:
                self._protocol.dataReceived(data)
        is_ended = self._transport.ending is not None
        if is_ended and not self._transport.written and not self._is_over:
            self._end(self._transport.ending or ConnectionDone())
        return bool(written or to_say or is_ended)

    def _end(self, why: Exception) -> None:
        self._is_over = True
        if self._is_let_in:
            self.gone(self._goodbye)
        self._protocol.connectionLost(Failure(why))

    def _read(self, data: bytes) -> None:
        self._unread += data
        if not self._is_let_in:
            self._read_head()
        if self._is_let_in:
            found, self._unread = frames_in(self._unread)
            for opcode, payload in found:
                self._take(opcode, payload)

    def _read_head(self) -> None:
        head, found, rest = self._unread.partition(_END_OF_HEAD)
        if not found:
            return
        self._unread = rest
        path = head.split()[1].decode()
        login = re.search(rb"\r\nAuthorization: ([^\r]+)", head)
        handshake = Handshake(path, None if login is None else login[1].decode())
        refused = self.backend.admit(handshake)
        if refused is not None:
            self._protocol.dataReceived(_refusal(refused))
            self._transport.ending = self._transport.ending or ConnectionDone()
            return
        self._is_let_in = True
        self._protocol.dataReceived(accepted(head + _END_OF_HEAD))
        self.backend.connected(self)

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.came(payload)
        elif opcode == PING:
            self._to_say.append(frame(PONG, payload, masked=False))
        elif opcode == PONG and self._pinged:
            self._pinged.pop(0).callback(None)
        elif opcode == CLOSE:
            self._goodbye = int.from_bytes(payload[:2], "big")
            self._to_say.append(frame(CLOSE, payload[:2], masked=False))
            self._transport.ending = self._transport.ending or ConnectionDone()


def _refusal(entrance: Entrance) -> bytes:
    body = entrance.body.encode()
    reason = _REASONS.get(entrance.status, "No")
    lines = [f"HTTP/1.1 {entrance.status} {reason}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in entrance.headers]
    return "\r\n".join((*lines, "", "")).encode() + body


class _Connector:
    """A call that is under way."""

    def __init__(self, factory: Any) -> None:
        self.factory = factory
        self.is_wanted = True

    def stopConnecting(self) -> None:
        """Nobody wants it any more."""
        self.is_wanted = False
        self.factory.clientConnectionFailed(self, Failure(Refused()))

    def disconnect(self) -> None:
        """Nobody wants it any more."""
        self.stopConnecting()


class _Pool:
    """Threads that there are none of: whatever they are to do is done at once."""

    def callInThreadWithCallback(
        self, report: Any, work: Any, *args: Any, **kwargs: Any
    ) -> None:
        """See L{twisted.python.threadpool.ThreadPool}."""
        try:
            result, is_done = work(*args, **kwargs), True
        except Exception:
            result, is_done = Failure(), False
        report(is_done, result)


class _Names(SynchronousResolver):
    """Where everybody else is on this computer, nobody is who has a name of the internet."""

    def resolveHostName(
        self, resolutionReceiver: Any, hostName: str, *more: Any, **options: Any
    ) -> Any:
        """See L{twisted.internet.interfaces.IHostnameResolver}."""
        if hostName.endswith(".example"):
            resolutionReceiver.resolutionComplete()
            return None
        return super().resolveHostName(resolutionReceiver, hostName, *more, **options)


class NetworkReactor(MemoryReactorClock):
    """
    A clock that stands still, with a network on which the backend is all that there is.

    @ivar backend: it.
    @ivar lines: all connections to it.
    @ivar is_held: who calls is not connected yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nameResolver = _Names()
        self.backend: Backend | None = None
        self.lines: list[MemoryBackendLine] = []
        self.is_held = False

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30,
        bindAddress: Any = None,
    ) -> Any:
        """Somebody calls; it is answered in the next turn."""
        connector = _Connector(factory)
        factory.doStart()
        factory.startedConnecting(connector)
        self.callLater(0, self._arrive, connector)
        return connector

    def callFromThread(self, act: Any, *args: Any, **kwargs: Any) -> None:
        """There are no threads here."""
        self.callLater(0, act, *args, **kwargs)

    def getThreadPool(self) -> Any:
        """There are no threads here."""
        return _Pool()

    def carry(self) -> bool:
        """Move what was written; whether there was anything."""
        return sum(line.carry() for line in tuple(self.lines)) > 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to be done at this moment."""
        return all(call.getTime() > self.seconds() for call in self.getDelayedCalls())

    def _arrive(self, connector: _Connector) -> None:
        if not connector.is_wanted:
            return
        if self.is_held:
            self.callLater(_HELD_S, self._arrive, connector)
            return
        assert self.backend is not None
        if self.backend.is_dead():
            self.backend.found_nobody()
            connector.factory.clientConnectionFailed(connector, Failure(Refused()))
            return
        protocol = connector.factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 80))
        transport = MemoryTransport()
        self.lines.append(MemoryBackendLine(self.backend, transport, protocol))
        protocol.makeConnection(transport)
