"""Tests for when a car begins to charge by surplus, goes on, and pauses."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.limits.surplus_standing import START_DELAY_S, Stage, Standing, judged
from cfos_cm.site.policy import Policy

POLICY = Policy(min_pause_s=200.0, min_run_s=100.0, surplus_undercut_s=300.0)
ONE, THREE = 6_000, 18_000


def asking(**need_ma: int) -> dict[str, Standing]:
    """EVSEs that need so much, in their order. [mA]"""
    return {name: Standing("house", 1, need) for name, need in need_ma.items()}


class Course:
    """One surplus and those who stand before it, from second to second."""

    def __init__(self, standings: dict[str, Standing]) -> None:
        self.standings = standings
        self.now_s = 0

    def until(self, end_s: int, free_ma: int, first: str = "") -> str:
        """
        With so much until just before C{end_s}.

        @param first: who is served first now.
        @return: the stages, in the order of names.
        """
        names = sorted(self.standings, key=lambda name: (name != first, name))
        while self.now_s < end_s:
            ordered = {name: self.standings[name] for name in names}
            self.standings = judged(ordered, free_ma, self.now_s, POLICY)
            self.now_s += 1
        return " ".join(self.standings[name].stage.value for name in sorted(names))


class OneCar(SynchronousTestCase):
    """The course of one car, to the second."""

    def test_start(self) -> None:
        """It begins when there has been enough for as long as is asked for."""
        course = Course(asking(a=ONE))
        self.assertEqual(course.until(30, ONE), "waiting")
        self.assertEqual(course.until(31, ONE), "supplied")

    def test_gap(self) -> None:
        """A gap makes it wait from the beginning again."""
        course = Course(asking(a=ONE))
        course.until(29, ONE)
        course.until(30, ONE - 1)
        self.assertEqual(course.until(60, ONE), "waiting")
        self.assertEqual(course.until(61, ONE), "supplied")

    def test_undercut(self) -> None:
        """It goes on for as long as is allowed when there is less, and then pauses."""
        course = Course(asking(a=ONE))
        course.until(100, ONE)
        self.assertEqual(course.until(101, ONE - 1), "short")
        self.assertEqual(course.until(400, 0), "short")
        self.assertEqual(course.until(401, 0), "waiting")

    def test_back_at_the_last_moment(self) -> None:
        """It is not paused in a second in which there is enough, however short it was."""
        course = Course(asking(a=ONE))
        course.until(100, ONE)
        course.until(400, 0)
        self.assertEqual(course.until(430, ONE), "short")
        self.assertEqual(course.until(431, ONE), "supplied")

    def test_flicker_does_not_count(self) -> None:
        """Gaps between clouds do not make the time begin again."""
        course = Course(asking(a=ONE))
        course.until(100, ONE)
        for begin_s in range(100, 400, 40):
            course.until(begin_s + 15, 0)
            course.until(begin_s + 40, ONE)
        self.assertEqual(course.until(421, 0), "waiting")
        self.assertEqual(course.standings["a"].changed_s, 420)

    def test_rest(self) -> None:
        """After a pause it rests, however much there is."""
        course = Course(asking(a=ONE))
        course.until(100, ONE)
        course.until(401, 0)
        self.assertEqual(course.until(600, 9 * ONE), "waiting")
        self.assertEqual(course.until(601, 9 * ONE), "supplied")

    def test_enough_has_to_last_after_a_rest_too(self) -> None:
        """When it has rested there has to have been enough for as long as at the start."""
        course = Course(asking(a=ONE))
        course.until(100, ONE)
        course.until(650, 0)
        self.assertEqual(course.until(650 + 30, ONE), "waiting")
        self.assertEqual(course.until(650 + 31, ONE), "supplied")

    def test_no_undercut_at_all(self) -> None:
        """Where none is allowed it pauses at once."""
        standing = Standing("house", 1, ONE, stage=Stage.SUPPLIED, enough_since_s=0.0)
        after = standing.carried_on(False, 50.0, Policy(surplus_undercut_s=0.0))
        self.assertEqual((after.stage, after.changed_s), (Stage.WAITING, 50.0))

    def test_absent_one_stays_what_it_was(self) -> None:
        """While something else forbids it to charge it claims nothing, and it is not paused."""
        course = Course(asking(a=ONE))
        course.until(100, ONE)
        absent = course.standings["a"].absent("house")
        self.assertEqual((absent.stage, absent.claim_ma), (Stage.SUPPLIED, 0))
        self.assertIs(absent.absent("house"), absent)
        self.assertEqual(absent.asking("house", ONE, False).claim_ma, ONE)


class SeveralCars(SynchronousTestCase):
    """Who is served when there is not enough for all."""

    def test_first_is_served_first(self) -> None:
        """Where there is enough for one of them it is the first."""
        course = Course(asking(a=ONE, b=ONE))
        self.assertEqual(course.until(400, 2 * ONE - 1), "supplied waiting")
        self.assertEqual(course.until(430, 2 * ONE), "supplied waiting")
        self.assertEqual(course.until(431, 2 * ONE), "supplied supplied")

    def test_small_one_takes_what_a_big_one_cannot(self) -> None:
        """Who needs more than there is does not keep others from charging."""
        course = Course(asking(a=THREE, b=ONE))
        self.assertEqual(course.until(31, THREE - 1), "waiting supplied")

    def test_last_is_short_first(self) -> None:
        """When there is less, those go on who come first, and the last one pauses."""
        course = Course(asking(a=ONE, b=ONE, c=ONE))
        course.until(200, 3 * ONE)
        self.assertEqual(course.until(500, 2 * ONE), "supplied supplied short")
        self.assertEqual(course.until(501, 2 * ONE), "supplied supplied waiting")

    def test_what_one_draws_without_enough_is_gone(self) -> None:
        """Nobody begins with what another one still draws who is short of it."""
        course = Course(asking(a=THREE, b=ONE))
        course.until(200, THREE)
        self.assertEqual(course.until(500, 2 * ONE), "short waiting")
        self.assertEqual(course.until(501, 2 * ONE), "waiting waiting")
        self.assertEqual(course.until(501 + 31, 2 * ONE), "waiting supplied")

    def test_resting_one_keeps_nothing_from_others(self) -> None:
        """While the first one rests another one may begin."""
        course = Course(asking(a=ONE, b=ONE))
        course.until(100, ONE)
        self.assertEqual(course.until(401, 0), "waiting waiting")
        self.assertEqual(course.until(401 + 31, ONE), "waiting supplied")

    def test_place_is_given_up(self) -> None:
        """Who has become the first takes the place of one who has charged for long enough."""
        course = Course(asking(a=ONE, b=ONE))
        course.until(300, ONE)
        self.assertEqual(course.until(330, ONE, first="b"), "supplied waiting")
        self.assertEqual(course.until(331, ONE, first="b"), "waiting supplied")

    def test_place_is_kept_for_a_while(self) -> None:
        """Who has just begun is not paused for others, even if they come first."""
        course = Course(asking(a=ONE, b=ONE))
        course.until(31, ONE)
        self.assertEqual(course.until(130, ONE, first="b"), "supplied waiting")
        self.assertEqual(course.until(130 + 31, ONE, first="b"), "waiting supplied")

    def test_idle_one_keeps_nothing_from_others(self) -> None:
        """A car that takes nothing goes on, and what it needs is given to another one."""
        course = Course(asking(a=ONE, b=ONE))
        course.until(100, ONE)
        sleeper = course.standings["a"].asking("house", ONE, True)
        course.standings = {**course.standings, "a": sleeper}
        self.assertEqual(course.until(131, ONE), "supplied supplied")
        self.assertEqual(course.until(131 + 301, 0), "waiting waiting")

    def test_never_more_than_there_is(self) -> None:
        """Whoever is supplied, all of them together have their minimum."""
        course = Course(asking(a=THREE, b=ONE, c=2 * ONE, d=ONE))
        for at_s in range(20, 4_000, 20):
            free_ma = (at_s * 7_919) % 45_000
            first = "abcd"[at_s // 400 % 4]
            course.until(at_s, free_ma, first)
            supplied = [
                one.need_ma for one in course.standings.values() if one.stage is Stage.SUPPLIED
            ]
            self.assertLessEqual(sum(supplied), free_ma)

    def test_delay_is_what_is_promised(self) -> None:
        """The figures above are those of the module."""
        self.assertEqual(START_DELAY_S, 30.0)
