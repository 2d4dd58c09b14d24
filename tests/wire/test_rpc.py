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
from cfos_cm.wire.ocppj import Call, CallError, CallResult
from cfos_cm.wire.rpc import MAX_WAITING_CALLS, CallQueue, Pending

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
        self.dropped = 0
        self.queue: CallQueue[str] = CallQueue(
            lambda sent: self.sent.append(int(sent.unique_id)), LIMIT
        )

    def end(self, pending: Pending[str] | None) -> None:
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
        """An answer that is late, doubled, invented or too early is dropped."""
        others = [*self.ended, *self.open[1:], *self.skipped, self.last + 1, -1]
        number = data.draw(st.sampled_from(others))
        assert self.queue.answered(result(number)) is None
        self.dropped += 1

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

    @invariant()
    def strays_are_counted(self) -> None:
        """Each answer that nobody waited for is counted."""
        assert self.queue.dropped == self.dropped


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
        """A queue that was closed starts anew; answers to earlier calls are dropped."""
        self.queue.submit(call(1), None)
        self.queue.close()
        self.assertIsNone(self.queue.answered(result(1)))
        self.queue.submit(call(2), None)
        self.assertEqual(self.sent, [call(1), call(2)])

    def test_answered_while_sending(self) -> None:
        """An answer may come before the sending has returned."""
        answered: list[Pending[int] | None] = []
        queue: CallQueue[int] = CallQueue(
            lambda sent: answered.append(queue.answered(CallResult(sent.unique_id, b"{}")))
        )
        queue.submit(call(1), 1)
        queue.submit(call(2), 2)
        self.assertEqual(answered, [Pending(call(1), 1), Pending(call(2), 2)])
        self.assertIsNone(queue.in_flight)
