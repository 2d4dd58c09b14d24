"""Tests for the choice between one phase and three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase
from cfos_cm.limits.feed_in import FeedIn
from cfos_cm.limits.phase_choice import (
    DEAD_TIME_S,
    MAX_SWITCHES_PER_HOUR,
    STILL_S,
    Choice,
    PhaseChoice,
    better_phases,
    switching_ceiling,
)
from cfos_cm.limits.settling import Change, Settling
from cfos_cm.limits.surplus import NO_SURPLUS, Surplus
from cfos_cm.limits.surplus_standing import Stage, Standing
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import ChargingMode, Evse, EvseSettings
from cfos_cm.site.policy import Policy
from cfos_cm.site.setpoint import ReasonCode
from tests.limits.sites import charging, setpoint, site

POLICY = Policy(surplus_undercut_s=100.0, phase_switch_s=300.0)


def course(choice: Choice, better: int, still: bool, seconds: range) -> Choice:
    """What is chosen when it is like this in each of these seconds."""
    for now_s in seconds:
        choice = choice.after(better, still, now_s, POLICY)
    return choice


class Better(SynchronousTestCase):
    """How many phases are better, at the boundaries."""

    def test_by_surplus(self) -> None:
        """Three stay while their minimum is there, and come with a margin above it."""
        self.assertEqual(better_phases(3, 6_000, 18_000, ()), 3)
        self.assertEqual(better_phases(3, 6_000, 17_999, ()), 1)
        self.assertEqual(better_phases(1, 6_000, 19_499, ()), 1)
        self.assertEqual(better_phases(1, 6_000, 19_500, ()), 3)
        self.assertEqual(better_phases(3, 6_000, -5_000, ()), 1)

    def test_by_room(self) -> None:
        """One phase is better where only the first has room."""
        self.assertEqual(better_phases(3, 6_000, None, (6_000, 6_000, 6_000)), 3)
        self.assertEqual(better_phases(3, 6_000, None, (6_000, 6_000, 5_999)), 1)
        self.assertEqual(better_phases(1, 6_000, None, (9_000, 6_499, 9_000)), 1)
        self.assertEqual(better_phases(1, 6_000, None, (6_500, 6_500, 6_500)), 3)

    def test_without_any_room(self) -> None:
        """Where not even one phase has room a switch makes nothing better."""
        self.assertEqual(better_phases(3, 6_000, None, (5_999, 9_000, 9_000)), 3)
        self.assertEqual(better_phases(1, 6_000, None, (0, 0, 0)), 1)

    def test_by_both(self) -> None:
        """Three need surplus and room."""
        self.assertEqual(better_phases(3, 6_000, 50_000, (9_000, 9_000, 0)), 1)
        self.assertEqual(better_phases(3, 6_000, 50_000, (9_000, 9_000, 9_000)), 3)

    def test_nothing_limits(self) -> None:
        """Where nothing is known to limit it, it charges with all."""
        self.assertEqual(better_phases(1, 6_000, None, ()), 3)


class OneEvse(SynchronousTestCase):
    """The course of one EVSE, to the second."""

    def test_up(self) -> None:
        """It is interrupted for three phases when they have been better for long enough."""
        one = Choice(1, charged_with=1)
        self.assertIsNone(course(one, 3, False, range(300)).switching_to)
        self.assertEqual(course(one, 3, False, range(301)).switching_to, 3)

    def test_up_is_forgotten(self) -> None:
        """A moment in which they are not makes the time begin again."""
        choice = course(Choice(1, charged_with=1), 3, False, range(299))
        choice = course(choice, 1, False, range(299, 300))
        self.assertIsNone(course(choice, 3, False, range(300, 600)).switching_to)
        self.assertEqual(course(choice, 3, False, range(300, 601)).switching_to, 3)

    def test_down(self) -> None:
        """It is interrupted for one phase before it would have to pause."""
        three = Choice(3, charged_with=3)
        self.assertIsNone(course(three, 1, False, range(80)).switching_to)
        self.assertEqual(course(three, 1, False, range(81)).switching_to, 1)

    def test_never_under_current(self) -> None:
        """The phases are others only after no current has flown for long enough."""
        choice = course(Choice(3, charged_with=3), 1, False, range(90))
        choice = course(choice, 1, True, range(90, 95))
        choice = course(choice, 1, False, range(95, 96))
        choice = course(choice, 1, True, range(96, 96 + int(STILL_S)))
        self.assertEqual((choice.phases, choice.switching_to), (3, 1))
        choice = choice.after(1, True, 96 + STILL_S, POLICY)
        self.assertEqual((choice.phases, choice.switching_to), (1, None))

    def test_what_was_begun_is_finished(self) -> None:
        """A switch is not given up when the sun comes back in between."""
        choice = course(Choice(3, charged_with=3), 1, False, range(90))
        choice = course(choice, 3, True, range(90, 101))
        self.assertEqual((choice.phases, choice.switching_to), (1, None))

    def test_who_does_not_charge_is_free(self) -> None:
        """Before it charges it is switched without waiting for the better to last."""
        choice = course(Choice(), 1, True, range(11))
        self.assertEqual(choice.phases, 1)
        self.assertEqual(course(choice, 3, True, range(11, 12)).phases, 3)

    def test_dead_time(self) -> None:
        """After a switch there is none for a while, whatever is better."""
        switched = Choice(3, charged_with=1)
        choice = course(switched, 3, False, range(1))
        self.assertEqual(choice.switched_s, (0,))
        end_s = int(DEAD_TIME_S)
        self.assertIsNone(course(choice, 1, False, range(1, end_s)).switching_to)
        self.assertEqual(course(choice, 1, False, range(1, end_s + 1)).switching_to, 1)

    def test_so_many_in_an_hour(self) -> None:
        """However the sun shines, the contactor is switched so often in an hour and no more."""
        choice, still, flips = Choice(1), True, []
        for now_s in range(3 * 3600):
            better = 3 if now_s // 310 % 2 else 1
            before = choice.phases
            choice = choice.after(better, still, now_s, POLICY)
            still = choice.switching_to is not None
            if choice.phases != before:
                flips.append(now_s)
        self.assertGreater(len(flips), 2 * MAX_SWITCHES_PER_HOUR)
        for begin_s in flips:
            within = [at_s for at_s in flips if begin_s <= at_s < begin_s + 3500]
            self.assertLessEqual(len(within), MAX_SWITCHES_PER_HOUR)

    def test_starts_count_too(self) -> None:
        """A start with more phases than before wears the contactor as a switch does."""
        worn = Choice(1, charged_with=1, switched_s=tuple(range(MAX_SWITCHES_PER_HOUR - 1)))
        self.assertEqual(course(worn, 3, True, range(100, 200)).phases, 1)
        self.assertEqual(course(worn, 3, True, range(3700, 3800)).phases, 3)

    def test_down_is_always_possible(self) -> None:
        """There is always a switch left for the way to one phase."""
        used = tuple(float(at_s) for at_s in range(MAX_SWITCHES_PER_HOUR - 1))
        three = Choice(3, charged_with=3, switched_s=used)
        self.assertEqual(course(three, 1, False, range(200, 300)).switching_to, 1)
        worn = evolve(three, switched_s=(*used, 100.0))
        self.assertIsNone(course(worn, 1, False, range(300, 500)).switching_to)


HOUSE = CircuitSettings("house", 35_000, meter="grid")

#: Nobody draws more than he was told.
FOLLOWED = Settling()


def evse(name: str, mode: str = "surplus", current_ma: int = 0) -> Evse:
    """One that can be switched."""
    settings = EvseSettings(name, "house", mode=ChargingMode(mode), can_switch_phases=True)
    return charging(settings, current_ma)


def surplus_of(free_ma: int, **claims_ma: int) -> Surplus:
    """A surplus, and what those need who charge by it. [mA]"""
    standings = {
        name: Standing("house", 1, need_ma, stage=Stage.SUPPLIED)
        for name, need_ma in claims_ma.items()
    }
    left_ma = {"house": free_ma - sum(claims_ma.values())}
    return Surplus({"house": FeedIn(free_ma)}, standings, left_ma, left_ma)


class Site(SynchronousTestCase):
    """What is chosen for the EVSEs of a site."""

    def after(
        self,
        seconds: int,
        surplus: Surplus,
        *evses: Evse,
        choice: PhaseChoice | None = None,
        room_ma: Mapping[str, Sequence[int]] | None = None,
        used: Mapping[str, int] | None = None,
        settling: Settling = FOLLOWED,
    ) -> PhaseChoice:
        """What is chosen when it was like this for so long."""
        state = evolve(site([HOUSE], list(evses)), policy=POLICY)
        choice = PhaseChoice() if choice is None else choice
        for now_s in range(seconds):
            choice = choice.after(state, now_s, surplus, settling, room_ma, used)
        return choice

    def test_only_those_that_can(self) -> None:
        """Nothing is chosen for an EVSE that cannot be switched, or has not three phases."""
        fixed = evolve(evse("a"), settings=EvseSettings("a", "house"))
        single = evolve(evse("b"), settings=evolve(evse("b").settings, phases=(Phase.L1,)))
        choice = self.after(20, surplus_of(6_000), fixed, single)
        self.assertEqual(choice, PhaseChoice())
        self.assertIsNone(choice.phases_of(fixed))
        self.assertFalse(choice.is_switching(fixed))
        self.assertIsNone(switching_ceiling(choice, fixed))

    def test_by_its_own_part_of_the_surplus(self) -> None:
        """What there is for one is what others leave that charge, and what it has itself."""
        car, other = evse("a", current_ma=6_000), evse("b", current_ma=6_000)
        other = evolve(other, settings=evolve(other.settings, can_switch_phases=False))
        choice = self.after(200, surplus_of(36_000, a=18_000, b=18_000), car, other)
        self.assertFalse(choice.is_switching(car))
        choice = self.after(200, surplus_of(35_999, a=18_000, b=18_000), car, other)
        self.assertTrue(choice.is_switching(car))

    def test_one_at_a_time(self) -> None:
        """What one waits for is not promised to another one."""
        cars = [
            evolve(evse(name), confirmed=evolve(setpoint(6_000), phases=1)) for name in "ab"
        ]
        choice = self.after(400, surplus_of(26_000, a=6_000, b=6_000), *cars)
        self.assertEqual([choice.is_switching(car) for car in cars], [True, False])
        choice = self.after(400, surplus_of(37_500, a=6_000, b=6_000), *cars)
        self.assertEqual([choice.is_switching(car) for car in cars], [True, True])

    def test_car_with_one_phase(self) -> None:
        """A car that makes nothing of three is not interrupted for one."""
        car = evse("a", current_ma=6_000)
        surplus = surplus_of(6_000, a=6_000)
        self.assertFalse(self.after(300, surplus, car, used={"a": 1}).is_switching(car))
        self.assertTrue(self.after(300, surplus, car, used={"a": 2}).is_switching(car))

    def test_normal_mode_without_room(self) -> None:
        """Also one that charges normally uses one phase where the others have no room."""
        car = evse("a", "normal", current_ma=0)
        room = {"a": (10_000, 2_000, 2_000)}
        self.assertEqual(self.after(20, NO_SURPLUS, car, room_ma=room).phases_of(car), 1)
        self.assertEqual(self.after(20, NO_SURPLUS, car).phases_of(car), 3)

    def test_back_in_normal_mode(self) -> None:
        """One that is no longer to charge by surplus is switched back."""
        car = evolve(evse("a", "normal"), confirmed=evolve(setpoint(9_000), phases=1))
        choice = self.after(301, NO_SURPLUS, car)
        self.assertTrue(choice.is_switching(car))
        self.assertEqual(choice.phases_of(car), 1)

    def test_waiting_for_no_current(self) -> None:
        """It is switched when it has confirmed 0 A and its car has followed, and not before."""
        surplus, car = surplus_of(6_000, a=18_000), evse("a", current_ma=6_000)
        choice = self.after(82, surplus, car)
        found = switching_ceiling(choice, car)
        assert found is not None
        self.assertEqual((found.current_ma, found.reason.code), (0, ReasonCode.PAUSE))
        self.assertEqual(found.reason.text, "a is being switched to one phase")
        ordered = evolve(car, ordered=setpoint(0))
        self.assertTrue(self.after(60, surplus, ordered, choice=choice).is_switching(car))
        still = evolve(car, confirmed=setpoint(0))
        unanswered = evolve(still, unanswered_ma=6_000)
        self.assertTrue(self.after(60, surplus, unanswered, choice=choice).is_switching(car))
        late = Settling({"a": Change(0, 0.0, lingering_ma=6_000)})
        followed = self.after(60, surplus, still, choice=choice, settling=late)
        self.assertTrue(followed.is_switching(car))
        switched = self.after(12, surplus, still, choice=choice)
        self.assertFalse(switched.is_switching(still))
        self.assertEqual(switched.phases_of(still), 1)

    def test_same_when_nothing_has_changed(self) -> None:
        """It is the same object when nothing is chosen anew."""
        state = site([HOUSE], [evse("a", current_ma=6_000)])
        surplus = surplus_of(20_000, a=18_000)
        choice = PhaseChoice().after(state, 0, surplus, FOLLOWED)
        self.assertIs(choice.after(state, 1, surplus, FOLLOWED), choice)
