"""Who guesses passwords is slowed down; who knows one is not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net import login_throttle
from cfos_cm.net.login_throttle import (
    BURST,
    FIRST_TRIES,
    FIRST_TRIES_OF_SOURCE,
    FIRST_TRIES_OF_SOURCE_PER_MIN,
    FIRST_TRIES_PER_MIN,
    MAX_HELD,
    MAX_HELD_OF_SOURCE,
    MAX_WAIT_AT_HOME_S,
    MAX_WAIT_S,
    MAX_WAITING,
    MAX_WAITING_AT_HOME,
    MAX_WAITING_OF_SOURCE,
    TRIES_PER_MIN,
    LoginThrottle,
    Turn,
)

#: Between two tries of those who have failed before. [s]
STEP_S = 60 / TRIES_PER_MIN

#: A guesser who is answered tries the next one so soon. [s]
_TICK_S = 0.5


class ThrottleCase(SynchronousTestCase):
    """Logins at a clock of their own."""

    def setUp(self) -> None:
        """Nobody has failed."""
        self.clock = Clock()
        self.throttle = LoginThrottle(self.clock)

    def wait_s(self, identity: str = "CP-1", source: str = "a") -> float | None:
        """How long somebody would have to wait; C{None}: too many do. [s]"""
        turn = self.throttle.turn(identity, source)
        if turn.is_kept:
            self.throttle.given_back(turn)
            return turn.wait_s
        return None

    def guess(self, times: int = 1, identity: str = "CP-1", source: str = "a") -> None:
        """Some wrong passwords."""
        for _ in range(times):
            turn = self.throttle.turn(identity, source)
            self.assertTrue(turn.is_kept)
            self.throttle.failed(turn)

    def fail_once(self, number: int, identity: str = "CP-1") -> list[str]:
        """
        So many sources fail for the first time, and nobody has a try again for the moment.

        @return: the sources.
        """
        sources = [f"source {n}" for n in range(number)]
        for source in sources:
            self.guess(identity=identity, source=source)
        self.guess(BURST, identity, sources[0])
        return sources

    def succeed(self, identity: str = "CP-1", source: str = "home") -> None:
        """A login with the right password."""
        turn = self.throttle.turn(identity, source)
        self.assertEqual(0, turn.wait_s)
        self.throttle.succeeded(turn)


class ThrottleTests(ThrottleCase):
    """The three queues."""

    def test_free(self) -> None:
        """A few failures cost nothing: the first, and those of a burst."""
        self.guess(BURST)
        self.assertEqual(0, self.wait_s())

    def test_in_line(self) -> None:
        """Then each has to wait for the one before it, and in the end nobody can wait."""
        *sources, last = self.fail_once(MAX_WAITING + 1)
        turns = [self.throttle.turn("CP-1", source) for source in sources]
        self.assertEqual(
            [STEP_S * number for number in range(1, MAX_WAITING + 1)],
            [turn.wait_s for turn in turns],
        )
        late = self.throttle.turn("CP-1", last)
        self.assertFalse(late.is_kept)
        self.assertAlmostEqual(STEP_S, late.wait_s)
        self.clock.advance(late.wait_s)
        self.assertAlmostEqual(MAX_WAIT_S, self.throttle.turn("CP-1", last).wait_s)

    def test_one_place(self) -> None:
        """A source has one place in line, however many connections; it is told until when."""
        first, second = self.fail_once(2)
        waiting = self.throttle.turn("CP-1", first)
        other = self.throttle.turn("CP-1", second)
        self.clock.advance(STEP_S / 4)
        again = self.throttle.turn("CP-1", first)
        self.assertFalse(again.is_kept)
        self.assertAlmostEqual(STEP_S * 3 / 4, again.wait_s)
        self.clock.advance(STEP_S)
        self.throttle.failed(waiting)
        self.assertAlmostEqual(STEP_S * 7 / 4, self.wait_s(source=first) or 0)
        self.throttle.failed(other)

    def test_second_place(self) -> None:
        """It has a second one while nobody else waits: another wallbox may be there."""
        first, second = self.fail_once(2)
        turns = [self.throttle.turn("CP-1", first) for _ in range(3)]
        self.assertEqual([True, True, False], [turn.is_kept for turn in turns])
        self.assertEqual(STEP_S, turns[-1].wait_s)
        self.assertEqual(STEP_S * 3, self.wait_s(source=second))

    def test_one_place_of_a_network(self) -> None:
        """So has a whole /48 of IPv6."""
        self.guess(1 + BURST, source="2001:db8:1:1::/64")
        for number in range(MAX_WAITING_OF_SOURCE):
            self.assertTrue(self.throttle.turn("CP-1", f"2001:db8:1:{number}::/64").is_kept)
        self.assertIsNone(self.wait_s(source="2001:db8:1:99::/64"))

    def test_in_line_at_home(self) -> None:
        """At home a few may wait, for there is nobody else."""
        self.succeed()
        self.guess(BURST, source="home")
        turns = [self.throttle.turn("CP-1", "home") for _ in range(MAX_WAITING_AT_HOME)]
        self.assertEqual(MAX_WAIT_AT_HOME_S, turns[-1].wait_s)
        self.assertTrue(all(turn.is_kept for turn in turns))
        self.assertIsNone(self.wait_s(source="home"))

    def test_held_of_one_source(self) -> None:
        """Over all identities a source may have some in line; others are not put off by it."""
        turns = []
        for number in range(MAX_HELD_OF_SOURCE):
            self.guess(1 + BURST, f"CP-{number}")
            turns.append(self.throttle.turn(f"CP-{number}", "a"))
        self.assertTrue(all(turn.is_kept for turn in turns))
        self.guess(BURST, "one more")
        self.guess(1, "one more", "b")
        self.assertIsNone(self.wait_s("one more", "a"))
        self.assertEqual(STEP_S, self.wait_s("one more", "b"))
        self.throttle.given_back(turns.pop())
        self.assertEqual(STEP_S, self.wait_s("one more", "a"))

    def test_held_in_all(self) -> None:
        """So may all together."""
        turns = []
        for number in range(MAX_HELD):
            self.guess(1 + BURST, f"CP-{number}", f"source {number}")
            turns.append(self.throttle.turn(f"CP-{number}", f"source {number}"))
        self.assertTrue(all(turn.is_kept for turn in turns))
        self.guess(1 + BURST, "one more")
        self.assertIsNone(self.wait_s("one more"))
        self.throttle.failed(turns.pop())
        self.assertEqual(STEP_S, self.wait_s("one more"))
        # At home nobody notices.
        self.succeed()
        self.guess(BURST, source="home")
        self.assertEqual(STEP_S, self.wait_s(source="home"))

    def test_time(self) -> None:
        """The wait goes by."""
        self.guess(1 + BURST)
        self.clock.advance(STEP_S / 4)
        self.assertAlmostEqual(STEP_S * 3 / 4, self.wait_s() or 0)
        self.clock.advance(STEP_S)
        self.assertEqual(0, self.wait_s())

    def test_given_back(self) -> None:
        """Who goes before it is his turn has not used it up."""
        sources = self.fail_once(MAX_WAITING)
        turns = [self.throttle.turn("CP-1", source) for source in sources]
        for turn in turns:
            self.throttle.given_back(turn)
        self.assertEqual(STEP_S, self.wait_s(source=sources[0]))

    def test_many_sources(self) -> None:
        """Many sources have one try each, and what comes again is for all of them together."""
        for number in range(100):
            self.guess(source=f"source {number}")
        for number in range(BURST):
            self.guess(source=f"source {number}")
        self.assertEqual(STEP_S, self.wait_s(source="source 99"))
        self.assertEqual(0, self.wait_s(source="another"))

    def test_no_more_new_sources(self) -> None:
        """Nor can anybody have as many new ones as he likes."""
        self.patch(login_throttle, "FIRST_TRIES", 20)
        for number in range(20):
            self.guess(source=f"source {number}")
        for number in range(BURST):
            self.guess(source=f"late {number}")
        self.assertEqual(STEP_S, self.wait_s(source="another"))
        self.clock.advance(60 / FIRST_TRIES_PER_MIN)
        for number in range(BURST):
            self.guess(source=f"later {number}")
        self.guess(source="latest")

    def test_ipv6(self) -> None:
        """Whoever has a /48 has 65 536 sources, and still counts as one."""
        for number in range(1 + BURST):
            self.guess(source=f"2001:db8:1:{number:x}::/64")
        self.assertEqual(STEP_S, self.wait_s(source="2001:db8:1:ffff::/64"))
        self.assertEqual(0, self.wait_s(source="2001:db8:2::/64"))

    def test_no_address(self) -> None:
        """A source may be called as it likes."""
        self.guess(1 + BURST, source="a:b")
        self.assertEqual(STEP_S, self.wait_s(source="a:b"))

    def test_other_identities(self) -> None:
        """Others at the same source are not put off: many share a router."""
        self.guess(1 + BURST)
        self.assertEqual(0, self.wait_s("CP-2"))

    def besiege(self, identity: str) -> None:
        """Nobody has a try again for an identity at the moment."""
        while (turn := self.throttle.turn(identity, "besieger")).wait_s == 0:
            self.throttle.failed(turn)
        self.throttle.given_back(turn)

    def test_new_after_others(self) -> None:
        """Who has failed at a source says nothing about others that are there."""
        for number in range(FIRST_TRIES_OF_SOURCE - 1):
            self.guess(identity=f"CP-{number}")
        self.besiege("another")
        self.assertEqual(0, self.wait_s("another"))

    def test_first_tries_of_one_source(self) -> None:
        """Yet nobody has a first try for as many identities at once as he likes."""
        for number in range(FIRST_TRIES_OF_SOURCE):
            self.guess(identity=f"CP-{number}")
        self.besiege("another")
        self.assertEqual(STEP_S, self.wait_s("another"))
        self.clock.advance(60 / FIRST_TRIES_OF_SOURCE_PER_MIN)
        for identity in ("another", "one more"):
            self.besiege(identity)
        self.guess(identity="another")
        self.assertEqual(STEP_S, self.wait_s("one more"))

    def test_many_log_in(self) -> None:
        """Logins are no tries: any number comes from one source, none of them seen before."""
        for number in range(10 * FIRST_TRIES_OF_SOURCE):
            self.besiege(f"CP-{number}")
            self.succeed(f"CP-{number}")

    def test_at_home(self) -> None:
        """Where it was logged in last, nothing that others do counts."""
        self.succeed()
        for number in range(100):
            self.guess(source=f"source {number}")
        self.guess(BURST, source="source 1")
        self.assertIsNotNone(self.wait_s(source="source 1"))
        self.guess(BURST, source="home")
        self.assertEqual(STEP_S, self.wait_s(source="home"))

    def test_moved(self) -> None:
        """Only where it was last."""
        self.guess(1 + BURST, source="old")
        self.clock.advance(STEP_S)
        self.throttle.succeeded(self.throttle.turn("CP-1", "old"))
        self.guess(BURST, source="old")
        self.succeed(source="new")
        self.assertEqual(0, self.wait_s(source="new"))
        self.guess(source="old")
        self.assertEqual(STEP_S, self.wait_s(source="old"))

    def test_other_case(self) -> None:
        """Upper and lower case make no other identity, known or not."""
        self.guess(BURST, "nobody")
        self.guess(1, "Nobody")
        self.assertEqual(STEP_S, self.wait_s("NOBODY"))

    def test_success_is_no_guess(self) -> None:
        """However often somebody logs in, he never has to wait."""
        for _ in range(100):
            self.succeed()

    def test_bounded(self) -> None:
        """However many identities and sources are made up, so many are remembered."""
        self.patch(login_throttle, "MAX_ENTRIES", 10)
        self.patch(login_throttle, "MAX_SOURCES", 15)
        self.patch(login_throttle, "MAX_FAILURES", 25)
        self.throttle = throttle = LoginThrottle(self.clock)
        for number in range(100):
            self.guess(identity=f"CP-{number}", source=f"source {number}")
            self.guess(identity=f"CP-{number}", source="everywhere")
            self.succeed(f"CP-{number}", f"home {number}")
        self.assertEqual(10, len(throttle._buckets._entries))
        self.assertEqual(10, len(throttle._at_home._entries))
        self.assertEqual(15, len(throttle._of_sources._entries))
        self.assertEqual(25, len(throttle._failures._entries))

    def test_nobody_waits(self) -> None:
        """When nobody waits any more, nothing is kept of those who did."""
        sources = self.fail_once(3)
        for source, settle in zip(
            sources,
            (self.throttle.failed, self.throttle.given_back, self.throttle.succeeded),
            strict=True,
        ):
            turn = self.throttle.turn("CP-1", source)
            self.assertLess(0, turn.wait_s)
            settle(turn)
        self.assertTrue(all(not held for held in self.throttle._held.values()))
        self.assertTrue(
            all(not bucket.waiting for bucket in self.throttle._buckets._entries.values())
        )


class Guessers:
    """
    Connections on which passwords are guessed, one after the other on each.

    @ivar tried: when a password was looked at. [s]
    """

    def __init__(
        self, clock: Clock, throttle: LoginThrottle, sources: list[str], at_once: int
    ) -> None:
        """@param at_once: how many connections there are."""
        self.tried: list[float] = []
        self._clock = clock
        self._throttle = throttle
        self._sources: Iterator[str] = cycle(sources)
        self._due: list[tuple[float, Turn | None]] = [(0.0, None)] * at_once

    def go_on(self, each_s: float) -> None:
        """Whoever was answered tries another one, after some time. [s]"""
        now_s = self._clock.seconds()
        self._due = [
            (due_s, turn) if due_s > now_s else self._next(turn, now_s, each_s)
            for due_s, turn in self._due
        ]

    def _next(
        self, turn: Turn | None, now_s: float, each_s: float
    ) -> tuple[float, Turn | None]:
        if turn is not None:
            # It was held until now.
            self._guess(turn)
        turn = self._throttle.turn("CP-1", next(self._sources))
        if turn.is_kept and turn.wait_s > 0:
            return now_s + turn.wait_s, turn
        if turn.is_kept:
            self._guess(turn)
        return now_s + each_s, None

    def _guess(self, turn: Turn) -> None:
        self._throttle.failed(turn)
        self.tried.append(self._clock.seconds())

    def most_in_a_minute(self) -> int:
        """How many passwords were tried in the worst minute."""
        return max(
            sum(begin <= at < begin + 60 for at in self.tried)
            for begin in range(int(self.tried[-1]) + 1)
        )


class Siege(ThrottleCase):
    """Somebody guesses without a break, and a Charge Point dials."""

    def besieged(
        self,
        sources: list[str],
        home: str,
        at_once: int,
        was_here: bool = False,
        minutes: int = 3,
        had_failed: bool = False,
    ) -> tuple[float, Guessers]:
        """
        Have guessers go on for some minutes, while a Charge Point dials every half minute, and
        again and again until it is let in.

        @param had_failed: its password was wrong once.
        @return: the longest time that it took [s]; the guessers.
        """
        if was_here:
            self.succeed(source=home)
        if had_failed:
            self.guess(source=home)
        guessers = Guessers(self.clock, self.throttle, sources, at_once)
        waited_s = []
        dials_s, at_s = 0.0, 30.0
        while self.clock.seconds() < minutes * 60:
            guessers.go_on(_TICK_S)
            if self.clock.seconds() >= at_s:
                dials_s = dials_s or at_s
                turn = self.throttle.turn("CP-1", home)
                if turn.is_kept:
                    waited_s.append(self.clock.seconds() + turn.wait_s - dials_s)
                    # It stays a stranger in the next round, unless it is at home.
                    self.throttle.given_back(turn)
                    dials_s, at_s = 0.0, at_s + 30
            self.clock.advance(_TICK_S)
        self.assertEqual(minutes * 2 - 1, len(waited_s), "it is kept out")
        return max(waited_s), guessers

    def elsewhere(self, number: int) -> list[str]:
        """So many sources."""
        return [f"198.51.{n // 256}.{n % 256}" for n in range(number)]

    def test_one_source(self) -> None:
        """One guesser elsewhere keeps nobody waiting, and has some tens of guesses a minute."""
        for was_here in (False, True):
            self.setUp()
            waited_s, guessers = self.besieged(self.elsewhere(1), "home", 1, was_here)
            self.assertEqual(0, waited_s)
            self.assertLessEqual(guessers.most_in_a_minute(), 1 + BURST + TRIES_PER_MIN)

    def test_hundred_sources(self) -> None:
        """Nor do a hundred, who have one more each."""
        for was_here in (False, True):
            self.setUp()
            waited_s, guessers = self.besieged(self.elsewhere(100), "home", 100, was_here)
            self.assertEqual(0, waited_s)
            self.assertLessEqual(guessers.most_in_a_minute(), 100 + BURST + TRIES_PER_MIN)
            later = [at for at in guessers.tried if at >= 60]
            self.assertLessEqual(len(later) / 2, TRIES_PER_MIN + 1)

    def test_thousand_sources(self) -> None:
        """Nor do a thousand: one each, once, and no more together than one has."""
        for was_here in (False, True):
            self.setUp()
            sources = self.elsewhere(FIRST_TRIES)
            waited_s, guessers = self.besieged(sources, "home", 100, was_here)
            self.assertEqual(0, waited_s)
            again = TRIES_PER_MIN * 3 + BURST + 1
            self.assertLessEqual(len(guessers.tried), len(sources) + again)

    def test_more_sources(self) -> None:
        """Where there are still more, it gets in where it was before."""
        self.patch(login_throttle, "FIRST_TRIES", 500)
        sources = self.elsewhere(5000)
        waited_s, guessers = self.besieged(sources, "home", 100, was_here=True)
        self.assertEqual(0, waited_s)
        again = (TRIES_PER_MIN + FIRST_TRIES_PER_MIN) * 3 + BURST + 1
        self.assertLessEqual(len(guessers.tried), 500 + again)

    def test_same_router(self) -> None:
        """Who guesses behind the same router keeps it waiting for some seconds at most."""
        for was_here, at_once in ((False, 1), (True, 1), (True, MAX_WAITING_AT_HOME - 1)):
            self.setUp()
            waited_s, guessers = self.besieged(["home"], "home", at_once, was_here)
            self.assertLessEqual(waited_s, MAX_WAIT_AT_HOME_S)
            self.assertLessEqual(guessers.most_in_a_minute(), 1 + BURST + TRIES_PER_MIN + 1)

    def test_same_router_and_elsewhere(self) -> None:
        """What is tried elsewhere meanwhile makes no difference, where it was before."""
        sources = ["home", *self.elsewhere(2)]
        waited_s, _ = self.besieged(sources, "home", MAX_WAITING_AT_HOME - 1, was_here=True)
        self.assertLessEqual(waited_s, MAX_WAIT_AT_HOME_S)

    def test_mistyped_once(self) -> None:
        """Who has failed before waits for two turns more than there are guessing sources."""
        for number, at_once in ((1, 6), (1, 200), (5, 200), (MAX_WAITING - 1, 200)):
            self.setUp()
            sources = self.elsewhere(number)
            waited_s, guessers = self.besieged(sources, "home", at_once, had_failed=True)
            self.assertLessEqual(waited_s, (number + 2) * STEP_S)
            again = (TRIES_PER_MIN + 1) * 3 + BURST
            self.assertLessEqual(len(guessers.tried), number + again)

    def test_flood_behind_the_same_router(self) -> None:
        """However many connections somebody has there, his guesses are no more."""
        guessers = Guessers(self.clock, self.throttle, ["home"], 200)
        for _ in range(240):
            guessers.go_on(_TICK_S)
            self.clock.advance(_TICK_S)
        self.assertLessEqual(guessers.most_in_a_minute(), 1 + BURST + TRIES_PER_MIN + 1)
