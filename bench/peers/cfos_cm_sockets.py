"""
The sockets of this program alone: its server with a Central System that knows nothing.

Whoever connects is let in, and every CALL gets an empty confirmation. What this costs is what a
connection and a message cost before anything is understood.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from bench.peers import control
from bench.peers.cfos_cm_site import LIMITS, log_to, speed
from bench.station import identity
from bench.world import empty_world
from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.net.charge_point_server import ChargePointServer
from cfos_cm.net.listening import listening_endpoint
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

    def open(self, identity: str, origin: str, send: Callable[[bytes], None], *_: Any) -> Any:
        """Begin to echo."""
        return _Echo(identity, send)

    def closed(self, *_: Any) -> None:
        """There is nothing to clean up."""


def _central_system(chargers: int) -> CentralSystem:
    names = [identity(number) for number in range(1, chargers + 1)]
    charge_points = {name: ChargePointSettings(name, {}) for name in names}
    return _Welcoming(empty_world(clock=reactor), CentralSystemSettings(charge_points))


async def _start() -> None:
    options = control.parse(__spec__.name)
    log_to(options.folder / "log.txt")
    short_cuts = speed(options)
    server = ChargePointServer(
        _central_system(options.chargers), reactor, limits=LIMITS, speed=short_cuts
    )
    where = f"tcp:{options.port}:backlog=1024:interface=127.0.0.1"
    await listening_endpoint(reactor, where, short_cuts).listen(server)
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
