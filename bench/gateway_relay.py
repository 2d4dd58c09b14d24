"""
What a message costs in time on its way through a gateway: MeterValues of a hundred wallboxes
that are relayed to a backend, beside a plain TCP relay, which understands nothing of it.

The load is both ends: the wallboxes and the backend. In between are this program, with a
gateway for each wallbox, or socat, a process for each connection. They take turns.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from bench import accounting
from bench.contenders import Contender, Running, Unavailable
from bench.gateway_backend import free_port
from bench.server import median
from bench.window import MAX_OWN_SHARE

__all__ = ["run"]

#: What a message may take longer than through a plain relay. [ms]
MOST_ADDED_MS = {"p50_ms": 1.0, "p99_ms": 10.0}

#: How long socat may take to listen. [s]
_TO_LISTEN_S = 5.0

_ROOT = Path(__file__).parent.parent
_FIGURES = ("p50_ms", "p95_ms", "p99_ms", "max_ms")

#: Of one rate, round after round.
_Results = list[dict[str, Any]]

#: Starts what is between both ends, for a backend's port; says its own port and its process.
_Between = Callable[[int], AbstractContextManager[tuple[int, int]]]

OURS, PLAIN = "cfos_cm", "socat"


def run(connections: int, rates: Sequence[float], rounds: int, seconds: float) -> str:
    """
    Measure, and describe the result.

    @param rates: of each wallbox; each is a table. [1/s]
    @param seconds: for how long each rate is measured in each round. [s]
    """
    between: dict[str, _Between] = {OURS: lambda port: _manager(port, connections)}
    lines = []
    if shutil.which("socat") is None:
        lines.append("socat is not installed: apt-get install socat")
    else:
        between[PLAIN] = _socat
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in between}
    for _ in range(rounds):
        for name in random.sample(list(between), len(between)):
            # When one fails, it has said why; the others go on.
            with suppress(subprocess.CalledProcessError, Unavailable):
                found[name].append(_measured(between[name], connections, rates, seconds))
    for rate in rates:
        key = f"{rate:g}"
        of_rate = {name: [one[key] for one in results] for name, results in found.items()}
        lines += [
            _table(f"{connections} wallboxes, {key} MeterValues per second each", of_rate)
        ]
    return "\n".join(lines)


def _measured(
    between: _Between, connections: int, rates: Sequence[float], seconds: float
) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.gateway_load"]
    command += ["--connections", str(connections), "--seconds", str(seconds)]
    command += ["--rates", ",".join(f"{rate:g}" for rate in rates)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
    ) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        backend_port = json.loads(load.stdout.readline())["port"]
        with between(backend_port) as (port, pid):
            load.stdin.write(json.dumps({"port": port, "pid": pid}) + "\n")
            load.stdin.flush()
            line = load.stdout.readline()
        if load.wait() != 0:
            raise subprocess.CalledProcessError(load.returncode, command)
    result: dict[str, Any] = json.loads(line)
    return result


@contextmanager
def _manager(backend_port: int, chargers: int) -> Iterator[tuple[int, int]]:
    with Running(gateways(backend_port), chargers) as running:
        yield running.port, running.pid


def gateways(backend_port: int, queued: int = 0) -> Contender:
    """
    This program, each of whose wallboxes has a gateway to one backend.

    @param queued: how many messages wait for that when it starts.
    """
    command = [sys.executable, "-m", "bench.peers.cfos_cm_gateways"]
    command += ["--backend", str(backend_port), "--queued", str(queued)]
    return Contender(OURS, lambda: command)


@contextmanager
def _socat(backend_port: int) -> Iterator[tuple[int, int]]:
    port = free_port()
    listen = f"TCP4-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=1024,nodelay"
    process = subprocess.Popen(
        ["socat", listen, f"TCP4:127.0.0.1:{backend_port},nodelay"],
        # It has a process for each connection, and all of them on the servers' core.
        preexec_fn=lambda: os.sched_setaffinity(0, {accounting.cores()[0]}),
        start_new_session=True,
    )
    try:
        _wait_until_it_listens(port)
        yield port, process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _wait_until_it_listens(port: int) -> None:
    deadline = time.monotonic() + _TO_LISTEN_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Unavailable("socat does not listen")


def _table(title: str, found: Mapping[str, _Results]) -> str:
    lines = [
        title,
        f"  {'':24} {'':8} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'max ms':>8}"
        f" {'CPU us':>8} {'messages':>9} {'load':>6}",
    ]
    for name, results in found.items():
        if not results:
            lines.append(f"  {name:24} failed in every round")
            continue
        own = max(result["own_share"] for result in results)
        # socat's work is done by its children.
        cpu_us = f"{median(results, 'cpu_us'):8.0f}" if name == OURS else f"{'':8}"
        lines += [
            f"  {name:24} {'relayed':8} {_row(results, 'relayed')} {cpu_us}"
            f" {sum(result['messages'] for result in results):9}"
            f" {own:5.0%}{'!' if own > MAX_OWN_SHARE else ' '}",
            f"  {'':24} {'answered':8} {_row(results, 'answered')}",
        ]
    late_ms = [result["late_ms"] for results in found.values() for result in results]
    if late_ms:
        lines.append(f"  (99 % of the messages left at most {max(late_ms):.2f} ms late)")
    if found.get(OURS) and found.get(PLAIN):
        lines += [
            _verdict(figure, limit_ms, found) for figure, limit_ms in MOST_ADDED_MS.items()
        ]
    return "\n".join(lines)


def _row(results: _Results, what: str) -> str:
    return " ".join(f"{_median_ms(results, what, figure):8.2f}" for figure in _FIGURES)


def _median_ms(results: _Results, what: str, figure: str) -> float:
    return median([result[what] for result in results], figure)


def _verdict(figure: str, limit_ms: float, found: Mapping[str, _Results]) -> str:
    ours, plain = (_median_ms(found[name], "relayed", figure) for name in (OURS, PLAIN))
    added_ms = ours - plain
    word = "pass" if added_ms <= limit_ms else "MISS"
    name = figure.removesuffix("_ms")
    return f"  {word}  added to {PLAIN}, {name}: {added_ms:.2f} ms, at most {limit_ms:g}"
