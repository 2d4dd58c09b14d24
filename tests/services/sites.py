"""Sites in files, wallboxes that connect to them, and what a site leaves behind."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import frozen
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import TestCase

from cfos_cm.limits import settling
from cfos_cm.services import charging_site
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import read_config

__all__ = ["BAYS", "LeftBehind", "SiteCase", "Station"]

#: Where a test's ports are: above those of services, below those that Linux gives to clients.
PORTS = (20_000, 32_000)

#: Two EVSEs behind one fuse that carries both.
BAYS = """\
[circuit garage]
max_current = 40
[evse bay-1]
type = ocpp16
address = CP-1
[evse bay-2]
type = ocpp16
address = CP-2
"""


@frozen
class LeftBehind:
    """
    What a process has open, to compare before and after.

    @ivar threads: their names, without those that the reactor keeps for its own use.
    @ivar files: what each open file descriptor is.
    @ivar timers: the reactor's delayed calls.
    @ivar sockets: what the reactor reads from and writes to.
    """

    threads: list[str]
    files: list[str]
    timers: int
    sockets: int

    @classmethod
    async def now(cls) -> LeftBehind:
        """What is there now, in a reactor that runs."""
        await deferLater(reactor, 0)
        return cls(
            sorted(
                thread.name
                for thread in threading.enumerate()
                if not thread.name.startswith("PoolThread-twisted.internet.reactor")
            ),
            sorted(_open_files()),
            len(reactor.getDelayedCalls()),
            len({*reactor.getReaders(), *reactor.getWriters()}),
        )


def _open_files() -> list[str]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            path = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            # The one that listed the folder.
            continue
        # What another test has left and the next collection of garbage closes is none of ours.
        if not path.endswith(" (deleted)"):
            found.append(path)
    return found


class Station(WebSocketClientProtocol):
    """
    A wallbox that accepts all that it is asked.

    @ivar asked: the action and the payload of each request.
    @ivar close_code: how the connection has ended; C{None} while it is open.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, Any]] = []
        self.opened: Deferred[Station] = Deferred()
        self.closed: Deferred[int | None] = Deferred()
        self.close_code: int | None = None
        self._answers: dict[str, Deferred[Any]] = {}
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []

    def onOpen(self) -> None:
        """It is connected."""
        self.opened.callback(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """It accepts requests, and takes note of answers."""
        kind, unique_id, *rest = json.loads(payload)
        if kind == 2:
            self.asked.append((rest[0], rest[1]))
            if self.state == self.STATE_OPEN:
                # Else it has hung up, and what came crossed that on the way.
                self.sendMessage(json.dumps([3, unique_id, {"status": "Accepted"}]).encode())
            self._look()
        else:
            self._answers.pop(unique_id).callback(rest[0])

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """It is not connected any more, or could not connect."""
        self.close_code = code
        if not self.opened.called:
            self.opened.errback(ConnectionRefusedError(reason))
        self.closed.callback(code)

    def call(self, action: str, payload: dict[str, Any]) -> Deferred[Any]:
        """Ask the Central System; fires with its answer."""
        unique_id = str(len(self._answers))
        self._answers[unique_id] = Deferred()
        self.sendMessage(json.dumps([2, unique_id, action, payload]).encode())
        return self._answers[unique_id]

    def currents(self) -> list[float]:
        """What it was told to offer by each profile of a transaction. [A]"""
        profiles = [
            payload["csChargingProfiles"]
            for action, payload in self.asked
            if action == "SetChargingProfile"
        ]
        return [
            one["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
            for one in profiles
            if one["chargingProfilePurpose"] == "TxProfile"
        ]

    def until(self, condition: Callable[[], bool]) -> Deferred[None]:
        """Fires when, after some request, a condition holds."""
        done: Deferred[None] = Deferred()
        self._waiting.append((condition, done))
        self._look()
        return done

    def _look(self) -> None:
        for one in tuple(self._waiting):
            if one[0]():
                self._waiting.remove(one)
                one[1].callback(None)


class SiteCase(TestCase):
    """
    A test with a site of its own, in a folder of its own.

    @ivar folder: where the file and the database are.
    @ivar path: the site's configuration.
    @ivar log: every line that was logged since the test began.
    """

    def setUp(self) -> None:
        """Make the folder, and listen to the log."""
        # Nobody's car has to be waited for.
        self.patch(settling, "SETTLE_S", 0.0)
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "tap.cfg"
        self.log: list[str] = []
        self._expected: list[tuple[str, Deferred[str]]] = []
        globalLogPublisher.addObserver(self._logged)
        self.addCleanup(globalLogPublisher.removeObserver, self._logged)

    def write(self, devices: str = BAYS, *, server: str = "port = 1", more: str = "") -> None:
        """Write the configuration; port 1 stands for one that nobody may listen at."""
        tls = "" if "tls = " in server else "tls = off\n"
        self.path.write_text(
            f"[ocpp server]\n{tls}interface = 127.0.0.1\n{server}\n{more}\n{devices}"
        )

    async def free_port(self) -> int:
        """A TCP port that nobody listens at, nor gets for a connection that he makes."""
        while True:
            number = random.randrange(*PORTS)
            endpoint = TCP4ServerEndpoint(reactor, number, interface="127.0.0.1")
            with contextlib.suppress(CannotListenError):
                listening = await endpoint.listen(Factory.forProtocol(Protocol))
                await listening.stopListening()
                return number

    def site(self) -> ChargingSite:
        """The site of the configuration, not started; stopped after the test."""
        site = ChargingSite(read_config(str(self.path)), reactor)
        self.addCleanup(lambda: site.stopService() if site.running else None)
        return site

    async def started(self, devices: str = BAYS, **more: str) -> tuple[ChargingSite, int]:
        """A site that listens, and its port."""
        port = await self.free_port()
        self.write(devices, server=f"port = {port}\n{more.pop('server', '')}", **more)
        site = self.site()
        site.startService()
        await site.started
        assert site.listening is not None, self.log
        return site, port

    async def station(self, port: int, identity: str, password: str | None = None) -> Station:
        """
        A wallbox that is connected; its connection is closed after the test.

        @raise ConnectionRefusedError: when it is refused.
        """
        headers = {}
        if password is not None:
            text = base64.b64encode(f"{identity}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {text}"
        factory = WebSocketClientFactory(
            f"ws://127.0.0.1:{port}/{identity}",
            protocols=["ocpp1.6"],
            headers=headers,
            reactor=reactor,
        )
        factory.protocol = Station
        factory.noisy = False
        station = await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
        self.addCleanup(self._drop, station)
        await station.opened
        assert isinstance(station, Station)
        return station

    def said(self, text: str) -> Deferred[str]:
        """Fires with the next line of the log that has C{text} in it."""
        done: Deferred[str] = Deferred()
        self._expected.append((text, done))
        return done

    def retry_soon(self) -> None:
        """Have a start that has failed tried again at once."""
        self.patch(charging_site, "RETRY_S", 0.001)

    async def _drop(self, station: Station) -> None:
        if station.close_code is None and not station.closed.called:
            station.transport.abortConnection()
            await station.closed

    def _logged(self, event: LogEvent) -> None:
        line = formatEvent(event)
        self.log.append(line)
        for one in tuple(self._expected):
            if one[0] in line:
                self._expected.remove(one)
                # Not from inside whatever it is that logs.
                reactor.callLater(0, one[1].callback, line)
