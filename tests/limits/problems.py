"""Problems of sharing, written short and drawn at random, and what their shares come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen
from hypothesis import strategies as st

from cfos_cm.electrical import ALL_PHASES, OCPP_STEPS, CurrentSteps, Phase
from cfos_cm.limits.constraint import Constraint, ConstraintKind
from cfos_cm.limits.share import Demand, Share, Sharing, share

Row = tuple[Constraint, int]

#: The supply's phases as an EVSE may be wired to them.
WIRINGS = (
    ALL_PHASES,
    ALL_PHASES,
    (Phase.L1, Phase.L3),
    (Phase.L1,),
    (Phase.L2,),
    (Phase.L3,),
)

#: Steps that hardware really has.
STEPS = (
    OCPP_STEPS,
    CurrentSteps(1),
    CurrentSteps(1_000),
    CurrentSteps(700),
    CurrentSteps(only_ma=(6_000, 8_000, 10_000, 13_000, 16_000)),
    CurrentSteps(only_ma=(6_000,)),
)


@frozen
class Problem:
    """
    Somebody's question.

    @ivar free_ma: what each constraint has left. [mA]
    """

    demands: tuple[Demand, ...]
    free_ma: Mapping[Constraint, int]
    sharing: Sharing = Sharing.STRICT

    @property
    def shares(self) -> dict[str, Share]:
        """The answer."""
        return share(self.demands, self.free_ma, self.sharing)

    @property
    def currents(self) -> list[int]:
        """What each demand gets, in their order. [mA]"""
        shares = self.shares
        return [shares[one.evse].current_ma for one in self.demands]

    @property
    def classes(self) -> list[list[Demand]]:
        """The demands of each class, the highest first."""
        ranks = sorted({self.rank(one) for one in self.demands}, reverse=True)
        return [[one for one in self.demands if self.rank(one) == each] for each in ranks]

    def rank(self, demand: Demand) -> tuple[int, ...]:
        """The priorities of a demand, as many as anybody has."""
        longest = max(len(one.priority) for one in self.demands)
        return demand.priority + (1,) * (longest - len(demand.priority))


def loads(demands: Sequence[Demand], currents_ma: Sequence[int]) -> dict[Constraint, int]:
    """What is taken of each constraint. [mA]"""
    found: dict[Constraint, int] = {}
    for one, current_ma in zip(demands, currents_ma, strict=True):
        for constraint, times in one.rows:
            found[constraint] = found.get(constraint, 0) + times * current_ma
    return found


def lowest(demand: Demand) -> int | None:
    """The lowest step that is of use to it; C{None}: none is. [mA]"""
    step_ma = demand.steps.at_least(demand.minimum_ma)
    return None if step_ma is None or step_ma > demand.wanted_ma else step_ma


def above(demand: Demand, current_ma: int) -> int | None:
    """The next step that it wants; C{None}: there is none. [mA]"""
    step_ma = demand.steps.after(current_ma)
    return None if step_ma is None or step_ma > demand.wanted_ma else step_ma


def rows(circuits: Sequence[str], phases: Sequence[Phase], powers: bool) -> tuple[Row, ...]:
    """The phases of these circuits and, where it is said, their power."""
    found: list[Row] = []
    for name in circuits:
        found += [(Constraint(name, phase), 1) for phase in phases]
        if powers:
            found.append((Constraint(name, kind=ConstraintKind.POWER), len(phases)))
    return tuple(found)


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    most: int = 8,
    weights: Sequence[int] = (1,),
    steps: Sequence[CurrentSteps] = (OCPP_STEPS,),
    priorities: Sequence[tuple[int, ...]] = ((1,), (1,), (1,), (2,), (1, 2), (3,)),
) -> Problem:
    """A tree of up to four circuits, some with a limited power, and some who want current."""
    names = [f"c{number}" for number in range(draw(st.integers(1, 4)))]
    paths = [names[:1]]
    for name in names[1:]:
        paths.append([name, *draw(st.sampled_from(paths))])
    powers = draw(st.booleans())
    free = st.integers(60, 800).map(lambda tenths: tenths * 100) | st.integers(-5_000, 80_000)
    free_ma = {Constraint(name, phase): draw(free) for name in names for phase in ALL_PHASES}
    for name in names if powers else ():
        free_ma[Constraint(name, kind=ConstraintKind.POWER)] = 2 * draw(free)
    # Those that are wired alike share their rows, as they do in a site.
    wired: dict[tuple[Row, ...], tuple[Row, ...]] = {}

    def wiring() -> tuple[Row, ...]:
        found = rows(draw(st.sampled_from(paths)), draw(st.sampled_from(WIRINGS)), powers)
        return wired.setdefault(found, found)

    wanted = st.integers(0, 320).map(lambda tenths: tenths * 100) | st.integers(0, 33_000)
    demands = tuple(
        Demand(
            f"e{number}",
            draw(st.sampled_from([6_000, 6_000, 6_050, 8_000, 1_380])),
            draw(wanted),
            wiring(),
            draw(st.sampled_from(priorities)),
            draw(st.sampled_from(weights)),
            draw(st.sampled_from(steps)),
        )
        for number in range(draw(st.integers(1, most)))
    )
    return Problem(demands, free_ma, draw(st.sampled_from(Sharing)))


#: Whatever may be asked.
ANY = problems(weights=(1, 1, 2, 3, 700, 999, 1_000), steps=STEPS)

#: In which all can take the same small steps, and one class.
FINE = problems(priorities=((1,),))
