"""Streams of WebSocket frames, most of them right, and what a server makes of them."""

from __future__ import annotations

from random import Random
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from cfos_cm.net.lean_connect import LeanConnect, prepared
from cfos_cm.net.timers import Timers

from .peers import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, upgrade

__all__ = ["MAX_BYTES", "masked_frame", "outcome", "random_stream", "split"]

#: The longest message that the servers take.
MAX_BYTES = 5000

_SIZES = (0, 1, 5, 40, 124, 125, 126, 127, 300, 1600, 4999, 5000, 5001, 6000)
_LETTERS = b'abc{}[],"1234 '


def masked_frame(
    random: Random, opcode: int, payload: bytes, *, fin: bool = True, rsv: int = 0
) -> bytes:
    """A frame as a client sends it, sometimes with its length in more bytes than it needs."""
    size = len(payload)
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if size < 126 and random.random() > 0.01:
        head += bytes([0x80 | size])
    else:
        head += b"\xfe" + size.to_bytes(2, "big")
    mask = random.randbytes(4)
    return head + mask + bytes(byte ^ mask[at & 3] for at, byte in enumerate(payload))


def _one(random: Random) -> bytes:
    size = random.choice(_SIZES) if random.random() < 0.3 else random.randint(0, 1500)
    text = bytes(random.choices(_LETTERS, k=size))
    cut = random.randint(0, size)
    middle = masked_frame(random, PING, b"x") if random.random() < 0.5 else b""
    close = (random.choice([1000, 1001, 1005, 3000])).to_bytes(2, "big") + b"bye"
    unmasked = bytes([0x81, size % 126]) + text[: size % 126]
    kinds: list[tuple[float, bytes]] = [
        (60, masked_frame(random, TEXT, text)),
        (10, masked_frame(random, PING, text[: random.randint(0, 125)])),
        (
            10,
            masked_frame(random, TEXT, text[:cut], fin=False)
            + middle
            + masked_frame(random, CONTINUATION, text[cut:]),
        ),
        (5, masked_frame(random, BINARY, text)),
        (4, masked_frame(random, PONG, b"pp")),
        (2, unmasked),
        (2, masked_frame(random, TEXT, text, rsv=random.choice([1, 4]))),
        (2, masked_frame(random, random.choice([3, 11]), text[:100])),
        (2, masked_frame(random, CLOSE, close)),
        (1, masked_frame(random, PING, text[:200], fin=False)),
        (1, b"\x81\xff" + random.choice([size, 70_000, 2**63]).to_bytes(8, "big") + text),
        (1, b"quit"),
    ]
    weights, streams = zip(*kinds, strict=True)
    if random.random() < 0.01:
        return masked_frame(random, TEXT, b"quit")
    return random.choices(streams[:-1], weights[:-1])[0]


def random_stream(random: Random) -> bytes:
    """Some frames."""
    return b"".join(_one(random) for _ in range(random.randint(1, 8)))


def split(random: Random, stream: bytes) -> list[bytes]:
    """A stream in the pieces that it may arrive in."""
    if random.random() < 0.05:
        cuts = list(range(len(stream)))
    else:
        cuts = sorted(random.choices(range(len(stream) + 1), k=random.randint(0, 6)))
    ends = [*cuts, len(stream)]
    return [stream[start:end] for start, end in zip([0, *cuts], ends, strict=True)]


class _Transport(StringTransport):
    """A transport that Autobahn can close in all the ways that it likes."""

    def unregisterProducer(self) -> None:
        """There is none."""


def outcome(
    kind: type[WebSocketServerProtocol], pieces: list[bytes]
) -> tuple[list[Any], bytes, int, bool]:
    """
    What becomes of a connection of some kind that a stream arrives on, until it is lost.

    @return: what it was told, what it sent, its state before the loss, and whether it closed.
    """
    told: list[Any] = []

    class Connection(kind):  # type: ignore[misc, valid-type]
        """It echoes, and closes when it is told so."""

        def onConnect(self, request: object) -> str:
            return "ocpp1.6"

        def onOpen(self) -> None:
            told.append("open")

        def onMessage(self, payload: bytes, isBinary: bool) -> None:
            told.append((payload, isBinary))
            if payload == b"quit":
                self.sendClose(3000, "enough")
            elif payload == b"drop":
                self.dropConnection(abort=True)
            elif self.state == self.STATE_OPEN:
                self.sendMessage(payload, isBinary)

        def onPing(self, payload: bytes) -> None:
            told.append(("ping", payload))
            super().onPing(payload)

        def onPong(self, payload: bytes) -> None:
            told.append(("pong", payload))

        def onClose(self, *arguments: object) -> None:
            told.append(("close", *arguments))

    factory = WebSocketServerFactory(protocols=["ocpp1.6"], reactor=Clock())
    factory._batched_timer = Timers(factory.reactor)
    factory.setProtocolOptions(
        utf8validateIncoming=False, maxMessagePayloadSize=MAX_BYTES, failByDrop=False
    )
    factory.protocol = (
        prepared(Connection, factory) if issubclass(kind, LeanConnect) else Connection
    )
    connection, transport = factory.buildProtocol(None), _Transport()
    connection.makeConnection(transport)
    connection.dataReceived(upgrade())
    for piece in pieces:
        connection.dataReceived(piece)
    state, closing = connection.state, transport.disconnecting or transport.disconnected
    connection.connectionLost(Failure(ConnectionDone()))
    return told, transport.value(), state, closing
