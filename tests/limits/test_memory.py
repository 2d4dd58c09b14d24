"""What is remembered between two decisions."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.limits.catalog import ceiling
from cfos_cm.limits.loads import METER_PATIENCE_S
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.phase_choice import Choice, PhaseChoice
from cfos_cm.limits.settling import SETTLE_S
from cfos_cm.limits.surplus import NO_SURPLUS
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import ChargingMode, Evse, EvseSettings, Link
from cfos_cm.site.measured import Measured
from cfos_cm.site.state import SiteState
from tests.limits.meters import drawing, grid, metered, obeying
from tests.limits.sites import charging, setpoint

MAIN = CircuitSettings("main", 63_000)
MEASURED = CircuitSettings("main", 63_000, meter="grid")
BAY = charging(EvseSettings("bay", "main"), 16_000)


def seen(state: SiteState, *times_s: float) -> Memory:
    """What is remembered when the site has been so all the time."""
    memory = Memory()
    for now_s in times_s:
        memory = memory.after(state, now_s)
    return memory


class Looking(SynchronousTestCase):
    """What a look at the site leaves."""

    def test_moment(self) -> None:
        """It is known what was looked at, and when."""
        state = metered([MAIN], [BAY])
        memory = seen(state, 7.0)
        self.assertEqual((7.0, state), (memory.now_s, memory.state))
        self.assertEqual({"bay": ceiling(state, BAY)}, memory.ceilings)

    def test_value(self) -> None:
        """The same states at the same times make the same memory."""
        course = [
            (metered([MEASURED], [drawing(one, 9_000, second)], [grid(40_000, second)]), second)
            for second, one in enumerate([BAY, obeying(BAY, 9_000), obeying(BAY, 0)] * 20)
        ]
        both = []
        for _ in range(2):
            memory = Memory()
            for state, now_s in course:
                memory = memory.after(state, now_s)
            both.append(memory)
        self.assertEqual(*both)

    def test_unchanged(self) -> None:
        """What was remembered before is not changed by it."""
        before = seen(metered([MAIN], [BAY]), 0.0)
        settling = before.settling
        before.after(metered([MAIN], [obeying(BAY, 0)]), 1.0)
        self.assertEqual((0.0, settling), (before.now_s, before.settling))

    def test_only_readings(self) -> None:
        """Where only meters have spoken no rule is asked again."""
        before = seen(metered([MAIN], [BAY]), 0.0)
        after = before.after(before.state, 1.0, only_readings=True)
        self.assertIs(before.ceilings, after.ceilings)

    def test_folded_since(self) -> None:
        """In the same moment the rules can be asked of a newer state; the rest stays."""
        memory = seen(metered([MAIN], [BAY]), 5.0)
        self.assertIs(memory, memory.of(memory.state))
        gone = metered([MAIN], [evolve(BAY, link=Link.LOST)])
        found = memory.of(gone)
        self.assertEqual(0, found.ceilings["bay"].current_ma)
        self.assertEqual((gone, 5.0), (found.state, found.now_s))
        self.assertIs(memory.settling, found.settling)

    def test_settling_first(self) -> None:
        """What a car may still draw that has just been told less is no load of the house."""
        told = seen(metered([MEASURED], [BAY], [grid(26_000, 0.0)]), 0.0)
        more = metered([MEASURED], [BAY], [grid(10_000, 0.5)])
        alone = told.after(more, 0.5)
        lower = metered([MEASURED], [obeying(BAY, 6_000)], [grid(26_000, 10.0)])
        load = alone.after(lower, 10.0).loads.of("main")
        self.assertEqual(PhaseCurrents(10_000, 10_000, 10_000), load)


class News(SynchronousTestCase):
    """Whether another decision may follow."""

    def check(self, is_news: bool, before: SiteState, after: SiteState, later_s: float) -> None:
        """Compare what is said of a look at C{after} so long after one at C{before}."""
        first = seen(before, 0.0, 100.0)
        second = first.after(after, 100.0 + later_s)
        self.assertIs(is_news, second.tells_other_than(first))

    def test_nothing(self) -> None:
        """Where nothing has happened nothing follows."""
        state = metered([MAIN], [BAY])
        self.check(False, state, state, 1.0)
        self.check(False, state, state, 5.0)

    def test_reading(self) -> None:
        """That an EVSE draws as much as before is nothing either."""
        for current_ma in (15_800, 15_900):
            state = metered([MAIN], [drawing(BAY, 15_900, 100.0)])
            again = metered([MAIN], [drawing(BAY, current_ma, 101.0)])
            self.check(False, state, again, 1.0)

    def test_load(self) -> None:
        """A load that is another one is news, and that nobody knows it any more."""
        state = metered([MEASURED], [], [grid(10_000, 100.0)])
        self.check(True, state, metered([MEASURED], [], [grid(10_200, 101.0)]), 1.0)
        self.check(False, state, metered([MEASURED], [], [grid(10_000, 101.0)]), 1.0)
        self.check(True, state, state, METER_PATIENCE_S + 1)

    def test_overdraft(self) -> None:
        """So is an overload."""
        state = metered([MEASURED], [], [grid(10_000, 100.0)])
        self.check(True, state, metered([MEASURED], [], [grid(64_000, 101.0)]), 1.0)

    def test_followed(self) -> None:
        """So is that a car has followed."""
        memory = seen(metered([MAIN], [BAY]), 0.0)
        lower = metered([MAIN], [obeying(BAY, 6_000)])
        told = memory.after(lower, 100.0)
        self.assertTrue(told.tells_other_than(memory))
        waiting = told.after(lower, 101.0)
        self.assertFalse(waiting.tells_other_than(told))
        followed = waiting.after(lower, 100.0 + SETTLE_S)
        self.assertTrue(followed.tells_other_than(waiting))


class Phases(SynchronousTestCase):
    """On which phases an EVSE is reckoned with."""

    def learnt(self, evse: Evse, currents: PhaseCurrents) -> Memory:
        """What is remembered when its meter has shown the same for some minutes."""
        memory = Memory()
        for second in range(120):
            read = evse.with_meter(Measured(currents, at_s=second))
            memory = memory.after(metered([MAIN], [read]), second)
        return memory

    def test_wired(self) -> None:
        """It is all of them where nothing else is known."""
        self.assertEqual(tuple(Phase), seen(metered([MAIN], [BAY]), 0.0).phases_of(BAY))

    def test_used(self) -> None:
        """It is those that its car uses."""
        memory = self.learnt(BAY, PhaseCurrents(16_000, 0, 16_000))
        self.assertEqual((Phase.L1, Phase.L3), memory.phases_of(BAY))

    def switched(self, evse: Evse, *, told: int | None = 1) -> tuple[Memory, Evse]:
        """What is remembered of one that was told to charge with one phase; and the EVSE."""
        settings = evolve(evse.settings, can_switch_phases=True)
        confirmed = evolve(setpoint(16_000), phases=told)
        switched = evolve(evse, settings=settings, confirmed=confirmed)
        memory = seen(metered([MAIN], [switched]), 0.0)
        return evolve(memory, choice=PhaseChoice({"bay": Choice(1)})), switched

    def test_chosen(self) -> None:
        """It is as many as it is told to charge with, the first ones."""
        memory, evse = self.switched(BAY)
        self.assertEqual((Phase.L1,), memory.phases_of(evse))
        self.assertEqual((Phase.L1,), memory.may_load(evse))

    def test_chosen_and_used(self) -> None:
        """What its car made of another number of phases says nothing about this one."""
        memory = self.learnt(BAY, PhaseCurrents(0, 16_000, 16_000))
        chosen = evolve(memory, choice=PhaseChoice({"bay": Choice(1)}))
        self.assertEqual((Phase.L1,), chosen.phases_of(BAY))

    def test_may_load(self) -> None:
        """Until it is certain that it obeys that it may load all that it is wired to."""
        for told, change in (
            (None, {}),
            (1, {"unsure": True}),
            (1, {"disobedient": True}),
            (1, {"unanswered_ma": 6_000}),
            (1, {"ordered": evolve(setpoint(6_000), phases=3)}),
            (1, {"link": Link.LOST}),
        ):
            memory, evse = self.switched(BAY, told=told)
            doubtful = evolve(evse, **change)
            self.assertEqual(tuple(Phase), memory.may_load(doubtful), change)

    def test_carries(self) -> None:
        """A phase that its meter sees a current on is loaded, whatever it was told."""
        memory, evse = self.switched(BAY)
        carrying = evse.with_meter(Measured(PhaseCurrents(9_000, 0, 9_000), at_s=1.0))
        self.assertEqual((Phase.L1, Phase.L3), memory.may_load(carrying))


class Special(SynchronousTestCase):
    """What is remembered of EVSEs that charge by surplus."""

    def test_nobody(self) -> None:
        """Where there are none, nothing is."""
        self.assertIs(NO_SURPLUS, seen(metered([MAIN], [BAY]), 0.0).surplus)

    def test_somebody(self) -> None:
        """Where there is one, the sun is looked at."""
        sunny = charging(EvseSettings("bay", "main", mode=ChargingMode.SURPLUS))
        memory = seen(metered([MEASURED], [sunny], [grid(-10_000, 0.0)]), 0.0)
        self.assertEqual(["main"], list(memory.surplus.feeds))
        self.assertFalse(seen(metered([MAIN], [sunny]), 0.0).surplus.allows(sunny))

    def test_does_not_wait(self) -> None:
        """Who may not charge for want of sun does not wait for his turn."""
        sunny = charging(EvseSettings("bay", "main", mode=ChargingMode.SURPLUS))
        memory = seen(metered([MAIN], [sunny]), 0.0, 10.0)
        self.assertIsNone(memory.turns.waiting_since_s(sunny))
        normal = charging(EvseSettings("bay", "main"))
        waiting = seen(metered([MAIN], [normal]), 0.0, 10.0)
        self.assertIsNotNone(waiting.turns.waiting_since_s(normal))
