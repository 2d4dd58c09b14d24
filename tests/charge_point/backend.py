"""
A backend in a test, at the other end of a gateway's connection.

It answers each call at once, in the same turn of the loop, unless it is told otherwise.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field, frozen
from twisted.internet.task import Clock

from cfos_cm.calls import OutgoingCalls
from cfos_cm.counters import Counters
from cfos_cm.wire import ocppj
from cfos_cm.wire.ocppj import Call, CallError, CallResult

__all__ = ["Backend", "Heard", "Line", "refuse"]


@frozen
class Heard:
    """
    A call that has come.

    @ivar at_s: when, by the clock. [s]
    @ivar payload: its JSON text.
    """

    at_s: float
    unique_id: str
    action: str
    payload: bytes

    @property
    def data(self) -> Any:
        """What the payload says."""
        return json.loads(self.payload)


def refuse(code: str = "InternalError") -> Callable[[Heard], str]:
    """An answer that is a CALLERROR."""
    return lambda _heard: f"!{code}"


class _Taker(Protocol):
    def received(self, text: bytes) -> None: ...


@define(eq=False)
class Backend:
    """
    A backend that notes what it hears.

    @ivar answers: what it answers, by action: an object, or what makes one of the call; C{None}
        for no answer; a text with an exclamation mark is the code of a CALLERROR.
    @ivar heard: the calls that have come.
    @ivar texts: all messages, as they came.
    @ivar hung_up: how a connection was closed by the other end.
    """

    clock: Clock
    answers: dict[str, Any] = field(factory=dict)
    heard: list[Heard] = field(factory=list)
    texts: list[bytes] = field(factory=list)
    results: list[CallResult | CallError] = field(factory=list)
    hung_up: list[tuple[int, str]] = field(factory=list)
    boots: dict[str, Any] = field(
        factory=lambda: {
            "status": "Accepted",
            "currentTime": "2026-03-01T12:00:00Z",
            "interval": 300,
        }
    )
    _numbers: Any = field(factory=lambda: itertools.count(9000))
    _taker: Any = None

    def send(self, text: bytes) -> None:
        """The other end has sent a text message."""
        self.texts.append(text)
        frame = ocppj.decode(text)
        if isinstance(frame, CallResult | CallError):
            self.results.append(frame)
        elif isinstance(frame, Call):
            heard = Heard(self.clock.seconds(), frame.unique_id, frame.action, frame.payload)
            self.heard.append(heard)
            self._answer(heard)

    def hang_up(self, code: int, why: str) -> None:
        """The other end has closed the connection."""
        self.hung_up.append((code, why))

    def attach(self, taker: _Taker) -> None:
        """Who gets what this one sends."""
        self._taker = taker

    def say(self, text: bytes | str) -> None:
        """Send anything."""
        self._taker.received(text if isinstance(text, bytes) else text.encode())

    def call(self, action: str, payload: object, unique_id: str = "") -> None:
        """Ask for something; the answer goes into C{results}."""
        unique_id = unique_id or f"b{next(self._numbers)}"
        self.say(json.dumps([2, unique_id, action, payload]))

    def answer(self, heard: Heard, payload: object = None) -> None:
        """Answer a call that was not answered."""
        self.say(json.dumps([3, heard.unique_id, {} if payload is None else payload]))

    def told(self, *actions: str) -> list[Heard]:
        """What was heard of these actions."""
        return [one for one in self.heard if one.action in actions]

    def actions(self) -> list[str]:
        """What was heard, in its order."""
        return [one.action for one in self.heard]

    def _answer(self, heard: Heard) -> None:
        answer = self.answers.get(heard.action, self._usual)
        if callable(answer):
            answer = answer(heard)
        if answer is None:
            return
        if isinstance(answer, str):
            code = answer.removeprefix("!")
            self.say(json.dumps([4, heard.unique_id, code, "because", {}]))
        else:
            self.answer(heard, answer)

    def _usual(self, heard: Heard) -> object:
        match heard.action:
            case "BootNotification":
                return self.boots
            case "Heartbeat":
                return {"currentTime": "2026-03-01T12:00:00Z"}
            case "StartTransaction":
                return {
                    "transactionId": next(self._numbers),
                    "idTagInfo": {"status": "Accepted"},
                }
            case "Authorize":
                return {"idTagInfo": {"status": "Accepted"}}
            case _:
                return {}


@define(eq=False)
class Line:
    """OutgoingCalls with a backend at the other end, without a gateway."""

    backend: Backend
    calls: OutgoingCalls = field(init=False)
    counters: Counters = field(factory=Counters)
    answers: int = 0

    def __attrs_post_init__(self) -> None:
        ids = itertools.count()
        self.calls = OutgoingCalls(
            self.backend.clock,
            lambda frame: self.backend.send(ocppj.encode(frame)),
            lambda: f"call-{next(ids)}",
            self.counters,
        )
        self.backend.attach(self)

    def received(self, text: bytes) -> None:
        """A message has come from the backend."""
        frame = ocppj.decode(text)
        if isinstance(frame, CallResult | CallError):
            self.answers += 1
            self.calls.answered(frame)
