"""
What nobody can do better who hears of the house some seconds late.

A manager without a fault: it gives cars all that the main fuse leaves beside the house as it
was heard last, and beside what is kept free; each car takes all of that at once; limits are
known before they fall. There are always cars that want more. All that it is above the fuse
comes from what the house has taken more since then, and all that it does not give is what it
keeps free. What it reaches is the border for a garage that is full all the time: less above
the fuse costs energy.
"""

from __future__ import annotations

from statistics import median

from attrs import frozen

from bench.garage.house import loads
from bench.garage.scenario import MainLimited, Scenario

__all__ = ["KEPT_MA", "Bound", "bound", "table"]

#: What is tried to be kept free. [mA per phase]
KEPT_MA = (10_000, 12_000, 14_000, 15_000, 16_000, 17_000, 18_000, 20_000)


@frozen
class Bound:
    """
    What one run gives.

    @ivar over_as: A·s above what the main fuse may carry, of all phases.
    @ivar energy: of what is there without any delay, and with nothing kept free.
    """

    over_as: float
    energy: float


def bound(
    scenario: Scenario, seed: int, kept_ma: int, late_s: int, hours: float | None = None
) -> Bound:
    """
    Let it manage a house.

    @param late_s: how old it is what is heard of the house. [s]
    """
    lasts_s = round((scenario.hours if hours is None else hours) * 3600)
    house = loads(scenario.house, scenario.sun, lasts_s, seed)
    over_mas = there_mas = given_mas = 0.0
    for second in range(late_s, lasts_s):
        limit_ma = _limit_ma(scenario, second)
        for carried_ma, heard_ma in zip(house[second], house[second - late_s], strict=True):
            given_ma = max(0.0, limit_ma - kept_ma - heard_ma)
            over_mas += min(given_ma, max(0.0, carried_ma + given_ma - limit_ma))
            given_mas += given_ma
            there_mas += max(0.0, limit_ma - carried_ma)
    return Bound(over_mas / 1000, given_mas / there_mas if there_mas else 0.0)


def _limit_ma(scenario: Scenario, second: int) -> int:
    """What the main fuse may carry then. [mA per phase]"""
    lowered = [
        trouble.max_ma
        for trouble in scenario.troubles
        if isinstance(trouble, MainLimited) and trouble.from_s <= second < trouble.until_s
    ]
    return min(lowered, default=scenario.wires.main_ma)


def table(scenario: Scenario, seeds: int, hours: float | None = None) -> str:
    """Medians of the seeds, for what is kept free, and how late the house is heard of."""
    late_s = scenario.delays.meter_s
    lines = [f"{scenario.name}, as good as it can be where cars always want more:"]
    for kept_ma in KEPT_MA:
        cells = []
        for seconds in (late_s, late_s + 1):
            found = [
                bound(scenario, seed, kept_ma, seconds, hours) for seed in range(1, seeds + 1)
            ]
            over_as = median(one.over_as for one in found)
            energy = median(one.energy for one in found)
            cells.append(f"{seconds} s late {over_as:6.0f} A·s at {energy:.3f}")
        lines.append(f"  {kept_ma / 1000:3.0f} A kept free   " + "   ".join(cells))
    return "\n".join(lines)
