"""What cars take of what they are offered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from random import Random

from attrs import define, evolve, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, CurrentSteps, PhaseCurrents
from cfos_cm.limits.appetite import Appetites
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import Evse, EvseSettings, Link, Occupancy
from cfos_cm.site.measured import Measured
from cfos_cm.site.state import SiteState

from .sites import charging, setpoint, site

MAIN = CircuitSettings("main", 63_000)

#: Some that differ in what matters here.
SETTINGS = EvseSettings("a", "main", max_current_ma=32_000)


def state_of(evse: Evse) -> SiteState:
    """A site with this one."""
    return site([MAIN], [evse])


def offering(current_ma: int, steps: CurrentSteps | None = None) -> Evse:
    """An EVSE that offers its car so much. [mA]"""
    return charging(SETTINGS if steps is None else evolve(SETTINGS, steps=steps), current_ma)


def drawing(evse: Evse, current_ma: int, at_s: float) -> Evse:
    """The same after its meter has told that each phase carries so much. [mA]"""
    currents = PhaseCurrents.on(ALL_PHASES, current_ma)
    return evse.with_meter(Measured(currents, None, None, at_s))


@define
class Watched:
    """An EVSE that is looked at again and again."""

    evse: Evse
    appetites: Appetites = field(factory=Appetites)

    def look(self, now_s: float) -> Watched:
        """Look at it as it is."""
        self.appetites = self.appetites.after(state_of(self.evse), now_s)
        return self

    def offers(self, current_ma: int, now_s: float) -> Watched:
        """From now on it offers so much. [mA]"""
        self.evse = evolve(self.evse, confirmed=setpoint(current_ma))
        return self.look(now_s)

    def says(
        self, occupancy: Occupancy, now_s: float, meter: Measured | None = None
    ) -> Watched:
        """Its connector has another status."""
        self.evse = evolve(self.evse, occupancy=occupancy, meter=meter or self.evse.meter)
        return self.look(now_s)

    def draws(self, current_ma: int, *times_s: float) -> Watched:
        """Its meter tells so much at each of these times. [mA]"""
        for at_s in times_s:
            self.evse = drawing(self.evse, current_ma, at_s)
            self.look(at_s)
        return self

    @property
    def wanted_ma(self) -> int | None:
        """What is worth to be offered. [mA]"""
        return self.appetites.wanted_ma(self.evse)

    @property
    def is_idle(self) -> bool:
        """Whether its car would make no use of a turn."""
        return self.appetites.is_idle(self.evse)


def offered(current_ma: int = 16_000, steps: CurrentSteps | None = None) -> Watched:
    """One that was offered so much from 0 s on. [mA]"""
    return Watched(offering(current_ma, steps)).look(0.0)


class Cap(SynchronousTestCase):
    """What a car is taken to take."""

    def test_nothing_is_known(self) -> None:
        """Whatever there is."""
        self.assertIsNone(Appetites().wanted_ma(offering(16_000)))
        self.assertFalse(Appetites().is_idle(offering(16_000)))

    def test_small_car(self) -> None:
        """Who takes less for 12 s is taken to take that, and has headroom of 1.5 A."""
        watched = offered().draws(10_000, 5, 16.9)
        self.assertIsNone(watched.wanted_ma)
        self.assertEqual(11_500, watched.draws(10_000, 17).wanted_ma)

    def test_highest(self) -> None:
        """The highest of what it drew meanwhile counts."""
        watched = offered().draws(10_000, 5).draws(10_600, 8).draws(10_100, 17)
        self.assertEqual(12_100, watched.wanted_ma)

    def test_takes_all(self) -> None:
        """Who takes all but 2 A is not capped."""
        self.assertIsNone(offered().draws(13_800, *range(5, 99)).wanted_ma)

    def test_minimum(self) -> None:
        """Nobody is capped below his minimum."""
        self.assertEqual(6_000, offered().draws(2_000, 5, 17).wanted_ma)

    def test_steps(self) -> None:
        """The next step that the EVSE can take."""
        for steps, wanted_ma in (
            (CurrentSteps(1_000), 12_000),
            (CurrentSteps(only_ma=(6_000, 10_000, 16_000)), 16_000),
            (CurrentSteps(only_ma=(6_000, 10_000)), None),
        ):
            watched = offered(20_000, steps).draws(10_200, 5, 17)
            self.assertEqual(wanted_ma, watched.wanted_ma, steps)

    def test_rating(self) -> None:
        """A cap that is no less than the rating is none."""
        watched = Watched(charging(EvseSettings("a", "main", max_current_ma=16_000), 17_000))
        self.assertIsNone(watched.look(0.0).draws(14_700, 5, 17).wanted_ma)

    def test_rising(self) -> None:
        """Who draws more and more is not done."""
        watched = offered(32_000)
        for at_s in range(1, 40):
            watched.draws(at_s * 700, at_s)
        self.assertIsNone(watched.wanted_ma)

    def test_falls(self) -> None:
        """A car that becomes full is followed downwards."""
        watched = offered().draws(10_000, 5, 17)
        self.assertEqual(11_500, watched.draws(8_000, 20, 31.9).wanted_ma)
        self.assertEqual(9_500, watched.draws(8_000, 32).wanted_ma)

    def test_falls_at_last(self) -> None:
        """What it drew when its cap was found counts for the next one."""
        watched = offered().draws(10_000, 5).draws(5_000, 17)
        self.assertEqual(11_500, watched.wanted_ma)
        self.assertEqual(6_500, watched.draws(5_000, 29).wanted_ma)

    def test_old_reading(self) -> None:
        """What was read before the offer was raised says nothing of it."""
        watched = offered(10_000).draws(10_000, 5, 20, 40)
        watched.offers(20_000, 41)
        for now_s in range(42, 100):
            watched.look(now_s)
        self.assertIsNone(watched.wanted_ma)
        self.assertIsNone(watched.draws(10_000, 100, 111.9).wanted_ma)
        self.assertEqual(11_500, watched.draws(10_000, 112).wanted_ma)

    def test_raised(self) -> None:
        """When the offer is raised meanwhile, it begins anew."""
        watched = offered(20_000).draws(8_000, 5).offers(25_000, 8).draws(8_000, 17, 28.9)
        self.assertIsNone(watched.wanted_ma)
        self.assertEqual(9_500, watched.draws(8_000, 29).wanted_ma)

    def test_lowered(self) -> None:
        """That the offer becomes less meanwhile is no reason to begin anew."""
        watched = offered(20_000).draws(8_000, 5).offers(18_000, 8).draws(8_000, 17)
        self.assertEqual(9_500, watched.wanted_ma)

    def test_offered_less(self) -> None:
        """Who is offered less than his cap cannot show that it is too low."""
        watched = offered().draws(10_000, 5, 17).offers(8_000, 18)
        self.assertEqual(11_500, watched.draws(8_000, *range(19, 60)).wanted_ma)

    def test_settings(self) -> None:
        """With other settings it is found anew."""
        watched = offered().draws(10_000, 5, 17)
        watched.evse = evolve(watched.evse, settings=evolve(SETTINGS, min_current_ma=13_000))
        self.assertIsNone(watched.look(18).wanted_ma)

    def test_same_settings(self) -> None:
        """That they were read again is no reason to forget."""
        watched = offered().draws(10_000, 5, 17)
        watched.evse = evolve(watched.evse, settings=evolve(SETTINGS))
        self.assertEqual(11_500, watched.look(18).wanted_ma)

    def test_next_car(self) -> None:
        """Another transaction is another car."""
        watched = offered().draws(10_000, 5, 17)
        assert watched.evse.transaction is not None
        next_one = evolve(watched.evse.transaction, transaction_id=2)
        watched.evse = evolve(watched.evse, transaction=next_one)
        self.assertIsNone(watched.look(18).wanted_ma)

    def test_pause(self) -> None:
        """A pause does not make another car of it."""
        watched = offered().draws(10_000, 5, 17).offers(0, 18).draws(0, *range(19, 99))
        self.assertEqual(11_500, watched.wanted_ma)


class Growth(SynchronousTestCase):
    """When the cap is gone."""

    def test_into_the_headroom(self) -> None:
        """A car that draws into its headroom could take more."""
        watched = offered().draws(10_000, 5, 17).offers(11_500, 18)
        self.assertIsNone(watched.draws(10_800, 30).wanted_ma)

    def test_noise(self) -> None:
        """Two readings of the same current are no sign of it."""
        watched = offered().draws(9_700, 5, 17).offers(11_200, 18)
        self.assertEqual(11_200, watched.draws(10_300, 19).wanted_ma)

    def test_longer_each_time(self) -> None:
        """Who has outgrown his cap is watched twice as long before he gets the next one."""
        watched = offered().draws(10_000, 5, 17).draws(16_000, 20)
        self.assertIsNone(watched.draws(10_000, 30, 53.9).wanted_ma)
        self.assertEqual(11_500, watched.draws(10_000, 54).wanted_ma)


class Waking(SynchronousTestCase):
    """A car needs time until it charges."""

    def test_asleep(self) -> None:
        """Who has drawn nothing yet is given a minute."""
        watched = offered().draws(0, *range(1, 60))
        self.assertIsNone(watched.wanted_ma)
        self.assertEqual(6_000, watched.draws(0, *range(60, 73)).wanted_ma)

    def test_awake(self) -> None:
        """Who draws an ampere has woken up."""
        self.assertEqual(6_000, offered().draws(1_000, 5, 17).wanted_ma)

    def test_after_a_pause(self) -> None:
        """After a pause it needs that time again."""
        watched = offered().draws(16_000, *range(1, 20)).offers(0, 20).offers(16_000, 320)
        self.assertIsNone(watched.draws(0, *range(321, 380)).wanted_ma)


class Idle(SynchronousTestCase):
    """A car that makes no use of its offer."""

    def test_full(self) -> None:
        """Who draws nothing for a minute is idle."""
        watched = offered().draws(16_000, 5, 30).draws(0, 40, 99.9)
        self.assertFalse(watched.is_idle)
        self.assertTrue(watched.draws(400, 100).is_idle)
        self.assertEqual({"a"}, watched.appetites.idle)

    def naps_s(self, *drawn_ma: int) -> list[float]:
        """
        How long it is left asleep each time.

        @param drawn_ma: what it draws for a moment each time when it is offered something.
        """
        found, now_s, watched = [], 0.0, offered()
        for current_ma in drawn_ma:
            watched = watched.offers(16_000, now_s + 1).draws(current_ma, now_s + 2)
            watched = watched.draws(0, now_s + 3, now_s + 80).offers(0, now_s + 81)
            begun_s = now_s = now_s + 81
            while watched.is_idle:
                now_s += 60
                watched = watched.look(now_s)
            found.append(now_s - begun_s)
        return found

    def test_longer_each_time(self) -> None:
        """Who makes no use of his next turn either waits twice as long, up to four hours."""
        hour_s = 3600
        expected = [hour_s / 2, hour_s, 2 * hour_s, 4 * hour_s, 4 * hour_s]
        self.assertEqual(expected, self.naps_s(0, 0, 0, 0, 0))

    def test_full_most_likely(self) -> None:
        """Who has charged before waits for longer from the beginning."""
        self.assertEqual([7200, 14_400, 14_400], self.naps_s(16_000, 0, 0))

    def test_woken(self) -> None:
        """Who has drawn something meanwhile begins anew."""
        self.assertEqual([1800, 3600, 1800, 3600], self.naps_s(0, 0, 600, 0))

    def test_draws(self) -> None:
        """Who draws half an ampere meanwhile is not, and not any more."""
        watched = offered().draws(0, 5, 40).draws(500, 50).draws(0, 51, 80)
        self.assertFalse(watched.is_idle)
        self.assertTrue(watched.draws(0, 120).is_idle)
        self.assertFalse(watched.draws(500, 121).is_idle)

    def test_one_reading(self) -> None:
        """A reading that grows old proves nothing."""
        self.assertFalse(offered().draws(0, 5).look(500).is_idle)

    def test_not_offered(self) -> None:
        """Who is offered nothing cannot be blamed for it."""
        self.assertFalse(offered(0).draws(0, *range(1, 200)).is_idle)

    def test_paused(self) -> None:
        """Who was idle when he was paused counts as idle for half an hour."""
        watched = offered().draws(0, 5, 65).offers(0, 70)
        self.assertTrue(watched.look(1_869.9).is_idle)
        self.assertFalse(watched.look(1_870).is_idle)

    def test_paused_while_charging(self) -> None:
        """Who charged until he was paused never is."""
        self.assertFalse(offered().draws(9_000, 5, 65).offers(0, 70).look(500).is_idle)

    def test_offered_again(self) -> None:
        """Until it charges, an idle car that is offered something again is idle."""
        watched = offered().draws(0, 5, 65).offers(0, 70).offers(6_000, 400).draws(0, 405)
        self.assertTrue(watched.is_idle)
        self.assertFalse(watched.draws(6_000, 410).is_idle)

    def test_status(self) -> None:
        """Where there is no meter the EVSE's word counts that its car does not charge."""
        watched = offered().says(Occupancy.PLUGGED, 10, Measured().standing_still())
        self.assertFalse(watched.look(69.9).is_idle)
        self.assertTrue(watched.look(70).is_idle)
        self.assertFalse(watched.says(Occupancy.CHARGING, 80).is_idle)

    def test_status_belied(self) -> None:
        """A current that is measured after it says more."""
        watched = offered().says(Occupancy.PLUGGED, 10, Measured().standing_still())
        self.assertFalse(watched.draws(6_000, 20, 50).look(100).is_idle)


class Unknown(SynchronousTestCase):
    """What cannot be known is not guessed."""

    def test_no_meter(self) -> None:
        """Without a meter a car gets whatever there is, whatever its EVSE says."""
        watched = offered()
        for now_s in range(200):
            watched.look(now_s)
        self.assertIsNone(watched.wanted_ma)
        watched.says(Occupancy.PLUGGED, 200, Measured().standing_still()).look(500)
        self.assertIsNone(watched.says(Occupancy.CHARGING, 501).look(900).wanted_ma)

    def test_offer_not_known(self) -> None:
        """Of an EVSE that has to be told again nothing is learnt, and nothing forgotten."""
        watched = offered().draws(10_000, 5, 17)
        for doubt in ({"stale": True}, {"confirmed": None}, {"link": Link.LOST}):
            known = watched.evse
            watched.evse = evolve(known, **doubt)
            self.assertEqual(11_500, watched.draws(16_000, 20, 60).wanted_ma, doubt)
            watched.evse = known

    def test_raise_under_way(self) -> None:
        """Until it has answered, an EVSE offers what it did."""
        watched = offered(10_000).draws(10_000, 5)
        watched.evse = evolve(watched.evse, ordered=setpoint(32_000))
        self.assertIsNone(watched.draws(10_000, *range(6, 60)).wanted_ma)

    def test_decrease_under_way(self) -> None:
        """One that has been told to offer less may do so before it says so."""
        watched = offered().draws(16_000, 5)
        watched.evse = evolve(watched.evse, ordered=setpoint(8_000))
        self.assertIsNone(watched.draws(8_000, *range(6, 60)).wanted_ma)


class Power(SynchronousTestCase):
    """Meters that know the power only."""

    def drawn(self, offer_ma: int, power_w: int, phases: int = 3) -> int | None:
        """What is wanted after a minute with such a power."""
        watched = Watched(charging(evolve(SETTINGS, phases=ALL_PHASES[:phases]), offer_ma))
        watched.look(0.0)
        for at_s in range(1, 90):
            watched.evse = watched.evse.with_meter(Measured(None, None, power_w, at_s))
            watched.look(at_s)
        return watched.wanted_ma

    def test_one_phase(self) -> None:
        """A car on one of three phases that takes all it is offered is not capped."""
        for offer_ma, volts in product((6_000, 10_000, 16_000, 32_000), (207, 230, 253)):
            self.assertIsNone(self.drawn(offer_ma, offer_ma * volts // 1000), (offer_ma, volts))

    def test_all_phases(self) -> None:
        """Nor is one that takes all on three."""
        for offer_ma, volts in product((6_000, 16_000, 32_000), (207, 230, 253)):
            power_w = 3 * offer_ma * volts // 1000
            self.assertIsNone(self.drawn(offer_ma, power_w), (offer_ma, volts))

    def test_less(self) -> None:
        """One that takes less is capped above what it takes, at any voltage."""
        for volts in (207, 230, 253):
            wanted_ma = self.drawn(32_000, 10 * volts, phases=1)
            assert wanted_ma is not None
            self.assertGreaterEqual(wanted_ma, 11_500)
            self.assertLessEqual(wanted_ma, 14_000)

    def test_nothing(self) -> None:
        """A full one is capped at the minimum."""
        self.assertEqual(6_000, self.drawn(16_000, 0))

    def test_stood_still_once(self) -> None:
        """That its currents once stood still does not mean that it takes no power now."""
        watched = offered().says(Occupancy.PLUGGED, 1, Measured().standing_still())
        for at_s in range(5, 90):
            meter = Measured(watched.evse.meter.currents, None, 11_000, at_s)
            watched.says(Occupancy.CHARGING, at_s, meter)
        self.assertIsNone(watched.wanted_ma)
        self.assertFalse(watched.is_idle)

    def test_backwards(self) -> None:
        """A current that seems to flow back is one all the same."""
        self.assertIsNone(offered().draws(-16_000, *range(1, 90)).wanted_ma)


class Sameness(SynchronousTestCase):
    """Whether something has changed."""

    def test_nothing_new(self) -> None:
        """A reading like the one before changes nothing, once a car is known."""
        watched = offered().draws(16_000, 5, 6)
        before = watched.appetites
        self.assertIs(before, watched.draws(15_800, 7).appetites)

    def test_full(self) -> None:
        """Nor does one of a car that is known to be full."""
        watched = offered().draws(16_000, 5).draws(0, *range(6, 90))
        before = watched.appetites
        self.assertIs(before, watched.draws(100, 91, 105, 130).appetites)

    def test_equal(self) -> None:
        """They are equal when they say the same, whatever they have seen."""
        watched = offered().draws(10_000, 5)
        self.assertEqual(Appetites(), watched.appetites)
        self.assertNotEqual(Appetites(), watched.draws(10_000, 17).appetites)

    def test_bound(self) -> None:
        """Nothing is kept of an EVSE without a transaction."""
        watched = offered().draws(10_000, 5, 17)
        watched.evse = evolve(watched.evse, transaction=None)
        self.assertEqual({}, watched.look(18).appetites._records)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([0, 6_000, 10_000, 16_000, 32_000]),
                st.integers(0, 33_000),
                st.floats(0, 40),
                st.sampled_from(Occupancy),
            ),
            max_size=15,
        )
    )
    @settings(max_examples=60, deadline=None, derandomize=True)
    def test_any_history(self, steps: list[tuple[int, int, float, Occupancy]]) -> None:
        """
        Whatever happens, what is wanted is a step from the minimum to the rating, and to look
        twice changes nothing.
        """
        watched, now_s = offered(0), 0.0
        for offer_ma, draw_ma, step_s, occupancy in steps:
            now_s += step_s
            watched.evse = drawing(watched.evse, draw_ma, now_s)
            watched.evse = evolve(watched.evse, occupancy=occupancy)
            watched.offers(offer_ma, now_s)
            wanted_ma = watched.wanted_ma
            self.assertTrue(wanted_ma is None or 6_000 <= wanted_ma <= 32_000, wanted_ma)
            self.assertTrue(wanted_ma is None or wanted_ma % 100 == 0, wanted_ma)
            before = watched.appetites
            self.assertIs(before, watched.look(now_s).appetites)


@frozen
class Loop:
    """
    A car, its wallbox and its meter, in a closed loop with whoever offers it what it wants.

    @ivar takes_ma: the car's own limit, by the time. [mA]
    @ivar delay_s: what the meter tells was so long ago. [s]
    @ivar interval_s: so often it tells something. [s]
    @ivar wakes_s: so long the car sleeps when it is offered a current. [s]
    @ivar free_ma: what there is for it, by the time. [mA]
    @ivar seed: of the meter's noise and of how long orders are under way.
    """

    takes_ma: Callable[[int], int]
    delay_s: int = 2
    interval_s: int = 1
    wakes_s: int = 10
    free_ma: Callable[[int], int] = lambda now_s: 32_000
    seed: int = 1

    def run(self, until_s: int = 2_100) -> list[tuple[int, int, int]]:
        """What it is offered and what it draws, each second. [s, mA, mA]"""
        return list(self._seconds(until_s))

    def _seconds(self, until_s: int) -> Iterator[tuple[int, int, int]]:
        random = Random(self.seed)
        watched = Watched(offering(0))
        arrives_s, draw_ma, awake_s = 0, 0, self.wakes_s
        drawn = deque([0] * (self.delay_s + 1), maxlen=self.delay_s + 1)
        for now_s in range(1, until_s):
            draw_ma = self._drawn(draw_ma, watched.evse.granted_ma, now_s, awake_s)
            drawn.append(draw_ma)
            if now_s % self.interval_s == 0:
                noise_ma = random.randint(-300, 300)
                watched.evse = drawing(watched.evse, max(0, drawn[0] + noise_ma), now_s)
            if watched.evse.ordered is not None and now_s >= arrives_s:
                watched.evse = evolve(
                    watched.evse, confirmed=watched.evse.ordered, ordered=None
                )
            watched.look(now_s)
            target_ma = min(self.free_ma(now_s), watched.wanted_ma or 32_000)
            if watched.evse.ordered is None and target_ma != watched.evse.granted_ma:
                watched.evse = evolve(watched.evse, ordered=setpoint(target_ma))
                arrives_s = now_s + random.randint(0, 2)
            yield now_s, target_ma, draw_ma

    def _drawn(self, before_ma: int, offer_ma: int, now_s: int, awake_s: int) -> int:
        """It follows its offer upwards by 2 A/s, downwards within three seconds."""
        if now_s < awake_s or offer_ma < 6_000:
            return 0
        goal_ma = min(offer_ma, self.takes_ma(now_s))
        if goal_ma >= before_ma:
            return min(goal_ma, before_ma + 2_000)
        return max(goal_ma, before_ma - max(4_000, (before_ma - goal_ma) * 6 // 10))


def changes(run: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """When it was offered something else, and what. [s, mA]"""
    return [
        (now_s, offer_ma)
        for (_, before_ma, _), (now_s, offer_ma, _) in pairwise(run)
        if offer_ma != before_ma
    ]


#: The delays of meters, how often they speak, and a seed for what is left to chance.
METERS = (
    (1, 1, 1),
    (2, 1, 2),
    (3, 1, 3),
    (1, 10, 4),
    (3, 10, 5),
    (2, 60, 6),
)


class ClosedLoop(SynchronousTestCase):
    """What a real car is offered in an hour, by meters of all kinds."""

    def test_small_car(self) -> None:
        """One that takes 10 A of 32 is offered that and its headroom, and then no other."""
        for delay_s, interval_s, seed in METERS:
            loop = Loop(lambda now_s: 10_000, delay_s, interval_s, seed=seed)
            found = changes(loop.run())
            self.assertEqual(1, len(found), (loop, found))
            self.assertLessEqual(found[0][0], 10 + 5 + 12 + 3 + 3 * interval_s, loop)
            for _, offer_ma in found:
                self.assertTrue(11_000 <= offer_ma <= 12_000, (loop, found))

    def test_hungry_car(self) -> None:
        """One that takes whatever it gets is never offered less."""
        for delay_s, interval_s, seed in METERS:
            loop = Loop(lambda now_s: 32_000, delay_s, interval_s, 50, seed=seed)
            self.assertEqual([], changes(loop.run(1_200)), loop)

    def test_almost_hungry_car(self) -> None:
        """One that takes 2.2 A less, so that it is just not hungry, stays where it was put."""
        for delay_s, interval_s, seed in METERS:
            loop = Loop(lambda now_s: 29_800, delay_s, interval_s, seed=seed)
            self.assertLessEqual(len(changes(loop.run())), 1, loop)

    def test_growth(self) -> None:
        """One that can take more than it did is offered all there is, with the next reading."""
        for delay_s, interval_s, seed in METERS:
            loop = Loop(
                lambda now_s: 8_000 if now_s < 1_200 else 30_500,
                delay_s,
                interval_s,
                seed=seed,
            )
            run = loop.run(2_400)
            found = [change for change in changes(run) if change[0] >= 1_200]
            self.assertEqual(32_000, found[0][1], (loop, found))
            self.assertLessEqual(found[0][0], 1_200 + 2 + delay_s + interval_s, loop)
            self.assertEqual(30_500, run[-1][2], loop)
            self.assertEqual(1, len(found), (loop, found))

    def test_full(self) -> None:
        """One that becomes full is soon offered its minimum, and then no other."""
        for delay_s, interval_s, seed in METERS:
            loop = Loop(
                lambda now_s: 16_000 if now_s < 1_200 else 0, delay_s, interval_s, seed=seed
            )
            run = loop.run(2_400)
            self.assertEqual(6_000, run[-1][1], loop)
            enough_s = 1_200 + 5 + delay_s + 2 * (12 + interval_s) + interval_s
            late = [change for change in changes(run) if change[0] > enough_s]
            self.assertEqual([], late, loop)

    def test_taper(self) -> None:
        """One that takes less and less for a quarter of an hour always keeps some headroom."""
        for delay_s, interval_s, seed in METERS:
            loop = Loop(
                lambda now_s: max(6_000, 16_000 - max(0, now_s - 900) * 11),
                delay_s,
                interval_s,
                seed=seed,
            )
            run = loop.run()
            self.assertTrue(
                all(draw_ma <= offer_ma - 700 for _, offer_ma, draw_ma in run[100:]), loop
            )
            self.assertLessEqual(len(changes(run)), 16, loop)

    def test_busy_circuit(self) -> None:
        """
        Where there is now more for it, now less, a small car is still offered no more than it
        takes; unless its meter does not even speak between two changes.
        """
        for delay_s, interval_s, seed in METERS:
            if interval_s > 10:
                continue
            loop = Loop(
                lambda now_s: 10_000,
                delay_s,
                interval_s,
                free_ma=lambda now_s: (32_000, 9_000, 14_000)[now_s // 40 % 3],
                seed=seed,
            )
            offers = {offer_ma for _, offer_ma, _ in loop.run()[300:]}
            self.assertEqual(2, len(offers), (loop, offers))
            self.assertLessEqual(max(offers), 12_000, (loop, offers))

    def test_heater(self) -> None:
        """One whose heater comes and goes does not take its offer along each time."""
        for delay_s, interval_s, seed in METERS:
            loop = Loop(
                lambda now_s: 14_000 if now_s % 60 < 20 else 9_000,
                delay_s,
                interval_s,
                seed=seed,
            )
            self.assertLessEqual(len(changes(loop.run(3_600))), 7, loop)
