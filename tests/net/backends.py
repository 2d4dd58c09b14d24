"""Backends and proxies that we did not write: C{websockets} and C{asyncio} in a thread."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import websockets
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

__all__ = ["HonestTls", "LoopThread", "SmallProxy", "WebsocketBackend", "eventually"]


async def eventually(reactor: Any, condition: Callable[[], Any]) -> None:
    """Fires when C{condition} holds; the test's time-out is its bound."""
    while not condition():
        await deferLater(reactor, 0.005)


class LoopThread:
    """An event loop of C{asyncio} in a thread of its own."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Deferred[Any]:
        """@return: fires with what the work has come to."""
        result: Deferred[Any] = Deferred()

        async def done() -> None:
            try:
                value = await work
            except Exception as error:
                self._reactor.callFromThread(result.errback, error)
            else:
                self._reactor.callFromThread(result.callback, value)

        asyncio.run_coroutine_threadsafe(done(), self._loop)
        return result

    def end(self) -> None:
        """Stop it."""

        async def cancel() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for one in others:
                one.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class WebsocketBackend:
    """
    A backend that echoes what it is told.

    @ivar requests: path and headers of each request for an upgrade.
    @ivar heard: the messages that came.
    @ivar answers: what the next requests are refused with; C{None}: it is not refused.
    @ivar location: where these lead to; empty: nowhere.
    @ivar close_at_once: the close code for whoever has connected.
    @ivar reads: whether what comes is read.
    """

    def __init__(self, loop: LoopThread, **options: Any) -> None:
        self._loop = loop
        self._options: dict[str, Any] = {"subprotocols": ["ocpp1.6"], **options}
        self._server: Any = None
        self._connections: set[Any] = set()
        self.host = "127.0.0.1"
        self.port = 0
        self.requests: list[tuple[str, Any]] = []
        self.heard: list[Any] = []
        self.answers: list[tuple[HTTPStatus, str] | None] = []
        self.location = ""
        self.close_at_once: tuple[int, str] | None = None
        self.reads = True

    @property
    def count(self) -> int:
        """How many are connected."""
        return len(self._connections)

    def start(self) -> Deferred[None]:
        """Listen, at the same port again."""
        return self._loop.run(self._start())

    def stop(self) -> Deferred[None]:
        """Close all connections, and listen no more."""
        return self._loop.run(self._stop())

    def say(self, text: str) -> Deferred[None]:
        """Tell all who have connected."""
        return self._loop.run(self._say(text))

    def drop(self) -> Deferred[None]:
        """Break all connections without a word."""
        return self._loop.run(self._drop())

    def silence(self) -> Deferred[None]:
        """Be there and do nothing any more, as behind a cable that was cut."""
        return self._loop.run(self._silence())

    async def _start(self) -> None:
        self._server = await websockets.serve(
            self._serve, self.host, self.port, process_request=self._judge, **self._options
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _say(self, text: str) -> None:
        for one in self._connections:
            await one.send(text)

    async def _drop(self) -> None:
        for one in self._connections:
            one.transport.abort()

    async def _silence(self) -> None:
        for one in self._connections:
            one.transport.pause_reading()

    def _judge(self, connection: Any, request: Any) -> Any:
        self.requests.append((request.path, request.headers))
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            return None
        response = connection.respond(*answer)
        if self.location:
            response.headers["Location"] = self.location
        return response

    async def _serve(self, connection: Any) -> None:
        self._connections.add(connection)
        try:
            if self.close_at_once is not None:
                await connection.close(*self.close_at_once)
            if not self.reads:
                connection.transport.pause_reading()
            with suppress(websockets.ConnectionClosed):
                async for message in connection:
                    self.heard.append(message)
                    await connection.send(message)
        finally:
            self._connections.discard(connection)


class SmallProxy:
    """
    A proxy for SOCKS5 and CONNECT.

    @ivar asked: the hosts and ports that were asked for, names as names.
    @ivar credentials: what it was told, if anything.
    @ivar wants: the credentials that it asks for; C{None}: none.
    @ivar resolves: the addresses that it knows for names.
    """

    def __init__(self, loop: LoopThread) -> None:
        self._loop = loop
        self._server: Any = None
        self.port = 0
        self.asked: list[tuple[str, int]] = []
        self.credentials: list[str] = []
        self.wants: str | None = None
        self.resolves: dict[str, str] = {}

    def start(self, kind: str) -> Deferred[None]:
        """Listen."""
        serve = {"socks5": self._socks, "http": self._http, "silent": self._nothing}[kind]
        return self._loop.run(self._start(serve))

    def stop(self) -> Deferred[None]:
        """Listen no more."""
        return self._loop.run(self._stop())

    async def _start(self, serve: Any) -> None:
        self._server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()

    async def _nothing(self, reader: Any, writer: Any) -> None:
        await reader.read()
        writer.close()

    async def _socks(self, reader: Any, writer: Any) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        if self.wants is not None:
            writer.write(b"\x05\x02" if 2 in methods else b"\x05\xff")
            _, size = await reader.readexactly(2)
            user = await reader.readexactly(size)
            (size,) = await reader.readexactly(1)
            told = f"{user.decode()}:{(await reader.readexactly(size)).decode()}"
            self.credentials.append(told)
            writer.write(b"\x01\x00" if told == self.wants else b"\x01\x01")
            if told != self.wants:
                writer.close()
                return
        else:
            writer.write(b"\x05\x00")
        head = await reader.readexactly(4)
        assert head[3] in (1, 3), head
        size = 4 if head[3] == 1 else (await reader.readexactly(1))[0]
        raw = await reader.readexactly(size)
        host = ".".join(map(str, raw)) if head[3] == 1 else raw.decode()
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append((host, port))
        other = await self._reach(host, port)
        writer.write(b"\x05" + (b"\x04" if other is None else b"\x00") + b"\x00\x01" + bytes(6))
        await self._carry(reader, writer, other)

    async def _http(self, reader: Any, writer: Any) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        host, _, port = head.split(" ")[1].rpartition(":")
        for line in head.split("\r\n"):
            if line.startswith("Proxy-Authorization: "):
                self.credentials.append(line.partition(": ")[2])
        self.asked.append((host, int(port)))
        if self.wants is not None and self.wants not in self.credentials:
            writer.write(b"HTTP/1.1 407 Who are you?\r\n\r\n")
            writer.close()
            return
        other = await self._reach(host, int(port))
        status = b"502 Bad Gateway" if other is None else b"200 Connection established"
        writer.write(b"HTTP/1.1 " + status + b"\r\n\r\n")
        await self._carry(reader, writer, other)

    async def _reach(self, host: str, port: int) -> Any:
        try:
            return await asyncio.open_connection(self.resolves.get(host, host), port)
        except OSError:
            return None

    async def _carry(self, reader: Any, writer: Any, other: Any) -> None:
        if other is None:
            writer.close()
            return

        async def pipe(source: Any, target: Any) -> None:
            with suppress(OSError, asyncio.CancelledError):
                while data := await source.read(65536):
                    target.write(data)
                    await target.drain()
            target.close()

        await asyncio.gather(pipe(reader, other[1]), pipe(other[0], writer))


class HonestTls:
    """
    A server that shakes hands by TLS, and says what is wrong: C{asyncio} keeps that for itself.

    @ivar port: where it listens.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            plain.settimeout(5)
            with suppress(OSError), self._context.wrap_socket(plain, server_side=True) as one:
                one.recv(1)

    def end(self) -> None:
        """Listen no more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)


def server_context(certificate: str, key: str, clients: str | None = None) -> ssl.SSLContext:
    """
    TLS for a server.

    @param clients: a file with those whose clients are let in; C{None}: all are.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context
