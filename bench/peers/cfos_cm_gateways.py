"""
This program as it is, with a backend for each of its wallboxes.

    python -m bench.peers.cfos_cm_gateways --backend 29520 --queued 100000 …

C{--queued}: so many messages wait for the backend already when it starts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from bench.peers import control
from bench.peers.cfos_cm_site import log_to
from bench.station import identity
from cfos_cm.services.charging_site import ChargingSite
from cfos_cm.services.config import read_config
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
max_current = {fuse}
"""

_EVSE = """\
[evse bay-{number}]
type = ocpp16
address = {identity}
circuit = garage
[gateway bay-{number}]
evse = bay-{number}
url = ws://127.0.0.1:{backend}/
client_id = {identity}
"""


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--backend", type=int, required=True, help="where it listens")
    parser.add_argument("--queued", type=int, default=0)
    own, sys.argv[1:] = parser.parse_known_args()
    return argparse.Namespace(**vars(own), **vars(control.parse(__spec__.name)))


def _configure(options: argparse.Namespace) -> str:
    """Write the tap.cfg, and the queue that it begins with."""
    fuse = max(16, min(10_000, options.chargers * 8))
    text = _HEAD.format(port=options.port, fuse=fuse) + "".join(
        _EVSE.format(number=number, identity=identity(number), backend=options.backend)
        for number in range(1, options.chargers + 1)
    )
    path = options.folder / "tap.cfg"
    path.write_text(text)
    if options.queued:
        # In a process of its own: what it takes in memory is none of this one's.
        command = [sys.executable, "-m", "bench.gateway_queue", str(path), str(options.queued)]
        subprocess.run(command, check=True)
    return str(path)


async def _start(path: str) -> None:
    site = ChargingSite(read_config(path), reactor)
    site.startService()
    await site.started
    if site.listening is None:
        # In the place of "ready".
        print("the site did not start; its log says why", flush=True)
        reactor.stop()
        return
    # As a process of its own does it.
    LongLived().startService()
    control.ready()


def main() -> None:
    """Serve until standard input ends."""
    options = _parse()
    path = _configure(options)
    log_to(options.folder / "log.txt")
    make_steady(reactor)
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(_start(path)))
    reactor.run()


if __name__ == "__main__":
    main()
