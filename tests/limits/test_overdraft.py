"""How far phases were above their fuses, and what follows from it."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import NO_CURRENT, Phase, PhaseCurrents
from cfos_cm.limits.overdraft import COOLING_S, Overdraft, Overdrafts
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.meter import Meter, MeterRole, MeterSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.state import SiteState

FUSE_MA = 63_000
GARAGE = CircuitSettings("garage", FUSE_MA, reserve_ma=10_000, meter="grid")
BOARD = CircuitSettings("board", 32_000, parent="garage")


def carrying(*currents_ma: int, is_read: bool = True) -> SiteState:
    """A garage whose meter shows so much on its phases, and a board without a meter."""
    meter = Meter(MeterSettings("grid", MeterRole.GRID), is_read, PhaseCurrents(*currents_ma))
    return SiteState(circuits={"garage": GARAGE, "board": BOARD}, meters={"grid": meter})


def above(by_ma: int) -> SiteState:
    """The garage with so much more on L2 than its fuse is made for."""
    return carrying(0, FUSE_MA + by_ma, 0)


QUIET = above(-1000)


class Derating(SynchronousTestCase):
    """How much less a phase carries afterwards."""

    def test_as_much(self) -> None:
        """It carries less by as much as it was above its fuse, on that phase alone."""
        found = Overdrafts().after(carrying(FUSE_MA + 7, FUSE_MA, 1000), 0.0)
        self.assertEqual(PhaseCurrents(7, 0, 0), found.derating("garage"))

    def test_one_reading(self) -> None:
        """One reading is enough, and holds for five minutes after it to the second."""
        found = Overdrafts().after(above(2000), 10.0).after(QUIET, 11.0)
        self.assertEqual(2000, found.derating("garage").l2_ma)
        self.assertEqual(10.0 + COOLING_S, found.next_end_s())
        found = found.after(QUIET, 10.0 + COOLING_S - 0.001)
        self.assertEqual(2000, found.derating("garage").l2_ma)
        found = found.after(QUIET, 10.0 + COOLING_S)
        self.assertEqual(NO_CURRENT, found.derating("garage"))
        self.assertEqual(float("inf"), found.next_end_s())

    def test_since_the_last(self) -> None:
        """The five minutes begin when the phase was above its fuse last."""
        found = Overdrafts()
        for second in range(400):
            found = found.after(above(2000), second)
        found = found.after(QUIET, 399 + COOLING_S - 1)
        self.assertEqual(2000, found.derating("garage").l2_ma)
        self.assertEqual(NO_CURRENT, found.after(QUIET, 399 + COOLING_S).derating("garage"))

    def test_lower_one_follows(self) -> None:
        """When the highest counts no more, the highest of what came later does."""
        found = Overdrafts().after(above(5000), 0.0).after(above(1000), 100.0)
        found = found.after(above(3000), 200.0)
        self.assertEqual(5000, found.after(QUIET, 299.0).derating("garage").l2_ma)
        self.assertEqual(3000, found.after(QUIET, 300.0).derating("garage").l2_ma)
        self.assertEqual(3000, found.after(QUIET, 499.0).derating("garage").l2_ma)
        self.assertEqual(0, found.after(QUIET, 500.0).derating("garage").l2_ma)

    def test_fuse_not_reserve(self) -> None:
        """What is within the reserve, or above a limit from outside, warms no fuse."""
        state = evolve(
            carrying(FUSE_MA, FUSE_MA, FUSE_MA),
            outside_limits={("garage", "grid"): OutsideLimit("garage", "grid", 4200)},
        )
        before = Overdrafts().after(QUIET, 0.0)
        self.assertIs(before, before.after(state, 1.0))

    def test_feeding_in(self) -> None:
        """Current that flows back is no reason for cars to charge less."""
        before = Overdrafts().after(QUIET, 0.0)
        self.assertIs(before, before.after(carrying(-2 * FUSE_MA, 0, 0), 1.0))

    def test_without_a_word(self) -> None:
        """A meter that is silent shows nothing new, and lets the fuse cool on."""
        found = Overdrafts().after(above(2000), 0.0)
        silent = carrying(0, FUSE_MA + 9000, 0, is_read=False)
        self.assertIs(found, found.after(silent, 100.0))
        self.assertEqual(NO_CURRENT, found.after(silent, COOLING_S).derating("garage"))

    def test_without_a_meter(self) -> None:
        """Of circuits without a meter, and of unknown ones, nothing is known."""
        found = Overdrafts().after(above(2000), 0.0)
        for circuit in ("board", "nowhere"):
            self.assertEqual(NO_CURRENT, found.derating(circuit))
            self.assertEqual(NO_CURRENT, found.highest(circuit))

    def test_nothing_changed(self) -> None:
        """As long as nothing changes it is the same object."""
        before = Overdrafts().after(above(2000), 0.0)
        self.assertIs(before, before.after(QUIET, 1.0))
        self.assertEqual(before, before.after(QUIET, COOLING_S / 2))

    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(st.lists(st.tuples(st.integers(1, 90), st.integers(-3, 9)), max_size=30))
    def test_highest_of_the_time(self, steps: list[tuple[int, int]]) -> None:
        """
        It is never less than the highest of the last five minutes, and never more than the
        highest of a few seconds more.
        """
        found, now_s = Overdrafts(), 0.0
        seen: list[tuple[float, int]] = []
        for wait_s, by_a in steps:
            now_s += wait_s
            seen.append((now_s, max(0, by_a * 1000)))
            found = found.after(above(by_a * 1000), now_s)
            least = max(by_ma for at_s, by_ma in seen if now_s < at_s + COOLING_S)
            most = max(by_ma for at_s, by_ma in seen if now_s < at_s + COOLING_S + 5)
            derating = found.derating("garage").l2_ma
            self.assertLessEqual(least, derating)
            self.assertLessEqual(derating, most)

    def test_bounded(self) -> None:
        """However long an overload fades, no more is remembered than fits into the time."""
        found = Overdrafts()
        for tick in range(10_000):
            found = found.after(above(20_000 - tick), tick / 5)
        ((_, record),) = found._phases.items()
        self.assertLessEqual(len(record.peaks), COOLING_S / 5 + 2)


class Lowered(SynchronousTestCase):
    """A limit that somebody lowers while cars charge."""

    def lowered(self, to_ma: int, by_ma: int) -> SiteState:
        """The garage when it may carry C{to_ma}, and still carries so much more. [mA]"""
        garage = evolve(GARAGE, max_current=to_ma)
        state = carrying(0, to_ma + by_ma, 0)
        return evolve(state, circuits={**state.circuits, "garage": garage})

    def test_not_yet(self) -> None:
        """It is not broken by those who are on their way down to it."""
        found = Overdrafts().after(above(-10), 0.0)
        for second in range(1, 12):
            found = found.after(self.lowered(40_000, 22_000), second)
        self.assertEqual(NO_CURRENT, found.derating("garage"))
        self.assertEqual(NO_CURRENT, found.highest("garage"))

    def test_still(self) -> None:
        """It is broken by those who are above it after their time."""
        found = Overdrafts().after(above(-10), 0.0)
        for second in range(1, 14):
            found = found.after(self.lowered(40_000, 2_000), second)
        self.assertEqual(2_000, found.derating("garage").l2_ma)

    def test_above_both(self) -> None:
        """What is above the one before it counts at once, and by no more than that."""
        found = Overdrafts().after(above(-10), 0.0).after(self.lowered(40_000, 24_000), 1.0)
        self.assertEqual(1_000, found.derating("garage").l2_ma)

    def test_step_by_step(self) -> None:
        """Each step gives its time, from what was not broken before it."""
        found = Overdrafts().after(above(-10), 0.0).after(self.lowered(50_000, 12_000), 1.0)
        found = found.after(self.lowered(40_000, 22_000), 9.0)
        found = found.after(self.lowered(40_000, 22_000), 20.0)
        self.assertEqual(NO_CURRENT, found.derating("garage"))
        found = found.after(self.lowered(40_000, 500), 21.0)
        self.assertEqual(500, found.derating("garage").l2_ma)

    def test_raised(self) -> None:
        """One that is raised allows more at once."""
        found = Overdrafts().after(self.lowered(40_000, -1), 0.0).after(above(-10), 1.0)
        self.assertEqual(NO_CURRENT, found.derating("garage"))
        found = found.after(above(10), 2.0)
        self.assertEqual(10, found.derating("garage").l2_ma)


class Highest(SynchronousTestCase):
    """The most that a phase ever was above its fuse."""

    def test_kept(self) -> None:
        """It is kept when nothing is derated any more, and a lower one leaves it."""
        found = Overdrafts().after(above(5000), 0.0).after(QUIET, 1000.0)
        found = found.after(above(10), 2000.0)
        self.assertEqual(PhaseCurrents(0, 5000, 0), found.highest("garage"))
        self.assertEqual(PhaseCurrents(0, 10, 0), found.derating("garage"))

    def test_remembered(self) -> None:
        """What is known from before derates nothing, and stays until more comes."""
        known = {("garage", Phase.L2): 4000, ("garage", Phase.L3): 0}
        found = Overdrafts.remembering(known).after(QUIET, 0.0)
        self.assertEqual(NO_CURRENT, found.derating("garage"))
        self.assertEqual(PhaseCurrents(0, 4000, 0), found.highest("garage"))
        self.assertIs(found, found.after(QUIET, 0.5))
        found = found.after(above(4001), 1.0)
        self.assertEqual(4001, found.highest("garage").l2_ma)

    def test_reset(self) -> None:
        """It can be forgotten, of one circuit; a fuse that is warm stays so."""
        known = {("garage", Phase.L2): 4000, ("board", Phase.L1): 10}
        found = Overdrafts.remembering(known).after(above(1000), 0.0).reset("garage")
        self.assertEqual(NO_CURRENT, found.highest("garage"))
        self.assertEqual(10, found.highest("board").l1_ma)
        self.assertEqual(1000, found.derating("garage").l2_ma)

    def test_gone(self) -> None:
        """What is known of a circuit that is no longer there is forgotten."""
        found = Overdrafts.remembering({("old", Phase.L1): 4000}).after(QUIET, 0.0)
        self.assertEqual(Overdrafts().after(QUIET, 0.0), found)


class News(SynchronousTestCase):
    """What people hear of."""

    def test_above(self) -> None:
        """They hear of the beginning, and of each time that it is more; not of the rest."""
        steps = ((1000, 1000), (1000, None), (400, None), (1500, 1500), (0, None))
        found = Overdrafts()
        for second, (by_ma, expected) in enumerate(steps):
            before, found = found, found.after(above(by_ma), second)
            news = (
                () if expected is None else (Overdraft("garage", Phase.L2, expected, expected),)
            )
            self.assertEqual(news, found.news(before))

    def test_again(self) -> None:
        """After the fuse has cooled the next one is news again, with the highest of all."""
        cooled = Overdrafts().after(above(1000), 0.0).after(QUIET, 1000.0)
        again = cooled.after(above(10), 1001.0)
        self.assertEqual((Overdraft("garage", Phase.L2, 10, 1000),), again.news(cooled))
