"""What a house draws, and what its roof gives, second by second."""

from __future__ import annotations

from math import pi, sin
from random import Random

from bench.garage.scenario import House, Sun

__all__ = ["Loads", "loads"]

#: The load of each phase in each second. [mA]
Loads = list[tuple[float, float, float]]

_PHASES = (0, 1, 2)
#: How strongly a load that has wandered off comes back, and how far off it gets. [mA]
_RETURN, _LOWEST_MA, _HIGHEST_MA = 0.999, -15e3, 25e3
#: What is switched on, is on all three phases so often.
_ON_ALL_PHASES = 0.4
_SHORTEST_S = 5


def loads(house: House, sun: Sun | None, lasts_s: int, seed: int) -> Loads:
    """The load in each second, negative where the roof gives more than the house takes."""
    chance = Random(seed + 77)
    base = [chance.uniform(*house.base_ma) for _ in _PHASES]
    switched = _switched(house, lasts_s, chance)
    wandered = [0.0, 0.0, 0.0]
    found: Loads = []
    for second in range(lasts_s):
        if house.wander_ma:
            for phase in _PHASES:
                off_ma = wandered[phase] * _RETURN + chance.gauss(0, house.wander_ma)
                wandered[phase] = max(_LOWEST_MA, min(_HIGHEST_MA, off_ma))
        l1, l2, l3 = (
            max(0.0, base[phase] + wandered[phase] + switched[second][phase])
            for phase in _PHASES
        )
        found.append((l1, l2, l3))
    if sun is None:
        return found
    shine = _shine(sun, lasts_s, Random(seed + 177))
    return [(l1 - ma, l2 - ma, l3 - ma) for (l1, l2, l3), ma in zip(found, shine, strict=True)]


def _switched(house: House, lasts_s: int, chance: Random) -> list[list[float]]:
    """What is switched on in each second. [mA]"""
    added = [[0.0, 0.0, 0.0] for _ in range(lasts_s)]
    begin_s = 0
    while house.steps_ma and begin_s < lasts_s:
        begin_s += int(chance.expovariate(1 / house.step_every_s))
        length_s = int(chance.expovariate(1 / house.step_lasts_s)) + _SHORTEST_S
        everywhere = chance.random() < _ON_ALL_PHASES
        phases = _PHASES if everywhere else (chance.randrange(3),)
        step_ma = chance.choice(house.steps_ma)
        for second in range(begin_s, min(lasts_s, begin_s + length_s)):
            for phase in phases:
                added[second][phase] += step_ma
    return added


def _shine(sun: Sun, lasts_s: int, chance: Random) -> list[float]:
    """What the roof gives in each second. [mA per phase]"""
    found: list[float] = []
    left_s, cloudy = 0, True
    share = 1.0
    for second in range(lasts_s):
        if not left_s:
            cloudy = not cloudy
            mean_s = sun.cloud_lasts_s if cloudy else sun.cloud_every_s
            left_s = int(chance.expovariate(1 / mean_s)) + 1
        left_s -= 1
        # The edge of a cloud takes some seconds.
        share += ((sun.cloud_leaves if cloudy else 1.0) - share) * 0.1
        found.append(sun.peak_ma * sin(pi * second / lasts_s) * share)
    return found
