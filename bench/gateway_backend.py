"""
A billing backend as the benchmarks need one: it takes gateways on raw sockets, answers each of
their calls at once, and says what it was told and when.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import select
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

__all__ = ["FIRST_TRANSACTION", "Backend", "Client", "Told", "free_port", "unmasked"]

#: What its first transaction is called; it counts from there.
FIRST_TRANSACTION = 10_000_000

_RFC_6455_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_RECEIVED_BYTES = 256 * 1024
_TEXT, _CLOSE, _PING = 0x1, 0x8, 0x9
_CALL = 2


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def unmasked(data: bytes, mask: bytes) -> bytes:
    """What a client has masked; RFC 6455, 5.3."""
    key = (mask * (len(data) // 4 + 1))[: len(data)]
    both = int.from_bytes(data, "big") ^ int.from_bytes(key, "big")
    return both.to_bytes(len(data), "big")


class Client:
    """
    A gateway's connection.

    @ivar identity: its client id; empty before it has asked for the upgrade.
    @ivar transaction_id: what its last transaction is called here; 0: it has had none.
    """

    __slots__ = ("buffer", "identity", "sock", "transaction_id")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""
        self.identity = ""
        self.transaction_id = 0


#: Is told of each call: whose it is, its message id, its action, its payload, and when the last
#: of it has arrived, as C{perf_counter} says. [s]
Told = Callable[[Client, str, str, Any, float], None]


class Backend:
    """
    It listens, and is served by whoever waits on its epoll.

    @ivar poll: its sockets; others may be in it too.
    @ivar port: where it listens.
    @ivar clients: its connections, by their descriptors.
    """

    def __init__(self, told: Told, port: int = 0, backlog: int = 1024) -> None:
        self._told = told
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(("127.0.0.1", port))
        self._listening.listen(backlog)
        self._listening.setblocking(False)
        self.port: int = self._listening.getsockname()[1]
        self.poll = select.epoll()
        self.poll.register(self._listening.fileno(), select.EPOLLIN)
        self.clients: dict[int, Client] = {}
        self._numbers = itertools.count(FIRST_TRANSACTION)

    def serve(self, fd: int) -> None:
        """There is something to read on one of its sockets."""
        client = self.clients.get(fd)
        if client is None:
            self._accept()
            return
        try:
            data = client.sock.recv(_RECEIVED_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        at = time.perf_counter()
        if not data:
            # Nothing is to be read on a socket that is closed.
            del self.clients[fd]
            client.sock.close()
            return
        client.buffer += data
        if not client.identity:
            self._upgrade(client)
        while client.identity and self._next_frame(client, at):
            pass

    def close(self) -> None:
        """Hang up, and listen no more."""
        for client in self.clients.values():
            client.sock.close()
        self.clients.clear()
        self._listening.close()
        self.poll.close()

    def _accept(self) -> None:
        try:
            sock, _ = self._listening.accept()
        except BlockingIOError:
            return
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.clients[sock.fileno()] = Client(sock)
        self.poll.register(sock.fileno(), select.EPOLLIN)

    def _upgrade(self, client: Client) -> None:
        head, end, client.buffer = client.buffer.partition(b"\r\n\r\n")
        if not end:
            client.buffer = head
            return
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
        assert key is not None, "a WebSocket client has a key"
        accept = base64.b64encode(hashlib.sha1(key[1] + _RFC_6455_GUID).digest())
        client.identity = unquote(head.split(b" ", 2)[1].decode().rpartition("/")[2])
        client.sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def _next_frame(self, client: Client, at: float) -> bool:
        """Whether there was a whole one."""
        data = client.buffer
        if len(data) < 6:
            return False
        length, begin = data[1] & 0x7F, 2
        if length == 126:
            length, begin = int.from_bytes(data[2:4], "big"), 4
        elif length == 127:
            length, begin = int.from_bytes(data[2:10], "big"), 10
        end = begin + 4 + length
        if len(data) < end:
            return False
        client.buffer = data[end:]
        payload = unmasked(data[begin + 4 : end], data[begin : begin + 4])
        self._frame(client, data[0] & 0x0F, payload, at)
        return True

    def _frame(self, client: Client, opcode: int, payload: bytes, at: float) -> None:
        if opcode == _PING:
            client.sock.sendall(bytes([0x8A, len(payload)]) + payload)
        elif opcode == _CLOSE:
            client.sock.sendall(bytes([0x88, len(payload)]) + payload)
        elif opcode == _TEXT:
            message = json.loads(payload)
            if message[0] == _CALL:
                _, unique_id, action, told = message
                self._answer(client, unique_id, action)
                self._told(client, unique_id, action, told, at)

    def _answer(self, client: Client, unique_id: str, action: str) -> None:
        if action == "StartTransaction":
            client.transaction_id = next(self._numbers)
        confirmation = _CONFIRMATIONS.get(action, _nothing)(client)
        text = f'[3,"{unique_id}",{confirmation}]'.encode()
        head = (
            bytes([0x81, len(text)])
            if len(text) < 126
            else b"\x81\x7e" + len(text).to_bytes(2, "big")
        )
        client.sock.sendall(head + text)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _nothing(_: Client) -> str:
    return "{}"


_CONFIRMATIONS: dict[str, Callable[[Client], str]] = {
    "BootNotification": lambda _: (
        f'{{"currentTime":"{_now()}","interval":300,"status":"Accepted"}}'
    ),
    "Heartbeat": lambda _: f'{{"currentTime":"{_now()}"}}',
    "Authorize": lambda _: '{"idTagInfo":{"status":"Accepted"}}',
    "StartTransaction": lambda client: (
        f'{{"idTagInfo":{{"status":"Accepted"}},"transactionId":{client.transaction_id}}}'
    ),
    "DataTransfer": lambda _: '{"status":"Accepted"}',
}
