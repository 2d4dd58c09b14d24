"""Timing: several rounds of each contender in turn, medians, and ratios within one run."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One contender's result; `ratio` is its time divided by the first contender's."""

    name: str
    micros: float
    ratio: float


def compare(
    contenders: Mapping[str, Callable[[], object]], calls: int, rounds: int
) -> list[Row]:
    """
    CPU microseconds per call of each contender.

    The contenders take turns, so that a machine that slows down slows all of them; the median
    of the rounds is what counts.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        call()
    for _ in range(rounds):
        for name, call in contenders.items():
            gc.collect()
            begin = time.process_time()
            for _ in range(calls):
                call()
            taken[name].append((time.process_time() - begin) / calls * 1e6)
    medians = {name: statistics.median(values) for name, values in taken.items()}
    first = next(iter(medians.values()))
    return [Row(name, micros, micros / first) for name, micros in medians.items()]


def table(title: str, rows: list[Row]) -> str:
    """The results for a person."""
    lines = [title, f"  {'':44} {'CPU us':>10} {'ratio':>8}"]
    lines += [f"  {row.name:44} {row.micros:10.1f} {row.ratio:8.2f}" for row in rows]
    return "\n".join(lines)
