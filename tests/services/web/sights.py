"""A site to look at whose clock stands still, and a page that follows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet.task import Clock

from cfos_cm.charge_point.queued import Depth
from cfos_cm.charge_point.settings import ConnectorSettings, GatewaySettings
from cfos_cm.charge_point.standing import Standing
from cfos_cm.services.certificate_watch import CertificateReport
from cfos_cm.services.config import Config, parse_config
from cfos_cm.services.control_loop import ControlLoop
from cfos_cm.services.web.last_words import LastWords
from cfos_cm.services.web.live import LiveHub
from cfos_cm.services.web.outlook import Outlook, Sources
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction
from cfos_cm.v16.core import RegistrationStatus

__all__ = ["NOON", "TWO_BAYS", "Page", "World", "gateway", "standing", "started"]

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

TWO_BAYS = """\
[manager]
title = Garage Elm Street
[ocpp server]
interface = 192.0.2.1
port = 19520
tls = off
[circuit main]
max_current = 63
reserve = 3
meter = grid
[circuit garage]
parent = main
max_current = 40
[meter grid]
type = simulated
role = grid
[meter roof]
type = simulated
role = generation
circuit = main
[evse bay-1]
type = ocpp16
address = CP-1
circuit = garage
[evse bay-2]
type = cfos_power_brain
address = tcp:192.0.2.7:502
unit = 3
circuit = garage
max_current = 32
phases = L2
"""


def gateway(name: str = "backend", *evses: str) -> GatewaySettings:
    """A gateway for some EVSEs."""
    return GatewaySettings(
        key=f"key of {name}",
        name=name,
        url="wss://user:secret@backend.example/ocpp?token=secret",
        client_id=f"id-{name}",
        connectors=tuple(
            ConnectorSettings(number, evse, f"CP-{evse}")
            for number, evse in enumerate(evses or ("bay-1",), 1)
        ),
    )


def standing(*, is_serving: bool = True, waiting: int = 0, dead: int = 0) -> Standing:
    """How one stands."""
    return Standing(
        state="connected" if is_serving else "not connected: refused",
        is_serving=is_serving,
        since=NOON,
        registration=RegistrationStatus.ACCEPTED if is_serving else None,
        last_refusal="",
        depth=Depth(waiting, 100 * waiting, NOON if waiting else None, dead),
    )


def started(number: int = 7, id_tag: str = "04A1B2C3") -> Transaction:
    """A transaction that began at noon with 1 kWh on the meter."""
    return Transaction(number, id_tag, Verdict.ACCEPTED, NOON, 1000)


class World:
    """
    A control loop and all that the page looks at.

    @ivar looks: how often somebody has asked for the state.
    """

    def __init__(self, text: str = TWO_BAYS) -> None:
        self.clock = Clock()
        self.config: Config = parse_config(text, "tap.cfg")
        self.loop = ControlLoop(self.clock, 1.0)
        self.words = LastWords()
        self.loop.observe(self.words.note)
        self.loop.report(self.config.settings_changed())
        self.gateways: list[tuple[GatewaySettings, Standing]] = []
        self.certificates: tuple[CertificateReport, ...] = ()
        self.paused: set[str] = set()
        self.waiting = 0
        self.looks = 0
        self.outlook = Outlook(self.sources())
        self.hub = LiveHub(self.clock, self.outlook)

    def now(self) -> datetime:
        """The time of day: it is noon when the clock shows 0."""
        return NOON + timedelta(seconds=self.clock.seconds())

    def sources(self) -> Sources:
        """Where the page looks."""
        return Sources(
            state=self._state,
            memory=lambda: self.loop.memory,
            config=lambda: self.config,
            gateways=lambda: self.gateways,
            words=self.words,
            times=self.loop.times,
            now=self.now,
            started_at=NOON,
            version="1.2.3",
            urls=lambda: ("ws://192.0.2.1:19520/",),
            certificates=lambda: self.certificates,
            waiting_charge_points=lambda: self.waiting,
            is_paused=self.paused.__contains__,
        )

    def reconfigure(self, text: str) -> None:
        """Have other settings."""
        self.config = parse_config(text, "tap.cfg")
        self.loop.report(self.config.settings_changed())

    def open(self) -> Page:
        """A page that is open."""
        page = Page()
        page.close = self.hub.begin(page)
        return page

    def turn(self) -> bool:
        """
        Do the next thing that is due, and no other.

        @return: whether there was one.
        """
        now_s = self.clock.seconds()
        due = [call for call in self.clock.getDelayedCalls() if call.getTime() <= now_s]
        if not due:
            return False
        call = min(due, key=lambda one: one.getTime())
        self.clock.calls.remove(call)
        call.called = 1
        call.func(*call.args, **call.kw)
        return True

    def _state(self) -> Any:
        self.looks += 1
        return self.loop.state


class Page:
    """
    The other end of a stream: does what a browser does with what comes.

    @ivar events: the names of the events that have come, in their order.
    @ivar written: all that has come.
    @ivar bears: so many more writes before it is gone.
    @ivar held: what is to be done when there is room; C{None}: there always is.
    """

    def __init__(self) -> None:
        self.written = self._half = b""
        self.events: list[str] = []
        self.site: Any = None
        self.evses: dict[str, Any] = {}
        self.gateways: Any = None
        self.comments = 0
        self.is_ended = self.is_cut_off = False
        self.held: list[Callable[[], None]] | None = None
        self.bears = 10**9
        self.close: Callable[[], None] = lambda: None

    def write(self, octets: bytes) -> bool:
        """Something has come."""
        if not self.bears:
            return False
        self.bears -= 1
        self.written += octets
        *blocks, self._half = (self._half + octets).split(b"\n\n")
        for block in blocks:
            self._take(block.decode())
        return True

    def when_room(self, act: Callable[[], None]) -> None:
        """It is as the test wants it."""
        if self.held is None:
            act()
        else:
            self.held.append(act)

    def has_room(self) -> None:
        """There is room, for one who waits for it."""
        assert self.held
        self.held.pop(0)()

    def end(self) -> None:
        """There is no more."""
        self.is_ended = True

    def abort(self) -> None:
        """There is more that cannot be had."""
        self.is_cut_off = True

    def clear(self) -> None:
        """Forget which events there were."""
        self.events.clear()

    def _take(self, block: str) -> None:
        if block.startswith(":"):
            self.comments += 1
            return
        if block.startswith("retry: "):
            return
        first, second = block.split("\n")
        name, data = first.removeprefix("event: "), json.loads(second.removeprefix("data: "))
        self.events.append(name)
        match name:
            case "site":
                self.site = data
            case "evses":
                self.evses = {one["name"]: one for one in data}
            case "evse_changes":
                for one in data:
                    self.evses[one["name"]].update(one)
            case "gone":
                for one in data:
                    del self.evses[one]
            case "gateways":
                self.gateways = data
            case _:
                raise AssertionError(name)
