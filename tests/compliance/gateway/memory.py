"""
The bench without sockets: the whole program on a clock that stands still, with the real SQLite.

The bytes to and from the backend are those of a socket.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, TypeVar
from unittest import mock

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from cfos_cm.drivers.registry import EVSE_MAKERS
from cfos_cm.services import charging_site, parts
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import read_config
from cfos_cm.storage import database
from tests.compliance.bench import CaseFailed
from tests.compliance.case import Behind
from tests.compliance.gateway import known as knowledge
from tests.compliance.gateway.backend import Backend
from tests.compliance.gateway.bench import Device, GatewayBench, Known
from tests.compliance.gateway.box import BOX_TYPE, BoxMaker
from tests.compliance.gateway.network import NetworkReactor
from tests.compliance.gateway.sites import BAY, with_wallbox
from tests.compliance.gateway.storage import ImmediateWriter
from tests.compliance.gateway.wallbox import Wallbox, WallboxLine
from tests.compliance.sites import Site

__all__ = ["GatewayMemoryBench"]

T = TypeVar("T")

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

#: Time passes by so much, and then comes what that led to. [s]
_STEP_S = 1.0
#: Whatever takes more turns than this at one moment never ends.
_MOST_TURNS = 5_000


class GatewayMemoryBench(GatewayBench):
    """
    The program, a backend and what stands behind the gateways, all in memory.

    Everything happens at once: whatever has not come when nothing is left to do does not come.
    """

    def __init__(self, behind: Behind = Behind.BOX) -> None:
        """
        @param behind: what stands in the place of the first box of a site.
        """
        self._behind = behind

    def open(self, site: Site) -> Deferred[None]:
        """See L{GatewayBench.open}."""
        self._folder = Path(mkdtemp(prefix="cfos_cm."))
        shutil.copy(_template(), self._folder / "site.sqlite")
        has_wallbox = self._behind is Behind.WALLBOX
        text = with_wallbox(site.configuration) if has_wallbox else site.configuration
        site.write(self._folder, text)
        self._reactor = NetworkReactor()
        self.backend = self._reactor.backend = Backend(self.now)
        self._maker = BoxMaker()
        self._lines: list[WallboxLine] = []
        self._patches = [
            mock.patch.dict(EVSE_MAKERS.found, {BOX_TYPE: self._maker}),
            mock.patch.object(database, "Writer", ImmediateWriter),
            mock.patch.object(charging_site, "now", self.now),
            mock.patch.object(parts, "now", self.now),
        ]
        for patch in self._patches:
            patch.start()
        started = self._start()
        if has_wallbox:
            started.addCallback(lambda _: self._connect_wallbox())
        return started.addErrback(self._not_opened)

    def close(self) -> Deferred[None]:
        """See L{GatewayBench.close}."""
        return self._stop().addBoth(self._clean)

    def now(self) -> datetime:
        """See L{GatewayBench.now}."""
        return NOW + timedelta(seconds=self._reactor.seconds())

    def pass_time(self, seconds: float) -> Deferred[None]:
        """See L{GatewayBench.pass_time}."""
        self._settle()
        left_s = seconds
        while left_s > 0:
            self._reactor.advance(min(_STEP_S, left_s))
            left_s -= _STEP_S
            self._settle()
        return succeed(None)

    def within(self, waited: Deferred[T], what: str) -> Deferred[T]:
        """See L{GatewayBench.within}."""
        self._settle()
        return waited if waited.called else fail(CaseFailed(f"{what} has not come"))

    def let_through(self) -> None:
        """See L{GatewayBench.let_through}."""
        if self._reactor.is_held:
            self._reactor.is_held = False
            self.pass_time(_STEP_S)

    def device(self, name: str) -> Device:
        """See L{GatewayBench.device}."""
        is_wallbox = self._behind is Behind.WALLBOX and name == BAY
        return self._wallbox if is_wallbox else self._maker.box(name)

    def restart(self, off_s: float) -> Deferred[None]:
        """See L{GatewayBench.restart}."""

        def dark(_: object) -> Deferred[None]:
            return self.pass_time(off_s).addCallback(lambda _: self._start())

        return self._stop().addCallback(dark)

    def known(self) -> Deferred[Known]:
        """See L{GatewayBench.known}."""
        self._settle()
        return succeed(knowledge.of(self._site))

    def _start(self) -> Deferred[None]:
        self._reactor.is_held = True
        config = read_config(str(self._folder / "tap.cfg"))
        self._site = ChargingSite(config, self._reactor)
        self._site.startService()
        started = self.within(self._site.started, "the start of the program")
        return started.addCallback(lambda _: self._check())

    def _check(self) -> None:
        if self._site.listening is None:
            raise CaseFailed("the program could not be started")

    def _stop(self) -> Deferred[None]:
        return self.within(self._site.stopService(), "the end of the program")

    def _not_opened(self, failure: Failure) -> Deferred[Any]:
        """Nothing that was put in the place of something else is left there."""
        return self._stop().addBoth(lambda _: self._clean(failure))

    def _clean(self, result: T) -> T:
        for patch in reversed(self._patches):
            patch.stop()
        shutil.rmtree(self._folder)
        left = [str(call) for call in self._reactor.getDelayedCalls()]
        if left:
            raise CaseFailed(f"timers are left: {left}")
        return result

    def _connect_wallbox(self) -> None:
        self._wallbox = Wallbox(self._dial_in, self._reactor, self.now)
        self._settle()

    def _dial_in(self, wallbox: Wallbox) -> WallboxLine:
        door: Any = self._reactor.tcpServers[-1][1]
        line = WallboxLine(door, wallbox)
        self._lines.append(line)
        return line

    def _settle(self) -> None:
        """Carry everything over, until nothing more comes of it."""
        for _ in range(_MOST_TURNS):
            self._reactor.advance(0)
            moved = self._reactor.carry()
            moved = sum(line.carry() for line in tuple(self._lines)) > 0 or moved
            if not moved and self._reactor.is_idle:
                return
        raise CaseFailed("it never comes to rest")


@cache
def _template() -> Path:
    """A database with nothing in it; to make one takes longer than to copy it."""
    path = Path(mkdtemp(prefix="cfos_cm.")) / "site.sqlite"
    reactor: Any = NetworkReactor()
    with mock.patch.object(database, "Writer", ImmediateWriter):
        made = database.Database(f"sqlite:///{path}", reactor, lambda: NOW)
        made.start()
        made.stop()
    reactor.advance(0)
    return path
