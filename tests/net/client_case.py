"""A client of a backend, and who speaks on its connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.protocol import Protocol
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase

from cfos_cm.charge_point.given import Given, Notice
from cfos_cm.net.backend_client import BackendClient
from cfos_cm.net.backend_target import BackendTarget

from .backends import LoopThread, WebsocketBackend, eventually

__all__ = ["KEY", "ClientCase", "Listening", "Speaking"]

#: A key as OCPP tells it: 16 bytes in hexadecimal digits.
KEY = "00112233445566778899aabbccddeeff"


_N = TypeVar("_N")


class Listening:
    """Who speaks on the connection, and keeps what was said."""

    def __init__(self) -> None:
        self.received_texts: list[bytes] = []
        self.ends: list[str] = []
        self.notices: list[Notice] = []
        self.connections = 0
        self.send: Callable[[bytes], None] = lambda _: None
        self.hang_up: Callable[[int, str], None] = lambda *_: None

    def connected(
        self, send: Callable[[bytes], None], hang_up: Callable[[int, str], None]
    ) -> None:
        """It is open."""
        self.connections += 1
        self.send, self.hang_up = send, hang_up

    def received(self, text: bytes) -> None:
        """A message has come."""
        self.received_texts.append(text)

    def disconnected(self, why: str) -> None:
        """It is down."""
        self.ends.append(why)

    def noticed(self, notice: Notice) -> None:
        """Something was found out."""
        self.notices.append(notice)


class ClientCase(TestCase):
    """The base of tests with a backend on a real socket."""

    timeout = 30

    async def setUp(self) -> None:
        """A loop for backends, and a listener."""
        self.loop = LoopThread(reactor)
        self.addCleanup(self.loop.end)
        self.listener = Listening()
        self.log: list[str] = []
        globalLogPublisher.addObserver(self._note)
        self.addCleanup(globalLogPublisher.removeObserver, self._note)

    def _note(self, event: Any) -> None:
        self.log.append(repr(event))

    async def backend(self, **options: Any) -> WebsocketBackend:
        """One that listens."""
        backend = WebsocketBackend(self.loop, **options)
        await backend.start()
        self.addCleanup(backend.stop)
        return backend

    def client(self, url: str, given: Given | None = None, **options: Any) -> BackendClient:
        """
        One that is started, and stopped after the test.

        @param given: what it knows before; C{None}: nothing.
        """
        target = BackendTarget(url=url, client_id="DE*1", name="bay-1")
        client = BackendClient(
            evolve(target, **options),
            self.listener,
            reactor,
            lambda: 0.5,
            first_wait_s=0.02,
        )
        if given is not None:
            client.use(given)
        self.addCleanup(client.stop)
        client.start()
        return client

    def noticed(self, kind: type[_N]) -> list[_N]:
        """All notices of a kind."""
        return [one for one in self.listener.notices if isinstance(one, kind)]

    async def until_noticed(self, kind: type[_N]) -> _N:
        """Fires with the last notice of a kind when there is one."""
        await self.until(lambda: self.noticed(kind))
        return self.noticed(kind)[-1]

    async def until(self, condition: Callable[[], Any]) -> None:
        """Fires when it holds."""
        await eventually(reactor, condition)

    async def until_told(self, client: BackendClient, words: str) -> str:
        """Fires when the state has these words in it."""
        await self.until(lambda: words in client.state.words)
        return client.state.words


class Speaking(Protocol):
    """Takes a call and says what it was told to say, whatever it is asked."""

    answer = b""

    def connectionMade(self) -> None:
        """Speak."""
        assert self.transport is not None
        self.transport.write(self.answer)
