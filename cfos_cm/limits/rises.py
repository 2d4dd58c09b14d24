"""
By how much loads rise before anybody can answer.

A car that has to give way is told so some seconds after a house has switched something on: its
meter is late, the order takes its time, and so does the car. All that the house takes more
until then has to fit into what was kept free. How much that is differs from house to house and
from phase to phase, and it shows.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Self

from attrs import evolve, field, frozen

from cfos_cm.electrical import ALL_PHASES, NO_CURRENT, PhaseCurrents
from cfos_cm.limits.loads import Loads

__all__ = ["LEARNT_S", "OFTEN_S", "REACTION_S", "Rises"]

#: From something that is switched on until cars have given way. [s]
REACTION_S = 5.0
#: What a load rises by more often than once in so long is to be expected. [s]
OFTEN_S = 600.0
#: Nothing is said of a load before it was known for so long: six times as long as that. [s]
LEARNT_S = 3600.0
#: What was seen is forgotten after one to two of these. [s]
_GENERATION_S = 86_400.0
#: Rises are told apart by so much, [mA]
_GRAIN_MA = 500
#: and all above so many of these are alike.
_GRAINS = 80
#: A reading stands for the time since the one before it, but for no longer. [s]
_LONGEST_S = 30.0

#: How long a load was by 0, 1, 2... grains above its lowest of the time before. [s]
_Times = tuple[float, ...]
_NEVER: _Times = (0.0,) * (_GRAINS + 1)


@frozen
class _Record:
    """
    What one circuit's load has done.

    @ivar at_s: when its last reading was true. [s]
    @ivar begun_s: when the younger generation was begun. [s]
    @ivar known_s: for how long each generation has been told of, the younger first. [s]
    @ivar younger: for each phase, since then.
    @ivar older: for each phase, in the generation before.
    """

    at_s: float
    begun_s: float
    known_s: tuple[float, float] = (0.0, 0.0)
    younger: tuple[_Times, ...] = (_NEVER,) * len(ALL_PHASES)
    older: tuple[_Times, ...] = (_NEVER,) * len(ALL_PHASES)

    def after(self, rise: PhaseCurrents, at_s: float) -> _Record:
        """What is known after a reading that was so far above the lowest before. [mA, s]"""
        record = self
        if at_s - self.begun_s >= _GENERATION_S:
            record = _Record(self.at_s, at_s, (0.0, self.known_s[0]), older=self.younger)
        for_s = max(0.0, min(_LONGEST_S, at_s - self.at_s))
        return evolve(
            record,
            at_s=at_s,
            known_s=(record.known_s[0] + for_s, record.known_s[1]),
            younger=tuple(
                _with(times, rise[phase], for_s)
                for phase, times in zip(ALL_PHASES, record.younger, strict=True)
            ),
        )

    def expected(self) -> PhaseCurrents:
        """What the load rises by often. [mA]"""
        known_s = sum(self.known_s)
        if known_s < LEARNT_S:
            return NO_CURRENT
        # Whatever happens once is seen for as long as it takes to answer.
        rare_s = known_s * REACTION_S / OFTEN_S
        return PhaseCurrents(
            *(
                _exceeded(younger, older, rare_s)
                for younger, older in zip(self.younger, self.older, strict=True)
            )
        )


def _with(times: _Times, rise_ma: int, for_s: float) -> _Times:
    grain = min(max(0, rise_ma) // _GRAIN_MA, _GRAINS)
    return (*times[:grain], times[grain] + for_s, *times[grain + 1 :])


def _exceeded(younger: _Times, older: _Times, rare_s: float) -> int:
    """The highest rise that was reached or exceeded for longer than C{rare_s}. [mA]"""
    above_s = 0.0
    for grain in range(_GRAINS, 0, -1):
        above_s += younger[grain] + older[grain]
        if above_s > rare_s:
            return grain * _GRAIN_MA
    return 0


@frozen
class Rises:
    """
    What is known of all loads that are measured.

    Two that are equal expect the same, whatever else they have seen.
    """

    _expected: Mapping[str, PhaseCurrents] = field(factory=dict)
    _records: Mapping[str, _Record] = field(factory=dict, eq=False)

    def after(self, loads: Loads, circuits: Container[str]) -> Self:
        """
        What is known after the newest readings; C{self} when there are no newer ones.

        What was known of a circuit whose meter is silent is kept until it is heard again.

        @param circuits: all that there are; others are forgotten.
        """
        records = {name: one for name, one in self._records.items() if name in circuits}
        for name, (at_s, rise) in loads.rises(REACTION_S).items():
            before = records.get(name)
            if before is None:
                records[name] = _Record(at_s, at_s)
            elif at_s > before.at_s:
                records[name] = before.after(rise, at_s)
        if records == self._records:
            return self
        expected = {
            name: self._expected[name] if one is self._records.get(name) else one.expected()
            for name, one in records.items()
        }
        return evolve(self, expected=expected, records=records)

    def expected(self, circuit: str) -> PhaseCurrents:
        """
        What a load rises by, within L{REACTION_S}, more often than once in L{OFTEN_S}.

        @return: 0 where that is not known, or not yet. [mA]
        """
        return self._expected.get(circuit, NO_CURRENT)
