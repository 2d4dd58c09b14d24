"""Peers for a server on a real socket: bytes by hand, C{websockets} in a thread, C{curl}."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutputAndValue
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from websockets.sync.client import ClientConnection, connect

from cfos_cm.central_system.settings import CentralSystemSettings
from cfos_cm.net.charge_point_server import ChargePointServer
from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.listening import listening_endpoint
from cfos_cm.net.server_tls import ServerTls
from cfos_cm.net.speed import Speed
from cfos_cm.net.tls_mode import TlsMode
from tests.central_system.world import SITE, World

__all__ = ["CLOSE", "LIMITS", "TEXT", "ServerCase", "Wire", "basic", "frame", "upgrade"]

T = TypeVar("T")

#: The usual bounds.
LIMITS = ServerLimits()

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def basic(username: str, password: str | bytes) -> str:
    """The value of an C{Authorization} header."""
    secret = password if isinstance(password, bytes) else password.encode()
    return "Basic " + b64encode(username.encode() + b":" + secret).decode()


def upgrade(path: str = "/CP-1", *headers: str, subprotocol: str | None = "ocpp1.6") -> bytes:
    """A request for an upgrade, as RFC 6455 has it."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *([] if subprotocol is None else [f"Sec-WebSocket-Protocol: {subprotocol}"]),
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    length: int | None = None,
) -> bytes:
    """
    A WebSocket frame.

    @param rsv: the three reserved bits.
    @param length: what is announced; C{None}: the truth.
    """
    size = len(payload) if length is None else length
    mask_bit = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if size < 126:
        head += bytes([mask_bit | size])
    elif size < 65536:
        head += bytes([mask_bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([mask_bit | 127]) + struct.pack("!Q", size)
    # A mask of zeros leaves the payload as it is.
    return head + (bytes(4) if masked else b"") + payload


class Wire(Protocol):
    """
    A TCP connection that says what it is told, and keeps what it hears.

    @ivar heard: all bytes that came and were not taken yet.
    @ivar ended: whether the other end has closed.
    """

    def __init__(self) -> None:
        self.heard = b""
        self.ended = False
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come."""
        self.heard += data
        self._tell()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The other end has closed."""
        self.ended = True
        self._tell()

    def say(self, data: bytes) -> None:
        """Send bytes."""
        assert self.transport is not None
        self.transport.write(data)

    def drop(self) -> None:
        """Reset the connection."""
        self.transport.abortConnection()  # type: ignore[union-attr]

    def until(self, condition: Callable[[], bool]) -> Deferred[None]:
        """@return: fires when something has come, or the end, and C{condition} holds."""
        done: Deferred[None] = Deferred()
        self._waiting.append((condition, done))
        self._tell()
        return done

    def closed(self) -> Deferred[None]:
        """@return: fires when the other end has closed."""
        return self.until(lambda: self.ended)

    async def head(self) -> str:
        """The response to an upgrade, taken; an empty text if there was none."""
        await self.until(lambda: self.ended or b"\r\n\r\n" in self.heard)
        head, _, self.heard = self.heard.partition(b"\r\n\r\n")
        return head.decode()

    async def frame(self) -> tuple[int, bytes]:
        """The next frame, taken: opcode and payload. Servers do not mask."""

        def whole() -> bool:
            return len(self.heard) >= 2 and len(self.heard) >= 2 + self.heard[1]

        await self.until(lambda: self.ended or whole())
        assert whole(), self.heard
        opcode, size = self.heard[0] & 15, self.heard[1]
        assert size < 126
        payload, self.heard = self.heard[2 : 2 + size], self.heard[2 + size :]
        return opcode, payload

    async def close_code(self) -> int:
        """The status of the close frame that comes next."""
        opcode, payload = await self.frame()
        assert opcode == CLOSE, (opcode, payload)
        return int.from_bytes(payload[:2], "big")

    def _tell(self) -> None:
        for waiting in list(self._waiting):
            condition, done = waiting
            if condition():
                self._waiting.remove(waiting)
                done.callback(None)


class ServerCase(TestCase):
    """
    A server on a port of 127.0.0.1, whose timers are those of a L{Clock}.

    After each test no connection and no timer may be left.
    """

    timeout = 20
    settings: CentralSystemSettings = SITE
    limits: ServerLimits = LIMITS
    speed: Speed = Speed()
    mode: TlsMode = TlsMode.OFF

    def tls(self) -> ServerTls | None:
        """What begins TLS, if anything does."""
        return None

    async def setUp(self) -> None:
        """Listen."""
        self.world = World(self.settings)
        self.server = ChargePointServer(
            self.world.system, self.world.clock, self.limits, self.speed, self.tls(), self.mode
        )
        endpoint = listening_endpoint(reactor, "tcp:0:interface=127.0.0.1", self.speed)
        self.port = await endpoint.listen(self.server.door)
        self.port_number: int = self.port.getHost().port
        self._wires: list[Wire] = []

    async def tearDown(self) -> None:
        """Close everything; fail if a timer is left."""
        await maybeDeferred(self.port.stopListening)
        ended = self.server.close_all()
        self.world.clock.advance(self.limits.close_timeout_s)
        await ended
        for wire in self._wires:
            await wire.closed()
        self.assertEqual(self.world.clock.getDelayedCalls(), [])
        self.assertEqual(self.server.connections, set())
        self.assertEqual(self.world.system.sessions(), ())

    async def turn(self) -> None:
        """The loop has turned once."""
        await deferLater(reactor, 0)

    def endpoint(self) -> Any:
        """Where the server is."""
        return TCP4ClientEndpoint(reactor, "127.0.0.1", self.port_number)

    async def dial(self, request: bytes = b"", endpoint: Any = None) -> Wire:
        """A TCP connection on which C{request} was sent, or one by another C{endpoint}."""
        endpoint = self.endpoint() if endpoint is None else endpoint
        factory = Factory.forProtocol(Wire)
        factory.noisy = False
        wire: Wire = await endpoint.connect(factory)
        self._wires.append(wire)
        wire.say(request)
        return wire

    async def opened(self, path: str = "/CP-1", *headers: str) -> Wire:
        """A WebSocket that is open."""
        wire = await self.dial(upgrade(path, *headers))
        self.assertIn(" 101 ", await wire.head())
        return wire

    async def asked(self, request: bytes) -> str:
        """The head of the response to a request."""
        return await (await self.dial(request)).head()

    async def status(self, request: bytes) -> int:
        """The status of the response to a request; a refusal ends the connection."""
        wire = await self.dial(request)
        status = int((await wire.head()).split()[1])
        if status != 101:
            await wire.closed()
        return status

    def in_thread(
        self, work: Callable[[ClientConnection], T], path: str = "/CP-1", **options: Any
    ) -> Deferred[T]:
        """What C{work} makes of a connection of the C{websockets} library."""
        url = f"ws://127.0.0.1:{self.port_number}{path}"
        defaults = {"subprotocols": ["ocpp1.6"], "open_timeout": 20, "close_timeout": 20}

        def dial_and_work() -> T:
            with connect(url, **(defaults | options)) as client:
                return work(client)

        return deferToThread(dial_and_work)

    async def curl(self, *arguments: str, path: str = "/CP-1") -> str:
        """What C{curl} shows of the response to an upgrade: the head."""
        command = (
            "--silent", "--include", "--no-buffer", "--max-time", "1", "--http1.1",
            "--header", "Connection: Upgrade", "--header", "Upgrade: websocket",
            "--header", "Sec-WebSocket-Version: 13",
            "--header", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *arguments, f"http://127.0.0.1:{self.port_number}{path}",
        )  # fmt: skip
        output, _, _ = await getProcessOutputAndValue("curl", command)
        return output.decode().partition("\r\n\r\n")[0]
