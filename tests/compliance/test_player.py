"""A subject that does something wrong does not pass."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.compliance.bench import Bench, CaseFailed, Facts
from tests.compliance.case import Case, Profile
from tests.compliance.patterns import POSITIVE, Kept
from tests.compliance.player import play
from tests.compliance.scripted import (
    ScriptedBench,
    ScriptedLine,
    answers,
    both,
    refuses,
    says,
)
from tests.compliance.steps import (
    Answers,
    Dials,
    Drops,
    Either,
    Finds,
    HasNotHeard,
    IsClosed,
    Orders,
    OrdersUnanswered,
    Refused,
    Says,
    SaysAtOnce,
    SaysText,
    Sees,
    Step,
    Waits,
)

GOOD_HEARTBEAT = {"currentTime": "2026-03-01T12:00:00.000Z"}

HEARTBEAT = Says("Heartbeat", {}, {"currentTime": GOOD_HEARTBEAT["currentTime"]})


class PlayerCase(SynchronousTestCase):
    """The base of tests that play a few steps on a scripted subject."""

    def play(self, bench: ScriptedBench, *steps: Step) -> None:
        """Play C{steps} after a connection was made."""
        checked: Bench = bench
        case = Case("X-1", Profile.CORE, "title", "criterion", (Dials(),), steps)
        self.successResultOf(Deferred.fromCoroutine(play(case, checked)))

    def fails(self, bench: ScriptedBench, *steps: Step) -> str:
        """The reason why C{steps} are not passed; the bench is closed all the same."""
        case = Case("X-1", Profile.CORE, "title", "criterion", (Dials(),), steps)
        failure = self.failureResultOf(Deferred.fromCoroutine(play(case, bench)), CaseFailed)
        self.assertTrue(bench.closed)
        return str(failure.value)


class Answered(PlayerCase):
    """The answers of the subject."""

    def test_right(self) -> None:
        """The right answer passes."""
        self.play(ScriptedBench(answers(GOOD_HEARTBEAT)), HEARTBEAT)

    def test_none(self) -> None:
        """No answer fails."""
        self.assertIn("has not come", self.fails(ScriptedBench(), HEARTBEAT))

    def test_refused(self) -> None:
        """A CALLERROR in the place of an answer fails."""
        bench = ScriptedBench(refuses("InternalError"))
        self.assertIn("CALLERROR InternalError", self.fails(bench, HEARTBEAT))

    def test_otherValue(self) -> None:
        """An answer with another value fails, and the step is named."""
        bench = ScriptedBench(answers({"currentTime": "2026-03-01T12:00:01.000Z"}))
        self.assertIn("X-1: step 2, Says: Heartbeat", self.fails(bench, HEARTBEAT))

    def test_schema(self) -> None:
        """An answer that does not fit its schema fails, even if nobody looks at it."""
        bench = ScriptedBench(answers({**GOOD_HEARTBEAT, "more": 1}))
        self.assertIn("does not fit its schema", self.fails(bench, HEARTBEAT))

    def test_twice(self) -> None:
        """A second answer fails."""
        bench = ScriptedBench(both(answers(GOOD_HEARTBEAT), answers(GOOD_HEARTBEAT)))
        self.assertIn("waits for none", self.fails(bench, HEARTBEAT))

    def test_otherId(self) -> None:
        """An answer with another message id fails."""
        bench = ScriptedBench(says([3, "other", GOOD_HEARTBEAT]))
        self.assertIn("has not come", self.fails(bench, HEARTBEAT))

    def test_wrongCode(self) -> None:
        """Another code than the one that is wanted fails; so does no refusal at all."""
        step = Says("Heartbeat", {}, Refused("SecurityError"))
        self.play(ScriptedBench(refuses("SecurityError")), step)
        self.assertIn("GenericError", self.fails(ScriptedBench(refuses("GenericError")), step))
        self.assertIn("instead", self.fails(ScriptedBench(answers(GOOD_HEARTBEAT)), step))

    def test_either(self) -> None:
        """Of several answers that are all right, one must come."""
        step = Says("Heartbeat", {}, Either(Refused("SecurityError"), GOOD_HEARTBEAT))
        self.play(ScriptedBench(refuses("SecurityError")), step)
        self.play(ScriptedBench(answers(GOOD_HEARTBEAT)), step)
        self.assertIn("GenericError", self.fails(ScriptedBench(refuses("GenericError")), step))

    def test_order(self) -> None:
        """Answers that come in another order than the questions fail."""
        frames: list[list[Any]] = []

        def backwards(line: ScriptedLine, frame: list[Any]) -> None:
            frames.append(frame)
            if len(frames) == 2:
                for one in reversed(frames):
                    answers(GOOD_HEARTBEAT)(line, one)

        steps = SaysAtOnce((HEARTBEAT, HEARTBEAT))
        self.play(ScriptedBench(answers(GOOD_HEARTBEAT)), steps)
        self.assertIn("answered in the order", self.fails(ScriptedBench(backwards), steps))

    def test_nonsense(self) -> None:
        """What is no frame fails."""
        bench = ScriptedBench(both(answers(GOOD_HEARTBEAT), says([5, "x"])))
        self.assertIn("no OCPP-J frame", self.fails(bench, HEARTBEAT))

    def test_notKept(self) -> None:
        """A field that is to be kept must be there."""
        step = Says("Heartbeat", {}, {}, keep={"number": "transactionId"})
        bench = ScriptedBench(answers(GOOD_HEARTBEAT))
        self.assertIn("there is no transactionId", self.fails(bench, step))

    def test_wrongCase(self) -> None:
        """A case that says something wrong without saying so is no case."""
        case = Case("X-1", Profile.CORE, "t", "c", (Dials(),), (Says("Authorize", {}),))
        played = Deferred.fromCoroutine(play(case, ScriptedBench()))
        self.failureResultOf(played, ValueError)


class Asked(PlayerCase):
    """The questions of the subject."""

    CLEAR = Orders("ClearCache")

    def test_right(self) -> None:
        """What was ordered is asked, and the operator is told the answer."""
        self.play(ScriptedBench(), self.CLEAR)

    def test_otherAction(self) -> None:
        """Another question than the one that was ordered fails."""
        bench = ScriptedBench()
        bench.asks = ("GetConfiguration", {})
        self.assertIn("ClearCache at CP-1 has not come", self.fails(bench, self.CLEAR))

    def test_otherField(self) -> None:
        """Another value than the one that was ordered fails."""
        bench = ScriptedBench()
        bench.asks = ("UnlockConnector", {"connectorId": 2})
        step = Orders("UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"})
        self.assertIn("has not come", self.fails(bench, step))

    def test_schema(self) -> None:
        """A question that does not fit its schema fails."""
        bench = ScriptedBench()
        bench.asks = ("ClearCache", {"more": 1})
        self.assertIn("does not fit", self.fails(bench, self.CLEAR))

    def test_told(self) -> None:
        """An operator who is told something else fails."""
        bench = ScriptedBench()
        bench.tells = {"status": "Rejected"}
        self.assertIn("what the operator was told", self.fails(bench, self.CLEAR))

    def test_outOfReach(self) -> None:
        """An operator who is told that it did not work fails, unless that is the case."""
        order = OrdersUnanswered("reset", "Reset", {"type": "Hard"}, waits_its_turn=True)
        self.play(ScriptedBench(), order, Sees("reset", error="out of reach"))
        self.fails(ScriptedBench(), order, Sees("reset", {"status": "Accepted"}))
        self.fails(ScriptedBench(), order, Sees("reset", error="another reason"))
        orders = Orders("Reset", {"type": "Hard"})
        self.assertIn("out of reach", self.fails(ScriptedBench(), orders))

    def test_beforeItsTurn(self) -> None:
        """A second question before the first is answered fails."""
        first = OrdersUnanswered("first", "ClearCache")
        second = OrdersUnanswered("second", "ClearCache", waits_its_turn=True)
        self.assertIn("before its turn", self.fails(ScriptedBench(), first, second))

    def test_later(self) -> None:
        """An order can be answered later."""
        order = OrdersUnanswered("later", "ClearCache")
        steps = (order, Waits(1), Answers("later"), Sees("later", {"status": "Accepted"}))
        self.play(ScriptedBench(), *steps)

    def test_unexpected(self) -> None:
        """A question that nobody has ordered fails."""
        bench = ScriptedBench(
            both(answers(GOOD_HEARTBEAT), says([2, "ours", "Reset", {"type": "Hard"}]))
        )
        self.assertIn("not to be expected", self.fails(bench, HEARTBEAT))

    def test_manners(self) -> None:
        """A question that the program may ask on its own is answered, unless a step forbids."""
        profile = {"requestedMessage": "BootNotification"}
        trigger = says([2, "ours", "TriggerMessage", profile])
        bench = ScriptedBench(both(answers(GOOD_HEARTBEAT), trigger))
        self.play(bench, HEARTBEAT)
        why = self.fails(bench, HEARTBEAT, HasNotHeard("TriggerMessage"))
        self.assertIn("was asked TriggerMessage", why)


class Connected(PlayerCase):
    """Connections, and what is known in the end."""

    def test_notLetIn(self) -> None:
        """A refusal fails, unless it is the one that is wanted."""
        bench = ScriptedBench()
        bench.refuses = 401
        self.assertIn("not let in: HTTP 401", self.fails(bench))
        refused = Dials(refused=(401,))
        case = Case("X-1", Profile.CORE, "t", "c", (refused,), ())
        self.successResultOf(Deferred.fromCoroutine(play(case, bench)))
        self.assertIn("was let in", self.fails(ScriptedBench(), refused))

    def test_subprotocol(self) -> None:
        """Another subprotocol, or none, fails."""
        for found in (None, "ocpp2.0.1"):
            bench = ScriptedBench()
            bench.subprotocol = found
            self.assertIn(f"subprotocol is {found}", self.fails(bench))

    def test_hungUp(self) -> None:
        """A subject that hangs up fails, unless it must, and with that code."""

        def hangs_up(line: ScriptedLine, frame: list[Any]) -> None:
            line.gone(1008)

        asks = SaysText(b'[2,"x","Heartbeat",{}]')
        self.play(ScriptedBench(hangs_up), asks, IsClosed(1008))
        self.assertIn("1008 instead", self.fails(ScriptedBench(hangs_up), asks, IsClosed(1007)))
        self.assertIn("disconnected", self.fails(ScriptedBench(hangs_up), asks, HEARTBEAT))
        self.assertIn("has not come", self.fails(ScriptedBench(), asks, IsClosed(1007)))

    def test_dropped(self) -> None:
        """A line that was dropped says nothing more."""
        self.assertIn("disconnected", self.fails(ScriptedBench(), Drops(), HEARTBEAT))

    def test_facts(self) -> None:
        """What is known must be what was said, and no more."""
        bench = ScriptedBench()
        bench.known = Facts(transactions=[{"number": 7}], counters={"calls": 2})
        self.play(bench, Finds(transactions=[{"number": POSITIVE}], counters={"calls": 2}))
        kept = Finds(keep={"so far": "calls"})
        self.play(bench, kept, Finds(counters={"calls": Kept("so far")}))
        self.assertIn("transactions", self.fails(bench, Finds(transactions=[])))
        self.assertIn("2 is not 3", self.fails(bench, Finds(counters={"calls": 3})))
