"""
Modbus: how fast one device is asked, beside pymodbus's own client, and what it costs to look
after a hundred boxes.

The device is a process that answers at once, or after 5 ms as a small box does. The clients
take turns; each has eight callers who wait for their answers. The hundred boxes are looked
after by the program as it is: C{twistd} with a tap.cfg.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import accounting

__all__ = ["run"]

BOXES = 100
MOST_CPU_SHARE = 0.15
MOST_ROUND_S = 1.0

#: Name, client, window.
_CLIENTS = (
    ("pymodbus, asyncio", "pymodbus", 1),
    ("cfos_cm, one at a time", "cfos_cm", 1),
    ("cfos_cm, window 8", "cfos_cm", 8),
)
_CALLERS = 8
_LATENCY_S = 0.005
#: How long a program may take to connect to all of its boxes. [s]
_TO_CONNECT_S = 8.0

_ROOT = Path(__file__).parent.parent

_HEAD = """\
[manager]
title = Benchmark
[ocpp server]
port = 29520
interface = 127.0.0.1
tls = off
[circuit garage]
max_current = 2000
"""

_EVSE = """\
[evse bay-{number}]
type = cfos_power_brain
address = tcp:127.0.0.1:{port}
"""


def run(rounds: int, seconds: float) -> str:
    """Measure, and describe the result."""
    if importlib.util.find_spec("pymodbus") is None:
        return "not measured: pymodbus is not installed"
    parts = [
        _requests("a device that answers at once", 0.0, rounds, seconds),
        _requests("a device that takes 5 ms", _LATENCY_S, rounds, seconds),
        _looked_after(rounds, seconds * 5),
    ]
    return "\n\n".join(parts)


class _Responder:
    """The process with the devices."""

    def __init__(self, process: subprocess.Popen[str], ports: list[int]) -> None:
        self._process = process
        self.ports = ports

    def rounds(self) -> dict[str, Any]:
        """How its devices were asked since the last time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("rounds\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found


@contextmanager
def _responder(ports: int = 1, latency_s: float = 0.0) -> Iterator[_Responder]:
    command = [sys.executable, "-m", "bench.peers.modbus_responder"]
    command += ["--ports", str(ports), "--latency", str(latency_s)]
    with _pinned(accounting.cores()[1]):
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield _Responder(process, json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@contextmanager
def _pinned(core: int) -> Iterator[None]:
    """Whoever is started meanwhile stays on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _requests(title: str, latency_s: float, rounds: int, seconds: float) -> str:
    found: dict[str, list[dict[str, float]]] = {name: [] for name, _, _ in _CLIENTS}
    with _responder(latency_s=latency_s) as responder:
        for _ in range(rounds):
            for name, client, window in _CLIENTS:
                found[name].append(_asked(responder.ports[0], client, window, seconds))
    lines = [f"{title}, {_CALLERS} callers, 24 registers each, {rounds} rounds"]
    lines.append(f"  {'':26} {'req/s':>8} {'ratio':>7} {'CPU us':>8} {'ratio':>7}")
    first = found[_CLIENTS[0][0]]
    for name, results in found.items():
        per_s, cpu_us = _median(results, "per_s"), _median(results, "cpu_us")
        lines.append(
            f"  {name:26} {per_s:8.0f} {per_s / _median(first, 'per_s'):7.2f}"
            f" {cpu_us:8.1f} {cpu_us / _median(first, 'cpu_us'):7.2f}"
        )
    return "\n".join(lines)


def _median(results: list[dict[str, float]], key: str) -> float:
    return statistics.median(one[key] for one in results)


def _asked(port: int, client: str, window: int, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.peers.modbus_client", client]
    command += ["--port", str(port), "--window", str(window), "--callers", str(_CALLERS)]
    with _pinned(accounting.cores()[0]):
        done = subprocess.run(
            [*command, "--seconds", str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=_ROOT,
        )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _looked_after(rounds: int, seconds: float) -> str:
    results = [_site(seconds) for _ in range(rounds)]
    share = statistics.median(one["share"] for one in results)
    gaps = [one["p99_s"] for one in results]
    longest = max(one["longest_s"] for one in results)
    worst = min(one["fewest"] for one in results)
    lines = [
        f"{BOXES} boxes, each asked for everything once in a second, {rounds} rounds of "
        f"{seconds:g} s",
        f"  share of one core      {share:8.1%}   aim: under {MOST_CPU_SHARE:.0%}",
        f"  requests in a second   {statistics.median(one['per_s'] for one in results):8.0f}",
        f"  from round to round    {statistics.median(gaps):8.3f} s at the 99th percentile, "
        f"{longest:.3f} s at most",
        f"  fewest rounds of a box {worst:8.1%} of what there should be",
    ]
    return "\n".join(lines)


def _site(seconds: float) -> dict[str, float]:
    with _responder(BOXES) as responder, tempfile.TemporaryDirectory() as folder:
        evses = (
            _EVSE.format(number=number, port=port)
            for number, port in enumerate(responder.ports)
        )
        Path(folder, "tap.cfg").write_text(_HEAD + "".join(evses), encoding="utf-8")
        twistd = [str(Path(sys.executable).with_name("twistd")), "-n", "--pidfile="]
        with _pinned(accounting.cores()[0]):
            program = subprocess.Popen(
                [sys.executable, *twistd, "cfos-cm", "--config", "tap.cfg"],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        try:
            time.sleep(_TO_CONNECT_S)
            responder.rounds()
            before_ns, since_s = accounting.cpu_ns(program.pid), time.monotonic()
            time.sleep(seconds)
            passed_s = time.monotonic() - since_s
            cpu_s = (accounting.cpu_ns(program.pid) - before_ns) / 1e9
            found = responder.rounds()
        finally:
            program.terminate()
            program.wait()
    gaps = found["gaps_s"]
    return {
        "share": cpu_s / passed_s,
        "per_s": found["requests"] / passed_s,
        "p99_s": gaps[int(len(gaps) * 0.99)],
        "longest_s": gaps[-1],
        "fewest": min(found["rounds"]) / int(passed_s / MOST_ROUND_S),
    }
