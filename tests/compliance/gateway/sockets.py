"""
The bench on sockets: the whole program with its database, and C{websockets} as the backend.

Only the time is not the real one: it runs with the clock on the wall, and jumps where a case
wants it to pass. The backend takes plain connections and encrypted ones at one port.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import MSG_PEEK, SHUT_RDWR, SHUT_WR
from ssl import CERT_REQUIRED, PROTOCOL_TLS_SERVER, SSLContext, SSLSocket, TLSVersion
from tempfile import TemporaryDirectory, mkdtemp
from threading import Event, Thread, current_thread
from typing import Any, NoReturn, TypeVar
from unittest import mock
from warnings import catch_warnings, simplefilter

from attrs import define, evolve
from twisted.internet import reactor as running_reactor
from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks, succeed
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.protocol import State
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from cfos_cm.drivers.registry import EVSE_MAKERS
from cfos_cm.services import charging_site, parts
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import read_config
from cfos_cm.trace import Direction, Leg, Trace
from tests.compliance.bench import PATIENCE_S, CaseFailed
from tests.compliance.gateway import known as knowledge
from tests.compliance.gateway.backend import Backend, BackendLine, Entrance, Handshake
from tests.compliance.gateway.bench import Device, GatewayBench, Known, Showing
from tests.compliance.gateway.box import BOX_TYPE, BoxMaker
from tests.compliance.gateway.sites import PORT, encrypted
from tests.compliance.hasty_reactor import HastyReactor
from tests.compliance.line import Encryption
from tests.compliance.papers import BACKEND_PAPERS
from tests.compliance.sites import Site
from tests.compliance.tls_socket import TlsSocket

__all__ = ["GatewaySocketBench"]

T = TypeVar("T")

reactor: Any = running_reactor

#: Time jumps by so much, [s]
_STEP_S = 2.0
#: and by more where there is a lot of it. [steps]
_MOST_STEPS = 150
#: After each jump what it has led to gets so much real time. [s]
_REST_S = 0.004
#: So often it waits for who is about to be connected.
_MOST_RESTS = 250
#: And so often for messages.
_MOST_RESTS_FOR_MESSAGES = 50
#: And so much in the end, or where something has happened. [s]
_SETTLED_S = 0.06
_SERVER = "server"
_HOST = "127.0.0.1"
_PIECE_BYTES = 4096
_QUARTER = timedelta(minutes=15)
#: The first byte of everybody who encrypts.
_TLS_RECORD = b"\x16"


@define
class _Traffic:
    """
    How many messages the program has sent and the backend has not heard yet, and back.

    @ivar lost: so many of them were when it was last waited for them in vain.
    """

    to_backend: int = 0
    to_program: int = 0
    lost: tuple[int, int] = (0, 0)

    @property
    def is_under_way(self) -> bool:
        """Whether more are than are lost."""
        return (self.to_backend, self.to_program) != self.lost

    def give_up(self) -> None:
        """They were lost with their connection."""
        self.lost = self.to_backend, self.to_program


class _CountingTrace(Trace):
    """What the program itself sees of its messages."""

    traffic: _Traffic

    def note(self, leg: Leg, who: str, direction: Direction, text: bytes) -> None:
        """A message has come or gone."""
        super().note(leg, who, direction, text)
        if leg is Leg.BACKEND and direction is Direction.OUT:
            self.traffic.to_backend += 1
        elif leg is Leg.BACKEND:
            self.traffic.to_program -= 1


class _SocketBackendLine(BackendLine):
    """The backend's end of a connection on a socket, read by a thread."""

    def __init__(self, connection: ServerConnection, traffic: _Traffic) -> None:
        super().__init__()
        self._connection = connection
        self._traffic = traffic
        # One after the other: threads have no order.
        self._turn = DeferredLock()

    @property
    def is_open(self) -> bool:
        """What the socket knows counts: the thread that tells of its end may not have yet."""
        return super().is_open and self._connection.protocol.state is State.OPEN

    def write(self, text: bytes) -> Deferred[None]:
        """Send a text message; C{websockets} does not look at the bytes."""
        self._traffic.to_program += 1
        sent: Deferred[None] = self._turn.run(
            deferToThread, self._connection.send, text, text=True
        )
        return sent

    def came(self, text: str | bytes) -> None:
        """A message has come."""
        self._traffic.to_backend -= 1
        super().came(text)

    def drop(self) -> Deferred[None]:
        """Close the socket, without the farewell of a WebSocket."""
        with suppress(OSError):
            self._connection.socket.shutdown(SHUT_RDWR)
        return self.ended()

    def round_trip(self) -> Deferred[None]:
        """Twice: see L{tests.compliance.socket_line.SocketLine.round_trip}."""
        done: Deferred[None] = self._turn.run(deferToThread, self._ping_twice)
        return done

    def _ping_twice(self) -> None:
        for _ in range(2):
            try:
                answered = self._connection.ping()
            except ConnectionClosed:
                return
            if not answered.wait(PATIENCE_S) and self.is_open:
                raise CaseFailed("a ping was not answered")


class _CountingReactor(HastyReactor):
    """
    A reactor that knows whether somebody calls.

    @ivar calls: how often the backend was called.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def connectTCP(self, host: str, *arguments: Any, **options: Any) -> Any:
        """See L{twisted.internet.interfaces.IReactorTCP}."""
        self.calls += host == _HOST
        return reactor.connectTCP(host, *arguments, **options)


class _Server:
    """
    The backend's server, in threads of its own.

    @ivar port: where it listens.
    @ivar open: whether who calls is answered now; else he waits.
    @ivar showing: how it encrypts.
    @ivar taken: how often it was called.
    @ivar under_way: the threads of those who call and do not know yet what has come of it.
    """

    def __init__(self, backend: Backend, traffic: _Traffic) -> None:
        self._backend = backend
        self._traffic = traffic
        self.open = Event()
        self.showing = Showing(BACKEND_PAPERS)
        self.taken = 0
        self.under_way: set[Thread] = set()
        self._server: Server = serve(
            self._live,
            _HOST,
            0,
            process_request=self._judge,
            subprotocols=[Subprotocol("ocpp1.6")],
            ping_interval=None,
            compression=None,
            close_timeout=1,
            server_header=None,
        )
        self._serve, self._server.handler = self._server.handler, self._take
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = Thread(target=self._server.serve_forever, name=_SERVER, daemon=True)
        self._thread.start()

    def stop(self) -> Deferred[None]:
        """Listen no more."""
        self.open.set()
        self._server.shutdown()
        return deferToThread(self._thread.join)

    def _take(self, found: socket.socket, address: Any) -> None:
        """Somebody calls; C{websockets} takes over when it is clear how."""
        self.taken += 1
        self.open.wait(PATIENCE_S)
        self.under_way.add(current_thread())
        try:
            taken = self._begun(found)
            self._serve(taken, address)
        except OSError as error:
            found.close()
            reactor.callFromThread(self._backend.broken_off.append, str(error))
            # C{websockets} waits in the end for all who were not passed on to it.
            with self._server.lock:
                self._server.handler_threads.discard(current_thread())
        finally:
            self.under_way.discard(current_thread())

    def _begun(self, found: socket.socket) -> Any:
        """@raise OSError: when it comes to nothing."""
        found.settimeout(PATIENCE_S)
        if found.recv(1, MSG_PEEK) == _TLS_RECORD:
            return _encrypted(found, self.showing)
        found.settimeout(None)
        return found

    def _judge(self, connection: ServerConnection, request: Any) -> Response | None:
        login = request.headers.get("Authorization")
        handshake = Handshake(request.path, login, _encryption(connection.socket))
        refused = self._backend.admit(handshake)
        return None if refused is None else _refusal(connection, refused)

    def _live(self, connection: ServerConnection) -> None:
        line = _SocketBackendLine(connection, self._traffic)
        reactor.callFromThread(self._backend.connected, line)
        # How it has ended is known afterwards.
        with suppress(ConnectionClosed):
            connection.ping().wait(PATIENCE_S)
            self.under_way.discard(current_thread())
            for text in connection:
                reactor.callFromThread(line.came, text)
        said = connection.protocol.close_rcvd
        reactor.callFromThread(line.gone, None if said is None else said.code)


def _refusal(connection: ServerConnection, entrance: Entrance) -> Response | None:
    if entrance.is_dead:
        with suppress(OSError):
            connection.socket.shutdown(SHUT_RDWR)
        return connection.respond(503, "")
    answer = connection.respond(entrance.status, entrance.body)
    for name, value in entrance.headers:
        answer.headers[name] = value
    return answer


class _ServerContext(SSLContext):
    """
    One encrypted connection of a backend.

    @ivar asked_for: the name in the client's greeting; C{None}: none.
    """

    asked_for: str | None = None


def _encrypted(found: socket.socket, showing: Showing) -> TlsSocket:
    """
    Shake hands.

    @raise OSError: when it comes to nothing.
    """
    context = _ServerContext(PROTOCOL_TLS_SERVER)
    if showing.suites:
        context.set_ciphers(showing.suites)
        context.maximum_version = TLSVersion.TLSv1_2
    if showing.version is not None:
        with catch_warnings():
            # That it is old is the point.
            simplefilter("ignore")
            context.minimum_version = context.maximum_version = showing.version
    with TemporaryDirectory() as folder:
        context.load_cert_chain(*showing.papers.files(Path(folder), "backend"))
    if showing.wants:
        context.verify_mode = CERT_REQUIRED
        context.load_verify_locations(cadata=showing.wants)

    def note(_: object, name: str | None, __: object) -> None:
        context.asked_for = name

    context.sni_callback = note
    tls = context.wrap_socket(found, server_side=True, do_handshake_on_connect=False)
    try:
        tls.do_handshake()
    except OSError:
        _part(tls)
        raise
    return TlsSocket(tls)


def _part(tls: SSLSocket) -> None:
    """Let the other end read why, before the connection is gone."""
    with suppress(OSError):
        tls.shutdown(SHUT_WR)
        while tls.recv(_PIECE_BYTES):
            pass
    tls.close()


def _after_the_quarter(now: datetime) -> timedelta:
    """So long until a minute after a quarter of an hour, when readings are told unasked."""
    passed = timedelta(seconds=now.timestamp() % _QUARTER.total_seconds())
    return _QUARTER - passed + timedelta(minutes=1)


def _encryption(found: Any) -> Encryption | None:
    if not isinstance(found, TlsSocket):
        return None
    context: Any = found.tls.context
    return Encryption.of(found.tls, context.asked_for)


class GatewaySocketBench(GatewayBench):
    """The program's own service, in a folder of its own; boxes are played."""

    def __init__(self, is_encrypted: bool = False) -> None:
        """
        @param is_encrypted: whether the backend is called by TLS where a site does not say how.
        """
        self._is_encrypted = is_encrypted
        self._root = Path(mkdtemp(prefix="cfos_cm."))

    def open(self, site: Site) -> Deferred[None]:
        """See L{GatewayBench.open}."""
        return Deferred.fromCoroutine(self._open(site))

    async def _open(self, site: Site) -> None:
        self._folder = Path(mkdtemp(dir=self._root))
        self._site: ChargingSite | None = None
        self._ahead = _after_the_quarter(datetime.now(UTC))
        self.backend = Backend(self.now)
        self._traffic = _Traffic()
        self._server = _Server(self.backend, self._traffic)
        site = encrypted(site) if self._is_encrypted else site
        site.write(
            self._folder, site.configuration.replace(f":{PORT}/", f":{self._server.port}/")
        )
        self._maker = BoxMaker()
        self._patches = [
            mock.patch.dict(EVSE_MAKERS.found, {BOX_TYPE: self._maker}),
            mock.patch.object(charging_site, "now", self.now),
            mock.patch.object(parts, "now", self.now),
            mock.patch.object(parts, "Trace", self._trace),
        ]
        for patch in self._patches:
            patch.start()
        self._reactor = _CountingReactor()
        self._reactor.start()
        try:
            await self._start()
        except BaseException:
            await self._close()
            raise

    def _trace(self, time_s: Callable[[], float]) -> Trace:
        trace = _CountingTrace(time_s)
        trace.traffic = self._traffic
        return trace

    def close(self) -> Deferred[None]:
        """See L{GatewayBench.close}."""
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        await self._stop()
        self._reactor.stop()
        await self._server.stop()
        for patch in reversed(self._patches):
            patch.stop()
        shutil.rmtree(self._folder)

    def remove(self) -> None:
        """Leave nothing on disk."""
        shutil.rmtree(self._root)

    def now(self) -> datetime:
        """See L{GatewayBench.now}."""
        return datetime.now(UTC) + self._ahead

    @inlineCallbacks
    def pass_time(self, seconds: float) -> Any:
        """See L{GatewayBench.pass_time}."""
        yield self._rest(_SETTLED_S)
        left_s = seconds
        while left_s > 0:
            step_s = min(max(_STEP_S, seconds / _MOST_STEPS), left_s)
            self._ahead += timedelta(seconds=step_s)
            self._reactor.jump(step_s)
            left_s -= step_s
            yield self._rest(_REST_S)
            yield self._calm()
        yield self._rest(_SETTLED_S)

    def within(self, waited: Deferred[T], what: str) -> Deferred[T]:
        """See L{GatewayBench.within}."""

        def too_late(_result: object, _seconds: float) -> NoReturn:
            raise CaseFailed(f"{what} has not come")

        return waited.addTimeout(PATIENCE_S, reactor, too_late)

    def let_through(self) -> None:
        """See L{GatewayBench.let_through}."""
        self._server.open.set()

    def present(self, showing: Showing) -> None:
        """See L{GatewayBench.present}."""
        self._server.showing = showing
        self.backend.broken_off.clear()

    def device(self, name: str) -> Device:
        """See L{GatewayBench.device}."""
        return self._maker.box(name)

    def restart(self, off_s: float) -> Deferred[None]:
        """See L{GatewayBench.restart}."""
        return Deferred.fromCoroutine(self._restart(off_s))

    def known(self) -> Deferred[Known]:
        """See L{GatewayBench.known}."""
        assert self._site is not None, "the site does not run"
        return succeed(knowledge.of(self._site))

    async def _restart(self, off_s: float) -> None:
        await self._stop()
        await self.pass_time(off_s)
        await self._start()

    async def _start(self) -> None:
        self._server.open.clear()
        config = read_config(str(self._folder / "tap.cfg"))
        # No file can ask for whatever port is free.
        config = evolve(config, ocpp_server=evolve(config.ocpp_server, port=0))
        site = self._site = ChargingSite(config, self._reactor)
        site.startService()
        await site.started
        if site.listening is None:
            raise CaseFailed("the program could not be started")
        # The devices come first.
        await self.pass_time(1)

    def _stop(self) -> Deferred[None]:
        if self._site is None:
            return succeed(None)
        return self.within(self._site.stopService(), "the end of the program")

    @inlineCallbacks
    def _calm(self) -> Any:
        """
        No time jumps for who is about to be connected: his patience is real. Nor for a message
        that a computer with other work to do has not carried to its other end yet.
        """
        for _ in range(_MOST_RESTS):
            is_called = self._server.taken < self._reactor.calls
            if not is_called and not self._server.under_way:
                break
            yield self._rest(_REST_S)
        for _ in range(_MOST_RESTS_FOR_MESSAGES):
            if not self._traffic.is_under_way:
                return
            yield self._rest(_REST_S)
        self._traffic.give_up()

    def _rest(self, seconds: float) -> Deferred[None]:
        return deferLater(reactor, seconds)
