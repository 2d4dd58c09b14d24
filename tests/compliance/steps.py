"""
What can happen in a case, one class for each.

A step is a value: what is said, by whom, and what has to come of it. C{by} is always the peer,
by its identity; C{does} plays the step and fails with L{CaseFailed} when the subject did not do
what the step wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from attrs import evolve, field, fields_dict, frozen

from tests.compliance.bench import (
    CaseFailed,
    Door,
    Facts,
    HandshakeRefused,
    Tls,
    TlsRefused,
)
from tests.compliance.line import Answer
from tests.compliance.patterns import Kept, Pattern, filled, objection
from tests.compliance.sites import FIRST
from tests.compliance.stage import Stage
from tests.issuer import Papers

__all__ = [
    "Answers",
    "ChangesPassword",
    "Dials",
    "Drops",
    "Either",
    "Finds",
    "HasNotHeard",
    "IsClosed",
    "Orders",
    "OrdersUnanswered",
    "Refused",
    "Says",
    "SaysAtOnce",
    "SaysText",
    "Sees",
    "Step",
    "Waits",
]


class Step(Protocol):
    """One thing that happens in a case."""

    async def does(self, stage: Stage) -> None:
        """Play it."""


@frozen(init=False)
class Refused:
    """The answer is a CALLERROR with one of some codes."""

    codes: tuple[str, ...]

    def __init__(self, *codes: str) -> None:
        self.__attrs_init__(codes)


@frozen(init=False)
class Either:
    """The answer is one of several that are all right."""

    answers: tuple[Any, ...]

    def __init__(self, *answers: Any) -> None:
        self.__attrs_init__(answers)


def _complaint(expected: Any, answer: Answer, stage: Stage) -> str | None:
    """What is wrong with an answer: it is compared with a pattern, a refusal or several."""
    if isinstance(expected, Either):
        all_wrong = [_complaint(one, answer, stage) for one in expected.answers]
        return None if None in all_wrong else "; ".join(filter(None, all_wrong))
    if isinstance(expected, Refused):
        if answer.code in expected.codes:
            return None
        found = answer.code or f"the answer {answer.payload}"
        return f"{found} instead of the CALLERROR {' or '.join(expected.codes)}"
    if answer.code is not None:
        return f"CALLERROR {answer.code}: {answer.description}"
    return objection(expected, answer.payload, stage.memory)


@frozen
class Dials:
    """
    The peer connects.

    @ivar offers: the subprotocols that it offers.
    @ivar password: what it logs in with: text, or the digits of a key (C{is_key}), of which it
        sends the bytes.
    @ivar refused: the HTTP statuses that refuse it; empty: it must be let in.
    @ivar tls: as that of L{Door}.
    @ivar shows: its certificate, or that which was kept; only where it encrypts.
    @ivar no_tls: it must get no encrypted connection.
    """

    by: str = FIRST
    password: str | None = None
    is_key: bool = False
    offers: tuple[str, ...] = ("ocpp1.6",)
    refused: tuple[int, ...] = ()
    tls: Tls | Literal["as usual"] | None = "as usual"
    shows: Papers | Kept | None = None
    no_tls: bool = False

    async def does(self, stage: Stage) -> None:
        """Dial, and compare what came of it."""
        secret = self.password
        raw = None if secret is None else secret.encode()
        if secret is not None and self.is_key:
            raw = bytes.fromhex(secret)
        try:
            agreed = await stage.dial(Door(self.by, raw, self.offers, self._tls(stage)))
        except HandshakeRefused as error:
            if error.status not in self.refused:
                raise CaseFailed(f"{self.by} was not let in: {error}") from error
            return
        except TlsRefused as error:
            if not self.no_tls:
                raise CaseFailed(f"{self.by} could not encrypt: {error}") from error
            return
        if self.refused or self.no_tls:
            raise CaseFailed(f"{self.by} was let in")
        if agreed != "ocpp1.6":
            raise CaseFailed(f"the subprotocol is {agreed}")

    def _tls(self, stage: Stage) -> Tls | Literal["as usual"] | None:
        if self.shows is None:
            return self.tls
        tls = self.tls if isinstance(self.tls, Tls) else Tls()
        return evolve(tls, shows=filled(self.shows, stage.memory))


@frozen
class Drops:
    """The peer's connection is lost, without a farewell."""

    by: str = FIRST

    async def does(self, stage: Stage) -> None:
        """Drop it."""
        await stage.bench.within(stage.line(self.by).drop(), "the end of the connection")


@frozen
class IsClosed:
    """The subject closes the connection with a WebSocket status."""

    code: int
    by: str = FIRST

    async def does(self, stage: Stage) -> None:
        """Wait for the end, and compare its status."""
        line = stage.lines[self.by]
        await stage.bench.within(line.ended(), "the end of the connection")
        if line.close_code != self.code:
            raise CaseFailed(f"closed with {line.close_code} instead of {self.code}")


@frozen
class Says:
    """
    The peer sends a CALL and gets its answer.

    @ivar answer: what the answer must be: a pattern of the confirmation's payload, L{Refused}
        or L{Either}.
    @ivar keep: which fields of the answer are kept, by the names they are kept under.
    @ivar unique_id: the message id; C{None}: a new one.
    @ivar odd: the payload is wrong on purpose.
    """

    action: str
    payload: Pattern = field(factory=dict)
    answer: Any = field(factory=dict)
    by: str = FIRST
    keep: Mapping[str, str] = field(factory=dict)
    unique_id: str | None = None
    odd: bool = False

    async def does(self, stage: Stage) -> None:
        """Say it, and compare the answer."""
        payload = stage.filled(self.action, self.payload, may_be_wrong=self.odd)
        asked = stage.line(self.by).ask(self.action, payload, self.unique_id)
        await stage.bench.within(asked.sent, f"the end of sending {self.action}")
        answer = await stage.bench.within(asked.answer, f"an answer to {self.action}")
        why = _complaint(self.answer, answer, stage)
        if why is not None:
            raise CaseFailed(f"{self.action}: {why}")
        if answer.payload is not None:
            stage.keep(self.keep, answer.payload)


@frozen
class SaysAtOnce:
    """The peer sends several CALLs without waiting; they must be answered in their order."""

    calls: tuple[Says, ...]
    by: str = FIRST

    async def does(self, stage: Stage) -> None:
        """Say all of them, then compare the answers."""
        line, questions = stage.line(self.by), []
        for call in self.calls:
            payload = stage.filled(call.action, call.payload, may_be_wrong=call.odd)
            questions.append(line.ask(call.action, payload, call.unique_id))
            await stage.bench.within(questions[-1].sent, f"the end of sending {call.action}")
        for call, asked in zip(self.calls, questions, strict=True):
            answer = await stage.bench.within(asked.answer, f"an answer to {call.action}")
            why = _complaint(call.answer, answer, stage)
            if why is not None:
                raise CaseFailed(f"{call.action}: {why}")
        found = line.answered[-len(questions) :]
        if found != [asked.unique_id for asked in questions]:
            raise CaseFailed(f"answered in the order {found}")


@frozen
class SaysText:
    """The peer sends a text message that is no CALL; there must be no answer."""

    text: bytes
    by: str = FIRST

    async def does(self, stage: Stage) -> None:
        """Send it."""
        await stage.bench.within(stage.line(self.by).write(self.text), "the end of sending")


@frozen
class Orders:
    """
    The operator has something sent; the peer hears it and answers; the operator is told.

    @ivar answer: the payload that the peer answers with, and that the operator must be told.
    @ivar hears: what the peer must hear; C{None}: what was ordered.
    @ivar keep: which fields of what the operator is told are kept, by the names they are kept
        under.
    """

    action: str
    payload: Pattern = field(factory=dict)
    answer: Pattern = field(factory=lambda: {"status": "Accepted"})
    hears: Pattern = None
    by: str = FIRST
    keep: Mapping[str, str] = field(factory=dict)

    async def does(self, stage: Stage) -> None:
        """Order it, hear it, answer it, and compare what the operator is told."""
        payload = stage.filled(self.action, self.payload, may_be_wrong=False)
        answer = stage.filled(f"{self.action}Response", self.answer, may_be_wrong=False)
        hears = self.payload if self.hears is None else self.hears
        order = stage.order(self.by, self.action, payload, hears)
        heard = await stage.hears(order, f"{self.action} at {self.by}")
        await stage.bench.within(
            stage.line(self.by).answer(heard, answer), "the end of sending"
        )
        outcome = await stage.bench.within(order.outcome, f"the outcome of {self.action}")
        if outcome.error is not None:
            raise CaseFailed(f"the operator was told: {outcome.error}")
        stage.check(answer, outcome.payload, f"what the operator was told of {self.action}")
        stage.keep(self.keep, outcome.payload)


@frozen
class OrdersUnanswered:
    """
    The operator has something sent, and the peer does not answer, for now.

    @ivar name: what the order is called in later steps.
    @ivar waits_its_turn: another CALL is in flight, so that this one must not be heard yet.
    """

    name: str
    action: str
    payload: Pattern = field(factory=dict)
    by: str = FIRST
    waits_its_turn: bool = False

    async def does(self, stage: Stage) -> None:
        """Order it, and see whether it is heard."""
        payload = stage.filled(self.action, self.payload, may_be_wrong=False)
        order = stage.order(self.by, self.action, payload, self.payload)
        stage.orders[self.name] = order
        if self.waits_its_turn:
            await stage.bench.within(stage.line(self.by).round_trip(), "a pong")
            if order.heard.called:
                raise CaseFailed(f"{self.action} came before its turn")
        else:
            await stage.hears(order, f"{self.action} at {self.by}")


@frozen
class Answers:
    """
    The peer answers an order that it has left unanswered, or has answered already.

    @ivar code: of a CALLERROR; empty: a CALLRESULT with C{payload}.
    """

    name: str
    payload: Pattern = field(factory=lambda: {"status": "Accepted"})
    code: str = ""
    by: str = FIRST

    async def does(self, stage: Stage) -> None:
        """Wait for the CALL, and answer it."""
        heard = await stage.hears(stage.orders[self.name], f"{self.name} at {self.by}")
        line = stage.line(self.by)
        sending = (
            line.refuse(heard, self.code)
            if self.code
            else line.answer(heard, filled(self.payload, stage.memory))
        )
        await stage.bench.within(sending, "the end of sending")


@frozen
class Sees:
    """
    The operator is told what came of an order.

    @ivar payload: the confirmation.
    @ivar error: a part of the error's words; empty: there must be none.
    """

    name: str
    payload: Pattern = None
    error: str = ""

    async def does(self, stage: Stage) -> None:
        """Wait for the outcome, and compare it."""
        waited = stage.orders[self.name].outcome
        outcome = await stage.bench.within(waited, f"the outcome of {self.name}")
        if self.error:
            if self.error not in (outcome.error or ""):
                raise CaseFailed(f"the operator was told {outcome}")
        elif outcome.error is not None:
            raise CaseFailed(f"the operator was told: {outcome.error}")
        else:
            stage.check(self.payload, outcome.payload, f"the outcome of {self.name}")


@frozen
class ChangesPassword:
    """
    The operator gives the peer another password.

    @ivar key: its hexadecimal digits.
    @ivar answer: what the peer says to it.
    """

    key: str
    answer: str = "Accepted"
    by: str = FIRST

    async def does(self, stage: Stage) -> None:
        """Change it, and see that the peer is sent the key as OCPP wants it."""
        order = stage.change_password(
            self.by, self.key, {"key": "AuthorizationKey", "value": self.key}
        )
        heard = await stage.hears(order, f"ChangeConfiguration at {self.by}")
        sending = stage.line(self.by).answer(heard, {"status": self.answer})
        await stage.bench.within(sending, "the end of sending")
        outcome = await stage.bench.within(order.outcome, "the outcome of the change")
        if outcome.error is not None:
            raise CaseFailed(f"the operator was told: {outcome.error}")


@frozen
class HasNotHeard:
    """The peer was never asked for an action."""

    action: str
    by: str = FIRST

    async def does(self, stage: Stage) -> None:
        """Look at all that it was asked."""
        if any(heard.action == self.action for heard in stage.line(self.by).heard):
            raise CaseFailed(f"{self.by} was asked {self.action}")


@frozen
class Waits:
    """Time passes for the subject. [s]"""

    seconds: float

    async def does(self, stage: Stage) -> None:
        """Let it pass."""
        await stage.bench.pass_time(self.seconds)


@frozen
class Finds:
    """
    What the subject knows now; see L{tests.compliance.bench.Facts}.

    @ivar counters: the patterns of those that are named.
    @ivar devices: the rows by identity.
    @ivar keep: which counters are kept, by the names they are kept under.
    """

    transactions: Pattern = None
    meter_values: Pattern = None
    review: Pattern = None
    devices: Pattern = None
    counters: Pattern = None
    connected: Pattern = None
    keep: Mapping[str, str] = field(factory=dict)

    async def does(self, stage: Stage) -> None:
        """Ask for it, and compare what is named."""
        facts = await stage.bench.facts()
        for name in fields_dict(Facts):
            pattern = getattr(self, name)
            if pattern is not None:
                stage.check(pattern, getattr(facts, name), name)
        stage.keep(self.keep, facts.counters)
