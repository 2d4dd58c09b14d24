"""By how much loads rise, and what is kept free for it."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, field, mutable
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.electrical import ALL_PHASES, NO_CURRENT, PhaseCurrents, on_each_phase
from cfos_cm.limits.capacity import capacity_ma
from cfos_cm.limits.constraint import Constraint
from cfos_cm.limits.memory import Memory
from cfos_cm.limits.rises import LEARNT_S, OFTEN_S, REACTION_S, Rises
from cfos_cm.site.circuit import CircuitSettings
from tests.limits.meters import Course, grid, metered

MAIN = CircuitSettings("main", 63_000, reserve_ma=10_000, meter="grid")

DAY_S = 86_400


def oven(every_s: int, current_ma: int, lasts_s: int = 60) -> Callable[[float], PhaseCurrents]:
    """A house that draws 5 A, and so much more on L2 for a while each C{every_s}. [s, mA]"""

    def load(at_s: float) -> PhaseCurrents:
        return PhaseCurrents(5_000, 5_000 + (current_ma if at_s % every_s < lasts_s else 0), 0)

    return load


@mutable
class Watched:
    """A house that is looked at second by second."""

    every_s: float = 2.5
    now_s: float = 0.0
    course: Course = field(factory=Course)
    rises: Rises = field(factory=Rises)

    def watch(self, load: Callable[[float], PhaseCurrents], for_s: float) -> PhaseCurrents:
        """What is expected after so long. [mA]"""
        until_s = self.now_s + for_s
        while self.now_s < until_s:
            meter = grid(load(self.now_s), self.now_s)
            self.course.look(metered([MAIN], [], [meter]), self.now_s)
            self.rises = self.rises.after(self.course.loads, {"main"})
            self.now_s += self.every_s
        return self.rises.expected("main")


class Expected(SynchronousTestCase):
    """What a load rises by often."""

    def test_often(self) -> None:
        """What is switched on every five minutes is expected, on its phase."""
        found = Watched().watch(oven(300, 16_000), 2 * LEARNT_S)
        self.assertEqual(16_000, found.l2_ma)
        self.assertEqual((0, 0), (found.l1_ma, found.l3_ma))

    def test_seldom(self) -> None:
        """What is switched on every half an hour is not."""
        self.assertEqual(NO_CURRENT, Watched().watch(oven(1800, 16_000), 4 * LEARNT_S))

    def test_both(self) -> None:
        """The highest of what comes often counts, whatever is higher and rare."""
        often, rare = oven(300, 8_000), oven(3600, 40_000, 200)
        found = Watched().watch(lambda at_s: often(at_s) + rare(at_s + 1800), 4 * LEARNT_S)
        self.assertEqual(8_000, found.l2_ma)

    def test_slowly(self) -> None:
        """A load that rises so slowly that everybody can follow is no rise."""

        def slowly(at_s: float) -> PhaseCurrents:
            return on_each_phase(int(at_s % 600 * 50))

        found = Watched().watch(slowly, 2 * LEARNT_S)
        self.assertLessEqual(found.l1_ma, 50 * REACTION_S + 500)

    def test_sun(self) -> None:
        """Clouds that take from what is fed in load no fuse: they are no rise."""
        cloud = oven(300, 30_000)
        found = Watched().watch(lambda at_s: cloud(at_s) - on_each_phase(40_000), 2 * LEARNT_S)
        self.assertEqual(NO_CURRENT, found)

    def test_sun_and_more(self) -> None:
        """Of a rise out of it that counts which is more than it was."""
        kettle = oven(300, 30_000)
        found = Watched().watch(lambda at_s: kettle(at_s) - on_each_phase(17_000), 2 * LEARNT_S)
        self.assertEqual(PhaseCurrents(0, 18_000, 0), found)

    def test_readings_far_apart(self) -> None:
        """A meter that is read every ten seconds shows the same."""
        found = Watched(every_s=10).watch(oven(300, 16_000), 2 * LEARNT_S)
        self.assertEqual(16_000, found.l2_ma)

    def test_not_yet(self) -> None:
        """In the first hour nothing is said."""
        watched = Watched()
        self.assertEqual(NO_CURRENT, watched.watch(oven(300, 16_000), LEARNT_S))
        self.assertNotEqual(NO_CURRENT, watched.watch(oven(300, 16_000), 5))

    def test_forgotten(self) -> None:
        """What has not happened for two days is forgotten, what happened yesterday is not."""
        watched = Watched(every_s=10)
        watched.watch(oven(300, 16_000), DAY_S)
        quiet = oven(DAY_S * 9, 0)
        self.assertGreater(watched.watch(quiet, DAY_S / 10).l2_ma, 0)
        self.assertEqual(NO_CURRENT, watched.watch(quiet, 2 * DAY_S))

    def test_silent(self) -> None:
        """A meter that is silent for hours takes nothing away, and counts for no time."""
        watched = Watched()
        before = watched.watch(oven(300, 16_000), 2 * LEARNT_S)
        watched.rises = watched.rises.after(Course().loads, {"main"})
        self.assertEqual(before, watched.rises.expected("main"))
        watched.now_s += 50_000
        self.assertEqual(before, watched.watch(oven(300, 16_000), 300))

    def test_other_circuits(self) -> None:
        """Nothing is expected of circuits that are unknown, or not there any more."""
        watched = Watched()
        watched.watch(oven(300, 16_000), 2 * LEARNT_S)
        self.assertEqual(NO_CURRENT, watched.rises.expected("elsewhere"))
        self.assertEqual(Rises(), watched.rises.after(Course().loads, set()))

    def test_no_news(self) -> None:
        """Without another reading it is the same object."""
        watched = Watched()
        watched.watch(oven(300, 16_000), 10)
        again = watched.rises.after(watched.course.loads, {"main"})
        self.assertIs(watched.rises, again)

    def test_how_often(self) -> None:
        """The border is where it is said to be."""
        for every_s, is_expected in ((OFTEN_S * 0.8, True), (OFTEN_S * 1.3, False)):
            found = Watched().watch(oven(int(every_s), 16_000), 6 * LEARNT_S)
            self.assertEqual(is_expected, found.l2_ma > 0, every_s)


class Kept(SynchronousTestCase):
    """What is kept free of a circuit's rating."""

    def free_ma(self, current_ma: int, reserve_ma: int = 10_000) -> tuple[int, ...]:
        """What is left for EVSEs beside a house whose oven takes so much. [mA]"""
        main = evolve(MAIN, reserve_ma=reserve_ma)
        load, memory = oven(300, current_ma), Memory()
        for second in range(0, int(LEARNT_S) + 100, 5):
            state = metered([main], [], [grid(load(second), second)])
            memory = memory.after(state, second)
        found = capacity_ma(state, memory)
        return tuple(found[Constraint("main", phase)] for phase in ALL_PHASES)

    def test_as_much(self) -> None:
        """Where the reserve is too small for what happens often it is as large as that."""
        self.assertEqual((48_000, 63_000 - 16_000 - 5_000, 53_000), self.free_ma(16_000))

    def test_no_less(self) -> None:
        """A small rise makes it no smaller."""
        self.assertEqual((48_000, 48_000, 53_000), self.free_ma(4_000))

    def test_twice(self) -> None:
        """It is never more than twice what was asked for."""
        self.assertEqual(63_000 - 20_000 - 5_000, self.free_ma(35_000)[1])

    def test_none(self) -> None:
        """Where none was asked for there is none."""
        self.assertEqual((58_000, 58_000, 63_000), self.free_ma(16_000, reserve_ma=0))

    def test_cooling(self) -> None:
        """A fuse that cools carries less by the overdraft, beside the reserve."""
        memory = Memory()
        for second, load_ma in enumerate((64_500, 5_000)):
            state = metered([MAIN], [], [grid(PhaseCurrents(0, load_ma, 0), second)])
            memory = memory.after(state, second)
        kept = memory.kept(MAIN)
        self.assertEqual(PhaseCurrents(10_000, 11_500, 10_000), kept)
