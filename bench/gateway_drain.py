"""
A backend that was away for long: what has waited for it is delivered, one message after the
other, in the order in which it was queued.

The queue is in the database already when the program starts, and the backend is not there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.contenders import Running, Unavailable
from bench.gateway_backend import free_port
from bench.gateway_relay import gateways
from bench.server import median

__all__ = ["run"]

LEAST_PER_S = 1000.0
MOST_GROWTH_MB = 20.0

#: After which a program has done what there is to do after its start, or after a queue. [s]
_SETTLE_S = 3.0
#: How often its memory is looked at. [s]
_LOOK_S = 0.1

_ROOT = Path(__file__).parent.parent


def run(messages: int, rounds: int) -> str:
    """
    Measure, and describe the result.

    @param messages: how many wait; a multiple of 10.
    """
    results = []
    for _ in range(rounds):
        try:
            # When one fails, it has said why; the others go on.
            with suppress(subprocess.CalledProcessError):
                results.append(_drained(messages))
        except Unavailable as error:
            return f"not measured: {error}"
    return _text(messages, results)


def _drained(messages: int) -> dict[str, Any]:
    port = free_port()
    with Running(gateways(port), 1) as running:
        empty_mb = _settled_mb(running)
    with Running(gateways(port, messages), 1) as running:
        waiting_mb = _settled_mb(running)
        command = [sys.executable, "-m", "bench.gateway_bills"]
        command += ["--port", str(port), "--messages", str(messages)]
        highest_mb = 0.0
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as backend:
            while backend.poll() is None:
                highest_mb = max(highest_mb, _mb(running))
                time.sleep(_LOOK_S)
            assert backend.stdout is not None
            said = backend.stdout.read()
        if backend.returncode != 0:
            raise subprocess.CalledProcessError(backend.returncode, command)
        return {
            **json.loads(said),
            "empty_mb": empty_mb,
            "waiting_mb": waiting_mb,
            "highest_mb": highest_mb,
            "after_mb": _settled_mb(running),
        }


def _settled_mb(running: Running) -> float:
    time.sleep(_SETTLE_S)
    running.collect_garbage()
    return _mb(running)


def _mb(running: Running) -> float:
    return running.rss_kib() * 1024 / 1e6


def _text(messages: int, results: Sequence[dict[str, Any]]) -> str:
    title = f"{messages} messages that wait for one backend, which comes back"
    if not results:
        return f"{title}\n  failed in every round"
    rate, growth_mb = median(results, "rate"), _growth_mb(results)
    return "\n".join(
        [
            title,
            f"  delivered per second: {rate:.0f}; the slowest thousand"
            f" {min(one['slowest'] for one in results):.0f};"
            f" each round {', '.join(format(one['rate'], '.0f') for one in results)}",
            f"  resident MB: {median(results, 'empty_mb'):.1f} with nothing in the queue,"
            f" {median(results, 'waiting_mb'):.1f} while they wait,"
            f" {median(results, 'highest_mb'):.1f} at most while they are delivered,"
            f" {median(results, 'after_mb'):.1f} afterwards",
            f"  {_word(rate >= LEAST_PER_S)}  delivered per second: {rate:.0f},"
            f" at least {LEAST_PER_S:g}",
            f"  {_word(growth_mb < MOST_GROWTH_MB)}  growth, from nothing in the queue to the"
            f" highest: {growth_mb:.1f} MB, below {MOST_GROWTH_MB:g}",
        ]
    )


def _growth_mb(results: Sequence[dict[str, Any]]) -> float:
    return max(
        float(one[when]) - float(one["empty_mb"])
        for one in results
        for when in ("waiting_mb", "highest_mb", "after_mb")
    )


def _word(is_met: bool) -> str:
    return "pass" if is_met else "MISS"
