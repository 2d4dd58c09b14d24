"""One run: a scenario, a manager, a seed."""

from __future__ import annotations

import time

from attrs import frozen

from bench.garage.garage import Garage, Manager
from bench.garage.managers import MANAGERS, Ours
from bench.garage.scenario import Scenario
from bench.garage.score import Curves, Score, Scorer

__all__ = ["Run", "play"]


@frozen
class Run:
    """
    What came of it.

    @ivar manager: who has decided.
    @ivar ticks: how often the control loop worked; 0 for others.
    @ivar tick_ms: how long it worked each time, the median. [ms]
    @ivar slow_tick_ms: what one of a hundred times took longer than. [ms]
    @ivar took_s: CPU time of the whole run. [s]
    """

    scenario: Scenario
    manager: str
    seed: int
    score: Score
    ticks: int
    tick_ms: float
    slow_tick_ms: float
    took_s: float
    curves: Curves | None


def play(
    scenario: Scenario,
    manager: str,
    seed: int,
    hours: float | None = None,
    with_curves: bool = False,
) -> Run:
    """
    Let a garage live.

    @param manager: one of L{MANAGERS}.
    @param hours: how long; C{None}: as long as the scenario says. [h]
    """
    begin_s = time.process_time()
    lasts_s = round((scenario.hours if hours is None else hours) * 3600)
    started: list[Manager] = []

    def managed_by(garage: Garage) -> Manager:
        started.append(MANAGERS[manager](garage))
        return started[-1]

    garage = Garage(scenario, seed, lasts_s, managed_by, ideal_cars=manager == "oracle")
    curves = Curves() if with_curves else None
    scorer = Scorer(garage, curves)
    for moment in garage.seconds():
        scorer.look(moment)
    ticks_ms = sorted(
        tick_s * 1000 for one in started if isinstance(one, Ours) for tick_s in one.ticks_s
    ) or [0.0]
    return Run(
        scenario,
        manager,
        seed,
        scorer.score(),
        ticks=len(ticks_ms),
        tick_ms=ticks_ms[len(ticks_ms) // 2],
        slow_tick_ms=ticks_ms[-1 - len(ticks_ms) // 100],
        took_s=time.process_time() - begin_s,
        curves=curves,
    )
