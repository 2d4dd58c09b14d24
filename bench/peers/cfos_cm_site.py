"""
This program as it is: a site from a tap.cfg, its database on disk, its control loop, its log.

The limits are those of an operator who measures: one wallbox may say as much as it can. With
C{--without allowances} they are the usual ones, and a password is asked for; with C{--without
storage} meter values are accepted and kept nowhere; with C{--without speed} no short cut is
taken past Autobahn and Twisted.

With C{--tls} connections are encrypted; with C{--page} the page is served, too. With either it
tells how long its control cycles took: counted on the wall, from the moment at which one could
have begun to its end.
"""

from __future__ import annotations

import argparse
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import globalLogBeginner, textFileLogObserver

from bench.attacks import PASSWORD
from bench.peers import control
from bench.station import identity
from bench.tls_material import AUTHORITY, SERVER
from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.speed import Speed
from cfos_cm.services import control_loop, parts
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import read_config
from cfos_cm.services.long_lived import LongLived
from cfos_cm.services.pace import Pace
from cfos_cm.services.steady_time import make_steady
from cfos_cm.storage.forwarding import ForwardingLedger

_HEAD = """\
[manager]
title = Benchmark
database = sqlite:///site.sqlite
state_directory = state
[ocpp server]
port = {port}
interface = 127.0.0.1
{tls}
password = {password}
[circuit garage]
max_current = {fuse}
"""

_PAGE = """\
[web]
listen = tcp:0:interface=127.0.0.1
"""

_EVSE = """\
[evse bay-{number}]
type = ocpp16
address = {identity}
circuit = garage
"""


#: A closed loop sends as fast as it is answered, which no wallbox does.
LIMITS = ServerLimits(messages_per_s=1e9, message_burst=10**9, sockets=20_000)


class ForgetfulLedger(ForwardingLedger):
    """Meter values are kept nowhere; what they belong to is still known."""

    def add_meter_values(self, *_: Any, **__: Any) -> None:
        """Say that they are kept."""


def _settings(options: argparse.Namespace) -> str:
    chargers = max(1, options.chargers)
    # The fuse carries half of what the cars want, so that there is something to share.
    text = _HEAD.format(
        port=options.port,
        tls=_tls(options),
        password="" if _is_generous(options) else PASSWORD,
        fuse=max(16, min(10_000, chargers * 8)),
    )
    if options.page:
        text = _PAGE + text
    return text + "".join(
        _EVSE.format(number=number, identity=identity(number))
        for number in range(1, chargers + 1)
    )


def _tls(options: argparse.Namespace) -> str:
    if options.tls is None:
        return "tls = off"
    folder = options.material
    lines = [
        "tls = on",
        f"certificate = {folder / SERVER.chain}",
        f"private_key = {folder / SERVER.key}",
    ]
    if options.tls == "mutual":
        lines.append(f"ca_certificates = {folder / AUTHORITY}")
    return "\n".join(lines)


class TimedPace(Pace):
    """
    When a control loop works, with a stopwatch.

    @cvar longest_s: from the moment at which a cycle was due to its end, at most; with what it
        had to wait for, and without the rest that it gives others of itself. [s]
    @cvar taken_s: the same of each cycle since somebody has asked last. [s]
    """

    longest_s = 0.0
    taken_s: ClassVar[deque[float]] = deque(maxlen=100_000)

    def _run(self) -> None:
        assert self._next is not None
        due_s = self._next.getTime()
        super()._run()
        taken_s = self._clock.seconds() - due_s
        TimedPace.taken_s.append(taken_s)
        TimedPace.longest_s = max(TimedPace.longest_s, taken_s)


def _is_generous(options: argparse.Namespace) -> bool:
    return "allowances" not in options.without


def speed(options: argparse.Namespace) -> Speed:
    """The short cuts that the server takes."""
    if "speed" in options.without:
        return Speed(fast_lane=False, lean=False, eager=False, rounds=False)
    return Speed()


def log_to(path: Path) -> None:
    """Have the log written to a file, as C{twistd} does."""
    observer = textFileLogObserver(path.open("w"))
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


def _site(options: argparse.Namespace) -> ChargingSite:
    path = options.folder / "tap.cfg"
    path.write_text(_settings(options))
    if "storage" in options.without:
        # The site makes its ledger itself; that it can be without one is of no use but here.
        parts.ForwardingLedger = ForgetfulLedger  # type: ignore[attr-defined]
    if options.tls is not None or options.page:
        # Nor that a loop can be given another pace.
        control_loop.Pace = TimedPace  # type: ignore[attr-defined]
    limits = LIMITS if _is_generous(options) else ServerLimits()
    return ChargingSite(read_config(str(path)), reactor, limits=limits, speed=speed(options))


async def _start(site: ChargingSite) -> None:
    site.startService()
    await site.started
    if site.listening is None:
        # In the place of "ready".
        print("the site did not start; its log says why", flush=True)
        reactor.stop()
        return
    # As a process of its own does it.
    LongLived().startService()
    control.ready(lambda: _counted(site))


def _counted(site: ChargingSite) -> Mapping[str, int]:
    if site.central_system is None:
        return {}
    taken_us = sorted(int(one * 1e6) for one in TimedPace.taken_s)
    TimedPace.taken_s.clear()
    return {
        **site.central_system.counters.all(),
        "longest_cycle_us": int(TimedPace.longest_s * 1e6),
        "cycles": len(taken_us),
        "cycle_p50_us": taken_us[len(taken_us) // 2] if taken_us else 0,
        "cycle_p99_us": taken_us[len(taken_us) * 99 // 100] if taken_us else 0,
        "web_port": (site.web.server.port or 0) if site.web is not None else 0,
    }


def main() -> None:
    """Serve until standard input ends."""
    options = control.parse(__spec__.name)
    log_to(options.folder / "log.txt")
    make_steady(reactor)
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(_start(_site(options))))
    reactor.run()


if __name__ == "__main__":
    main()
