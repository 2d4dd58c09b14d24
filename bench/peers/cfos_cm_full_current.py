"""
This program as it is, for a garage in which every car has its full current, with a stopwatch at
its decisions.

It tells of them when it is asked for its C{counters}: how many there were while a limit from
outside was in force, and the CPU time that half of them, and each, have taken at most. [µs]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from bench.obedient import full_a
from bench.peers import control
from bench.peers.cfos_cm_site import log_to
from bench.station import identity
from cfos_cm.services import parts
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import read_config
from cfos_cm.services.control_loop import ControlLoop
from cfos_cm.services.long_lived import LongLived
from cfos_cm.services.steady_time import make_steady

_HEAD = """\
[manager]
title = Benchmark
database = sqlite:///site.sqlite
state_directory = state
[ocpp server]
port = {port}
interface = 127.0.0.1
tls = off
[circuit garage]
max_current = {fuse_a}
"""

_EVSE = """\
[evse bay-{number}]
type = ocpp16
address = {identity}
circuit = garage
max_current = {full_a}
"""

_MAX_KEPT = 100_000


class Timed(ControlLoop):
    """
    A control loop whose decisions are timed.

    @cvar taken_ns: by those with a limit from outside. [ns]
    """

    taken_ns: deque[int] = deque(maxlen=_MAX_KEPT)

    def _decide(self) -> Any:
        begin_ns = time.thread_time_ns()
        try:
            return super()._decide()
        finally:
            if self.state.outside_limits:
                self.taken_ns.append(time.thread_time_ns() - begin_ns)


def _counted() -> Mapping[str, int]:
    taken_ns = tuple(Timed.taken_ns)
    return {
        "decisions": len(taken_ns),
        "median_us": int(statistics.median(taken_ns or (0,))) // 1000,
        "highest_us": max(taken_ns, default=0) // 1000,
    }


def _settings(options: argparse.Namespace) -> str:
    chargers = max(1, options.chargers)
    each_a = full_a(chargers)
    head = _HEAD.format(port=options.port, fuse_a=each_a * chargers)
    return head + "".join(
        _EVSE.format(number=number, identity=identity(number), full_a=each_a)
        for number in range(1, chargers + 1)
    )


async def _start(options: argparse.Namespace) -> None:
    # Whoever is told the process finds its control socket there.
    os.chdir(options.folder)
    path = options.folder / "tap.cfg"
    path.write_text(_settings(options))
    # The site makes its loop itself; that it can be given another is of no use but here.
    parts.ControlLoop = Timed  # type: ignore[attr-defined]
    site = ChargingSite(read_config(str(path)), reactor)
    site.startService()
    await site.started
    if site.listening is None:
        # In the place of "ready".
        print("the site did not start; its log says why", flush=True)
        reactor.stop()
        return
    # As a process of its own does it.
    LongLived().startService()
    control.ready(_counted)


def main() -> None:
    """Serve until standard input ends."""
    options = control.parse(__spec__.name)
    log_to(options.folder / "log.txt")
    make_steady(reactor)
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(_start(options)))
    reactor.run()


if __name__ == "__main__":
    main()
