"""
A barrier burst: a hundred wallboxes that all speak at the same moment, ten times. At each
signal every one of them says StatusNotification, MeterValues and StartTransaction without
waiting for an answer in between. How long do they wait, and does any get a CALLERROR?
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench import contenders
from bench.contenders import Results
from bench.server import in_turns, median
from bench.window import MAX_OWN_SHARE

MAX_P99_MS = 500.0

_CONTENDERS = (contenders.FULL, contenders.MOBILITYHOUSE)


def run(connections: Sequence[int], rounds: int) -> str:
    """Measure, and describe the result."""
    return in_turns("burst", _CONTENDERS, connections, rounds, _table)


def _table(connections: int, found: Results) -> str:
    lines = [
        f"{connections} speak at once, {_bursts(found)} times",
        f"  {'':32} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'CPU us':>8} {'messages':>9}"
        f" {'CALLERRORs':>11} {'load':>6}",
    ]
    verdicts = []
    for contender, results in found.items():
        if not results:
            lines.append(f"  {contender.name:32} failed in every round")
            continue
        lines.append(f"  {contender.name:32} {_row(results)}")
        if contender is contenders.FULL:
            verdicts.append(f"  {_verdict(results)}  {contender.name}: {_AIM}")
    return "\n".join(lines + verdicts)


_AIM = f"no CALLERROR, p99 below {MAX_P99_MS:g} ms"


def _bursts(found: Results) -> int:
    return next((result["bursts"] for results in found.values() for result in results), 0)


def _row(results: Sequence[dict[str, Any]]) -> str:
    own = max(result["own_share"] for result in results)
    return (
        f"{median(results, 'p50_ms'):8.2f} {median(results, 'p99_ms'):8.2f}"
        f" {max(result['max_ms'] for result in results):8.2f}"
        f" {median(results, 'cpu_us'):8.1f}"
        f" {sum(result['messages'] for result in results):9}"
        f" {sum(result['call_errors'] for result in results):11}"
        f" {own:5.0%}{'!' if own > MAX_OWN_SHARE else ' '}"
    )


def _verdict(results: Sequence[dict[str, Any]]) -> str:
    refused = sum(result["call_errors"] for result in results)
    return "MISS" if refused or median(results, "p99_ms") >= MAX_P99_MS else "pass"
