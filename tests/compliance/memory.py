"""
The bench without sockets: the server on a transport in memory, on a clock that stands still.

The bytes are those of a socket: the upgrade request, and frames by hand.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, fail, succeed

from cfos_cm.central_system.settings import CentralSystemSettings
from cfos_cm.net.charge_point_server import ChargePointServer
from cfos_cm.services.assembly import central_system_settings
from cfos_cm.services.config import read_config
from tests.central_system.world import World
from tests.compliance import central_system
from tests.compliance.bench import CaseFailed, Door, Facts, HandshakeRefused, Tls
from tests.compliance.line import Line
from tests.compliance.memory_line import SWITCHING_PROTOCOLS, MemoryLine
from tests.compliance.sites import Site

__all__ = ["MemoryBench"]

T = TypeVar("T")


#: Time passes by so much, and then comes what that led to.
_STEP_S = 1.0
#: A newcomer waits no longer than this for an older connection to show whether it lives. [s]
_PATIENCE_S = 20


class MemoryBench:
    """
    A Central System with an archive in memory.

    Everything happens at once: whatever has not come when nothing is left to do does not come.
    """

    def open(self, site: Site) -> Deferred[None]:
        """See L{tests.compliance.bench.Bench.open}."""
        self._world = World(_settings(site.configuration))
        for tag in site.tags:
            self._world.tags.put(tag)
        self._operator = central_system.memory_operator(self._world)
        self._server = ChargePointServer(self._world.system, self._world.clock)
        self._lines: list[MemoryLine] = []
        return succeed(None)

    def close(self) -> Deferred[None]:
        """See L{tests.compliance.bench.Bench.close}."""
        return self.within(self._server.close_all(), "the end of all connections")

    def now(self) -> datetime:
        """See L{tests.compliance.bench.Bench.now}."""
        return self._world.now + timedelta(seconds=self._world.clock.seconds())

    def dial(self, door: Door) -> Deferred[tuple[Line, str | None]]:
        """See L{tests.compliance.bench.Bench.dial}."""
        if isinstance(door.tls, Tls):
            raise TypeError("there is no TLS here: the case is for sockets")
        line = MemoryLine(self._server.door)
        self._lines.append(line)
        line.shake_hands(door)
        self._settle()
        for _ in range(_PATIENCE_S):
            if line.status is None:
                self.pass_time(_STEP_S)
        if line.status != SWITCHING_PROTOCOLS:
            return fail(HandshakeRefused(line.status or 0))
        return succeed((line, line.subprotocol))

    def order(self, identity: str, action: str, payload: Any) -> Deferred[Any]:
        """See L{tests.compliance.bench.Bench.order}."""
        return central_system.order(self._operator, identity, action, payload)

    def change_password(self, identity: str, key: str) -> Deferred[Any]:
        """See L{tests.compliance.bench.Bench.change_password}."""
        return central_system.change_password(self._operator, identity, key)

    def raise_profile(self, identity: str, profile: int) -> Deferred[Any]:
        """See L{tests.compliance.bench.Bench.raise_profile}."""
        return central_system.raise_profile(self._operator, identity, profile)

    def pass_time(self, seconds: float) -> Deferred[None]:
        """See L{tests.compliance.bench.Bench.pass_time}."""
        self._settle()
        left_s = seconds
        while left_s > 0:
            self._world.clock.advance(min(_STEP_S, left_s))
            left_s -= _STEP_S
            self._settle()
        return succeed(None)

    def within(self, waited: Deferred[T], what: str) -> Deferred[T]:
        """See L{tests.compliance.bench.Bench.within}."""
        self._settle()
        return waited if waited.called else fail(CaseFailed(f"{what} has not come"))

    def complaints(self, is_over: bool) -> tuple[str, ...]:
        """See L{tests.compliance.bench.Bench.complaints}."""
        return ()

    def facts(self) -> Deferred[Facts]:
        """See L{tests.compliance.bench.Bench.facts}."""
        self._settle()
        world = self._world
        return succeed(
            Facts(
                transactions=_transactions(world),
                meter_values=[
                    {"charge_point": owner, "connector": connector, "transaction_id": number}
                    for owner, connector, number, *_ in world.ledger.meter_values
                ],
                review=[
                    {"charge_point": stop.charge_point, "transaction_id": stop.transaction_id}
                    for stop in world.ledger.stray_stops
                ],
                devices={
                    identity: {"vendor": device.vendor, "model": device.model}
                    for identity, device in world.register.devices.items()
                    if device is not None
                },
                counters=central_system.counted(world.system),
                connected=[one.identity for one in world.system.sessions()],
            )
        )

    def _settle(self) -> None:
        """Carry everything over, until nothing more comes of it."""
        moved = True
        while moved:
            # Some things are put off to the next turn of the reactor.
            self._world.clock.advance(0)
            moved = sum(line.carry() for line in self._lines) > 0


def _transactions(world: World) -> list[dict[str, Any]]:
    return [
        {
            "transaction_id": number,
            "charge_point": row.start.charge_point,
            "connector": row.start.connector,
            "id_tag": row.start.id_tag,
            "verdict": str(row.start.verdict),
            "started_at": row.start.started_at,
            "meter_start_wh": row.start.meter_start_wh,
            "reservation_id": row.start.reservation_id,
            "state": row.state,
            "stopped_at": None if row.stop is None else row.stop.stopped_at,
            "meter_stop_wh": None if row.stop is None else row.stop.meter_stop_wh,
            "stop_reason": None if row.stop is None else row.stop.reason,
        }
        for number, row in world.ledger.rows.items()
    ]


@cache
def _settings(configuration: str) -> CentralSystemSettings:
    with TemporaryDirectory() as folder:
        path = Path(folder, "tap.cfg")
        path.write_text(configuration, encoding="utf-8")
        return central_system_settings(read_config(str(path)))
