"""Ten thousand damaged messages in conversations, and whether anybody would notice."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm import strict_json
from cfos_cm.calls import OutgoingCalls
from cfos_cm.central_system import session
from cfos_cm.central_system.handlers import HANDLERS
from cfos_cm.central_system.session import Session
from cfos_cm.v16.core import AuthorizeConfirmation
from cfos_cm.v16.types import AuthorizationStatus, IdTagInfo
from cfos_cm.wire.close_code import CloseCode
from cfos_cm.wire.ocppj import Call, Frame

from .sessions import fuzz

_INFO = IdTagInfo(status=AuthorizationStatus.ACCEPTED)


class FuzzTests(SynchronousTestCase):
    """Whatever is said in a conversation, it goes on."""

    def test_sessions(self) -> None:
        """No promise is broken, and every way of ending a connection is met."""
        tally = fuzz(10_000, seed=1)
        self.assertEqual(tally.violations[:3], [])
        self.assertEqual(tally.inputs, 10_000)
        self.assertGreater(tally.confirmed, 5_000)
        self.assertGreater(tally.refused, 2_000)
        for why in ("not UTF-8", "connected again", "too many calls at once"):
            self.assertGreater(tally.hang_ups[why], 0, why)

    def test_same_again(self) -> None:
        """The same seed makes the same conversations, another one makes others."""
        rows = [fuzz(200, seed) for seed in (3, 3, 4)]
        first, again, other = [(one.confirmed, one.refused, one.hang_ups) for one in rows]
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)


class WatchfulTests(SynchronousTestCase):
    """A Central System that breaks a promise is found out."""

    def assertNoticed(self, words: str, seed: int = 1) -> None:
        """Fail unless a violation has these words in it."""
        found = [what for *_, what in fuzz(1_000, seed).violations]
        self.assertTrue(any(words in what for what in found), found[:3])

    def test_raises(self) -> None:
        """One that lets an exception out."""

        def received(one: Session, text: bytes) -> None:
            raise KeyError("here")

        self.patch(Session, "received", received)
        self.assertNoticed("it raised KeyError('here')")

    def test_silent(self) -> None:
        """One that does not answer."""
        self.patch(Session, "_try_to_write", lambda *_: None)
        self.assertNoticed("not answered")

    def test_twice(self) -> None:
        """One that answers twice."""
        write = Session._try_to_write

        def write_twice(one: Session, answer: Frame, call: Call) -> None:
            write(one, answer, call)
            write(one, answer, call)

        self.patch(Session, "_try_to_write", write_twice)
        self.assertNoticed("an answer that nobody asked for")

    def test_wrong_form(self) -> None:
        """One that answers with another confirmation than it was asked for."""
        wrong = dict.fromkeys(HANDLERS, lambda *_: AuthorizeConfirmation(id_tag_info=_INFO))
        self.patch(session, "HANDLERS", wrong)
        self.assertNoticed("wrong payload")

    def test_breaks_down(self) -> None:
        """One with a mistake in it that only the log tells of."""

        def fail(*_: object) -> None:
            raise ValueError("a mistake")

        self.patch(session, "HANDLERS", dict.fromkeys(HANDLERS, fail))
        self.assertNoticed("in the log")
        self.flushLoggedErrors(ValueError)

    def test_hangs_up(self) -> None:
        """One that closes a connection for no good reason."""
        received = Session.received

        def receive(one: Session, text: bytes) -> None:
            received(one, text)
            one.hang_up(CloseCode.INTERNAL_ERROR, "internal error")

        self.patch(Session, "received", receive)
        self.assertNoticed("hung up with 1011")

    def test_forgets(self) -> None:
        """One that leaves its callers waiting."""
        self.patch(OutgoingCalls, "close", lambda *_: None)
        self.assertNoticed("orders were never answered")
        self.assertNoticed("timers are left")

    def test_is_gullible(self) -> None:
        """One that keeps what two readers understand differently."""
        self.patch(strict_json, "says_no_more", lambda *_: True)
        self.assertNoticed("was kept: a name stands twice", seed=3)
