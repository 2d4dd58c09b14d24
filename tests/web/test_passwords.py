"""Passwords, worked on in threads."""

from __future__ import annotations

from unittest import mock

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import LoopingCall
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.web import passwords
from cfos_cm.web.password_hash import WORK, Work, hash_password, is_password
from cfos_cm.web.passwords import AT_ONCE, MAX_WAITING, Passwords
from cfos_cm.web.problem import Problem

LITTLE = Work(4, 8, 1)
PASSWORD = "correct horse"


class HeldThreads:
    """
    A reactor whose threads do nothing until they are let.

    @ivar waiting: what was given to them.
    """

    def __init__(self) -> None:
        self.waiting: list[tuple[object, object]] = []

    def getThreadPool(self) -> HeldThreads:
        """See C{IReactorThreads}."""
        return self

    def callFromThread(self, work: object, *args: object) -> None:
        """See C{IReactorThreads}."""
        work(*args)  # type: ignore[operator]

    def callInThreadWithCallback(self, on_result: object, work: object, *_: object) -> None:
        """See C{ThreadPool}."""
        self.waiting.append((on_result, work))

    def let_one(self) -> None:
        """Let the first of them work."""
        on_result, work = self.waiting.pop(0)
        on_result(True, work())  # type: ignore[operator]


class InTurn(SynchronousTestCase):
    """Who works when."""

    def setUp(self) -> None:
        """Hold all threads."""
        self.threads = HeldThreads()
        self.passwords = Passwords(self.threads, LITTLE)
        self.hash = hash_password(PASSWORD, LITTLE)

    def asked(self, password: str = PASSWORD) -> Deferred[bool]:
        """Begin to check one."""
        return Deferred.fromCoroutine(self.passwords.is_right(password, self.hash))

    def test_bounds(self) -> None:
        """A few are worked on at once, some more wait, and the others are to come again."""
        asked = [self.asked() for _ in range(MAX_WAITING)]
        self.assertEqual(AT_ONCE, len(self.threads.waiting))
        problem = self.failureResultOf(self.asked()).value
        assert isinstance(problem, Problem)
        self.assertEqual((429, "5"), (problem.status, problem.headers["Retry-After"]))
        while self.threads.waiting:
            self.assertLessEqual(len(self.threads.waiting), AT_ONCE)
            self.threads.let_one()
        self.assertEqual({True}, {self.successResultOf(one) for one in asked})
        again = self.asked("something else")
        self.threads.let_one()
        self.assertFalse(self.successResultOf(again))

    def test_nobody(self) -> None:
        """For nobody's password, and a damaged one, the same work is done."""
        for known in (None, "", "damaged"):
            with mock.patch.object(passwords, "is_password", side_effect=is_password) as worked:
                asked = Deferred.fromCoroutine(self.passwords.is_right(PASSWORD, known))
                self.threads.let_one()
                self.assertFalse(self.successResultOf(asked))
            (text, compared), _ = worked.call_args
            self.assertEqual((PASSWORD, "$scrypt$ln=4,r=8,p=1"), (text, compared[:20]))

    def test_hashed(self) -> None:
        """A new password is kept as a hash of the newest parameters; a bad one is refused."""
        hashing = Deferred.fromCoroutine(self.passwords.hashed(PASSWORD))
        self.threads.let_one()
        text = self.successResultOf(hashing)
        self.assertFalse(self.passwords.is_outdated(text))
        self.assertTrue(self.passwords.is_outdated(hash_password(PASSWORD, Work(5, 8, 1))))
        self.assertTrue(self.passwords.is_outdated("damaged"))
        failing = Deferred.fromCoroutine(self.passwords.hashed("short"))
        problem = self.failureResultOf(failing).value
        assert isinstance(problem, Problem)
        self.assertEqual(422, problem.status)
        self.assertEqual([], self.threads.waiting)


class InThreads(TestCase):
    """With threads, and as much work as in earnest."""

    async def test_others_go_on(self) -> None:
        """While passwords are worked on the reactor turns: scrypt lets other threads run."""
        pool = ThreadPool(AT_ONCE, AT_ONCE)
        pool.start()
        self.addCleanup(pool.stop)
        self.patch(reactor, "getThreadPool", lambda: pool)
        worker = Passwords(reactor, WORK)
        turns = []
        turning = LoopingCall(lambda: turns.append(1))
        turning.start(0.001)
        self.addCleanup(turning.stop)
        hashed = hash_password(PASSWORD)
        del turns[:]
        checks = [
            Deferred.fromCoroutine(worker.is_right(text, hashed))
            for text in (PASSWORD, "another one", PASSWORD, "another one")
        ]
        self.assertEqual([True, False, True, False], await gatherResults(checks))
        # Were the interpreter held, there would be a turn for each of them and no more.
        self.assertGreater(len(turns), 4 * len(checks))
