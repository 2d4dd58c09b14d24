"""Results of many runs in rows, for a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from attrs import frozen

from bench.garage.play import Run
from bench.garage.scenario import Band, Scenario

__all__ = ["Row", "misses", "row", "table"]


@frozen
class Row:
    """
    One manager in one scenario: medians over the seeds.

    @ivar longest_s: of all seeds, the worst. [s]
    @ivar reaction_s: of all seeds, the slowest. [s]
    @ivar energy: of what who knows all delivers; C{None} where that was not run.
    """

    manager: str
    over_as: float
    ours_as: float
    boards_as: float
    other_as: float
    worst_a: float
    longest_s: int
    reaction_s: int
    thermal: float
    energy_kwh: float
    energy: float | None
    jain: float
    low_share: float
    first_s: float
    late_s: float
    orders: float
    starts: float
    tick_ms: float
    slow_tick_ms: float

    @property
    def all_over_as(self) -> float:
        """A·s above all limits."""
        return self.over_as + self.boards_as + self.other_as


def row(manager: str, runs: Sequence[Run], oracles: Mapping[int, Run]) -> Row:
    """
    The row of one manager.

    @param oracles: who knows all, by seed; empty if it was not run.
    """

    def middle(of: Callable[[Run], float]) -> float:
        return median(of(run) for run in runs)

    energy = None
    if oracles:
        energy = middle(lambda run: run.score.energy_kwh / oracles[run.seed].score.energy_kwh)
    return Row(
        manager=manager,
        over_as=middle(lambda run: run.score.over_as),
        ours_as=middle(lambda run: run.score.ours_as),
        boards_as=middle(lambda run: run.score.boards_as),
        other_as=middle(lambda run: run.score.other_as),
        worst_a=max(run.score.worst_a for run in runs),
        longest_s=max(run.score.longest_s for run in runs),
        reaction_s=max(run.score.reaction_s for run in runs),
        thermal=max(run.score.thermal for run in runs),
        energy_kwh=middle(lambda run: run.score.energy_kwh),
        energy=energy,
        jain=middle(lambda run: run.score.jain),
        low_share=middle(lambda run: run.score.low_share),
        first_s=middle(lambda run: run.score.first_s),
        late_s=middle(lambda run: run.score.late_s),
        orders=middle(lambda run: run.score.orders),
        starts=middle(lambda run: run.score.starts),
        tick_ms=middle(lambda run: run.tick_ms),
        slow_tick_ms=middle(lambda run: run.slow_tick_ms),
    )


def table(scenario: Scenario, rows: Sequence[Row]) -> str:
    """All managers in one scenario."""
    lines = [
        f"{scenario.name}: {scenario.title}",
        f"  {'':13}{'over':>9}{'of it':>9}{'boards':>8}{'others':>8}{'worst':>7}{'longest':>8}"
        f"{'react':>7}{'fuse':>6}{'energy':>8}{'of':>7}{'Jain':>7}{'5 %':>6}{'first':>7}"
        f"{'5 % at':>7}{'orders':>8}{'starts':>8}{'tick':>7}{'99 %':>7}",
        f"  {'':13}{'A·s':>9}{'ours':>9}{'A·s':>8}{'A·s':>8}{'A':>7}{'s':>8}{'s':>7}{'heat':>6}"
        f"{'kWh':>8}{'oracle':>7}{'':>7}{'share':>6}{'s':>7}{'s':>7}{'EVSE·h':>8}{'car':>8}"
        f"{'ms':>7}{'ms':>7}",
    ]
    for one in rows:
        energy = "" if one.energy is None else f"{one.energy:.3f}"
        lines.append(
            f"  {one.manager:13}{one.over_as:9.0f}{one.ours_as:9.0f}{one.boards_as:8.0f}"
            f"{one.other_as:8.0f}{one.worst_a:7.1f}{one.longest_s:8}{one.reaction_s:7}"
            f"{one.thermal:6.2f}{one.energy_kwh:8.1f}{energy:>7}{one.jain:7.3f}"
            f"{one.low_share:6.2f}{one.first_s:7.0f}{one.late_s:7.0f}{one.orders:8.1f}"
            f"{one.starts:8.1f}{one.tick_ms:7.2f}{one.slow_tick_ms:7.2f}"
        )
    return "\n".join(lines)


def misses(found: Row, band: Band) -> list[str]:
    """What is worse than expected, in words."""
    limits = (
        ("A·s above limits", found.all_over_as, band.over_as, "{:.0f}"),
        ("longest", found.longest_s, band.longest_s, "{:.0f} s"),
        ("reaction", found.reaction_s, band.reaction_s, "{:.0f} s"),
        ("orders", found.orders, band.orders, "{:.1f}"),
        ("starts", found.starts, band.starts, "{:.1f}"),
    )
    missed = [
        f"{words} {form.format(value)}, expected at most {form.format(most)}"
        for words, value, most, form in limits
        if value > most
    ]
    if found.energy is not None and found.energy < band.energy:
        missed.append(f"energy {found.energy:.3f}, expected at least {band.energy:.3f}")
    return missed
