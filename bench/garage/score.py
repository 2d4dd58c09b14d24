"""What a run was worth: how safe, how much, how fair, how restless."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from attrs import field, frozen

from bench.garage.cars import Car
from bench.garage.garage import Garage, Moment
from bench.garage.scenario import CarsLimited, EvsesLimited, MainLimited, Trouble

__all__ = ["Curves", "Score", "Scorer"]

#: The time constant of a fuse that melts at 1.6 times its rating after three hours. [s]
_FUSE_S = 6264.0
#: A limit that fell is kept when nothing was above it for so long. [s]
_KEPT_S = 60
#: Who comes later has no time to be served.
_TOO_LATE_S = 1800
_VOLTS = 230
_KWH_PER_MAS = _VOLTS / 3600e6


@frozen
class Score:
    """
    The figures of one run.

    @ivar over_as: A·s of the main fuse above what it may carry, all phases together.
    @ivar ours_as: the same without what the house alone would have drawn above it.
    @ivar boards_as: the same of the boards.
    @ivar other_as: A·s above other limits: an imbalance, a grid operator's, a backend's.
    @ivar worst_a: the highest excess at the main fuse. [A]
    @ivar over_s: the seconds in which there was any. [s]
    @ivar longest_s: the longest time in a row with any that was not the house's alone. [s]
    @ivar reactions_s: of each limit that fell: until it was kept. [s]
    @ivar thermal: how warm the main fuse got: its current squared, slowly; 1 is its rating.
    @ivar energy_kwh: what the cars have got.
    @ivar imported_kwh: what of that was bought because the cars charged.
    @ivar jain: how evenly what cars needed was served; 1 is the same share for all.
    @ivar low_share: the share that one of twenty cars does not reach.
    @ivar starts: how often a car began to charge.
    @ivar orders: for each EVSE and hour.
    @ivar first_s: from coming to the first current, the median. [s]
    @ivar late_s: what one of twenty waits longer for. [s]
    @ivar classes: the share served, by priority, highest first.
    @ivar fingerprint: of all orders.
    """

    over_as: float
    ours_as: float
    boards_as: float
    other_as: float
    worst_a: float
    over_s: int
    longest_s: int
    reactions_s: tuple[int, ...]
    thermal: float
    energy_kwh: float
    imported_kwh: float
    jain: float
    low_share: float
    starts: float
    orders: float
    first_s: float
    late_s: float
    classes: tuple[float, ...]
    fingerprint: str

    @property
    def all_over_as(self) -> float:
        """A·s above all limits."""
        return self.over_as + self.boards_as + self.other_as

    @property
    def reaction_s(self) -> int:
        """The slowest of the reactions; 0 where no limit fell. [s]"""
        return max(self.reactions_s, default=0)


@frozen
class Curves:
    """
    What flowed, for a picture: a value for each second.

    @ivar main: what the main fuse carried, phase by phase. [A]
    @ivar house: what the house drew of that. [A]
    @ivar limit: what the main fuse might carry. [A]
    @ivar charging: how many cars drew something.
    @ivar waiting: how many were there, were not full and drew nothing.
    """

    main: tuple[list[float], list[float], list[float]] = field(factory=lambda: ([], [], []))
    house: tuple[list[float], list[float], list[float]] = field(factory=lambda: ([], [], []))
    limit: list[float] = field(factory=list)
    charging: list[int] = field(factory=list)
    waiting: list[int] = field(factory=list)


class Scorer:
    """Looks at each second, and at the garage in the end."""

    def __init__(self, garage: Garage, curves: Curves | None = None) -> None:
        """
        @param curves: what flows is written into these.
        """
        self._garage = garage
        self._curves = curves
        self._over_mas = self._ours_mas = self._boards_mas = self._others_mas = 0.0
        self._imported_mas = 0.0
        self._worst_ma = 0.0
        self._over_s = self._lasts_s = self._longest_s = 0
        self._heat = [0.0, 0.0, 0.0]
        self._warmest = 0.0
        self._reactions = [
            _Reaction(trouble)
            for trouble in garage.scenario.troubles
            if isinstance(trouble, MainLimited | CarsLimited | EvsesLimited)
        ]

    def look(self, moment: Moment) -> None:
        """One more second has passed."""
        highest_ma = max(moment.main) - moment.limit_ma
        was_ours_mas = self._ours_mas
        if highest_ma > 0:
            self._above(moment, highest_ma)
        self._lasts_s = self._lasts_s + 1 if self._ours_mas > was_ours_mas else 0
        self._longest_s = max(self._longest_s, self._lasts_s)
        wires = self._garage.scenario.wires
        for carried_ma in moment.boards:
            if carried_ma > wires.board_ma:
                self._boards_mas += carried_ma - wires.board_ma
        for phase, carried_ma in enumerate(moment.main):
            heat = self._heat[phase]
            heat += ((carried_ma / wires.main_ma) ** 2 - heat) / _FUSE_S
            self._heat[phase] = heat
            self._warmest = max(self._warmest, heat)
        self._look_at_others(moment)
        self._imported_mas += sum(
            max(0.0, carried) - max(0.0, alone)
            for carried, alone in zip(moment.main, moment.house, strict=True)
        )
        if self._curves is not None:
            self._draw(self._curves, moment)

    def score(self) -> Score:
        """What all of it was worth."""
        garage = self._garage
        cars = [bay.car for bay in garage.bays]
        hours = garage.lasts_s / 3600
        early = [car for car in cars if car.comes_s < garage.lasts_s - _TOO_LATE_S] or cars
        shares = sorted(car.served for car in early)
        squares = sum(share * share for share in shares)
        waits_s = sorted(_wait_s(car, garage.lasts_s) for car in early)
        return Score(
            over_as=self._over_mas / 1000,
            ours_as=self._ours_mas / 1000,
            boards_as=self._boards_mas / 1000,
            other_as=self._others_mas / 1000,
            worst_a=self._worst_ma / 1000,
            over_s=self._over_s,
            longest_s=self._longest_s,
            reactions_s=tuple(one.took_s for one in self._reactions if one.has_begun),
            thermal=self._warmest,
            energy_kwh=sum(car.got_mas for car in cars) * _KWH_PER_MAS,
            imported_kwh=self._imported_mas * _KWH_PER_MAS,
            jain=sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0,
            low_share=shares[len(shares) // 20],
            starts=sum(car.starts for car in cars) / len(cars),
            orders=garage.orders / len(cars) / hours,
            first_s=median(waits_s),
            late_s=waits_s[-1 - len(waits_s) // 20],
            classes=_classes(garage),
            fingerprint=garage.fingerprint,
        )

    def _above(self, moment: Moment, highest_ma: float) -> None:
        self._over_s += 1
        self._worst_ma = max(self._worst_ma, highest_ma)
        for carried_ma, alone_ma in zip(moment.main, moment.house, strict=True):
            excess_ma = carried_ma - moment.limit_ma
            if excess_ma > 0:
                self._over_mas += excess_ma
                self._ours_mas += min(excess_ma, carried_ma - alone_ma)

    def _look_at_others(self, moment: Moment) -> None:
        for one in self._reactions:
            if one.trouble.from_s <= moment.second < one.trouble.until_s:
                match one.trouble:
                    case MainLimited():
                        one.look(moment.second, one.without_rise_ma(moment))
                    case CarsLimited() | EvsesLimited():
                        excess_ma = self._excess_ma(one.trouble, moment)
                        self._others_mas += max(0.0, excess_ma)
                        one.look(moment.second, excess_ma)
        allowed_ma = self._garage.scenario.wires.max_imbalance_ma
        if allowed_ma:
            cars = [
                carried - alone
                for carried, alone in zip(moment.main, moment.house, strict=True)
            ]
            self._others_mas += max(0.0, max(cars) - min(cars) - allowed_ma)

    def _excess_ma(self, trouble: CarsLimited | EvsesLimited, moment: Moment) -> float:
        """How far above it the cars are, summed over phases and bays. [mA]"""
        if isinstance(trouble, CarsLimited):
            return sum(moment.boards) - trouble.max_w * 1000 / _VOLTS
        return sum(
            max(0.0, bay.car.draw_ma - trouble.max_ma) * bay.car.lines
            for bay in self._garage.bays[trouble.first : trouble.last]
        )

    def _draw(self, curves: Curves, moment: Moment) -> None:
        for phase in range(3):
            curves.main[phase].append(moment.main[phase] / 1000)
            curves.house[phase].append(moment.house[phase] / 1000)
        curves.limit.append(moment.limit_ma / 1000)
        cars = [bay.car for bay in self._garage.bays]
        charging = sum(car.draw_ma > 0 for car in cars)
        there = sum(car.comes_s <= moment.second and not car.is_full for car in cars)
        curves.charging.append(charging)
        curves.waiting.append(max(0, there - charging))


class _Reaction:
    """How long it takes until a limit that fell is kept."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble
        self.has_begun = False
        self.took_s = 0
        self._is_over = False
        self._house_ma: Sequence[float] | None = None

    def without_rise_ma(self, moment: Moment) -> float:
        """
        How far above the limit the worst phase is, without what the house has risen since.

        What the house adds later is one more thing to react to, and is counted as excess.
        """
        if self._house_ma is None:
            self._house_ma = moment.house
        return max(
            carried - moment.limit_ma - max(0.0, now - before)
            for carried, now, before in zip(
                moment.main, moment.house, self._house_ma, strict=True
            )
        )

    def look(self, second: int, excess_ma: float) -> None:
        """One more second under the limit."""
        self.has_begun = True
        since_s = second - self.trouble.from_s
        if self._is_over:
            return
        if excess_ma > 0:
            self.took_s = since_s + 1
        elif since_s >= max(_KEPT_S, self.took_s):
            self._is_over = True


def _wait_s(car: Car, lasts_s: int) -> int:
    """From its coming to its first current, or to the end."""
    until_s = lasts_s if car.first_s is None else car.first_s
    return until_s - max(0, car.comes_s)


def _classes(garage: Garage) -> tuple[float, ...]:
    shares: dict[int, list[float]] = {}
    for bay in garage.bays:
        shares.setdefault(bay.settings.priority, []).append(bay.car.served)
    return tuple(_mean(shares[priority]) for priority in sorted(shares, reverse=True))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
