"""
What has to be remembered between two decisions.

All that a decision needs beside the state of the site is in a L{Memory}, and it is a value: the
same states at the same times make the same one. Each part of it is a small machine in a module
of its own.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from attrs import evolve, field, frozen

from cfos_cm.electrical import ALL_PHASES, Phase, PhaseCurrents
from cfos_cm.limits.appetite import Appetites
from cfos_cm.limits.catalog import ceiling
from cfos_cm.limits.ceiling import Ceiling
from cfos_cm.limits.loads import Loads
from cfos_cm.limits.overdraft import Overdrafts
from cfos_cm.limits.phase_choice import PhaseChoice
from cfos_cm.limits.rises import Rises
from cfos_cm.limits.settling import Settling
from cfos_cm.limits.surplus import NO_SURPLUS, Surplus
from cfos_cm.limits.turns import Turns
from cfos_cm.limits.used_phases import UsedPhases, carrying_phases
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import ChargingMode, Evse, EvseSettings, Link
from cfos_cm.site.state import SiteState

__all__ = ["Memory"]


@frozen
class Memory:
    """
    What is remembered.

    @ivar now_s: when it was looked last, by the control loop's clock. [s]
    @ivar state: what was known then.
    @ivar ceilings: the lowest ceiling of all rules that look at the state alone, by EVSE.
    @ivar settling: who is on the way to what he has confirmed.
    @ivar loads: what the circuits carry besides EVSEs.
    @ivar rises: by how much those loads rise before anybody can answer.
    @ivar overdrafts: which fuses have to cool.
    @ivar used_phases: the phases that cars really use.
    @ivar appetites: what cars take.
    @ivar turns: who is next.
    @ivar surplus: what would be fed into the grid, and who may charge by it.
    @ivar choice: on how many phases those charge that can be switched.
    """

    now_s: float = 0.0
    state: SiteState = field(factory=SiteState, repr=False)
    ceilings: Mapping[str, Ceiling] = field(factory=dict)
    settling: Settling = field(factory=Settling)
    loads: Loads = field(factory=Loads)
    rises: Rises = field(factory=Rises, repr=False)
    overdrafts: Overdrafts = field(factory=Overdrafts)
    used_phases: UsedPhases = field(factory=UsedPhases)
    appetites: Appetites = field(factory=Appetites)
    turns: Turns = field(factory=Turns)
    surplus: Surplus = NO_SURPLUS
    choice: PhaseChoice = field(factory=PhaseChoice)

    def after(self, state: SiteState, now_s: float, *, only_readings: bool = False) -> Memory:
        """
        What is remembered when the site is as C{state} says.

        @param now_s: by the control loop's clock, which never goes back. [s]
        @param only_readings: nothing has changed since the last time but what EVSEs' meters
            say, which no rule looks at.
        """
        ceilings = self.ceilings if only_readings else _ceilings(state)
        allowed = [
            evse
            for name, evse in state.evses.items()
            if ceilings[name].current_ma >= evse.settings.min_current_ma
        ]
        settling = self.settling.after(state, now_s)
        appetites = self.appetites.after(state, now_s)
        loads = self.loads.after(state, settling, now_s)
        # Who is not to charge for reasons of his own is not paused for others.
        wanting = frozenset(
            evse.settings.name
            for evse in allowed
            if self.surplus.allows(evse) and not self.choice.is_switching(evse)
        )
        known = Memory(
            now_s,
            state,
            ceilings,
            settling,
            loads,
            self.rises.after(loads, state.circuits),
            self.overdrafts.after(state, now_s),
            self.used_phases.after(state, now_s),
            appetites,
            self.turns.after(state, now_s, wanting, appetites.idle),
            self.surplus,
            self.choice,
        )
        return known._with_surplus(allowed)

    def _with_surplus(self, allowed: list[Evse]) -> Memory:
        """What follows for those who charge by surplus, or can be switched."""
        state, now_s = self.state, self.now_s
        special = [evse for evse in state.evses.values() if _is_special(evse.settings)]
        if not special:
            return self
        served = sorted(
            self.turns.order(allowed), key=lambda evse: evse.settings.priority, reverse=True
        )
        surplus = self.surplus.after(
            _believed(state, self.loads.doubts),
            now_s,
            [evse.name for evse in served],
            {evse.name: len(self.phases_of(evse)) for evse in special},
            self.appetites.idle,
        )
        used = {evse.name: len(self.used_phases.of(evse)) for evse in special}
        choice = self.choice.after(state, now_s, surplus, self.settling, None, used)
        return evolve(self, surplus=surplus, choice=choice)

    def phases_of(self, evse: Evse) -> tuple[Phase, ...]:
        """The phases that it is to charge with, while it can be reached."""
        chosen, confirmed = self.choice.phases_of(evse), evse.confirmed
        told = None if confirmed is None else confirmed.phases
        if chosen == told:
            return self.used_phases.of(evse)[:chosen]
        # What its car has made of another number of phases says nothing about this one.
        return evse.settings.phases[:chosen]

    def may_load(self, evse: Evse) -> tuple[Phase, ...]:
        """
        The phases that its current may flow on.

        One that may be switched loads all that it is wired to, unless it is certain that it
        obeys what it was told about that; one out of reach in any case.
        """
        if evse.link is not Link.ONLINE:
            return evse.settings.phases
        chosen, confirmed = self.choice.phases_of(evse), evse.confirmed
        if chosen is None and (confirmed is None or confirmed.phases is None):
            return self.used_phases.of(evse)
        if confirmed is None or not _is_sure(evse) or chosen != confirmed.phases:
            return evse.settings.phases
        if evse.ordered is not None and evse.ordered.phases != chosen:
            return evse.settings.phases
        reckoned = self.phases_of(evse)
        carrying = carrying_phases(evse)
        return tuple(
            phase for phase in evse.settings.phases if phase in reckoned or phase in carrying
        )

    def kept(self, circuit: CircuitSettings) -> PhaseCurrents:
        """
        What is kept free of a circuit's rating now.

        As long as a fuse has to cool that is its reserve and the overdraft. In a house that
        often rises by more than the reserve it is as much, up to twice the reserve. [mA]
        """
        expected = self.rises.expected(circuit.name)
        cooling = self.overdrafts.derating(circuit.name)
        reserve_ma = circuit.reserve_ma
        return PhaseCurrents(
            *(
                max(reserve_ma + cooling[phase], min(expected[phase], 2 * reserve_ma))
                for phase in ALL_PHASES
            )
        )

    def of(self, state: SiteState) -> Memory:
        """The same for a state in which something has been folded since, in the same moment."""
        if state is self.state:
            return self
        return evolve(self, state=state, ceilings=_ceilings(state))

    def tells_other_than(self, before: Memory) -> bool:
        """Whether another decision may follow from this than from what was known before."""
        return (
            self.settling is not before.settling
            or self.overdrafts is not before.overdrafts
            or self.rises != before.rises
            or self.loads.tell_other_than(before.loads)
            or self.used_phases != before.used_phases
            or self.appetites != before.appetites
            or self.turns != before.turns
            or self.surplus != before.surplus
            or self.choice != before.choice
        )


def _is_sure(evse: Evse) -> bool:
    """Whether it obeys what it has confirmed last, and nothing else."""
    doubtful = evse.unsure or evse.disobedient or evse.is_left_alone
    return not doubtful and not evse.unanswered_ma


def _believed(state: SiteState, doubted: Container[str]) -> SiteState:
    """The same without what meters say of circuits that are not believed."""
    silent = {
        circuit.meter
        for circuit in state.circuits.values()
        if circuit.name in doubted and circuit.meter is not None
    }
    if not silent:
        return state
    meters = {
        name: evolve(meter, is_read=False) if name in silent else meter
        for name, meter in state.meters.items()
    }
    return evolve(state, meters=meters)


def _is_special(settings: EvseSettings) -> bool:
    return settings.mode is ChargingMode.SURPLUS or settings.can_switch_phases


def _ceilings(state: SiteState) -> dict[str, Ceiling]:
    return {name: ceiling(state, evse) for name, evse in state.evses.items()}
