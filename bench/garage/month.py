"""
A month in a car park at work: who gets how much when there is too little.

It stands beside the public experiment with the sessions of Caltech's garage in March 2019: 54
stations, steps of five minutes, 208 V, cars that take 6.6 kW, first come first served, earliest
deadline first, least laxity first, round robin. The sessions are made up: arrivals of working
days with a peak in the morning, a lower one after noon and some in the evening, stays of hours,
few on weekends. How many there are and how much they need was chosen so that round robin
delivers the share of the energy that it was measured to deliver of the real ones: 81 % at
20 kW, 93 % at 30 kW and 98 % at 40 kW.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from attrs import frozen

from cfos_cm.electrical import ALL_PHASES, CurrentSteps
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.share import Demand, share

__all__ = ["RULES", "Network", "Result", "Session", "Stay", "month", "run", "serve"]

STATIONS = 54
STEP_S = 300
VOLTS = 208
#: What a car takes: 6.6 kW. [mA]
MOST_MA = 31_700
LEAST_MA = 6_000
_STEPS_PER_DAY = 24 * 3600 // STEP_S
_DAYS = 31
#: The first of March 2019 was a Friday.
_WEEKEND = {(5 - 4) % 7, (6 - 4) % 7}
_MAS_PER_KWH = 3600e6 / VOLTS
#: So fine that nobody's least matters.
_FINE = CurrentSteps(grain_ma=100)


@frozen
class Session:
    """
    One car's stay.

    @ivar comes: the step in which it comes.
    @ivar goes: the step in which it is not there any more.
    @ivar need_mas: what it needs, and could get alone. [mA·s]
    """

    station: int
    comes: int
    goes: int
    need_mas: float


class Stay:
    """
    A session while it lasts.

    @ivar got_mas: what it has got. [mA·s]
    """

    __slots__ = ("got_mas", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.got_mas = 0.0

    @property
    def left_mas(self) -> float:
        """What it still needs. [mA·s]"""
        return self.session.need_mas - self.got_mas

    @property
    def most_ma(self) -> int:
        """What it can take in one step. [mA]"""
        return min(MOST_MA, int(self.left_mas / STEP_S))


@frozen
class _Peak:
    """Arrivals around one time of the day, and how long they stay. [h]"""

    share: float
    at: float
    spread: float
    stays: float
    stays_spread: float


_PEAKS = (
    _Peak(0.58, 8.9, 1.2, 7.6, 2.2),
    _Peak(0.27, 13.2, 1.8, 4.2, 1.7),
    _Peak(0.15, 18.2, 1.6, 3.0, 1.3),
)
_ON_WORKDAYS, _ON_WEEKENDS = (40, 6), (13, 4)
#: The logarithm of what they need. [kWh]
_NEED, _NEED_SPREAD = 1.9, 0.75


def month(seed: int) -> list[Session]:
    """The sessions of a month, by when they come."""
    chance = Random(seed)
    free_from = [0] * STATIONS
    found = []
    for day in range(_DAYS):
        mean, spread = _ON_WEEKENDS if day % 7 in _WEEKEND else _ON_WORKDAYS
        for _ in range(max(0, round(chance.gauss(mean, spread)))):
            peak = chance.choices(_PEAKS, [one.share for one in _PEAKS])[0]
            comes_h = min(23.5, max(0.0, chance.gauss(peak.at, peak.spread)))
            stays_h = max(0.5, chance.gauss(peak.stays, peak.stays_spread))
            need_kwh = chance.lognormvariate(_NEED, _NEED_SPREAD)
            comes = day * _STEPS_PER_DAY + int(comes_h * 3600 / STEP_S)
            goes = comes + int(stays_h * 3600 / STEP_S)
            most_mas = MOST_MA * STEP_S * (goes - comes)
            found.append((comes, goes, min(need_kwh * _MAS_PER_KWH, most_mas)))
    sessions = []
    for comes, goes, need_mas in sorted(found):
        free = [station for station in range(STATIONS) if free_from[station] <= comes]
        if free:
            station = chance.choice(free)
            free_from[station] = goes
            sessions.append(Session(station, comes, goes, need_mas))
    return sessions


class Network:
    """
    What the stations share.

    @ivar free: what each constraint carries. [mA]
    """

    def __init__(self, kind: str, power_kw: float) -> None:
        """
        @param kind: C{single}: all on one phase; C{star}: on three in turn, with two pods of
            80 A for eight stations each.
        """
        total_ma = int(power_kw * 1e6 / VOLTS)
        self._rows: list[tuple[Constraint, ...]] = []
        if kind == "single":
            whole = Constraint("park", None, ConstraintKind.POWER)
            self.free = {whole: total_ma}
            self._rows = [(whole,)] * STATIONS
            return
        phases = [Constraint("park", phase) for phase in ALL_PHASES]
        pods = [Constraint(f"pod-{pod}", None, ConstraintKind.POWER) for pod in range(2)]
        self.free = dict.fromkeys(phases, total_ma // 3) | dict.fromkeys(pods, 80_000)
        for station in range(STATIONS):
            pod = (pods[station // 8],) if station < 16 else ()
            self._rows.append((phases[station % 3], *pod))

    def rows(self, station: int) -> tuple[Constraint, ...]:
        """What a station's current flows through."""
        return self._rows[station]


#: Who gets what in one step. [mA, in the order of the stays]
Rule = Callable[[Network, Sequence[Stay], int], Sequence[int]]


def _ours(network: Network, stays: Sequence[Stay], step: int) -> Sequence[int]:
    return _shared(network, stays, 100, [1] * len(stays))


def _ours_with_turns(network: Network, stays: Sequence[Stay], step: int) -> Sequence[int]:
    # Less than six amps is nothing to a car. Whoever got least of what he needs is first.
    order = sorted(
        range(len(stays)),
        key=lambda place: (stays[place].got_mas / stays[place].session.need_mas, place),
    )
    found = _shared(network, [stays[place] for place in order], LEAST_MA, [1] * len(stays))
    currents = [0] * len(stays)
    for place, current_ma in zip(order, found, strict=True):
        currents[place] = current_ma
    return currents


def _ours_by_deadline(network: Network, stays: Sequence[Stay], step: int) -> Sequence[int]:
    # What each needs on the average until he goes, in thousandths of what he can take.
    weights = []
    for stay in stays:
        needed_ma = stay.left_mas / (STEP_S * (stay.session.goes - step))
        weights.append(max(1, min(1000, int(1000 * needed_ma / MOST_MA))))
    return _shared(network, stays, 100, weights)


def _shared(
    network: Network, stays: Sequence[Stay], least_ma: int, weights: Sequence[int]
) -> Sequence[int]:
    demands = [
        Demand(
            str(place),
            minimum_ma=min(least_ma, stay.most_ma // 100 * 100 or 100),
            wanted_ma=stay.most_ma // 100 * 100,
            rows=tuple((one, 1) for one in network.rows(stay.session.station)),
            weight=weight,
            steps=_FINE,
        )
        for place, (stay, weight) in enumerate(zip(stays, weights, strict=True))
    ]
    shares = share(demands, network.free)
    return [shares[demand.evse].current_ma for demand in demands]


def _round_robin(network: Network, stays: Sequence[Stay], step: int) -> Sequence[int]:
    """One amp after the other, to each in turn who can take it."""
    free = dict(network.free)
    currents = [0] * len(stays)
    turn = list(range(len(stays)))
    while turn:
        again = []
        for place in turn:
            unit_ma = min(1000, stays[place].most_ma - currents[place])
            rows = network.rows(stays[place].session.station)
            if unit_ma > 0 and all(free[one] >= unit_ma for one in rows):
                currents[place] += unit_ma
                for one in rows:
                    free[one] -= unit_ma
                again.append(place)
        turn = again
    return currents


def _greedy(first: Callable[[Stay, int], float]) -> Rule:
    """All that he can take to the first, and so on."""

    def rule(network: Network, stays: Sequence[Stay], step: int) -> Sequence[int]:
        free = dict(network.free)
        currents = [0] * len(stays)
        for place in sorted(range(len(stays)), key=lambda place: first(stays[place], step)):
            rows = network.rows(stays[place].session.station)
            current_ma = min(stays[place].most_ma, *(free[one] for one in rows))
            currents[place] = current_ma
            for one in rows:
                free[one] -= current_ma
        return currents

    return rule


def _came(stay: Stay, step: int) -> float:
    return stay.session.comes


def _goes(stay: Stay, step: int) -> float:
    return stay.session.goes


def _laxity(stay: Stay, step: int) -> float:
    """How long it can wait. [s]"""
    return (stay.session.goes - step) * STEP_S - stay.left_mas / MOST_MA


RULES: Mapping[str, Rule] = {
    "round robin": _round_robin,
    "ours": _ours,
    "ours, 6 A or nothing": _ours_with_turns,
    "first come first served": _greedy(_came),
    "earliest deadline first": _greedy(_goes),
    "least laxity first": _greedy(_laxity),
    "ours, by need and deadline": _ours_by_deadline,
}


@frozen
class Result:
    """
    What came of a month.

    @ivar energy: how much of what was needed was delivered.
    @ivar low_share: the share served that one of twenty does not reach.
    """

    energy: float
    low_share: float


def serve(sessions: Sequence[Session], network: Network, rule: Rule) -> Result:
    """
    Let the month pass.

    @raise ValueError: if a rule gives more than there is.
    """
    stays = [Stay(session) for session in sessions]
    here: list[Stay] = []
    coming = 0
    for step in range(max(one.goes for one in sessions)):
        while coming < len(stays) and stays[coming].session.comes <= step:
            here.append(stays[coming])
            coming += 1
        here = [one for one in here if one.session.goes > step and one.most_ma >= 100]
        if not here:
            continue
        currents = rule(network, here, step)
        _check(network, here, currents)
        for stay, current_ma in zip(here, currents, strict=True):
            stay.got_mas += current_ma * STEP_S
    shares = sorted(min(1.0, one.got_mas / one.session.need_mas) for one in stays)
    got_mas = sum(one.got_mas for one in stays)
    return Result(got_mas / sum(one.need_mas for one in sessions), shares[len(shares) // 20])


def _check(network: Network, stays: Sequence[Stay], currents: Sequence[int]) -> None:
    free = dict(network.free)
    for stay, current_ma in zip(stays, currents, strict=True):
        for one in network.rows(stay.session.station):
            free[one] -= current_ma
    if min(free.values()) < 0:
        raise ValueError("more was given than there is")


def run(seed: int = 1) -> str:
    """All rules in all networks, and describe the result."""
    sessions = month(seed)
    need_kwh = sum(one.need_mas for one in sessions) / _MAS_PER_KWH
    lines = [
        f"A month of {len(sessions)} sessions, {need_kwh:.0f} kWh at {STATIONS} stations: "
        "energy delivered, % / share served that one of twenty does not reach",
        f"  {'':28}" + "".join(f"{kind + f' {kw}':>14}" for kind, kw in _NETWORKS),
    ]
    for name, rule in RULES.items():
        found = [serve(sessions, Network(kind, kw), rule) for kind, kw in _NETWORKS]
        cells = [f"{100 * one.energy:.1f} / {one.low_share:.2f}" for one in found]
        lines.append(f"  {name:28}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)


_NETWORKS = tuple((kind, kw) for kind in ("single", "star") for kw in (20, 30, 40, 50))
