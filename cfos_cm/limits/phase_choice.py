"""
Whether an EVSE that can do both charges with one phase or with three.

One phase is enough for a third of the surplus, and where only one phase of a fuse has room. But
each switch wears a contactor, interrupts the car and is not liked by every car: so it is made
when it has been the better one for some time, seldom, and never under current.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from cfos_cm.electrical import ALL_PHASES
from cfos_cm.limits.ceiling import Ceiling, forbidden
from cfos_cm.limits.settling import Settling
from cfos_cm.limits.surplus import Surplus, minimum_ma
from cfos_cm.site.evse import ChargingMode, Evse
from cfos_cm.site.policy import Policy
from cfos_cm.site.setpoint import ReasonCode
from cfos_cm.site.state import SiteState

__all__ = [
    "DEAD_TIME_S",
    "MAX_SWITCHES_PER_HOUR",
    "STILL_S",
    "Choice",
    "PhaseChoice",
    "better_phases",
    "switching_ceiling",
]

#: When a car has been short for so much of the time that it may be, it goes on with one phase.
#: Sooner is dearer: most clouds are gone by then.
_DOWN_SHARE = 0.8
#: So long after a switch there is no other. [s]
DEAD_TIME_S = 120.0
#: So long no current flows before the phases are switched. IEC 61851-1 gives a car 5 s to end
#: a charge; the rest is for meters that speak late. [s]
STILL_S = 10.0
#: More often no contactor is switched, even if that makes a car pause.
MAX_SWITCHES_PER_HOUR = 8

_ALL = len(ALL_PHASES)
_HOUR_S = 3600.0
#: What there has to be more than three phases need before they are switched to. [mA per phase]
_MARGIN_MA = 500


def better_phases(now: int, least_ma: int, spare_ma: int | None, room_ma: Sequence[int]) -> int:
    """
    How many phases are better.

    @param now: how many there are; 1 or 3. What there is has to be a little more for three to
        be better than one than for three to stay.
    @param least_ma: the lowest current that is of use. [mA per phase]
    @param spare_ma: the surplus that there is, summed over phases; C{None}: it does not
        matter. [mA]
    @param room_ma: what each of the three phases has room for, in the order in which the EVSE
        is wired; empty: enough. [mA]
    """
    needed_ma = least_ma if now == _ALL else least_ma + _MARGIN_MA
    has_room = all(room >= needed_ma for room in room_ma)
    if has_room and (spare_ma is None or spare_ma >= _ALL * needed_ma):
        return _ALL
    if room_ma and room_ma[0] < least_ma:
        # Then it has to pause, and one phase makes nothing better.
        return now
    return 1


@frozen
class Choice:
    """
    What was chosen for one EVSE.

    @ivar phases: 1 or 3.
    @ivar switching_to: what it is to be as soon as no current flows; C{None}: it stays.
    @ivar better_since_s: since when the other has been better; C{None}: it is not. [s]
    @ivar still_since_s: since when no current flows; C{None}: some may. [s]
    @ivar charged_with: with how many it charged last; C{None}: it did not.
    @ivar switched_s: when it was another number than before that it charged with, of the last
        hour, the oldest first. [s]
    """

    phases: int = _ALL
    switching_to: int | None = None
    better_since_s: float | None = None
    still_since_s: float | None = None
    charged_with: int | None = None
    switched_s: tuple[float, ...] = ()

    def after(self, better: int, is_still: bool, now_s: float, policy: Policy) -> Choice:
        """
        What is chosen a moment later.

        @param better: how many phases are better now.
        @param is_still: whether no current can flow.
        """
        found = self._looked_at(is_still, now_s)
        rests = found.still_since_s is not None and now_s >= found.still_since_s + STILL_S
        if found.switching_to is not None:
            return found._chosen(found.switching_to) if rests else found
        if better == found.phases:
            return found if found.better_since_s is None else evolve(found, better_since_s=None)
        if is_still:
            return found._chosen(better) if rests and found._is_free(better, now_s) else found
        if found.better_since_s is None:
            found = evolve(found, better_since_s=now_s)
        is_due = found._is_due(better, now_s, policy)
        return evolve(found, switching_to=better) if is_due else found

    def _looked_at(self, is_still: bool, now_s: float) -> Choice:
        if is_still:
            return self if self.still_since_s is not None else evolve(self, still_since_s=now_s)
        if self.charged_with == self.phases:
            return self if self.still_since_s is None else evolve(self, still_since_s=None)
        is_switch = self.charged_with is not None
        return evolve(
            self,
            still_since_s=None,
            charged_with=self.phases,
            switched_s=(*self._lately(now_s), now_s) if is_switch else self.switched_s,
        )

    def _chosen(self, phases: int) -> Choice:
        return evolve(self, phases=phases, switching_to=None, better_since_s=None)

    def _is_free(self, better: int, now_s: float) -> bool:
        """Whether an EVSE that does not charge may begin with so many."""
        return better < self.phases or better == self.charged_with or self._may_rise(now_s)

    def _is_due(self, better: int, now_s: float, policy: Policy) -> bool:
        """Whether one that charges is to be interrupted to go on with so many."""
        assert self.better_since_s is not None
        rises = better > self.phases
        delay_s = policy.phase_switch_s if rises else _DOWN_SHARE * policy.surplus_undercut_s
        if now_s < self.better_since_s + delay_s:
            return False
        lately = self._lately(now_s)
        if lately and now_s < lately[-1] + DEAD_TIME_S:
            return False
        return self._may_rise(now_s) if rises else len(lately) < MAX_SWITCHES_PER_HOUR

    def _may_rise(self, now_s: float) -> bool:
        # There has to be one left for the way back.
        return len(self._lately(now_s)) <= MAX_SWITCHES_PER_HOUR - 2

    def _lately(self, now_s: float) -> tuple[float, ...]:
        lately = tuple(at_s for at_s in self.switched_s if at_s > now_s - _HOUR_S)
        return lately[-MAX_SWITCHES_PER_HOUR:]


@frozen
class PhaseChoice:
    """
    What was chosen for each EVSE that can be switched.

    @ivar choices: by EVSE.
    """

    choices: Mapping[str, Choice] = field(factory=dict)

    def after(
        self,
        state: SiteState,
        now_s: float,
        surplus: Surplus,
        settling: Settling,
        room_ma: Mapping[str, Sequence[int]] | None = None,
        used: Mapping[str, int] | None = None,
    ) -> PhaseChoice:
        """
        What is chosen a moment later; itself if it is the same.

        @param settling: who may still be drawing what he was told not to.
        @param room_ma: what the phases of an EVSE have room for, with what it draws itself, in
            the order in which it is wired; enough where nothing is said. [mA]
        @param used: how many of those that it is offered a car uses, where that is known.
        """
        room = {} if room_ma is None else room_ma
        single = [] if used is None else [name for name, phases in used.items() if phases == 1]
        left_ma = dict(surplus.left_ma)
        found: dict[str, Choice] = {}
        for evse in state.evses.values():
            if not _can_switch(evse):
                continue
            name, least_ma = evse.name, minimum_ma(evse)
            before = self.choices.get(name) or Choice(_told_phases(evse))
            spare_ma = None
            if evse.settings.mode is ChargingMode.SURPLUS:
                spare_ma = _spare_ma(surplus, name, left_ma)
            better = better_phases(before.phases, least_ma, spare_ma, room.get(name, ()))
            if before.phases == _ALL and name in single:
                # Its car makes of three what it would make of one.
                better = _ALL
            if better > before.phases and name in surplus.standings:
                # What one waits for is not promised to another one.
                left_ma[surplus.standings[name].circuit] -= (better - before.phases) * least_ma
            found[name] = before.after(
                better, settling.booked_ma(evse) == 0, now_s, state.policy
            )
        return self if found == self.choices else PhaseChoice(found)

    def phases_of(self, evse: Evse) -> int | None:
        """How many it is to charge with; C{None}: it cannot be chosen."""
        choice = self.choices.get(evse.name)
        return None if choice is None else choice.phases

    def is_switching(self, evse: Evse) -> bool:
        """Whether it has to be at 0 A, because its phases are to be switched."""
        choice = self.choices.get(evse.name)
        return choice is not None and choice.switching_to is not None


def switching_ceiling(choice: PhaseChoice, evse: Evse) -> Ceiling | None:
    """No current flows while the phases are switched."""
    found = choice.choices.get(evse.name)
    if found is None or found.switching_to is None:
        return None
    to = "one phase" if found.switching_to == 1 else "three phases"
    return forbidden(ReasonCode.PAUSE, f"{evse.name} is being switched to {to}")


def _spare_ma(surplus: Surplus, name: str, left_ma: Mapping[str, int]) -> int:
    """What there is for one EVSE beside the minima of all others that charge. [mA]"""
    standing = surplus.standings.get(name)
    return 0 if standing is None else left_ma[standing.circuit] + standing.claim_ma


def _can_switch(evse: Evse) -> bool:
    return evse.settings.can_switch_phases and len(evse.settings.phases) == _ALL


def _told_phases(evse: Evse) -> int:
    told = evse.confirmed
    return 1 if told is not None and told.phases == 1 else _ALL
