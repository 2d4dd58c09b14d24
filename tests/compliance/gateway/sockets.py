"""
The bench on sockets: the whole program with its database, and C{websockets} as the backend.

Only the time is not the real one: it runs with the clock on the wall, and jumps where a case
wants it to pass.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import SHUT_RDWR
from tempfile import mkdtemp
from threading import Event, Thread
from typing import Any, NoReturn, TypeVar
from unittest import mock

from attrs import evolve
from twisted.internet import reactor as running_reactor
from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks, succeed
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from cfos_cm.drivers.registry import EVSE_MAKERS
from cfos_cm.services import charging_site
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import read_config
from tests.compliance.bench import PATIENCE_S, CaseFailed
from tests.compliance.gateway import known as knowledge
from tests.compliance.gateway.backend import Backend, BackendLine, Entrance
from tests.compliance.gateway.bench import Device, GatewayBench, Known
from tests.compliance.gateway.box import BOX_TYPE, BoxMaker
from tests.compliance.gateway.sites import PORT
from tests.compliance.hasty_reactor import HastyReactor
from tests.compliance.sites import Site

__all__ = ["GatewaySocketBench"]

T = TypeVar("T")

reactor: Any = running_reactor

#: Time jumps by so much, [s]
_STEP_S = 2.0
#: and by more where there is a lot of it. [steps]
_MOST_STEPS = 150
#: After each jump what it has led to gets so much real time. [s]
_REST_S = 0.004
#: And so much in the end, or where something has happened. [s]
_SETTLED_S = 0.06
_SERVER = "server"


class _SocketBackendLine(BackendLine):
    """The backend's end of a connection on a socket, read by a thread."""

    def __init__(self, connection: ServerConnection) -> None:
        super().__init__()
        self._connection = connection
        # One after the other: threads have no order.
        self._turn = DeferredLock()

    def write(self, text: bytes) -> Deferred[None]:
        """Send a text message; C{websockets} does not look at the bytes."""
        sent: Deferred[None] = self._turn.run(
            deferToThread, self._connection.send, text, text=True
        )
        return sent

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


class _Server:
    """
    The backend's server, in threads of its own.

    @ivar port: where it listens.
    @ivar open: whether who calls is answered now; else he waits.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.open = Event()
        self._server: Server = serve(
            self._live,
            "127.0.0.1",
            0,
            process_request=self._judge,
            subprotocols=[Subprotocol("ocpp1.6")],
            ping_interval=None,
            compression=None,
            close_timeout=1,
            server_header=None,
        )
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = Thread(target=self._server.serve_forever, name=_SERVER, daemon=True)
        self._thread.start()

    def stop(self) -> Deferred[None]:
        """Listen no more."""
        self.open.set()
        self._server.shutdown()
        return deferToThread(self._thread.join)

    def _judge(self, connection: ServerConnection, request: Any) -> Response | None:
        self.open.wait(PATIENCE_S)
        refused = self._backend.admit(request.path, request.headers.get("Authorization"))
        return None if refused is None else _refusal(connection, refused)

    def _live(self, connection: ServerConnection) -> None:
        line = _SocketBackendLine(connection)
        reactor.callFromThread(self._backend.connected, line)
        # How it has ended is known afterwards.
        with suppress(ConnectionClosed):
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


class GatewaySocketBench(GatewayBench):
    """The program's own service, in a folder of its own; boxes are played."""

    def __init__(self) -> None:
        self._root = Path(mkdtemp(prefix="cfos_cm."))

    def open(self, site: Site) -> Deferred[None]:
        """See L{GatewayBench.open}."""
        return Deferred.fromCoroutine(self._open(site))

    async def _open(self, site: Site) -> None:
        self._folder = Path(mkdtemp(dir=self._root))
        self._ahead = timedelta(0)
        self.backend = Backend(self.now)
        self._server = _Server(self.backend)
        text = site.configuration.replace(f":{PORT}/", f":{self._server.port}/")
        (self._folder / "tap.cfg").write_text(text, encoding="utf-8")
        self._maker = BoxMaker()
        self._patches = [
            mock.patch.dict(EVSE_MAKERS.found, {BOX_TYPE: self._maker}),
            mock.patch.object(charging_site, "_now", self.now),
        ]
        for patch in self._patches:
            patch.start()
        self._reactor = HastyReactor()
        self._reactor.start()
        await self._start()

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
        yield self._rest(_SETTLED_S)

    def within(self, waited: Deferred[T], what: str) -> Deferred[T]:
        """See L{GatewayBench.within}."""

        def too_late(_result: object, _seconds: float) -> NoReturn:
            raise CaseFailed(f"{what} has not come")

        return waited.addTimeout(PATIENCE_S, reactor, too_late)

    def let_through(self) -> None:
        """See L{GatewayBench.let_through}."""
        self._server.open.set()

    def device(self, name: str) -> Device:
        """See L{GatewayBench.device}."""
        return self._maker.box(name)

    def restart(self, off_s: float) -> Deferred[None]:
        """See L{GatewayBench.restart}."""
        return Deferred.fromCoroutine(self._restart(off_s))

    def known(self) -> Deferred[Known]:
        """See L{GatewayBench.known}."""
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
        self._site = ChargingSite(config, self._reactor)
        self._site.startService()
        await self._site.started
        # The devices come first.
        await self.pass_time(1)

    def _stop(self) -> Deferred[None]:
        return self.within(self._site.stopService(), "the end of the program")

    def _rest(self, seconds: float) -> Deferred[None]:
        return deferLater(reactor, seconds)
