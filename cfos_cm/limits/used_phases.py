"""
The phases that a car really uses.

Many cars charge on one or two of the phases that their EVSE is wired to, and no message says
so. What the others would carry can be given away once the meter has shown for some time that
they carry nothing. It is taken back at the first reading that shows otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Self

from attrs import evolve, field, frozen

from cfos_cm.electrical import ALL_PHASES, NOMINAL_VOLTAGE_V, Phase, PhaseCurrents
from cfos_cm.limits.per_transaction import remembered
from cfos_cm.site.evse import Evse, Link
from cfos_cm.site.measured import Measured
from cfos_cm.site.state import SiteState

__all__ = ["UsedPhases", "carrying_phases"]

#: A phase with less carries nothing: the meter's noise, and what its filters leak. [mA]
_CARRIES_MA = 500

#: A phase with this much says that the car charges and not only wakes up: the others would be
#: loaded too if it could. [mA]
_CHARGES_MA = 3000

#: So long a phase carries nothing beside one that charges before it counts as unused. The
#: second time is for a car that has proved the first one wrong; there is no third. [s]
_PATIENCE_S = (20.0, 60.0)

#: The highest voltage in a grid, EN 50160. [V]
_HIGHEST_VOLTAGE_V = NOMINAL_VOLTAGE_V * 1.1

#: By so much a power may differ from currents that were not read in the same moment. [W]
_POWER_SLACK_W = 700

#: A set of phases is a number with a bit for each: readings come by the thousand.
_BITS: Mapping[Phase, int] = {phase: 1 << place for place, phase in enumerate(ALL_PHASES)}


def carrying_phases(evse: Evse) -> tuple[Phase, ...]:
    """The phases of the supply that its meter has seen a current on last."""
    currents = evse.meter.currents
    if currents is None:
        return ()
    return tuple(phase for phase in ALL_PHASES if abs(currents[phase]) >= _CARRIES_MA)


@frozen
class _Record:
    """
    What is known of one transaction.

    @ivar wired: the phases of the EVSE when it was learnt.
    @ivar told: on how many of them it charges; see L{Setpoint}.
    @ivar relapses: how often one that counted as unused has carried a current after all.
    @ivar unused: the set of those that its car does not use.
    @ivar watched: the set of those that have carried nothing since C{since_s}, while another
        one charged.
    @ivar since_s: the reading that this was seen in first. [s]
    @ivar wired_set: the set of C{wired}.
    """

    transaction_id: int
    wired: tuple[Phase, ...]
    told: int | None
    relapses: int = 0
    unused: int = 0
    watched: int = 0
    since_s: float = inf
    wired_set: int = field(init=False)

    @wired_set.default
    def _wired_set(self) -> int:
        return sum(_BITS[phase] for phase in self.wired)

    @property
    def used(self) -> tuple[Phase, ...]:
        """The phases to reckon with, in the order in which they are wired."""
        return tuple(phase for phase in self.wired if not self.unused & _BITS[phase])

    def forgetting(self, told: int | None) -> _Record:
        """Nothing is proved any more; how often a proof was wrong is still known."""
        if self.told == told and not self.unused and not self.watched:
            return self
        return _Record(self.transaction_id, self.wired, told, self.relapses)

    def after(self, currents: PhaseCurrents, meter: Measured) -> _Record:
        """What is known after a reading; the same one may be handed in any number of times."""
        # The sign only says which way round a transformer is mounted.
        l1_ma, l2_ma, l3_ma = abs(currents.l1_ma), abs(currents.l2_ma), abs(currents.l3_ma)
        carrying = (
            (l1_ma >= _CARRIES_MA) | (l2_ma >= _CARRIES_MA) << 1 | (l3_ma >= _CARRIES_MA) << 2
        )
        if carrying & self.unused:
            blank = _Record(self.transaction_id, self.wired, self.told, self.relapses + 1)
            return blank.after(currents, meter)
        empty = self.wired_set & ~(carrying | self.unused)
        if not empty and not self.watched:
            # So it is with most cars, most of the time.
            return self
        if self.relapses < len(_PATIENCE_S) and self._proves((l1_ma, l2_ma, l3_ma), meter):
            return self._seen_empty(empty, meter.at_s)
        return evolve(self, watched=0) if self.watched else self

    def _proves(self, carried_ma: tuple[int, int, int], meter: Measured) -> bool:
        """
        Whether a phase that carries nothing in this reading is one that the car does not load.

        Some tell the current of one phase only, and the others seem to carry nothing then; but
        the power that they tell is more than that phase can account for.
        """
        wired_ma = zip(_BITS.values(), carried_ma, strict=True)
        if not any(bit & self.wired_set and ma >= _CHARGES_MA for bit, ma in wired_ma):
            return False
        most_w = sum(carried_ma) * _HIGHEST_VOLTAGE_V / 1000 + _POWER_SLACK_W
        return meter.at_s > -inf and abs(meter.power_w or 0) <= most_w

    def _seen_empty(self, empty: int, at_s: float) -> _Record:
        """What is known when those of C{empty} carry nothing, and another phase charges."""
        watched = self.watched & empty
        if not watched:
            return evolve(self, watched=empty, since_s=at_s)
        if at_s - self.since_s >= _PATIENCE_S[self.relapses]:
            # Those that went empty later are watched from now on.
            unused = self.unused | watched
            return evolve(self, unused=unused, watched=empty & ~watched, since_s=at_s)
        return self if watched == self.watched else evolve(self, watched=watched)


@frozen
class UsedPhases:
    """
    The phases that each car uses, learnt in each transaction anew.

    Nothing is known of a car while its EVSE cannot be reached, and after it was told to charge
    on another number of phases: it may load all of them then. That its meter is silent for a
    while says nothing, for the car is still the same.

    Two of these are equal when they say the same, whatever else they have seen.
    """

    _narrowed: Mapping[str, tuple[Phase, ...]] = field(factory=dict)
    _records: Mapping[str, _Record] = field(factory=dict, eq=False)

    def after(self, state: SiteState, now_s: float) -> Self:
        """
        What is known after the newest readings.

        @param now_s: by the clock that the readings are dated by. They alone prove something,
            so that it does not matter how often, or when, this is asked. [s]
        @return: C{self} when nothing has changed.
        """
        records = remembered(self._records, state.evses.values(), _follow)
        if records is self._records:
            return self
        narrowed = {name: record.used for name, record in records.items() if record.unused}
        return evolve(self, narrowed=narrowed, records=records)

    def of(self, evse: Evse) -> tuple[Phase, ...]:
        """
        The phases that a car may load: those that its EVSE is wired to, in that order, without
        those that it has been proved not to use.

        @param evse: as it is in the state that was looked at last.
        """
        return self._narrowed.get(evse.settings.name, evse.settings.phases)


def _follow(before: _Record | None, evse: Evse, transaction_id: int) -> _Record | None:
    wired = evse.settings.phases
    if len(wired) == 1:
        # There is nothing to be learnt.
        return None
    ordered, confirmed = evse.ordered, evse.confirmed
    told = None if confirmed is None else confirmed.phases
    if before is None or before.wired != wired:
        before = _Record(transaction_id, wired, told)
    is_switching = (
        ordered is not None and confirmed is not None and ordered.phases != confirmed.phases
    )
    currents = None if evse.meter.is_partial else evse.meter.currents
    if currents is None or is_switching or before.told != told or evse.link is not Link.ONLINE:
        return before.forgetting(told)
    return before.after(currents, evse.meter)
