"""Tests for what a connection to the grid would feed in."""

from __future__ import annotations

from itertools import pairwise

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.limits.feed_in import UNKNOWN, WINDOW_S, FeedIn, Reading, read, summed_draw_ma
from cfos_cm.limits.loads import METER_PATIENCE_S
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import EvseSettings
from cfos_cm.site.measured import Measured
from cfos_cm.site.meter import Meter, MeterRole, MeterSettings
from cfos_cm.site.state import SiteState
from tests.limits.sites import charging, site

METERED = CircuitSettings("house", 35_000, meter="grid")
GRID = MeterSettings("grid", MeterRole.GRID, "house")
ROOF = MeterSettings("roof", MeterRole.GENERATION, "house")
FLAT = MeterSettings("flat", MeterRole.CONSUMPTION, "house")


def fed(readings_ma: list[int], feed: FeedIn = UNKNOWN, first_s: int = 0) -> FeedIn:
    """What is known after one reading in each second."""
    for at_s, power_ma in enumerate(readings_ma, first_s):
        feed = feed.after(Reading(at_s, power_ma), 0, at_s)
    return feed


def metered(*meters: Meter, circuit: CircuitSettings = METERED) -> SiteState:
    """A house with these meters, in which an EVSE was granted 10 A on three phases."""
    state = site([circuit], [charging(EvseSettings("e", "house"), 10_000)])
    return evolve(state, meters={meter.name: meter for meter in meters})


class Steadiness(SynchronousTestCase):
    """What is handed out follows what is found in steps, and not at once."""

    def test_what_cars_draw_could_be_fed_in(self) -> None:
        """What cars draw by surplus is part of it."""
        feed = UNKNOWN.after(Reading(0, -2_000), 18_000, 0)
        self.assertEqual(feed.free_ma, 16_000)

    def test_first_reading_counts(self) -> None:
        """The first reading is believed: there is nothing else."""
        self.assertEqual(fed([9_000]).free_ma, 9_000)

    def test_what_is_soon_over_moves_nothing(self) -> None:
        """A difference that lasts for less than half of the window is not seen."""
        dip = int(WINDOW_S / 2) - 1
        feed = fed([9_000] * 60)
        for at_s in range(60, 200):
            power_ma = -5_000 if at_s % 30 < dip else 9_000
            feed = feed.after(Reading(at_s, power_ma), 0, at_s)
            self.assertEqual(feed.free_ma, 9_000)

    def test_fall_is_followed(self) -> None:
        """What has fallen is followed when it lasts for half of the window."""
        feed = fed([9_000] * 60)
        self.assertEqual(fed([2_000] * 11, feed, 60).free_ma, 9_000)
        self.assertEqual(fed([2_000] * 12, feed, 60).free_ma, 2_000)

    def test_rise_after_a_change_waits(self) -> None:
        """A rise is followed no sooner than half a minute after the last change."""
        feed = fed([2_000] * 12, fed([9_000] * 60), 60)
        feed = fed([9_000] * 29, feed, 72)
        self.assertEqual((feed.free_ma, feed.changed_s), (2_000, 71))
        feed = fed([9_000], feed, 101)
        self.assertEqual((feed.free_ma, feed.changed_s), (9_000, 101))

    def test_slow_fall_is_followed_in_steps(self) -> None:
        """While it gets less and less, a change comes each five seconds at most."""
        feed, changes = fed([40_000] * 60), []
        for at_s in range(60, 90):
            after = feed.after(Reading(at_s, 40_000 - 1_000 * (at_s - 60)), 0, at_s)
            changes += [at_s] if after.free_ma != feed.free_ma else []
            feed = after
        gaps = {later - sooner for sooner, later in pairwise(changes)}
        self.assertEqual((len(changes), gaps), (4, {5}))

    def test_little_is_followed_later(self) -> None:
        """A small difference is not left lying for ever, and moves nobody at once."""
        feed = fed([9_000, *[9_400] * 119])
        self.assertEqual(feed.free_ma, 9_000)
        self.assertEqual(fed([9_400], feed, 120).free_ma, 9_400)

    def test_no_faster_than_readings_come(self) -> None:
        """Nothing changes between two readings."""
        feed = fed([9_000] * 3)
        self.assertIs(feed.after(Reading(2, 9_000), 5_000, 2.9), feed)

    def test_few_readings_are_kept(self) -> None:
        """A meter that speaks ten times in a second is not listened to each time."""
        feed = UNKNOWN
        for tenth in range(1000):
            feed = feed.after(Reading(tenth / 10, tenth), 0, tenth / 10)
        self.assertLessEqual(len(feed.found), WINDOW_S + 2)

    def test_silent_meter_says_nothing(self) -> None:
        """A reading that is too old counts no more than none, and what was before is over."""
        feed = fed([9_000] * 3)
        self.assertIs(feed.after(Reading(2, 9_000), 0, 2 + METER_PATIENCE_S), feed)
        self.assertEqual(feed.after(Reading(2, 9_000), 0, 2.1 + METER_PATIENCE_S), UNKNOWN)
        self.assertEqual(feed.after(None, 0, 3), UNKNOWN)
        self.assertIs(UNKNOWN.after(None, 0, 3), UNKNOWN)


class Meters(SynchronousTestCase):
    """What is read where."""

    def test_power_has_a_sign(self) -> None:
        """The power of the grid's meter is believed before its currents."""
        currents = PhaseCurrents(10_000, 10_000, 10_000)
        grid = Meter(GRID, True, currents, power_w=-6_900, at_s=5.0)
        self.assertEqual(read(metered(grid), METERED, {}), Reading(5.0, 30_000))

    def test_currents_are_summed(self) -> None:
        """Without a power the phases are balanced, as the meter that is paid by does it."""
        grid = Meter(GRID, True, PhaseCurrents(-10_000, 4_000, -1_000), at_s=5.0)
        self.assertEqual(read(metered(grid), METERED, {}), Reading(5.0, 7_000))

    def test_meter_that_is_lost(self) -> None:
        """A meter that is lost, absent or mute says nothing."""
        for meters in (
            [],
            [Meter(GRID, False, power_w=-6_900, at_s=5.0)],
            [Meter(GRID, True, at_s=5.0)],
        ):
            self.assertIsNone(read(metered(*meters), METERED, {}))

    def test_balance_without_a_meter_of_the_grid(self) -> None:
        """Otherwise it is what is generated, without what is consumed and what EVSEs draw."""
        house = evolve(METERED, meter=None, assumed_load=2_000)
        roof = Meter(ROOF, True, power_w=9_200, at_s=5.0)
        flat = Meter(FLAT, True, power_w=460, at_s=4.0)
        found = read(metered(roof, flat, circuit=house), house, {})
        self.assertEqual(found, Reading(4.0, 40_000 - 2_000 - 30_000))

    def test_balance_with_an_assumption(self) -> None:
        """What nobody measures counts as is assumed."""
        house = evolve(METERED, meter=None, assumed_load=PhaseCurrents(2_000, 1_000, 0))
        found = read(
            metered(Meter(ROOF, True, power_w=9_200, at_s=5.0), circuit=house), house, {}
        )
        self.assertEqual(found, Reading(5.0, 40_000 - 3_000 - 30_000))

    def test_balance_with_a_meter_lost(self) -> None:
        """All of these meters have to speak, and one of generation has to be there."""
        house = evolve(METERED, meter=None)
        roof, flat = Meter(ROOF, True, power_w=9_200), Meter(FLAT, True, power_w=460)
        for meters in ([roof, Meter(FLAT)], [Meter(ROOF), flat], [flat], []):
            self.assertIsNone(read(metered(*meters, circuit=house), house, {}))

    def test_what_a_car_draws(self) -> None:
        """Its meter's power counts first, then its currents, then what it was granted."""
        evse = charging(EvseSettings("e", "house", phases=(Phase.L1, Phase.L2)), 8_000)
        self.assertEqual(summed_draw_ma(evse, {}), 16_000)
        self.assertEqual(summed_draw_ma(evse, {"e": 1}), 8_000)
        evse = evse.with_meter(Measured(PhaseCurrents(7_000, 6_000, 0)))
        self.assertEqual(summed_draw_ma(evse, {}), 13_000)
        evse = evse.with_meter(Measured(PhaseCurrents(7_000, 6_000, 0), power_w=2_300))
        self.assertEqual(summed_draw_ma(evse, {}), 10_000)

    def test_turned(self) -> None:
        """The sign only says which way round its transformers are mounted."""
        evse = charging(EvseSettings("e", "house"), 8_000)
        for told in (
            Measured(PhaseCurrents(8_000, -8_000, 8_000)),
            Measured(power_w=-5_520),
        ):
            self.assertEqual(24_000, summed_draw_ma(evse.with_meter(told), {}), told)
