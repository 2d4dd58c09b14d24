"""
MeterValues.req with twelve sampled values, over sockets: CPU time, rate and latency.

The servers have one core, the load has the other one. The contenders take turns, in another
order in each round, and stand still while it is not their turn; the medians count.
"""

from __future__ import annotations

import random
import statistics
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bench import contenders
from bench.contenders import Contender, Results, Running, Unavailable
from bench.window import MAX_OWN_SHARE


@dataclass(frozen=True)
class Target:
    """
    What one contender may need at most, compared with another in the same run.

    @ivar figure: what is compared.
    @ivar factor: the greatest ratio that is good enough.
    """

    what: Contender
    figure: str
    factor: float
    other: Contender


_CPU_TARGETS = (
    Target(contenders.FULL, "cpu_us", 1 / 20, contenders.MOBILITYHOUSE),
    Target(contenders.FULL, "cpu_us", 1, contenders.OCPP_RPC),
    Target(contenders.FULL, "cpu_us", 2.5, contenders.PICOWS),
    Target(contenders.NO_STORAGE, "cpu_us", 1.5, contenders.PICOWS),
)
_LATENCY_TARGETS = (Target(contenders.FULL, "p99_ms", 2, contenders.PICOWS),)
_P50_MS = 1.0

#: The contenders that can keep up with the rate of the open loop on a machine of two cores.
_OPEN = (contenders.FULL, contenders.NO_STORAGE, contenders.PICOWS, contenders.OCPP_RPC)


def run(connections: Sequence[int], rounds: int, seconds: float, rate: float) -> str:
    """
    Measure, and describe the result.

    @param connections: how many wallboxes there are; each number is a table.
    @param rate: of the open loop. [1/s]
    """
    running, missing = start(contenders.ALL, max(connections))
    try:
        texts = [f"not measured: {line}" for line in missing]
        for number in connections:
            found = measure(
                running, rounds, "closed", connections=number, seconds=seconds, warm_up=seconds
            )
            title = f"{number} connections, each with one call in flight"
            texts += ["", table(title, found), verdicts(found, _CPU_TARGETS)]
        number = max(connections)
        keep_up = [one for one in running if one.contender in _OPEN]
        found = measure(
            keep_up, rounds, "open", connections=number, seconds=seconds * 2, rate=rate
        )
        title = f"{number} connections, {rate:g} messages per second in all"
        texts += ["", table(title, found), verdicts(found, _LATENCY_TARGETS), _p50(found)]
        return "\n".join(texts)
    finally:
        for one in running:
            one.stop()


def start(wanted: Sequence[Contender], chargers: int) -> tuple[list[Running], list[str]]:
    """Start the contenders; those that cannot be started are told of."""
    running: list[Running] = []
    missing: list[str] = []
    for contender in wanted:
        try:
            running.append(Running(contender, chargers))
            running[-1].pause()
        except Unavailable as error:
            missing.append(f"{contender.name}: {error}")
    return running, missing


def in_turns(
    mode: str,
    wanted: Sequence[Contender],
    connections: Sequence[int],
    rounds: int,
    table: Callable[[int, Results], str],
) -> str:
    """
    Measure contenders in one way of the load, and describe the result.

    @param table: describes what was found with so many connections.
    """
    running, missing = start(wanted, max(connections))
    texts = [f"not measured: {line}" for line in missing]
    try:
        for number in connections:
            texts += ["", table(number, measure(running, rounds, mode, connections=number))]
    finally:
        for one in running:
            one.stop()
    return "\n".join(texts)


def measure(running: Sequence[Running], rounds: int, mode: str, **options: Any) -> Results:
    """Let the load loose on each contender once in every round."""
    found: Results = {one.contender: [] for one in running}
    for _ in range(rounds):
        for one in random.sample(running, len(running)):
            # When one fails, it has said why; the others go on.
            with suppress(subprocess.CalledProcessError), one.turn():
                found[one.contender].append(contenders.load(one, mode, **options))
    return found


def median(results: Sequence[dict[str, Any]], figure: str) -> float:
    """The median of one figure over the rounds."""
    return float(statistics.median(result[figure] for result in results))


def table(title: str, found: Results) -> str:
    """The medians for a person; C{!} marks a round in which the load was at its limit."""
    lines = [
        title,
        f"  {'':32} {'CPU us':>8} {'msg/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}"
        f" {'load':>6}",
    ]
    for contender, results in found.items():
        if not results:
            lines.append(f"  {contender.name:32} failed in every round")
            continue
        own = max(result["own_share"] for result in results)
        lines.append(
            f"  {contender.name:32} {median(results, 'cpu_us'):8.1f}"
            f" {median(results, 'rate'):8.0f} {median(results, 'p50_ms'):8.2f}"
            f" {median(results, 'p99_ms'):8.2f} {max(r['max_ms'] for r in results):8.2f}"
            f" {own:5.0%}{'!' if own > MAX_OWN_SHARE else ' '}"
        )
    late = [result["late_ms"] for results in found.values() for result in results]
    if any(late):
        lines.append(f"  (99 % of the messages left at most {max(late):.2f} ms late)")
    return "\n".join(lines)


def verdicts(found: Results, targets: Sequence[Target]) -> str:
    """How the targets were met."""
    return "\n".join(_verdict(found, target) for target in targets)


def _verdict(found: Results, target: Target) -> str:
    ours, theirs = found.get(target.what), found.get(target.other)
    about = f"{target.what.name} / {target.other.name}, {target.figure}"
    if not ours or not theirs:
        return f"  ----  {about}: not measured"
    ratio = median(ours, target.figure) / median(theirs, target.figure)
    word = "pass" if ratio <= target.factor else "MISS"
    return f"  {word}  {about}: {ratio:.3f}, at most {target.factor:g}"


def _p50(found: Results) -> str:
    ours = found.get(contenders.FULL)
    if not ours:
        return "  ----  p50: not measured"
    p50_ms = median(ours, "p50_ms")
    word = "pass" if p50_ms < _P50_MS else "MISS"
    return f"  {word}  {contenders.FULL.name}, p50: {p50_ms:.2f} ms, below {_P50_MS:g} ms"
