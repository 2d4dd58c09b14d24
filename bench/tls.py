"""
What encrypted connections cost, beside Python's C{websockets} in the same run.

How many a server can take in a second, and what each costs it: with TLS, with client
certificates too, and when a charger goes on with the session of its last connection. What an
idle one costs in memory. And what happens after a power cut: a thousand wallboxes dial at once.

TLS 1.3 with certificates for EC P-256 on both sides.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench import contenders, tls_material
from bench.contenders import Contender, Running, Unavailable, python_peer
from bench.tls_load import KNOWN

#: Ours against theirs, by the CPU time of the server for each connection.
MAX_CPU_RATIO = 1.0
#: Of an idle session, without and with a client certificate. [KiB]
MAX_SESSION_KIB = {"server": 40.0, "mutual": 50.0}
#: After a power cut: until the last one is served [s], and the longest control cycle [ms].
MAX_STORM_S = 20.0
MAX_CYCLE_MS = 250.0

_LOAD = "bench.tls_load"
_SETTLE_S = 2.0
_WARM_UP = 10
_WORDS = {"server": "TLS", "mutual": "TLS, client certificates"}


def run(idle: int, storm: int, rounds: int, seconds: float) -> str:
    """
    Measure, and describe the result.

    @param idle: how many connections the memory is taken of.
    @param storm: how many wallboxes come back at once.
    @param seconds: of each round of handshakes. [s]
    """
    with tempfile.TemporaryDirectory(prefix="cfos-cm-bench-") as folder:
        material = Path(folder)
        tls_material.make(material)
        parts = [_handshakes(kind, material, rounds, seconds) for kind in _WORDS]
        parts += [_memory(kind, material, idle, rounds) for kind in _WORDS]
        parts.append(_storm(material, storm, rounds))
    return "\n\n".join(parts)


def _ours(kind: str, material: Path) -> Contender:
    return _encrypted("cfos_cm, sockets alone", "cfos_cm_sockets", kind, material)


def _theirs(kind: str, material: Path) -> Contender:
    return _encrypted("websockets", "websockets_tls", kind, material, ("websockets",))


def _encrypted(
    name: str, module: str, kind: str, material: Path, needs: tuple[str, ...] = ()
) -> Contender:
    words = ("--tls", kind, "--material", str(material))
    return Contender(name, python_peer(module, *words, needs=needs))


def _load_options(kind: str, material: Path) -> dict[str, Any]:
    shown = {"client_certificate": True} if kind == "mutual" else {}
    return {"module": _LOAD, "material": material, **shown}


# How fast.


def _handshakes(kind: str, material: Path, rounds: int, seconds: float) -> str:
    wanted = (_ours(kind, material), _theirs(kind, material))
    options = {**_load_options(kind, material), "seconds": seconds}
    found: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    with (
        suppress(Unavailable),
        Running(wanted[0], KNOWN) as ours,
        Running(wanted[1], 0) as others,
    ):
        for one in (ours, others):
            one.pause()
        turns = [(one, resumes) for one in (ours, others) for resumes in (False, True)]
        for _ in range(rounds):
            for one, resumes in random.sample(turns, len(turns)):
                more = {"resume": True} if resumes else {}
                with one.turn():
                    result = contenders.load(one, "connect", **options, **more)
                found.setdefault((one.contender.name, resumes), []).append(result)
    if not found:
        return f"{_WORDS[kind]}: not measured"
    return "\n".join(_handshake_lines(kind, wanted, found))


def _handshake_lines(
    kind: str,
    wanted: Sequence[Contender],
    found: Mapping[tuple[str, bool], list[dict[str, Any]]],
) -> list[str]:
    lines = [
        f"{_WORDS[kind]}: connections that are opened, 32 at a time",
        f"  {'':40} {'1/s':>8} {'CPU us':>8} {'resumed':>8} {'refused':>8} {'load':>6}",
    ]
    cpu: dict[tuple[str, bool], float] = {}
    for (name, resumes), results in sorted(found.items(), key=lambda item: item[0][1]):
        words = f"{name}{', with its last session' if resumes else ''}"
        cpu[name, resumes] = _median(results, "cpu_us")
        opened = sum(one["connections"] for one in results)
        share = sum(one["resumed"] for one in results) / max(1, opened)
        refused = sum(one["refused"] for one in results)
        own = max(one["own_share"] for one in results)
        lines.append(
            f"  {words:40} {_median(results, 'per_s'):8.0f} {cpu[name, resumes]:8.0f}"
            f" {share:8.0%} {refused:8} {own:6.0%}"
        )
        lines += [f"    {one['why']}" for one in results if one["why"]][:1]
    ours, theirs = (one.name for one in wanted)
    for resumes, what in ((False, "a whole handshake"), (True, "a resumed one")):
        ratio = cpu[ours, resumes] / cpu[theirs, resumes]
        lines.append(_verdict(f"{what}, CPU, cfos_cm / websockets", ratio, MAX_CPU_RATIO))
    return lines


# What it keeps.


def _memory(kind: str, material: Path, connections: int, rounds: int) -> str:
    lines = [f"{_WORDS[kind]}: resident memory for each of {connections} idle sessions, KiB"]
    verdicts: list[str] = []
    for contender in (_ours(kind, material), _theirs(kind, material)):
        try:
            each = [_session_kib(contender, kind, material, connections) for _ in range(rounds)]
        except Unavailable as error:
            lines.append(f"  {contender.name:40} not measured: {error}")
            continue
        lines.append(f"  {contender.name:40} {statistics.median(each):8.1f}")
        if contender.name.startswith("cfos_cm"):
            limit = MAX_SESSION_KIB[kind]
            verdicts.append(_verdict("an idle session, KiB", statistics.median(each), limit))
    return "\n".join(lines + verdicts)


def _session_kib(contender: Contender, kind: str, material: Path, connections: int) -> float:
    with Running(contender, connections) as running:
        _connected_kib(running, kind, material, _WARM_UP)
        before_kib = _settled_kib(running)
        return (_connected_kib(running, kind, material, connections) - before_kib) / connections


def _connected_kib(running: Running, kind: str, material: Path, connections: int) -> int:
    """What the server has resident while so many are connected. [KiB]"""
    options = {**_load_options(kind, material), "connections": connections}
    command = contenders.load_command(running, "idle", **options)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as load:
        assert load.stdin is not None
        assert load.stdout is not None
        line = load.stdout.readline()
        if not line or json.loads(line)["connections"] != connections:
            raise Unavailable(f"the connections could not be made: {line}")
        kib = _settled_kib(running)
        load.stdin.close()
    return kib


def _settled_kib(running: Running) -> int:
    time.sleep(_SETTLE_S)
    running.collect_garbage()
    return running.rss_kib()


# All at once.


def _storm(material: Path, connections: int, rounds: int) -> str:
    contender = _encrypted("cfos_cm", "cfos_cm_site", "server", material)
    options = {**_load_options("server", material), "connections": connections}
    results: list[dict[str, Any]] = []
    cycles_ms: list[float] = []
    for _ in range(rounds):
        with Running(contender, connections) as running:
            # They were all here before: this is the moment after the power cut.
            contenders.load(running, "storm", **options)
            results.append(contenders.load(running, "storm", **options))
            cycles_ms.append(json.loads(running.tell("counters"))["longest_cycle_us"] / 1000)
    seconds = max(one["seconds"] for one in results)
    refused = sum(one["refused"] for one in results)
    why = next((one["why"] for one in results if one["why"]), "")
    return "\n".join(
        [
            f"{connections} wallboxes come back at once by TLS, each round a new process",
            f"  the last one is served after {_median(results, 'seconds'):.2f} s, at worst "
            f"{seconds:.2f} s; refused: {refused} {why}",
            f"  CPU of the server: {_median(results, 'cpu_ms'):.0f} ms",
            _verdict("all served, s", seconds if not refused else 1e9, MAX_STORM_S),
            _verdict("the longest control cycle, ms", max(cycles_ms), MAX_CYCLE_MS),
        ]
    )


def _median(results: Sequence[Mapping[str, Any]], figure: str) -> float:
    return float(statistics.median(one[figure] for one in results))


def _verdict(what: str, value: float, limit: float) -> str:
    word = "pass" if value <= limit else "MISS"
    return f"  {word}  {what}: {value:.2f}, at most {limit:g}"
