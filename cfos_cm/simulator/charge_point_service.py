"""A virtual wallbox as a service: it dials its OCPP server, and dials again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from secrets import SystemRandom
from typing import Any
from uuid import uuid4

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from cfos_cm.certificates.fault import CertificateFault
from cfos_cm.charge_point.alarm import Alarm
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.backend_socket import (
    HANDSHAKE_TIMEOUT_S,
    Events,
    Loss,
    Socket,
    SocketFactory,
    basic_authorization,
)
from cfos_cm.net.backend_url import backend_url, endpoint_of
from cfos_cm.net.backend_way import way_to
from cfos_cm.net.client_material import read_material
from cfos_cm.net.client_tls import ClientTls
from cfos_cm.net.dial_words import loss_words
from cfos_cm.net.dialling import FIRST_WAIT_S, Connection, Effects, connection, wait_s
from cfos_cm.simulator.charge_point import ChargePoint
from cfos_cm.simulator.settings import VirtualChargePointSettings
from cfos_cm.wire.charge_box import is_identity

__all__ = [
    "FADE_S",
    "ChargePointService",
    "VirtualChargePointSettings",
    "make_charge_point",
    "new_unique_id",
]

#: How long a wallbox that is switched off can talk; the whole program stops within 5 s. [s]
FADE_S = 2.0


_log = Logger(namespace="cfos_cm.simulator")


def _url_of(server: str, identity: str) -> str:
    """@raise LocalProtocolError: if the URL cannot be dialled, or the identity is none."""
    if not is_identity(identity):
        raise LocalProtocolError(f"found {identity[:80]!r}; allowed: a charge box identity")
    return backend_url(server, identity)


def new_unique_id() -> str:
    """A message id that there was never before."""
    return str(uuid4())


def make_charge_point(
    name: str, settings: VirtualChargePointSettings, reactor: Any
) -> ChargePointService:
    """
    A wallbox with a car, which comes to life when the service is started.

    @param name: for people; it stands in the log.
    @raise LocalProtocolError: if the URL or the identity cannot be used.
    """
    return ChargePointService(name, settings, reactor)


class ChargePointService(Service):
    """
    A virtual wallbox with its connection.

    @ivar charge_point: the wallbox.
    """

    def __init__(
        self,
        name: str,
        settings: VirtualChargePointSettings,
        reactor: Any,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        first_wait_s: float = FIRST_WAIT_S,
        charge_point: ChargePoint | None = None,
    ) -> None:
        """
        @param name: for people.
        @param now: the time of day; aware.
        @param first_wait_s: before it dials again for the first time. [s]
        @param charge_point: the wallbox; C{None}: it is made of the settings.
        @raise LocalProtocolError: if the URL or the identity cannot be used.
        """
        self._name = name
        self._settings = settings
        self._reactor = reactor
        self._url = None if settings.url is None else _url_of(settings.url, settings.identity)
        self._first_wait_s = first_wait_s
        self._random = SystemRandom()
        self._failures = 0
        self._dialling: Deferred[Any] | None = None
        self._socket: Socket | None = None
        self._tls: ClientTls | None = None
        self._redial = Alarm(reactor, self._redial_now)
        self._fading = False
        self._dark = Alarm(reactor, self._switch_off)
        self._ended: list[Deferred[None]] = []
        self.charge_point = charge_point or ChargePoint(
            name, settings, reactor, now, new_unique_id
        )
        self._connection: Connection = connection(
            Effects(
                dial=self._dial,
                serve=self._serve,
                leave=self._leave,
                wait=self._wait,
                hang_up=self._hang_up,
                stop_waiting=self._redial.clear,
                stopped=self._stopped,
            )
        )

    def startService(self) -> None:
        """Switch the wallbox on."""
        super().startService()
        # Off and on again is a start, too.
        self._switch_off()
        self._failures = 0
        self.charge_point.start()
        if self._url is not None:
            self._connection.start()

    def stopService(self) -> Deferred[None]:
        """
        Switch the wallbox off, as if power had failed.

        Like the better ones it keeps its OCPP server from waiting for a transaction that it
        will not know any more: it tells the end of it, for which it has L{FADE_S}.

        @return: fires when neither a timer nor a socket is left.
        """
        super().stopService()
        ended: Deferred[None] = Deferred()
        self._ended.append(ended)
        self._fading = True
        self._dark.set(FADE_S)
        self.charge_point.fade().addCallback(self._faded)
        return ended

    def _faded(self, _: None) -> None:
        self._switch_off()

    def _switch_off(self) -> None:
        if self._fading:
            self._fading = False
            self._dark.clear()
            self._connection.stop()
            self.charge_point.stop()

    def _dial(self) -> None:
        assert self._url is not None
        server = endpoint_of(self._url)
        self._tls = None
        try:
            if server.is_secure:
                self._tls = ClientTls(server.host, read_material(self._settings))
            way = way_to(server, self._reactor, HANDSHAKE_TIMEOUT_S, self._tls)
        except (LocalProtocolError, CertificateFault) as error:
            self._lost(Loss(str(error)))
            return
        events = Events(self._connection.opened, self.charge_point.received, self._lost)
        # TLS comes before the answer.
        within_s = 2 * HANDSHAKE_TIMEOUT_S if server.is_secure else HANDSHAKE_TIMEOUT_S
        factory = SocketFactory(
            self._url, self._authorization(), events, self._reactor, within_s
        )
        self._dialling = way.connect(factory)
        self._dialling.addCallbacks(self._dialled, self._not_dialled)

    def _authorization(self) -> str | None:
        password = self.charge_point.configuration.authorization_key()
        if password is None and self._settings.password is not None:
            password = self._settings.password.encode()
        if password is None:
            return None
        return basic_authorization(self._settings.identity, password)

    def _dialled(self, socket: Socket) -> None:
        self._dialling = None
        self._socket = socket

    def _not_dialled(self, failure: Failure) -> None:
        self._dialling = None
        self._lost(Loss(failure.getErrorMessage()))

    def _serve(self) -> None:
        socket = self._socket
        assert socket is not None
        self._failures = 0
        _log.info("{name} is connected", name=self._name)
        self.charge_point.connected(socket.send_text, socket.hang_up)

    def _leave(self) -> None:
        self.charge_point.disconnected()

    def _wait(self) -> None:
        self._failures += 1
        self._redial.set(wait_s(self._failures, self._random.random(), self._first_wait_s))

    def _redial_now(self) -> None:
        self._connection.waited()

    def _lost(self, loss: Loss) -> None:
        self._socket = None
        if self.running:
            why = loss_words(loss, self._tls)
            _log.info("{name} has no connection: {why}", name=self._name, why=why)
        self._connection.lost()
        self._switch_off()

    def _hang_up(self) -> None:
        if self._dialling is not None:
            self._dialling.cancel()
        elif self._socket is not None:
            self._socket.hang_up()

    def _stopped(self) -> None:
        ended, self._ended = self._ended, []
        for waiting in ended:
            waiting.callback(None)
