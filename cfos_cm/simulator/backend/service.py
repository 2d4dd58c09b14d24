"""A virtual backend as a service: it listens, and keeps its book."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.errors import LocalProtocolError, StorageError
from cfos_cm.net.client_material import read_own_pair
from cfos_cm.net.server_tls import ServerMaterial, ServerTls
from cfos_cm.net.tls_layer import TlsLayer
from cfos_cm.simulator.backend.answers import Answers
from cfos_cm.simulator.backend.book import Book
from cfos_cm.simulator.backend.server import BackendServer
from cfos_cm.simulator.backend.settings import VirtualBackendSettings

__all__ = ["BackendService"]

_log = Logger(namespace="cfos_cm.backend")


class BackendService(Service):
    """
    A backend that listens.

    It can be started again when it has stopped.
    """

    def __init__(
        self,
        name: str,
        settings: VirtualBackendSettings,
        reactor: Any,
        give_up: Callable[[], None] = lambda: None,
    ) -> None:
        """
        @param name: for people.
        @param give_up: is called when it cannot listen, or has no book or no certificate; the
            log says why.
        """
        self._name = name
        self._settings = settings
        self._reactor = reactor
        self._give_up = give_up
        self._book = Book(settings.book)
        answers = Answers(settings, self._book, lambda: datetime.now(UTC), self._say)
        self._server = BackendServer(answers, reactor, self._say)
        self._listening: IListeningPort | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0: it does not."""
        if self._listening is None:
            return 0
        return int(getattr(self._listening.getHost(), "port", 0))

    def startService(self) -> None:
        """Listen, and go on in the book."""
        super().startService()
        settings = self._settings
        try:
            # First the port: nobody else who is there writes into the same book.
            self._listening = self._reactor.listenTCP(
                settings.port, self._door(), interface=settings.interface
            )
            self._book.open()
        except (
            CannotListenError,
            CertificateFault,
            LocalProtocolError,
            StorageError,
        ) as error:
            _log.error("{name} cannot start: {why!s}", name=self._name, why=error)
            self._give_up()
            return
        _log.info(
            "{name}: a backend is at {scheme}://{host}:{port}/, with {count} bills until now; "
            "a kWh costs {price} EUR",
            name=self._name,
            scheme="ws" if settings.certificate is None else "wss",
            host=settings.interface,
            port=self.port,
            count=self._book.bills,
            price=settings.price,
            is_ready=True,
        )
        if self._book.unreadable:
            _log.warn(
                "{name}: {count} lines of {path} cannot be read",
                name=self._name,
                count=self._book.unreadable,
                path=settings.book,
            )

    def _door(self) -> IProtocolFactory:
        """
        Where Charge Points come in.

        @raise LocalProtocolError: if its certificate cannot be used.
        @raise CertificateFault: if it cannot be read.
        """
        pair = read_own_pair(self._settings)
        if pair is None:
            return self._server
        tls = ServerTls()
        tls.use(ServerMaterial((pair,)))
        door = TLSMemoryBIOFactory(tls, False, self._server, self._reactor)
        door.protocol = TlsLayer
        door.noisy = False
        return door

    def stopService(self) -> Deferred[None]:
        """
        Hang up, and listen no more.

        @return: fires when no socket and no file is left.
        """
        super().stopService()
        listening, self._listening = self._listening, None
        ending: list[Deferred[Any]] = [self._server.close_all()]
        if listening is not None:
            ending.append(maybeDeferred(listening.stopListening))

        def ended(_: object) -> None:
            self._book.close()

        return gatherResults(ending).addCallback(ended)

    def _say(self, words: str) -> None:
        # Some of them are a peer's: those end no line and move no cursor.
        line = "".join(char if char.isprintable() else "?" for char in words)
        _log.info("{name}: {line}", name=self._name, line=line)
