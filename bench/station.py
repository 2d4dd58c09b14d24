"""A Charge Point as the load has it: one socket, one identity, one call in flight."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

from bench import frames

_TIMEOUT_S = 20.0

_UPGRADE = (
    "GET /{identity} HTTP/1.1\r\n"
    "Host: 127.0.0.1\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
)

# What a Charge Point says to the server's own calls; to all others it says "Accepted".
_CONFIRMATIONS: dict[str, dict[str, Any]] = {
    "GetConfiguration": {"configurationKey": [], "unknownKey": []},
    "GetLocalListVersion": {"listVersion": 0},
    "GetDiagnostics": {},
    "UpdateFirmware": {},
}


class Refused(Exception):
    """The server does not want this connection, or has ended it."""


def identity(number: int) -> str:
    """The charge box identity of a station; the first is 1."""
    return f"CP-{number:05}"


class Station:
    """
    A connection, and what is known of it.

    @ivar number: of its next message.
    @ivar server_calls: how often the server has asked something.
    @ivar transaction_id: what the server has called its transaction.
    @ivar values: its meter values, once it has a transaction.
    """

    __slots__ = (
        "_buffer",
        "due",
        "identity",
        "number",
        "sent_at",
        "server_calls",
        "sock",
        "transaction_id",
        "values",
    )

    def __init__(self, number: int, first_message: int) -> None:
        self.identity = identity(number)
        self.sock = socket.socket()
        self.number = first_message
        self.server_calls = 0
        self.transaction_id = 1234567
        self.values = frames.MeterValuesFrames(self.transaction_id)
        self.sent_at = 0.0
        self.due: list[float] = []
        self._buffer = b""

    def connect(self, port: int) -> None:
        """
        Open the connection, and wait until it is there.

        @raise Refused: when the server does not want it.
        """
        try:
            self.sock.settimeout(_TIMEOUT_S)
            self.sock.connect(("127.0.0.1", port))
            self.ask_for_upgrade()
            while not self.upgraded(self.sock.recv(65536)):
                pass
        except OSError as error:
            raise Refused(f"{self.identity}: {error}") from error

    def ask_for_upgrade(self) -> None:
        """
        Begin the handshake on a connection that is there.

        @raise OSError: when it is not.
        """
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.sendall(_UPGRADE.format(identity=self.identity).encode())

    def upgraded(self, data: bytes) -> bool:
        """
        Whether the answer to the upgrade is complete with C{data}.

        @raise Refused: when the answer is no.
        """
        if not data:
            raise Refused(f"{self.identity}: the server has hung up")
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return False
        if not head.startswith(b"HTTP/1.1 101 ") or b"ocpp1.6" not in head:
            raise Refused(f"{self.identity}: {head.splitlines()[0].decode()}")
        self._buffer = rest
        return True

    def send(self, data: bytes) -> None:
        """
        Put a frame on the connection.

        @raise Refused: when it is gone.
        """
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Refused(f"{self.identity}: {error}") from error

    def ask(self, action: str, payload: Mapping[str, Any]) -> int:
        """Send a call, and return its number."""
        number = self.number
        self.number += 1
        self.send(frames.text_frame(frames.call(number, action, payload)))
        return number

    def started(self, confirmation: Any) -> None:
        """Take the transaction that a StartTransaction.conf names, if it names one."""
        self.transaction_id = confirmation.get("transactionId", self.transaction_id)
        self.values = frames.MeterValuesFrames(self.transaction_id)

    def answers(self, data: bytes) -> list[Any]:
        """
        The answers in what has come; pings and the server's calls are answered here.

        @raise Refused: when the server ends the connection.
        """
        if not data:
            raise Refused(f"{self.identity}: the server has hung up")
        found = []
        self._buffer += data
        while (frame := self._next_frame()) is not None:
            opcode, payload = frame
            if opcode == 0x9:
                self.send(frames.pong(payload))
            elif opcode == 0x8:
                raise Refused(f"{self.identity}: closed, {payload[2:].decode()!r}")
            elif opcode == 0x1:
                answer = self._read(payload)
                if answer is not None:
                    found.append(answer)
        return found

    def close(self) -> None:
        """Hang up without a word."""
        self.sock.close()

    def _next_frame(self) -> tuple[int, bytes] | None:
        data = self._buffer
        if len(data) < 2:
            return None
        length, begin = data[1], 2
        if length == 126:
            length, begin = int.from_bytes(data[2:4], "big"), 4
        elif length == 127:
            length, begin = int.from_bytes(data[2:10], "big"), 10
        if len(data) < begin + length:
            return None
        self._buffer = data[begin + length :]
        return data[0] & 0x0F, data[begin : begin + length]

    def _read(self, text: bytes) -> Any:
        message = json.loads(text)
        if message[0] != 2:
            return message
        self.server_calls += 1
        confirmation = _CONFIRMATIONS.get(message[2], {"status": "Accepted"})
        answer = json.dumps([3, message[1], confirmation]).encode()
        self.send(frames.text_frame(answer))
        return None
