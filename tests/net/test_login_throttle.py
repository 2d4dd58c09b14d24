"""Who guesses passwords is slowed down; who knows one is not."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net import login_throttle
from cfos_cm.net.login_throttle import (
    FORGET_S,
    FREE_FAILURES,
    MAX_DELAY_AT_HOME_S,
    MAX_DELAY_S,
    LoginThrottle,
)


class ThrottleTests(SynchronousTestCase):
    """Logins at a clock of their own."""

    def setUp(self) -> None:
        """Nobody has failed."""
        self.clock = Clock()
        self.throttle = LoginThrottle(self.clock)

    def fail_times(self, times: int, identity: str = "CP-1", source: str = "a") -> None:
        """Some failures, each as soon as it may be."""
        for _ in range(times):
            self.clock.advance(self.throttle.wait_s(identity, source))
            self.throttle.failed(identity, source)

    def test_free(self) -> None:
        """A few failures cost nothing."""
        self.fail_times(FREE_FAILURES - 1)
        self.assertEqual(0, self.throttle.wait_s("CP-1", "a"))

    def test_doubling(self) -> None:
        """Then each costs double, up to a bound."""
        self.fail_times(FREE_FAILURES)
        waits = []
        for _ in range(11):
            waits.append(self.throttle.wait_s("CP-1", "a"))
            self.fail_times(1)
        self.assertEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300], waits)
        for _ in range(2000):
            self.throttle.failed("CP-1", "a")
        self.assertEqual(MAX_DELAY_S, self.throttle.wait_s("CP-1", "a"))

    def test_time(self) -> None:
        """The wait goes by."""
        self.fail_times(FREE_FAILURES)
        self.clock.advance(0.4)
        self.assertAlmostEqual(0.6, self.throttle.wait_s("CP-1", "a"))
        self.clock.advance(0.6)
        self.assertEqual(0, self.throttle.wait_s("CP-1", "a"))

    def test_over_all_sources(self) -> None:
        """Many sources that guess the password of one identity are as slow as one."""
        for number in range(FREE_FAILURES):
            self.throttle.failed("CP-1", f"source {number}")
        self.assertEqual(1, self.throttle.wait_s("CP-1", "another"))

    def test_others(self) -> None:
        """Other identities at the same source are not put off: many share a router."""
        self.fail_times(FREE_FAILURES + 3)
        self.assertEqual(0, self.throttle.wait_s("CP-2", "a"))

    def test_at_home(self) -> None:
        """From where it was logged in last, failures elsewhere do not count."""
        self.throttle.succeeded("CP-1", "home")
        for number in range(100):
            self.throttle.failed("CP-1", f"source {number}")
        self.assertEqual(0, self.throttle.wait_s("CP-1", "home"))
        self.assertGreater(self.throttle.wait_s("CP-1", "elsewhere"), 0)

    def test_guessing_at_home(self) -> None:
        """Failures at that place do, and the delay is a short one."""
        self.throttle.succeeded("CP-1", "home")
        self.fail_times(FREE_FAILURES, source="home")
        waits = []
        for _ in range(4):
            waits.append(self.throttle.wait_s("CP-1", "home"))
            self.fail_times(1, source="home")
        self.assertEqual([1, 2, MAX_DELAY_AT_HOME_S, MAX_DELAY_AT_HOME_S], waits)
        self.clock.advance(MAX_DELAY_AT_HOME_S)
        self.assertEqual(0, self.throttle.wait_s("CP-1", "home"))

    def test_other_case(self) -> None:
        """Upper and lower case make no other identity, known or not."""
        self.fail_times(FREE_FAILURES - 1, identity="nobody")
        self.fail_times(1, identity="Nobody")
        self.assertEqual(1, self.throttle.wait_s("NOBODY", "a"))

    def test_moved(self) -> None:
        """Only where it was last."""
        self.throttle.succeeded("CP-1", "old")
        self.throttle.succeeded("CP-1", "new")
        self.fail_times(FREE_FAILURES, source="old")
        self.assertEqual(1, self.throttle.wait_s("CP-1", "old"))

    def test_success(self) -> None:
        """A success makes up for the failures at its source, and for no others."""
        self.fail_times(FREE_FAILURES - 1)
        self.throttle.succeeded("CP-1", "a")
        self.throttle.failed("CP-1", "b")
        self.assertEqual(1, self.throttle.wait_s("CP-1", "b"))

    def test_forgotten(self) -> None:
        """Who has not failed for long begins anew."""
        self.fail_times(FREE_FAILURES + 5)
        self.clock.advance(FORGET_S + 1)
        self.fail_times(1)
        self.assertEqual(0, self.throttle.wait_s("CP-1", "a"))

    def test_bounded(self) -> None:
        """However many identities and sources are made up, so many are remembered."""
        self.patch(login_throttle, "MAX_ENTRIES", 10)
        for number in range(100):
            self.throttle.failed(f"CP-{number}", f"source {number}")
            self.throttle.succeeded(f"CP-{number}", f"source {number}")
        self.assertLessEqual(len(self.throttle._failures._entries), 10)
        self.assertEqual(10, len(self.throttle._at_home._entries))
        self.assertEqual("source 99", self.throttle._at_home.get("CP-99"))
