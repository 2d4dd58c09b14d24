"""The phases that an EVSE's current may flow on, while it is switched or does as it likes."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, Phase, PhaseCurrents
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.phase_choice import Choice, PhaseChoice
from cfos_cm.limits.transition import orders, pauses
from cfos_cm.limits.used_phases import UsedPhases
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings, Link
from cfos_cm.site.measured import Measured
from cfos_cm.site.setpoint import Setpoint
from tests.limits.sites import charging, setpoint, site

BAY = EvseSettings("bay", "main", can_switch_phases=True)
ONE = (Phase.L1,)


def told(phases: int | None, current_ma: int = 6_000, settings: EvseSettings = BAY) -> Evse:
    """An EVSE that has confirmed to charge on so many phases."""
    return evolve(charging(settings), confirmed=on(phases, current_ma))


def on(phases: int | None, current_ma: int = 6_000) -> Setpoint:
    """A setpoint on so many phases."""
    return evolve(setpoint(current_ma), phases=phases)


def remembering(evse: Evse, chosen: int | None, used: tuple[Phase, ...] = ALL_PHASES) -> Memory:
    """What is remembered where so many phases were chosen, and its car uses some."""
    choices = {} if chosen is None else {"bay": Choice(chosen)}
    memory = Memory().after(site([CircuitSettings("main", 20_000)], [evse]), 0.0)
    return evolve(
        memory, choice=PhaseChoice(choices), used_phases=UsedPhases(narrowed={"bay": used})
    )


class MayLoad(SynchronousTestCase):
    """What is booked on which phase."""

    def check(self, expected: tuple[Phase, ...], evse: Evse, chosen: int | None) -> None:
        """Compare, where its car was seen to use the first phase only."""
        self.assertEqual(expected, remembering(evse, chosen, ONE).may_load(evse))

    def test_learnt(self) -> None:
        """One that cannot be switched loads what its car uses."""
        self.check(ONE, told(None), None)

    def test_obeys(self) -> None:
        """One that has confirmed to charge on one phase loads that."""
        self.check(ONE, told(1), 1)

    def test_to_three(self) -> None:
        """What it loaded when it was to use one says nothing about three."""
        self.check(ALL_PHASES, told(1, 0), 3)

    def test_to_one(self) -> None:
        """It counts in full until it has confirmed that it uses one."""
        self.check(ALL_PHASES, told(3), 1)
        self.check(ALL_PHASES, evolve(told(1), ordered=on(3)), 1)

    def test_doubtful(self) -> None:
        """One that may obey something else may do so on all phases."""
        self.check(ALL_PHASES, evolve(told(1), unsure=True), 1)
        self.check(ALL_PHASES, evolve(told(1), disobedient=True), 1)
        self.check(ALL_PHASES, evolve(told(1), unanswered_ma=6_000), 1)
        self.check(ALL_PHASES, evolve(told(1), confirmed=None), 1)
        self.check(ALL_PHASES, evolve(told(1), link=Link.LOST), 1)

    def test_left_alone(self) -> None:
        """One that is released charges on all."""
        alone = evolve(BAY, enabled=False, released_when_disabled=True)
        self.check(ALL_PHASES, told(1, settings=alone), 1)

    def test_cannot_any_more(self) -> None:
        """One that was told one phase, and may not be switched any more, goes to all."""
        self.check(ALL_PHASES, told(1), None)

    def test_seen(self) -> None:
        """One that was told one phase and is seen to load two does so."""
        meter = Measured(PhaseCurrents(6_000, -6_000, 0))
        self.check((Phase.L1, Phase.L2), told(1).with_meter(meter), 1)


class Switched(SynchronousTestCase):
    """An order for more phases under current, as after a change of the settings."""

    def check(self, fuse_ma: int, phases: int | None) -> None:
        """Where another one draws 10 A on L2, it is to be told to charge on so many."""
        bay = told(1, settings=evolve(BAY, can_switch_phases=False))
        other = charging(EvseSettings("other", "main", phases=(Phase.L2,)), 10_000)
        state = site([CircuitSettings("main", fuse_ma)], [evolve(bay, stale=True), other])
        found = orders(state, {"bay": setpoint(6_000), "other": setpoint(6_000)})
        self.assertEqual(phases, found["bay"].phases)

    def test_no_room(self) -> None:
        """It stays on one until others have made room."""
        self.check(14_000, 1)

    def test_room(self) -> None:
        """Where there is room it goes to all at once."""
        self.check(16_000, None)


class LeftAlone(SynchronousTestCase):
    """One that is to obey no limit of ours."""

    def test_not_paused(self) -> None:
        """It is told nothing, not even when nothing can be decided."""
        alone = evolve(BAY, enabled=False, released_when_disabled=True)
        state = site([CircuitSettings("main", 20_000)], [told(None, settings=alone)])
        self.assertEqual({}, pauses(state, {"bay": setpoint(0)}))
