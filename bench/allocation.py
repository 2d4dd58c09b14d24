"""
Sharing a garage: how long it takes, and beside acnportal's schedulers how good it is.

The garage has three levels (main fuse, floors, boards of ten EVSEs), each with a limit on each
of three phases; 60 % of the EVSEs have three phases, the others one. There is a car at each,
and there is not enough for all. For the comparison everybody takes steps of 1 A from 6 A on.
acnportal finds its matrices ready; the time of C{share} includes all that it does.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from bench.contenders import Unavailable
from bench.environments import python_with
from cfos_cm.electrical import ALL_PHASES, NOMINAL_VOLTAGE_V, OCPP_STEPS, CurrentSteps
from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.share import Demand, share

_PEER = Path(__file__).parent / "peers" / "acnportal"

#: How much of what all want is there, at the main fuse.
PLENTY, SHORT, SCARCE = 0.8, 0.45, 0.2

_PEER_ALGORITHMS = ("RoundRobin", "EDF", "LLF")
_AMPERE = CurrentSteps(1_000)


@dataclass(frozen=True)
class Garage:
    """Who wants what, and what there is."""

    demands: list[Demand]
    free_ma: dict[Constraint, int]


def garage(
    evses: int, supply: float, steps: CurrentSteps = OCPP_STEPS, weights: Sequence[int] = (1,)
) -> Garage:
    """
    Drawn at random, and the same each time.

    @param supply: how much of what all want the main fuse carries; the others carry more.
    """
    random = Random(evses)
    floors, boards = max(1, evses // 100), max(1, evses // 10)
    known: dict[Constraint, Constraint] = {}
    rows: dict[str, tuple[tuple[Constraint, int], ...]] = {}
    wanted: dict[Constraint, int] = {}
    demands = []
    for number in range(evses):
        board = number % boards
        phases = ALL_PHASES if random.random() < 0.6 else (ALL_PHASES[number % 3],)
        wiring = f"{board} {phases}"
        if wiring not in rows:
            circuits = (f"board {board}", f"floor {board % floors}", "main")
            # Alike wired ones share their rows, and all their constraints, as in a site.
            above = [Constraint(circuit, phase) for circuit in circuits for phase in phases]
            rows[wiring] = tuple((known.setdefault(one, one), 1) for one in above)
        wanted_ma = random.choice((16_000, 16_000, 32_000))
        if random.random() < 0.2:
            wanted_ma = random.randrange(7_000, 15_000, steps.grain_ma)
        for constraint, _ in rows[wiring]:
            wanted[constraint] = wanted.get(constraint, 0) + wanted_ma
        demands.append(
            Demand(
                f"bay-{number}", 6_000, wanted_ma, rows[wiring],
                weight=random.choice(weights), steps=steps,
            )
        )  # fmt: skip
    spare = {"main": 1.0, "floor": 1.1, "board": 1.25}
    free_ma = {
        one: int(ma * supply * spare[one.circuit.split()[0]] * random.uniform(0.85, 1.15))
        for one, ma in wanted.items()
    }
    return Garage(demands, free_ma)


def _milliseconds(turn: Callable[[], object], calls: int) -> float:
    gc.collect()
    begin = time.process_time()
    for _ in range(calls):
        turn()
    return (time.process_time() - begin) / calls * 1e3


def _times(rounds: int) -> str:
    lines = [
        "One division, CPU ms",
        f"  {'EVSEs':>7} {'plenty':>9} {'short':>9} {'scarce':>9} {'weights':>9}",
    ]
    for evses in (10, 100, 1000, 10_000):
        garages = [garage(evses, supply) for supply in (PLENTY, SHORT, SCARCE)]
        garages.append(garage(evses, SHORT, weights=range(1, 1001)))
        taken: list[list[float]] = [[] for _ in garages]
        for _ in range(rounds):
            for one, found in zip(garages, taken, strict=True):
                turn = partial(share, one.demands, one.free_ma)
                found.append(_milliseconds(turn, 2 + 1000 // evses))
        lines.append(
            f"  {evses:7}" + "".join(f" {statistics.median(each):9.2f}" for each in taken)
        )
    return "\n".join(lines)


class _Peer:
    """acnportal, told of one garage after the other."""

    def __init__(self) -> None:
        """
        Start it.

        @raise Unavailable: when it cannot be installed on this machine.
        """
        python = python_with(_PEER / "requirements.txt")
        self._process = subprocess.Popen(
            [python, "-W", "ignore", _PEER / "schedule.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def show(self, one: Garage) -> None:
        """Tell it of a garage."""
        random = Random(len(one.demands))
        numbers = {constraint: number for number, constraint in enumerate(one.free_ma)}
        stations = [
            {
                "name": demand.evse,
                "currents_a": [0, *range(6, demand.wanted_ma // 1000 + 1)],
                "rows": [numbers[constraint] for constraint, _ in demand.rows],
                "energy_kwh": random.uniform(5, 60),
                "departure": random.randrange(12, 120),
            }
            for demand in one.demands
        ]
        limits_a = [current_ma / 1000 for current_ma in one.free_ma.values()]
        self._ask({"stations": stations, "limits_a": limits_a})

    def run(self, algorithm: str, calls: int) -> tuple[float, dict[str, int]]:
        """The CPU ms of a run, and the currents in mA."""
        answer = self._ask({"algorithm": algorithm, "calls": calls})
        currents = answer["currents_a"].items()
        return answer["ms"], {name: round(each * 1000) for name, each in currents}

    def stop(self) -> None:
        """It has nothing to tidy up."""
        self._process.kill()
        self._process.wait()

    def _ask(self, order: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise Unavailable("acnportal has ended")
        return json.loads(line)


@dataclass
class _Result:
    """What somebody made of a garage, and how long each of its runs took."""

    name: str
    currents: dict[str, int]
    taken_ms: list[float]

    @property
    def ms(self) -> float:
        return statistics.median(self.taken_ms)

    @property
    def levels(self) -> list[int]:
        """From the lowest: the more, the fairer."""
        return sorted(self.currents.values())

    @property
    def jain(self) -> float:
        """1 where all have the same."""
        values = self.currents.values()
        return sum(values) ** 2 / (len(values) * sum(each**2 for each in values))

    def power_kw(self, one: Garage) -> float:
        phases = {
            demand.evse: len({constraint.phase for constraint, _ in demand.rows})
            for demand in one.demands
        }
        return sum(
            ma * phases[name] * NOMINAL_VOLTAGE_V / 1e6 for name, ma in self.currents.items()
        )


def _compared(
    one: Garage, peer: _Peer, algorithms: Sequence[str], calls: int, rounds: int
) -> str:
    peer.show(one)
    ours = _Result("cfos_cm", {}, [])
    theirs = [_Result(name, {}, []) for name in algorithms]
    for _ in range(rounds):
        turn = partial(share, one.demands, one.free_ma)
        ours.taken_ms.append(_milliseconds(turn, 20 * calls))
        for each in theirs:
            taken_ms, each.currents = peer.run(each.name, calls)
            each.taken_ms.append(taken_ms)
    shares = share(one.demands, one.free_ma)
    ours.currents = {name: found.current_ma for name, found in shares.items()}
    lines = []
    for each in (ours, *theirs):
        fairer = (each.levels > ours.levels) - (each.levels < ours.levels)
        lines.append(
            f"  {each.name:12} {each.ms:10.2f} {each.ms / ours.ms:8.0f}"
            f" {each.power_kw(one):8.1f} {sum(ma > 0 for ma in each.levels):8}"
            f" {each.jain:6.3f} {('same', 'better', 'worse')[fairer]:>8}"
        )
    return "\n".join(lines)


def _comparison(quick: bool, rounds: int) -> str:
    try:
        peer = _Peer()
    except Unavailable as missing:
        return f"acnportal: {missing}"
    found = []
    heading = f"  {'':12} {'CPU ms':>10} {'ratio':>8} {'kW':>8} {'charging':>8} {'Jain':>6}"
    heading += f" {'leximin':>8}"
    try:
        for evses, algorithms, calls, times in (
            (10, _PEER_ALGORITHMS, 10, rounds),
            (100, _PEER_ALGORITHMS, 1, rounds),
            (1000, ("EDF",), 1, 1),
        ):
            for words, supply in (("short", SHORT), ("scarce", SCARCE)):
                if evses > 100 and (quick or supply != SHORT):
                    continue
                one = garage(evses, supply, _AMPERE)
                found += [
                    f"{evses} EVSEs, {words}, steps of 1 A",
                    heading,
                    _compared(one, peer, algorithms, calls, times),
                    "",
                ]
    finally:
        peer.stop()
    return "\n".join(found).rstrip()


def run(quick: bool, rounds: int) -> str:
    """Measure, and describe the result."""
    return f"{_times(rounds)}\n\n{_comparison(quick, rounds)}"
