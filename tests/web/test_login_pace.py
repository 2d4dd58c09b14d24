"""How fast may be guessed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.web import login_pace
from cfos_cm.web.login_pace import FREE, LONGEST_S, MAX_PROMISES, QUIET_S, LoginPace, Try
from cfos_cm.web.problem import Problem

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


class PaceCase(SynchronousTestCase):
    """A test whose time is moved by hand."""

    def setUp(self) -> None:
        """Nobody has guessed."""
        self.clock = Clock()
        self.pace = LoginPace(self.clock.seconds)

    def wait_s(self, origin: str = HOME, account: str | None = "admin") -> int:
        """When somebody may guess [s]; 0: he has, and it was wrong."""
        return waited(self.pace, origin, account)

    def guessed(self, origin: str, account: str | None, count: int) -> None:
        """Somebody guesses wrong, and waits as long as he has to each time."""
        for _ in range(count):
            wait_s = self.wait_s(origin, account)
            if wait_s:
                self.clock.advance(wait_s)
                self.wait_s(origin, account)


def waited(pace: LoginPace, origin: str, account: str | None) -> int:
    """When somebody may guess [s]; 0: he has, and it was wrong."""
    try:
        pace.begin(origin, account)
    except Problem as problem:
        return _told(problem)
    return 0


def _told(problem: Problem) -> int:
    assert problem.status == 429
    assert problem.headers["Retry-After"] == str(problem.extensions["retry_after_s"])
    return int(problem.headers["Retry-After"])


class Delays(PaceCase):
    """How long who guesses waits."""

    def test_longer_and_longer(self) -> None:
        """Five are free; then 1, 2, 4 and at last 300 seconds lie between two."""
        for account in ("admin", None):
            self.setUp()
            found = []
            for _ in range(FREE + 11):
                wait_s = self.wait_s(account=account)
                found.append(wait_s)
                self.clock.advance(wait_s)
                if wait_s:
                    self.assertEqual(0, self.wait_s(account=account))
            self.assertEqual([0] * 5 + [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300], found)

    def test_asking_is_no_guess(self) -> None:
        """Who asks too early waits no longer for that."""
        for _ in range(FREE):
            self.wait_s()
        self.assertEqual([1] * 50, [self.wait_s() for _ in range(50)])
        self.clock.advance(1)
        self.assertEqual(0, self.wait_s())

    def test_at_the_same_time(self) -> None:
        """Guesses of which nobody knows yet whether they are right count as wrong."""
        found = [self.wait_s() for _ in range(20)]
        self.assertEqual([0] * FREE + [1] * 15, found)

    def test_network(self) -> None:
        """All addresses of an IPv6 network of 64 bits are one; another account no help."""
        for number in range(FREE):
            self.assertEqual(0, self.wait_s(f"2001:db8:1:2::{number}", f"user{number}"))
        self.assertEqual(1, self.wait_s("2001:db8:1:2:ffff::9", "another"))
        self.assertEqual(0, self.wait_s("2001:db8:1:3::9", "another"))

    def test_forgotten(self) -> None:
        """After an hour without a wrong one all are free again."""
        self.guessed(HOME, "admin", FREE + 3)
        self.clock.advance(QUIET_S)
        self.assertEqual([0] * FREE, [self.wait_s() for _ in range(FREE)])
        self.assertEqual(1, self.wait_s())

    def test_right(self) -> None:
        """A right one costs nothing, and makes no wrong one free."""
        for _ in range(FREE - 1):
            self.wait_s()
        for _ in range(30):
            self.pace.begin(HOME, "admin").succeeded()
        self.assertEqual(0, self.wait_s())
        self.assertEqual(1, self.wait_s())

    def test_own_account_is_no_help(self) -> None:
        """Who has an account himself cannot guess faster for logging in to it."""
        self.guessed(ELSEWHERE, "admin", FREE + 5)
        wait_s = self.wait_s(ELSEWHERE, "guest")
        self.assertGreater(wait_s, 1)
        self.clock.advance(wait_s)
        self.pace.begin(ELSEWHERE, "guest").succeeded()
        self.assertEqual(0, self.wait_s(ELSEWHERE, "admin"))
        self.assertGreater(self.wait_s(ELSEWHERE, "admin"), wait_s)

    def test_first_word(self) -> None:
        """What became of a try is said once; what was not made is not counted."""
        attempts: list[Try] = []
        for _ in range(FREE):
            attempts.append(self.pace.begin(HOME, "admin"))
        attempts[0].not_made()
        attempts[0].not_made()
        attempts[0].succeeded()
        self.assertEqual([0, 1], [self.wait_s(), self.wait_s()])


class SomebodyElse(PaceCase):
    """The right password, while others guess."""

    def test_known_address(self) -> None:
        """From where somebody has logged in, others are not waited for."""
        self.pace.begin(HOME, "admin").succeeded()
        for number in range(30):
            self.guessed(f"198.51.100.{number}", "admin", 1)
        self.assertGreater(self.wait_s("203.0.113.5"), 200)
        self.assertEqual(0, self.wait_s(HOME))

    def test_distributed(self) -> None:
        """However many addresses guess, an account is not guessed at any faster."""
        found = [self.wait_s(f"198.51.100.{number}") for number in range(200)]
        self.assertEqual([0] * FREE + [1] * 195, found)

    def test_bound_of_promises(self) -> None:
        """So many addresses have a try together in five minutes, and no more."""
        self.guessed(ELSEWHERE, "admin", FREE + 12)
        for _ in range(3):
            origins = [f"10.0.{number // 200}.{number % 200}" for number in range(400)]
            for origin in origins:
                self.assertGreater(self.wait_s(origin), 0)
            self.clock.advance(LONGEST_S)
            found = [self.wait_s(origin) for origin in origins]
            self.assertLessEqual(found.count(0), MAX_PROMISES + 1)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_promise(self, data: st.DataObject) -> None:
        """Whatever others do: who comes back when he was told may try his password."""
        clock = Clock()
        pace = LoginPace(clock.seconds)
        others = [f"198.51.100.{number}" for number in range(8)]

        def disturb() -> None:
            for _ in range(data.draw(st.integers(0, 15))):
                for other in data.draw(st.lists(st.sampled_from(others), max_size=8)):
                    waited(pace, other, "admin")
                step_s = data.draw(st.sampled_from([0.0, 0.5, 1.0, 30.0, 299.0]))
                clock.advance(step_s)

        disturb()
        wait_s = waited(pace, HOME, "admin")
        self.assertLessEqual(wait_s, LONGEST_S)
        due_s = clock.seconds() + wait_s
        while wait_s and clock.seconds() < due_s:
            for other in data.draw(st.lists(st.sampled_from(others), max_size=8)):
                waited(pace, other, "admin")
            clock.advance(min(due_s - clock.seconds(), data.draw(st.floats(0.2, 100.0))))
        if wait_s:
            for other in others:
                waited(pace, other, "admin")
            pace.begin(HOME, "admin").succeeded()


class Bounds(PaceCase):
    """How much is remembered."""

    def test_entries(self) -> None:
        """Of addresses and of accounts, the ones that were seen longest ago are forgotten."""
        self.patch(login_pace, "MAX_ENTRIES", 10)
        self.setUp()
        for number in range(100):
            self.wait_s(f"198.51.100.{number}", f"user{number}")
        self.assertEqual(20, len(self.pace))

    def test_names_of_nobody(self) -> None:
        """One who has to wait has nobody forgotten, however many names he says."""
        self.patch(login_pace, "MAX_ENTRIES", 10)
        self.setUp()
        self.pace.begin(HOME, "admin").succeeded()
        self.guessed("203.0.113.5", "admin", FREE)
        for number in range(100):
            self.wait_s("203.0.113.5", f"user{number}")
        self.assertEqual(1, self.wait_s("203.0.113.6"))
        self.assertEqual(0, self.wait_s(HOME))

    def test_known_addresses(self) -> None:
        """Of an account, the newest addresses are remembered."""
        for number in range(21):
            self.pace.begin(f"198.51.100.{number}", "admin").succeeded()
        self.guessed("203.0.113.5", "admin", FREE)
        self.assertEqual(1, self.wait_s("198.51.100.0"))
        self.assertEqual(0, self.wait_s("198.51.100.20"))
