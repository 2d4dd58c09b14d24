"""
The sockets of this program alone: its server with a Central System that knows nothing.

Whoever connects is let in, and every CALL gets an empty confirmation. What this costs is what a
connection and a message cost before anything is understood.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from bench.peers import control
from bench.peers.cfos_cm_site import LIMITS, log_to, speed
from bench.station import identity
from bench.tls_material import AUTHORITY, CLIENT_NAME, SERVER
from bench.world import empty_world
from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.certificates.pair import read_pair
from cfos_cm.certificates.pem import read_certificates
from cfos_cm.net.charge_point_server import ChargePointServer
from cfos_cm.net.listening import listening_endpoint
from cfos_cm.net.server_tls import ServerMaterial
from cfos_cm.net.tls_mode import TlsMode
from cfos_cm.services.steady_time import make_steady


class _Echo:
    """What stands for a session."""

    __slots__ = ("_send", "identity")

    def __init__(self, identity: str, send: Callable[[bytes], None]) -> None:
        self.identity = identity
        self._send = send

    def received(self, text: bytes) -> None:
        """Confirm a CALL; the load's begin with a type of one digit and have no blanks."""
        self._send(b"[3," + text[3 : text.index(b",", 3)] + b",{}]")


class _Welcoming(CentralSystem):
    """Opens no session; all else that the server asks is answered as always."""

    def open(
        self, identity: str, origin: str, send: Callable[[bytes], None], *_: Any, **__: Any
    ) -> Any:
        """Begin to echo."""
        return _Echo(identity, send)

    def closed(self, *_: Any) -> None:
        """There is nothing to clean up."""


def _central_system(chargers: int) -> CentralSystem:
    names = [identity(number) for number in range(1, chargers + 1)]
    # One certificate serves all of them: that each has its own costs a server nothing.
    charge_points = {
        name: ChargePointSettings(name, {}, certificate_names=(CLIENT_NAME,)) for name in names
    }
    return _Welcoming(empty_world(clock=reactor), CentralSystemSettings(charge_points))


def _material(options: argparse.Namespace) -> ServerMaterial:
    folder = options.material
    pair = read_pair((folder / SERVER.chain).read_bytes(), (folder / SERVER.key).read_bytes())
    authorities = read_certificates((folder / AUTHORITY).read_bytes(), "the authority")
    if options.tls == "mutual":
        return ServerMaterial((pair,), authorities, needs_certificate=True)
    return ServerMaterial((pair,))


async def _start() -> None:
    options = control.parse(__spec__.name)
    log_to(options.folder / "log.txt")
    short_cuts = speed(options)
    server = ChargePointServer(
        _central_system(options.chargers), reactor, limits=LIMITS, speed=short_cuts
    )
    if options.tls is not None:
        server.door.tls.use(_material(options))
        server.set_mode(TlsMode.ON)
    where = f"tcp:{options.port}:backlog=1024:interface=127.0.0.1"
    await listening_endpoint(reactor, where, short_cuts).listen(server.door)
    control.ready()


def _failed(failure: object) -> None:
    raise SystemExit(f"the server did not start: {failure}")


def main() -> None:
    """Serve until standard input ends."""
    make_steady(reactor)
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(_start()).addErrback(_failed))
    reactor.run()


if __name__ == "__main__":
    main()
