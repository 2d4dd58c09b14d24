"""
The control loop in a garage: real decisions, simulated cars, wires, meters and links.

    python -m bench.scenarios                                the day, with all managers
    python -m bench.scenarios S2 S6 --seeds 4                two groups of scenarios, four seeds
    python -m bench.scenarios S0 --hours 1 --managers ours   shorter, and only one of them
    python -m bench.scenarios all --jobs 2                   every scenario
    python -m bench.scenarios S0 --svg docs/images           and the curves of the first seed
    python -m bench.scenarios month                          a month of sessions in a car park
    python -m bench.scenarios bound                          what no manager can do better

ours: the control loop of this program. incumbent: what is documented of the loop of the product
that is to be replaced. oracle: who knows all at once, with the same allocator and with cars
that obey at once. uncontrolled: every car takes what it can.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.garage import bound, picture
from bench.garage.catalogue import SCENARIOS, named
from bench.garage.managers import MANAGERS
from bench.garage.month import run as run_month
from bench.garage.play import Run, play
from bench.garage.scenario import MainLimited, Scenario
from bench.garage.tables import misses, row, table

DEFAULT = ("ours", "incumbent", "oracle")

_Task = tuple[Scenario, str, int, float | None, bool]


def run(hours: float | None, seeds: int) -> str:
    """The day, with who manages it, and the month: measure, and describe the result."""
    found = list(measure(named(["S0"])[:1], DEFAULT, seeds, hours, 1))
    return "\n\n".join([describe(found), run_month()])


def measure(
    scenarios: Sequence[Scenario],
    managers: Sequence[str],
    seeds: int,
    hours: float | None,
    jobs: int,
    with_curves: bool = False,
) -> Iterator[Run]:
    """
    All runs, in the same order whatever C{jobs} is.

    @param with_curves: those of the first seed keep what flowed.
    """
    tasks: list[_Task] = [
        (scenario, manager, seed, hours, with_curves and seed == 1)
        for scenario in scenarios
        for manager in managers
        for seed in range(1, seeds + 1)
    ]
    if jobs == 1:
        yield from map(_play, tasks)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_play, tasks)


def describe(runs: Sequence[Run]) -> str:
    """The table of one scenario, and what it misses."""
    scenario = runs[0].scenario
    managers = list(dict.fromkeys(one.manager for one in runs))
    oracles = {one.seed: one for one in runs if one.manager == "oracle"}
    rows = [
        row(manager, [one for one in runs if one.manager == manager], oracles)
        for manager in managers
    ]
    lines = [table(scenario, rows)]
    for found in rows:
        if found.manager == "ours":
            missed = misses(found, scenario.expected)
            lines += [f"  MISS  {what}" for what in missed] or ["  pass"]
    lines += _extras(runs)
    return "\n".join(lines)


def draw(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Pictures of what has curves."""
    written = []
    scenario = runs[0].scenario
    drawn = [one for one in runs if one.curves is not None]
    for one in drawn:
        path = folder / f"{one.scenario.name.lower()}-{one.manager}.svg"
        path.write_text(picture.day(one), encoding="utf-8")
        written.append(path)
    managed = [one for one in drawn if one.manager in ("ours", "incumbent")]
    falls = [
        trouble
        for trouble in scenario.troubles
        if isinstance(trouble, MainLimited) and trouble.until_s < _lasts_s(managed)
    ]
    if falls:
        deepest = min(falls, key=lambda trouble: trouble.max_ma)
        path = folder / f"{scenario.name.lower()}-limit.svg"
        path.write_text(picture.reaction(managed, deepest.from_s), encoding="utf-8")
        written.append(path)
    return written


def _lasts_s(runs: Sequence[Run]) -> int:
    return min((len(one.curves.limit) for one in runs if one.curves is not None), default=0)


def _play(task: _Task) -> Run:
    scenario, manager, seed, hours, with_curves = task
    found = play(scenario, manager, seed, hours, with_curves)
    if scenario.name == "S15":
        again = play(scenario, manager, seed, hours)
        assert again.score == found.score, f"{manager}: another run of seed {seed} is another"
    return found


def _extras(runs: Sequence[Run]) -> list[str]:
    """What only some scenarios are about."""
    lines = []
    for one in runs:
        if one.seed != 1:
            continue
        if one.scenario.sun is not None:
            lines.append(f"  {one.manager}: {one.score.imported_kwh:.1f} kWh of it were bought")
        if len(one.score.classes) > 1:
            shares = ", ".join(f"{share:.2f}" for share in one.score.classes)
            lines.append(f"  {one.manager}: share served, highest priority first: {shares}")
    return lines


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.scenarios",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", default=["S0"], metavar="NAME")
    parser.add_argument("--seeds", type=int, default=4, help="so many, from 1 on")
    parser.add_argument("--hours", type=float, help="instead of each scenario's own")
    parser.add_argument("--managers", default=",".join(DEFAULT), help=", ".join(MANAGERS))
    parser.add_argument("--jobs", type=int, default=1, help="so many processes")
    parser.add_argument("--svg", type=Path, metavar="FOLDER", help="draw the first seed")
    options = parser.parse_args()
    options.managers = options.managers.split(",")
    unknown = [name for name in options.managers if name not in MANAGERS]
    if unknown:
        parser.error(f"no manager {unknown[0]!r}; there are: {', '.join(MANAGERS)}")
    try:
        options.scenarios = _scenarios(options.names)
    except KeyError as error:
        names = ", ".join(one.name for one in SCENARIOS)
        parser.error(f"no scenario {error}; there are: bound, month, all, {names}")
    return options


def _scenarios(names: Sequence[str]) -> list[Scenario]:
    if "all" in names:
        return list(SCENARIOS)
    wanted = [name for name in names if name not in ("bound", "month")]
    return named(wanted) if wanted else []


def main() -> None:
    """Run what was asked for."""
    options = _parse()
    found = measure(
        options.scenarios,
        options.managers,
        options.seeds,
        options.hours,
        options.jobs,
        options.svg is not None,
    )
    each = len(options.managers) * options.seeds
    for scenario in options.scenarios:
        runs = [next(found) for _ in range(each)]
        assert runs[0].scenario == scenario
        print(describe(runs), flush=True)
        if options.svg is not None:
            options.svg.mkdir(parents=True, exist_ok=True)
            for path in draw(runs, options.svg):
                print(f"  {path}", flush=True)
        print()
    if "bound" in options.names or "all" in options.names:
        print(bound.table(named(["S0"])[0], options.seeds, options.hours), end="\n\n")
    if "month" in options.names or "all" in options.names:
        print(run_month())


if __name__ == "__main__":
    main()
