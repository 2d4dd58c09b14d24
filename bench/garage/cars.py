"""Cars, and what they make of what they are offered."""

from __future__ import annotations

from random import Random

from bench.garage.scenario import Cars

__all__ = ["LEAST_MA", "Car", "crowd"]

#: Below it a car does not charge, IEC 61851-1. [mA]
LEAST_MA = 6_000

#: Between an offer and the first current, both included. [s]
_WAKES_S = (4, 15)
#: What a car takes more in each second. [mA]
_RISE_MA = 2_000
#: What it takes less in each second at least, and of what it has to give up. [mA]
_FALL_MA, _FALL_SHARE = 4_000, 0.6
#: From here on a battery takes less and less, in the end so much less.
_FULLISH, _TAPER = 0.85, 0.6

_MILLIAMP_SECONDS_PER_KWH = 3600e6 / 230


class Car:
    """
    One car, which comes and stays.

    @ivar lines: how many phases it uses.
    @ivar most_ma: what it takes at most. [mA per phase]
    @ivar need_mas: what it needs, summed over its phases. [mA·s]
    @ivar comes_s: when it is plugged in. [s]
    @ivar draw_ma: what it draws now. [mA per phase]
    @ivar got_mas: what it has got. [mA·s]
    @ivar starts: how often it was offered something after a pause.
    @ivar first_s: when it drew something for the first time; C{None}: it has not yet. [s]
    """

    __slots__ = (
        "comes_s",
        "draw_ma",
        "first_s",
        "got_mas",
        "lines",
        "most_ma",
        "need_mas",
        "starts",
        "wakes_s",
    )

    def __init__(self, lines: int, most_ma: int, need_mas: float, comes_s: int) -> None:
        self.lines = lines
        self.most_ma = most_ma
        self.need_mas = need_mas
        self.comes_s = comes_s
        self.draw_ma = 0.0
        self.got_mas = 0.0
        self.starts = 0
        self.first_s: int | None = None
        self.wakes_s: int | None = None

    @property
    def is_full(self) -> bool:
        """Whether it has all that it needs."""
        return self.got_mas >= self.need_mas

    @property
    def served(self) -> float:
        """How much of what it needs it has got; at most 1."""
        return min(1.0, self.got_mas / self.need_mas)

    def live(self, now_s: int, offered_ma: int, chance: Random) -> None:
        """What it draws in this second, with its ramps, when it is offered C{offered_ma}."""
        if offered_ma < LEAST_MA or self.got_mas >= self.need_mas:
            self.draw_ma = 0.0
            self.wakes_s = None
            return
        if self.wakes_s is None:
            self.starts += 1
            self.wakes_s = now_s + chance.randint(*_WAKES_S)
        if now_s < self.wakes_s:
            return
        wanted_ma: float = min(offered_ma, self.most_ma)
        share = self.got_mas / self.need_mas
        if share > _FULLISH:
            taper_ma = self.most_ma * (1 - (share - _FULLISH) / (1 - _FULLISH) * _TAPER)
            wanted_ma = min(wanted_ma, max(LEAST_MA, taper_ma))
        drop_ma = self.draw_ma - wanted_ma
        if drop_ma > 0:
            step_ma = max(_FALL_MA, drop_ma * _FALL_SHARE)
            self.draw_ma = max(wanted_ma, self.draw_ma - step_ma)
        else:
            self.draw_ma = min(wanted_ma, self.draw_ma + _RISE_MA)
        self._take(now_s)

    def obey(self, now_s: int, offered_ma: int) -> None:
        """The same for a car without any ramps, as only one in thought is."""
        if offered_ma < LEAST_MA or self.got_mas >= self.need_mas:
            self.draw_ma = 0.0
            self.wakes_s = None
            return
        if self.wakes_s is None:
            self.starts += 1
            self.wakes_s = now_s
        self.draw_ma = min(offered_ma, self.most_ma)
        self._take(now_s)

    def _take(self, now_s: int) -> None:
        if self.first_s is None:
            self.first_s = now_s
        self.got_mas += self.draw_ma * self.lines


def crowd(cars: Cars, lasts_s: int, seed: int) -> list[tuple[Car, int]]:
    """
    A car for each bay, and what the bay gives at most. [mA per phase]

    @param lasts_s: the whole time; it says when the last ones come. [s]
    """
    chance = Random(seed)
    found = []
    for _ in range(cars.count):
        lines = 3 if chance.random() < cars.three_phase else 1
        bay_ma = 32_000 if chance.random() < cars.strong else 16_000
        most_ma = chance.choice(cars.three_phase_ma if lines == 3 else cars.single_phase_ma)
        need_mas = chance.uniform(*cars.need_kwh) * _MILLIAMP_SECONDS_PER_KWH
        comes_s = int(chance.triangular(-1800, lasts_s * cars.come_until, 600))
        found.append((Car(lines, most_ma, need_mas, comes_s), bay_ma))
    if cars.burst is not None:
        for car, _ in found[: cars.burst.cars]:
            car.comes_s = cars.burst.at_s + chance.randrange(cars.burst.within_s)
    return found
