"""
What a wallbox that is connected and says nothing costs in memory.

The server is started anew for each measurement. A few connections come and go first, so that
what is loaded at the first use of something is not counted; then the resident memory is taken
before and after the connections, each time after a collection of garbage.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import contenders
from bench.contenders import Contender, Running, Unavailable

#: After which a server has done what there is to do after a connection. [s]
_SETTLE_S = 2.0
_WARM_UP = 10

#: What a connection may cost, and what is known of a charger beside it. [KiB]
MAX_CONNECTION_KIB = 8.0
MAX_CHARGER_KIB = 16.0
#: What the whole process may have with so many chargers. [MB]
MAX_PROCESS_MB = 120.0
_PROCESS_CHARGERS = 200

_PEERS = (
    contenders.TRANSPORT,
    contenders.MOBILITYHOUSE,
    contenders.OCPP_RPC,
    contenders.PICOWS,
)


def run(connections: int, rounds: int) -> str:
    """Measure, and describe the result."""
    lines = [f"Resident memory for each of {connections} idle connections, KiB"]
    transport_kib = 0.0
    for contender in _PEERS:
        try:
            kib = _median(connection_kib(contender, connections) for _ in range(rounds))
        except Unavailable as error:
            lines.append(f"  {contender.name:40} not measured: {error}")
            continue
        if contender is contenders.TRANSPORT:
            transport_kib = kib
        lines.append(f"  {contender.name:40} {kib:8.1f}")
    charger_kib = _median(whole_charger_kib(connections) for _ in range(rounds)) - transport_kib
    process_mb = _median(process_megabytes(_PROCESS_CHARGERS) for _ in range(rounds))
    lines += [
        f"  {'cfos_cm, all else that a charger costs':40} {charger_kib:8.1f}",
        f"The process with {_PROCESS_CHARGERS} chargers: {process_mb:.1f} MB",
        _verdict("an idle connection, KiB", transport_kib, MAX_CONNECTION_KIB),
        _verdict("a charger's own state, KiB", charger_kib, MAX_CHARGER_KIB),
        _verdict(f"{_PROCESS_CHARGERS} chargers, MB", process_mb, MAX_PROCESS_MB),
    ]
    return "\n".join(lines)


def connection_kib(contender: Contender, connections: int) -> float:
    """What a connection costs on which nothing was said yet. [KiB]"""
    with Running(contender, connections) as running:
        return (_grown_kib(running, connections, silent=True)) / connections


def whole_charger_kib(chargers: int) -> float:
    """
    What a charger costs in all: its section in tap.cfg, its connection, what it has said. [KiB]
    """
    with Running(contenders.FULL, 1) as running:
        bare_kib = _settled_kib(running)
    with Running(contenders.FULL, chargers) as running:
        configured_kib = _settled_kib(running)
        return (configured_kib - bare_kib + _grown_kib(running, chargers)) / chargers


def process_megabytes(chargers: int) -> float:
    """The memory of the whole process with so many chargers that are connected. [MB]"""
    with Running(contenders.FULL, chargers) as running, _connected(running, chargers):
        return _settled_kib(running) * 1024 / 1e6


def _grown_kib(running: Running, connections: int, silent: bool = False) -> int:
    with _connected(running, _WARM_UP, silent):
        pass
    before_kib = _settled_kib(running)
    with _connected(running, connections, silent):
        return _settled_kib(running) - before_kib


def _settled_kib(running: Running) -> int:
    time.sleep(_SETTLE_S)
    running.collect_garbage()
    return running.rss_kib()


@contextmanager
def _connected(running: Running, connections: int, silent: bool = False) -> Iterator[None]:
    options = {"silent": True} if silent else {}
    command = contenders.load_command(running, "idle", connections=connections, **options)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        line = load.stdout.readline()
        if not line or json.loads(line)["connections"] != connections:
            raise Unavailable("the connections could not be made")
        yield
        load.stdin.close()


def _median(values: Iterator[float]) -> float:
    return statistics.median(values)


def _verdict(what: str, value: float, limit: float) -> str:
    word = "pass" if value <= limit else "MISS"
    return f"  {word}  {what}: {value:.1f}, at most {limit:g}"
