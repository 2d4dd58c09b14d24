"""
After a power cut: all wallboxes connect at once, and each says BootNotification,
StatusNotification and Heartbeat. How long until the last one is served, and is any refused?
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from bench import contenders
from bench.contenders import Results
from bench.server import in_turns

MAX_SECONDS = 5.0

_CONTENDERS = (
    contenders.FULL,
    contenders.NO_SPEED,
    contenders.MOBILITYHOUSE,
    contenders.OCPP_RPC,
    contenders.PICOWS,
)


def run(connections: Sequence[int], rounds: int) -> str:
    """Measure, and describe the result."""
    return in_turns("storm", _CONTENDERS, connections, rounds, _table)


def _table(connections: int, found: Results) -> str:
    lines = [
        f"{connections} connect at once",
        f"  {'':32} {'last, s':>8} {'worst, s':>8} {'refused':>8} {'CPU ms':>8} {'load':>6}",
    ]
    verdicts = []
    for contender, results in found.items():
        if not results:
            lines.append(f"  {contender.name:32} failed in every round")
            continue
        seconds = [result["seconds"] for result in results]
        refused = sum(result["refused"] for result in results)
        lines.append(
            f"  {contender.name:32} {statistics.median(seconds):8.2f} {max(seconds):8.2f}"
            f" {refused:8} {statistics.median(result['cpu_ms'] for result in results):8.0f}"
            f" {max(result['own_share'] for result in results):6.0%}"
        )
        why = next((result["why"] for result in results if result["why"]), "")
        if why:
            lines.append(f"    {why}")
        if contender is contenders.FULL:
            well = statistics.median(seconds) <= MAX_SECONDS and not refused
            verdicts.append(
                f"  {'pass' if well else 'MISS'}  {contender.name}: all served within "
                f"{MAX_SECONDS:g} s, none refused"
            )
    return "\n".join(lines + verdicts)
