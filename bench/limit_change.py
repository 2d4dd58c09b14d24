"""
How soon a limit from outside is obeyed: a hundred wallboxes charge with their full current, and
a program limits their circuit through the control socket, to less and to more in turn.

Less is to be obeyed soon. For more nobody hurries: a wallbox gets it out of what no other may
be drawing any more, and a car has some seconds to follow a decrease.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from bench import accounting
from bench.contenders import Contender, Running, Unavailable
from bench.server import median
from bench.window import MAX_OWN_SHARE

__all__ = ["run"]

MAX_P99_MS = 1000.0

_CONTENDER = Contender(
    "cfos_cm", lambda: [sys.executable, "-m", "bench.peers.cfos_cm_full_current"]
)

_ROWS = {"less": "told less, and obeys", "more": "told more, and obeys", "answered": "answered"}


def run(connections: Sequence[int], rounds: int, changes: int) -> str:
    """Measure, and describe the result; each round with a server that is started anew."""
    try:
        return "\n".join(_text(number, rounds, changes) for number in connections)
    except Unavailable as error:
        return f"not measured: {error}"


def _text(connections: int, rounds: int, changes: int) -> str:
    results = []
    for _ in range(rounds):
        # When one fails, it has said why; the others go on.
        with suppress(subprocess.CalledProcessError):
            results.append(_measured(connections, changes))
    return _table(connections, changes, results)


def _measured(connections: int, changes: int) -> dict[str, Any]:
    with Running(_CONTENDER, connections) as running:
        options = {
            "port": running.port,
            "pid": running.pid,
            "core": accounting.cores()[1],
            "connections": connections,
            "changes": changes,
        }
        command = [sys.executable, "-m", "bench.limited"]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        return {**json.loads(done.stdout), **json.loads(running.tell("counters"))}


def _table(connections: int, changes: int, results: Sequence[dict[str, Any]]) -> str:
    title = f"{connections} wallboxes, {changes} limits from outside, less and more in turn"
    if not results:
        return f"{title}\n  failed in every round"
    lines = [title, f"  {'':24} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}  p99 of each round"]
    for key, name in _ROWS.items():
        found = [result[key] for result in results]
        lines.append(
            f"  {name:24} {median(found, 'p50_ms'):8.1f} {median(found, 'p99_ms'):8.1f}"
            f" {max(one['max_ms'] for one in found):8.1f}  "
            + ", ".join(f"{one['p99_ms']:.0f}" for one in found)
        )
    own = max(result["own_share"] for result in results)
    lines.append(
        f"  CPU ms: {median(results, 'cpu_ms'):.1f} until all obey less; a decision"
        f" {median(results, 'median_us') / 1000:.2f}, at most"
        f" {max(result['highest_us'] for result in results) / 1000:.2f}, of"
        f" {sum(result['decisions'] for result in results)}; load {own:.0%}"
        f"{'!' if own > MAX_OWN_SHARE else ''}"
    )
    is_met = all(result["less"]["p99_ms"] < MAX_P99_MS for result in results)
    aim = f"p99 until a lower limit is obeyed below {MAX_P99_MS:g} ms in each round"
    return "\n".join([*lines, f"  {'pass' if is_met else 'MISS'}  {_CONTENDER.name}: {aim}"])
