"""Sessions of the page."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.web import sessions
from cfos_cm.web.sessions import IDLE_S, LONGEST_S, Sessions


class SessionCase(SynchronousTestCase):
    """A test with sessions whose time is moved by hand."""

    def setUp(self) -> None:
        """Nobody is logged in."""
        self.clock = Clock()
        self.sessions = Sessions(self.clock.seconds)
        self.ended: list[str] = []

    def begun(self, account: str = "admin") -> str:
        """The secret of a new session, whose end is noted."""
        began = self.sessions.begin(account)
        self.sessions.when_over(began.session.key, lambda: self.ended.append(account))
        return began.secret


class Secrets(SessionCase):
    """What a session is known by."""

    def test_found(self) -> None:
        """A session is found by its secret, and by nothing else."""
        began = self.sessions.begin("admin")
        self.assertEqual(began.session, self.sessions.used(began.secret))
        for other in ("", began.session.key, began.session.csrf, "é", "\ud800"):
            self.assertIsNone(self.sessions.used(other))

    def test_random(self) -> None:
        """Each has a secret and a token of 256 random bits; neither is the other's."""
        found = [self.sessions.begin("admin") for _ in range(3)]
        texts = {one.secret for one in found} | {one.session.csrf for one in found}
        self.assertEqual(6, len(texts))
        self.assertEqual({43}, {len(text) for text in texts})

    def test_not_kept(self) -> None:
        """The secret is not in what is kept, and none of them is in what is printed."""
        began = self.sessions.begin("admin")
        self.assertNotIn(began.secret, self.sessions._open)
        printed = f"{began!r} {self.sessions._open!r}"
        for secret in (began.secret, began.session.csrf):
            self.assertNotIn(secret, printed)


class Ends(SessionCase):
    """When a session is over."""

    def test_idle(self) -> None:
        """Who does not ask for half an hour has gone; who asks stays."""
        quiet, busy = self.begun("quiet"), self.begun("busy")
        for _ in range(2):
            self.clock.advance(IDLE_S - 1)
            self.assertIsNotNone(self.sessions.used(busy))
        self.assertIsNone(self.sessions.used(quiet))
        self.assertEqual(["quiet"], self.ended)

    def test_longest(self) -> None:
        """After twelve hours everybody has to log in again, however busy he was."""
        secret = self.begun()
        for _ in range(int(LONGEST_S / 600) - 1):
            self.clock.advance(600)
            self.assertIsNotNone(self.sessions.used(secret))
        self.clock.advance(600)
        self.assertIsNone(self.sessions.used(secret))

    def test_without_being_asked(self) -> None:
        """What is over ends also when nobody asks."""
        self.begun()
        self.clock.advance(IDLE_S - 1)
        self.sessions.end_overdue()
        self.assertEqual([], self.ended)
        self.clock.advance(1)
        self.sessions.end_overdue()
        self.assertEqual((["admin"], 0), (self.ended, len(self.sessions)))

    def test_of_account(self) -> None:
        """All of an account end together, and nobody else's."""
        secrets = [self.begun("a"), self.begun("b"), self.begun("a")]
        self.sessions.end_of("a")
        self.assertEqual(["a", "a"], self.ended)
        found = [self.sessions.used(secret) is not None for secret in secrets]
        self.assertEqual([False, True, False], found)

    def test_once(self) -> None:
        """What ends with a session is done once, and not if it was taken back."""
        began = self.sessions.begin("admin")
        key = began.session.key
        self.sessions.when_over(key, lambda: self.ended.append("first"))
        take_back = self.sessions.when_over(key, lambda: self.ended.append("second"))
        take_back()
        take_back()
        self.sessions.end(key)
        self.sessions.end(key)
        self.assertEqual(["first"], self.ended)
        take_back()

    def test_too_late(self) -> None:
        """What is to end with a session that is over ends at once."""
        began = self.sessions.begin("admin")
        self.sessions.end(began.session.key)
        self.sessions.when_over(began.session.key, lambda: self.ended.append("late"))()
        self.assertEqual(["late"], self.ended)

    def test_taken_back_meanwhile(self) -> None:
        """Who ends may take back what would have been done after him."""
        began = self.sessions.begin("admin")
        take_back: list[Callable[[], None]] = []
        self.sessions.when_over(began.session.key, lambda: take_back[0]())
        take_back.append(
            self.sessions.when_over(began.session.key, lambda: self.ended.append("second"))
        )
        self.sessions.end(began.session.key)
        self.assertEqual([], self.ended)

    def test_mistake(self) -> None:
        """A mistake in what is done at the end keeps nobody logged in."""
        began = self.sessions.begin("admin")
        self.sessions.when_over(began.session.key, lambda: [].pop())
        self.sessions.when_over(began.session.key, lambda: self.ended.append("next"))
        self.sessions.end(began.session.key)
        self.assertEqual(1, len(self.flushLoggedErrors(IndexError)))
        self.assertEqual((["next"], 0), (self.ended, len(self.sessions)))


class Bounds(SessionCase):
    """How many there are."""

    def test_of_account(self) -> None:
        """Of one account, the one that was used longest ago goes."""
        self.patch(sessions, "MAX_SESSIONS_OF_ACCOUNT", 2)
        other, first, second = self.begun("other"), self.begun("a"), self.begun("a")
        self.sessions.used(first)
        self.begun("a")
        self.assertEqual(["a"], self.ended)
        found = [self.sessions.used(secret) is not None for secret in (other, first, second)]
        self.assertEqual([True, True, False], found)

    def test_in_all(self) -> None:
        """So it is with all of them."""
        self.patch(sessions, "MAX_SESSIONS", 3)
        for account in ("a", "b", "c", "d", "e"):
            self.begun(account)
        self.assertEqual((["a", "b"], 3), (self.ended, len(self.sessions)))
