"""One connection in memory that sees to it that every message gets what it has to get."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cfos_cm.central_system.session import MAX_UNANSWERED_CALLS, MAX_UNREADABLE_FRAMES
from cfos_cm.counters import Counter
from cfos_cm.wire.close_code import CloseCode

from ..central_system.world import World
from .life import Life
from .oracle import (
    Question,
    asked_in,
    flaw_in_answer,
    flaw_in_call,
    maybe_asked_in,
    parsed,
)

__all__ = ["Line"]


class Line:
    """
    The Charge Point's end of a connection.

    @ivar life: what it would say if it were right.
    @ivar owed: its calls that are not answered yet, oldest first.
    @ivar orders: message id and action of each call that it got.
    @ivar confirmed: how many of its calls were answered with a CALLRESULT.
    @ivar refused: how many with a CALLERROR.
    @ivar hung_up: how the connection was closed; C{None}: it is open.
    @ivar replaced: another connection is to take its place.
    """

    def __init__(
        self,
        world: World,
        identity: str,
        life: Life,
        complain: Callable[[str], None],
        answered: Callable[[Line, Question, dict[str, Any]], None],
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        """
        @param complain: told what is wrong.
        @param answered: told of each CALLRESULT.
        @param clock: what the work on an input is measured with.
        """
        self.world = world
        self.identity = identity
        self.life = life
        self.owed: list[Question] = []
        self.orders: list[tuple[str, str]] = []
        self.confirmed = 0
        self.refused = 0
        self.hung_up: tuple[int, str] | None = None
        self.replaced = False
        self._complain = complain
        self._answered = answered
        self._clock = clock
        self._gone = False
        self._text = b""
        # Calls that nobody has to answer, and somebody who is patient may.
        self._maybe: list[Question] = []
        self._unreadable = self._count_unreadable()
        self.session = world.system.open(identity, "192.0.2.7", self._heard, self._hang_up)

    @property
    def is_served(self) -> bool:
        """Whether it gets more than to wait."""
        return self.world.system.roster.serves(self.identity)

    def say(self, text: bytes) -> float:
        """
        Send a message.

        @return: how much work it was, as the clock tells; 0 if it was not sent.
        """
        tolerated = self.session.charge_point.acquaintance.tolerated
        question = asked_in(text, tolerated)
        maybe = None if question else maybe_asked_in(text)
        if self._has_another(question or maybe):
            # Nobody could tell which of them an answer is to.
            return 0.0
        self._text = text
        if question is not None:
            self.owed.append(question)
        elif maybe is not None:
            self._maybe.append(maybe)
        start = self._clock()
        try:
            self.session.received(text)
        except Exception as error:
            self._complain(f"it raised {error!r}")
        took = self._clock() - start
        if self.hung_up is None and not self.world.disk.held:
            self.expect_nothing_owed()
        return took

    def expect_nothing_owed(self) -> None:
        """Complain of every call that is not answered."""
        for question in self.owed:
            self._complain(f"not answered: {question}")
        self.owed.clear()
        self._maybe.clear()

    def lose(self) -> None:
        """The connection is gone."""
        self.world.system.closed(self.session, "connection lost")
        self._gone = True

    def _heard(self, text: bytes) -> None:
        """A message has come. Whatever is wrong with it must not disturb who has sent it."""
        if self._gone:
            self._complain(f"{text!r} on a connection that is gone")
            return
        try:
            frame = parsed(text)
            flaw = flaw_in_call(frame) if frame[0] == 2 else self._flaw_in_answer(frame)
        except Exception as error:
            flaw = repr(error)
        if flaw is not None:
            self._complain(f"{flaw}: sent {text!r}")
        elif frame[0] == 2:
            self.orders.append((frame[1], frame[2]))

    def _flaw_in_answer(self, frame: list[Any]) -> str | None:
        question = _fitting(self.owed, frame) or _fitting(self._maybe, frame)
        if question is None:
            return "an answer that nobody asked for"
        if frame[0] == 3:
            self.confirmed += 1
            self._answered(self, question, frame[2])
        else:
            self.refused += 1
        return flaw_in_answer(frame, question)

    def _hang_up(self, code: int, why: str) -> None:
        if not self._may_hang_up(code):
            self._complain(f"hung up with {code} {why!r}")
        self.hung_up = self.hung_up or (code, why)

    def _has_another(self, question: Question | None) -> bool:
        """Whether another question with the same message id is not answered yet."""
        return question is not None and any(
            _same(one.unique_id, question.unique_id) and one != question
            for one in (*self.owed, *self._maybe)
        )

    def _may_hang_up(self, code: int) -> bool:
        match code:
            case CloseCode.NORMAL:
                return self.replaced
            case CloseCode.INVALID_DATA:
                return not _is_utf8(self._text)
            case CloseCode.POLICY_VIOLATION:
                unreadable = self._count_unreadable() - self._unreadable
                return (
                    len(self.owed) + len(self._maybe) > MAX_UNANSWERED_CALLS
                    or unreadable >= MAX_UNREADABLE_FRAMES
                )
        return False

    def _count_unreadable(self) -> int:
        return self.world.system.counters[Counter.FRAMES_UNREADABLE]


def _fitting(questions: list[Question], frame: list[Any]) -> Question | None:
    """The question that an answer is to, taken out of them."""
    fitting = [one for one in questions if _same(one.unique_id, frame[1])]
    flawless = [one for one in fitting if flaw_in_answer(frame, one) is None]
    found = next(iter(flawless or fitting), None)
    if found is not None:
        questions.remove(found)
    return found


def _same(one: str | int, other: Any) -> bool:
    """Whether two message ids are the same JSON value."""
    return type(one) is type(other) and one == other


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
