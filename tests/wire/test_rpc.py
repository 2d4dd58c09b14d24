"""The queue of our calls to one peer."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import LocalProtocolError
from cfos_cm.quirk import NO_QUIRKS, Quirk
from cfos_cm.wire.ocppj import Call, CallError, CallResult
from cfos_cm.wire.rpc import MAX_REMEMBERED_IDS, MAX_WAITING_CALLS, CallQueue, Pending, Stray

LIMIT = 3


def call(number: int) -> Call:
    """A call that is told from others by its id."""
    return Call(str(number), "Heartbeat", b"{}")


def result(number: int) -> CallResult:
    """The confirmation of L{call}."""
    return CallResult(str(number), b"{}")


class _Queue(RuleBasedStateMachine):
    """
    A queue, beside a list that says what it should hold.

    @ivar sent: what was put on the wire, in its order.
    @ivar open: the calls that have not ended; the first one is in flight.
    @ivar ended: those that have ended, in their order.
    @ivar skipped: those that were never sent and will not be.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[int] = []
        self.open: list[int] = []
        self.ended: list[int] = []
        self.skipped: set[int] = set()
        self.last = 0
        self.queue: CallQueue[str] = CallQueue(
            lambda sent: self.sent.append(int(sent.unique_id)), LIMIT
        )

    def end(self, pending: Pending[str] | Stray | None) -> None:
        """C{pending} must be the call in flight; now it has ended."""
        expected = self.open.pop(0)
        assert pending == Pending(call(expected), f"token {expected}")
        self.ended.append(expected)

    @rule()
    def submit(self) -> None:
        """A call is sent when its turn comes, or refused when too many wait."""
        self.last += 1
        token = f"token {self.last}"
        if len(self.open) <= LIMIT:
            self.queue.submit(call(self.last), token)
            self.open.append(self.last)
        else:
            self.skipped.add(self.last)
            with pytest.raises(LocalProtocolError, match=str(LIMIT)):
                self.queue.submit(call(self.last), token)

    @precondition(lambda self: self.open)
    @rule(refused=st.booleans())
    def answer(self, refused: bool) -> None:
        """The peer answers, well or badly."""
        unique_id = str(self.open[0])
        answer = CallError(unique_id, "X", "") if refused else result(self.open[0])
        self.end(self.queue.answered(answer))

    @rule(data=st.data())
    def answer_another(self, data: st.DataObject) -> None:
        """An answer that is late, doubled, invented or too early answers nothing."""
        others = [*self.ended, *self.open[1:], *self.skipped, self.last + 1, -1]
        number = data.draw(st.sampled_from(others))
        assert isinstance(self.queue.answered(result(number)), Stray)

    @precondition(lambda self: self.open)
    @rule()
    def expire(self) -> None:
        """The call in flight has taken too long."""
        self.end(self.queue.expired())

    @precondition(lambda self: not self.open)
    @rule()
    def expire_nothing(self) -> None:
        """Nothing is in flight that could expire."""
        assert self.queue.expired() is None

    @rule()
    def close(self) -> None:
        """Closing gives back all that was not answered, oldest first, and leaves nothing."""
        lost = self.queue.close()
        assert lost == tuple(Pending(call(number), f"token {number}") for number in self.open)
        # What was waiting was never sent and is not any more.
        self.ended += self.open[:1]
        self.skipped |= set(self.open[1:])
        self.open = []

    @invariant()
    def one_in_flight(self) -> None:
        """The oldest open call is in flight, and no other."""
        in_flight = self.queue.in_flight
        assert (None if in_flight is None else int(in_flight.call.unique_id)) == (
            self.open[0] if self.open else None
        )
        assert self.sent == self.ended + self.open[:1]


class CallQueueTests(SynchronousTestCase):
    """One in flight, the others wait in order, each ends once."""

    def setUp(self) -> None:
        """A queue that notes what it sends."""
        self.sent: list[Call] = []
        self.queue: CallQueue[object] = CallQueue(self.sent.append)

    def test_any_history(self) -> None:
        """The rules hold whatever happens in whatever order."""
        run_state_machine_as_test(
            _Queue, settings=settings(max_examples=80, stateful_step_count=40)
        )

    def test_usual_bound(self) -> None:
        """Besides the one in flight, 32 calls may wait."""
        for number in range(1 + MAX_WAITING_CALLS):
            self.queue.submit(call(number), None)
        self.assertRaises(LocalProtocolError, self.queue.submit, call(99), None)
        self.assertEqual(len(self.queue.close()), 33)

    def test_nobody_may_wait(self) -> None:
        """With no room to wait, a call is taken while none is in flight."""
        queue: CallQueue[None] = CallQueue(self.sent.append, 0)
        queue.submit(call(1), None)
        self.assertRaises(LocalProtocolError, queue.submit, call(2), None)
        queue.expired()
        queue.submit(call(3), None)
        self.assertEqual(self.sent, [call(1), call(3)])

    def test_after_closing(self) -> None:
        """A queue that was closed starts anew; answers to earlier calls are late."""
        self.queue.submit(call(1), None)
        self.queue.close()
        self.assertIs(self.queue.answered(result(1)), Stray.LATE)
        self.queue.submit(call(2), None)
        self.assertEqual(self.sent, [call(1), call(2)])

    def test_answered_while_sending(self) -> None:
        """An answer may come before the sending has returned."""
        answered: list[Pending[int] | Stray] = []
        queue: CallQueue[int] = CallQueue(
            lambda sent: answered.append(queue.answered(CallResult(sent.unique_id, b"{}")))
        )
        queue.submit(call(1), 1)
        queue.submit(call(2), 2)
        self.assertEqual(answered, [Pending(call(1), 1), Pending(call(2), 2)])
        self.assertIsNone(queue.in_flight)


#: What a peer that answers with ids of its own is forgiven.
OTHERS = frozenset({Quirk.OTHER_ANSWER_IDS})


class StrayTests(SynchronousTestCase):
    """Answers that nobody waits for."""

    def setUp(self) -> None:
        """A queue whose calls go nowhere."""
        self.queue: CallQueue[None] = CallQueue(lambda sent: None)

    def answered(self, *numbers: int) -> list[object]:
        """What becomes of answers to these calls, one after the other."""
        return [self.queue.answered(result(number)) for number in numbers]

    def test_late(self) -> None:
        """An answer to a call that has expired is late; once more it is doubled."""
        self.queue.submit(call(1), None)
        self.queue.expired()
        self.assertEqual(self.answered(1, 1), [Stray.LATE, Stray.DOUBLED])

    def test_late_with_another_id(self) -> None:
        """
        Of a peer that answers with ids of its own, the first strange answer after a call was
        given up may be the late one to that call: it is not taken for the next call's.
        """
        for number in (1, 2):
            self.queue.submit(call(number), None)
        self.queue.expired()
        self.assertIs(Stray.LATE, self.queue.answered(result(91), OTHERS))
        self.assertEqual(Pending(call(2), None), self.queue.answered(result(92), OTHERS))

    def test_late_with_its_own(self) -> None:
        """When that one has come with its own id, the next strange one is the next call's."""
        for number in (1, 2):
            self.queue.submit(call(number), None)
        self.queue.expired()
        self.assertIs(Stray.LATE, self.queue.answered(result(1), OTHERS))
        self.assertEqual(Pending(call(2), None), self.queue.answered(result(92), OTHERS))

    def test_late_after_closing(self) -> None:
        """So is one to the call that was in flight when the queue was closed."""
        self.queue.submit(call(1), None)
        self.queue.submit(call(2), None)
        self.queue.close()
        self.assertEqual(self.answered(1, 2), [Stray.LATE, Stray.UNKNOWN])

    def test_doubled(self) -> None:
        """A second answer is doubled, as is a third one."""
        self.queue.submit(call(1), None)
        expected = [Pending(call(1), None), Stray.DOUBLED, Stray.DOUBLED]
        self.assertEqual(self.answered(1, 1, 1), expected)

    def test_unknown(self) -> None:
        """An answer to what was never asked, or not yet, is unknown."""
        self.assertEqual(self.answered(1), [Stray.UNKNOWN])
        self.queue.submit(call(1), None)
        self.queue.submit(call(2), None)
        self.assertEqual(self.answered(2), [Stray.UNKNOWN])

    def test_memory_is_bounded(self) -> None:
        """Of the calls that have ended, only the newest are remembered."""
        for number in range(MAX_REMEMBERED_IDS + 1):
            self.queue.submit(call(number), None)
            self.queue.answered(result(number))
        self.assertEqual(self.answered(0, 1), [Stray.UNKNOWN, Stray.DOUBLED])

    def test_same_id_twice(self) -> None:
        """An id that is used once more is remembered as it ended last."""
        self.queue.submit(call(1), None)
        self.queue.answered(result(1))
        self.queue.submit(call(1), None)
        self.queue.expired()
        self.assertEqual(self.answered(1), [Stray.LATE])


class OtherIdTests(SynchronousTestCase):
    """Answers with another id than that of the call."""

    def setUp(self) -> None:
        """A queue with one call in flight, and one that waits."""
        self.queue: CallQueue[str] = CallQueue(lambda sent: None)
        self.queue.submit(call(1), "first")
        self.queue.submit(call(2), "second")

    def test_refused(self) -> None:
        """Who is not forgiven it has not answered."""
        for tolerated in (NO_QUIRKS, frozenset({Quirk.NUMERIC_IDS})):
            self.assertIs(self.queue.answered(result(99), tolerated), Stray.UNKNOWN)

    def test_forgiven(self) -> None:
        """Who is forgiven it has answered the call in flight."""
        self.assertEqual(self.queue.answered(result(99), OTHERS), Pending(call(1), "first"))
        self.assertEqual(self.queue.in_flight, Pending(call(2), "second"))

    def test_doubled(self) -> None:
        """The same answer once more does not answer the next call."""
        self.queue.answered(result(99), OTHERS)
        self.assertIs(self.queue.answered(result(99), OTHERS), Stray.DOUBLED)

    def test_late(self) -> None:
        """Nor does a late one, to a call that has expired."""
        self.queue.expired()
        self.assertIs(self.queue.answered(result(1), OTHERS), Stray.LATE)

    def test_nothing_in_flight(self) -> None:
        """Where nothing was asked, nothing is answered."""
        self.queue.close()
        self.assertIs(self.queue.answered(result(99), OTHERS), Stray.UNKNOWN)

    def test_right_id(self) -> None:
        """Who may answer with any id may answer with the right one."""
        self.assertEqual(self.queue.answered(result(1), OTHERS), Pending(call(1), "first"))
