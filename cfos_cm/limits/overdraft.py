"""
How far a phase was above its fuse.

A fuse that has carried too much is warm. So that it can cool, what it may carry is reduced for
some minutes by as much as it was above its rating; and how far that ever was is kept, for it
tells whether the reserve is big enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Self

from attrs import evolve, field, frozen

from cfos_cm.electrical import ALL_PHASES, NO_CURRENT, Phase, PhaseCurrents
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.state import SiteState

__all__ = ["COOLING_S", "Overdraft", "Overdrafts"]

#: So long after a phase was above its fuse it carries less by as much. [s]
COOLING_S = 300.0

#: A limit that is lowered has not been broken until so long afterwards: that is how long EVSEs
#: may take to be told, to follow and to be measured. [s]
_TO_OBEY_S = 12.0

#: Of what is within so long of each other only the highest is told apart, as if the whole time
#: had been so: there are never more of them than fit into the time of cooling. [s]
_GRAIN_S = 5.0


@frozen
class Overdraft:
    """
    A phase of a circuit has carried more than its fuse is made for.

    @ivar by_ma: how much more. [mA]
    @ivar highest_ma: the most that it ever was. [mA]
    """

    circuit: str
    phase: Phase
    by_ma: int
    highest_ma: int


@frozen
class _Peak:
    """
    The highest overdraft of a few seconds.

    @ivar first_s: when it began. [s]
    @ivar last_s: when the phase was above its fuse last; another peak follows. [s]
    @ivar by_ma: how far above. [mA]
    """

    first_s: float
    last_s: float
    by_ma: int


@frozen
class _PhaseRecord:
    """
    What is remembered of one phase of one circuit.

    @ivar peaks: those that still count, in the order of time. Each is higher than those that
        follow it: a lower one counts only from when a higher one counts no more.
    @ivar highest_ma: the most that it ever was. [mA]
    """

    peaks: tuple[_Peak, ...] = ()
    highest_ma: int = 0

    @property
    def counts_ma(self) -> int:
        """The highest overdraft that still counts; 0 where none does. [mA]"""
        return self.peaks[0].by_ma if self.peaks else 0

    def after(self, by_ma: int, now_s: float) -> _PhaseRecord:
        """
        What is remembered when the phase carries C{by_ma} more than its fuse.

        @param by_ma: 0 or less: it does not carry too much. [mA]
        """
        counting = _still_counting(self.peaks, now_s)
        if by_ma > 0:
            counting = _with_peak(counting, by_ma, now_s)
        if counting is self.peaks:
            return self
        return _PhaseRecord(counting, max(self.highest_ma, by_ma))


def _still_counting(peaks: tuple[_Peak, ...], now_s: float) -> tuple[_Peak, ...]:
    # The first one is the oldest: where it counts, all do.
    if not peaks or now_s < peaks[0].last_s + COOLING_S:
        return peaks
    return tuple(peak for peak in peaks if now_s < peak.last_s + COOLING_S)


def _with_peak(peaks: Sequence[_Peak], by_ma: int, now_s: float) -> tuple[_Peak, ...]:
    higher = tuple(peak for peak in peaks if peak.by_ma > by_ma)
    if higher and now_s < higher[-1].first_s + _GRAIN_S:
        return (*higher[:-1], evolve(higher[-1], last_s=now_s))
    return (*higher, _Peak(now_s, now_s, by_ma))


_NOTHING = _PhaseRecord()


@frozen
class _Limit:
    """
    What a circuit may carry, which somebody may have lowered.

    @ivar now: as it is configured now. [mA]
    @ivar before: what it was lately; no lower on any phase. [mA]
    @ivar until_s: for so long that counts. [s]
    """

    now: PhaseCurrents
    before: PhaseCurrents
    until_s: float = -inf

    def after(self, limit: PhaseCurrents, now_s: float) -> _Limit:
        """What is known when it may carry C{limit}."""
        if limit == self.now:
            return self
        before = self.at(now_s)
        higher = PhaseCurrents(*(max(before[one], limit[one]) for one in ALL_PHASES))
        return _Limit(limit, higher, now_s + _TO_OBEY_S)

    def at(self, now_s: float) -> PhaseCurrents:
        """What it may carry at most without having broken it. [mA]"""
        return self.before if now_s < self.until_s else self.now


@frozen
class Overdrafts:
    """
    What is remembered of all circuits.

    A phase is above its fuse when its meter shows more than the fuse's rating. The reserve is
    there to be used up by what a house does between two decisions, and limits of power, of
    imbalance and from outside warm no fuse: none of them count here. Neither does current that
    flows back into the grid, for cars that charge less do not make it less. A limit that has
    just been lowered is not broken yet by those who obey the one before it.

    One reading is enough, for nobody can tell a mistake of the meter from a short overload.
    """

    _phases: Mapping[tuple[str, Phase], _PhaseRecord] = field(factory=dict)
    _limits: Mapping[str, _Limit] = field(factory=dict)

    @classmethod
    def remembering(cls, highest_ma: Mapping[tuple[str, Phase], int]) -> Self:
        """
        What is known at the start of the program.

        @param highest_ma: the most that each phase of each circuit ever was above its fuse.
            [mA]
        """
        return cls(
            {
                place: _PhaseRecord(highest_ma=by_ma)
                for place, by_ma in highest_ma.items()
                if by_ma > 0
            }
        )

    def after(self, state: SiteState, now_s: float) -> Self:
        """
        What is remembered when the site is as C{state} says.

        To be asked after each reading of a circuit's meter that counts: what was not looked at
        is not remembered. What is known of circuits that are no longer there is forgotten.

        @param now_s: by a clock that does not go back. [s]
        @return: C{self} when nothing has changed.
        """
        changed: dict[tuple[str, Phase], _PhaseRecord] = {}
        limits = self._limits_after(state, now_s)
        for circuit in state.circuits.values():
            carried = _carried(state, circuit)
            limit = limits[circuit.name].at(now_s)
            for phase in ALL_PHASES:
                before = self._phases.get((circuit.name, phase), _NOTHING)
                if carried is None and not before.peaks:
                    continue
                by_ma = 0 if carried is None else carried[phase] - limit[phase]
                after = before.after(by_ma, now_s)
                if after is not before:
                    changed[circuit.name, phase] = after
        gone = {place for place in self._phases if place[0] not in state.circuits}
        if not changed and not gone and limits is self._limits:
            return self
        kept = {place: one for place, one in self._phases.items() if place not in gone}
        return evolve(self, phases={**kept, **changed}, limits=limits)

    def _limits_after(self, state: SiteState, now_s: float) -> Mapping[str, _Limit]:
        found = {}
        for circuit in state.circuits.values():
            limit = circuit.max_current
            before = self._limits.get(circuit.name)
            after = _Limit(limit, limit) if before is None else before.after(limit, now_s)
            found[circuit.name] = after
        return self._limits if found == self._limits else found

    def derating(self, circuit: str) -> PhaseCurrents:
        """
        How much less each phase of a circuit may carry now, so that its fuse cools.

        @return: the highest overdraft of the last L{COOLING_S}, as of the last L{after}. [mA]
        """
        return self._of_phases(circuit, lambda one: one.counts_ma)

    def highest(self, circuit: str) -> PhaseCurrents:
        """The most that each phase of a circuit ever was above its fuse. [mA]"""
        return self._of_phases(circuit, lambda one: one.highest_ma)

    def next_end_s(self) -> float:
        """When a derating ends or gets less, if nothing happens before; C{inf}: none. [s]"""
        ends = [one.peaks[0].last_s + COOLING_S for one in self._phases.values() if one.peaks]
        return min(ends, default=inf)

    def reset(self, circuit: str) -> Self:
        """
        Forget the most that a circuit ever was above its fuse; a fuse that cools goes on to.
        """
        return evolve(
            self,
            phases={
                (name, phase): evolve(one, highest_ma=0) if name == circuit else one
                for (name, phase), one in self._phases.items()
            },
        )

    def news(self, before: Overdrafts) -> tuple[Overdraft, ...]:
        """
        What people should hear of: the phases that are further above their fuses than was
        remembered, or were ever.

        @param before: what was remembered when they heard of it last.
        """
        if self is before:
            return ()
        found = []
        for (circuit, phase), one in self._phases.items():
            earlier = before._phases.get((circuit, phase), _NOTHING)
            if one.counts_ma > earlier.counts_ma or one.highest_ma > earlier.highest_ma:
                found.append(Overdraft(circuit, phase, one.counts_ma, one.highest_ma))
        return tuple(found)

    def _of_phases(self, circuit: str, say: Callable[[_PhaseRecord], int]) -> PhaseCurrents:
        found = [self._phases.get((circuit, phase), _NOTHING) for phase in ALL_PHASES]
        if all(one is _NOTHING for one in found):
            return NO_CURRENT
        return PhaseCurrents(*(say(one) for one in found))


def _carried(state: SiteState, circuit: CircuitSettings) -> PhaseCurrents | None:
    """What the meter of a circuit shows; C{None} where it shows nothing. [mA]"""
    meter = None if circuit.meter is None else state.meters.get(circuit.meter)
    return meter.currents if meter is not None and meter.is_read else None
