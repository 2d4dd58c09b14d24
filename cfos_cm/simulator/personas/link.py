"""One connection of a persona: calls in both directions, by OCPP-J or against it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from cfos_cm.simulator.personas.asked import Asked, Reply, encode_answer
from cfos_cm.simulator.personas.frames import Opcode
from cfos_cm.simulator.personas.persona import Outcome, Reaction
from cfos_cm.simulator.personas.raw_websocket import RawWebSocket
from cfos_cm.simulator.personas.transcript import Transcript
from cfos_cm.simulator.personas.upgrade import Response, Upgrade

__all__ = ["MAX_ASKED", "Link"]

#: Calls that are kept in mind; a Central System that asks more is not remembered by each.
MAX_ASKED = 1000


@define(eq=False)
class _Expectation:
    """Somebody waits for something."""

    holds: Callable[[], Outcome | None]
    done: Deferred[Outcome]
    timer: IDelayedCall | None = None


class Link:
    """
    A connection, from the moment at which it is open.

    What the Central System asks is held back until L{serve} is called: a wallbox sees to its
    own registration first.

    @ivar socket: the bytes.
    @ivar response: the answer to the upgrade request, if there was one.
    @ivar asked: what was asked so far, also what is not answered yet.
    """

    def __init__(
        self,
        clock: IReactorTime,
        transcript: Transcript,
        reply: Reply,
    ) -> None:
        self.socket = RawWebSocket(self._received, self._ended, self._look)
        self.response: Response | None = None
        self.asked: deque[Asked] = deque(maxlen=MAX_ASKED)
        self._clock = clock
        self._transcript = transcript
        self._reply = reply
        self._held: deque[Asked] | None = deque(maxlen=MAX_ASKED)
        self._answers: dict[str, Outcome | None] = {}
        self._stray: deque[Outcome] = deque(maxlen=MAX_ASKED)
        self._expectations: list[_Expectation] = []

    @property
    def is_over(self) -> bool:
        """Whether the connection has ended."""
        return self.socket.is_over

    def ask(self, upgrade: Upgrade, within_s: float) -> Deferred[Outcome]:
        """
        Ask for a WebSocket.

        @return: fires with C{TOLERATED} if it is one now; with C{REFUSED} and the HTTP status;
            with C{CLOSED} or C{HUNG} if there is no answer.
        """
        self._transcript.sent(str(upgrade))
        self.socket.ask(upgrade).addCallback(self._take_response)
        return self.expect(self._switched, within_s)

    def serve(self) -> None:
        """Answer what the Central System asks, also what it has asked already."""
        held, self._held = self._held, None
        for asked in held or ():
            self._answer(asked)

    def hold(self) -> None:
        """Answer nothing until L{serve} is called."""
        if self._held is None:
            self._held = deque(maxlen=MAX_ASKED)

    def send(self, text: bytes) -> None:
        """Send a text message, whatever is in it."""
        self._transcript.sent(text)
        if not self.is_over:
            self.socket.send_text(text)

    def ping(self, within_s: float) -> Deferred[Outcome]:
        """
        Wait until the Central System has read all that was sent.

        @return: fires with C{HUNG} if it answers no ping.
        """
        before = self.socket.pongs
        if not self.is_over:
            self.socket.send_frame(Opcode.PING)

        def ponged() -> Outcome | None:
            return Outcome(Reaction.TOLERATED) if self.socket.pongs > before else None

        return self.expect(ponged, within_s)

    def expect_answer(self, unique_id: Any, within_s: float) -> Deferred[Outcome]:
        """
        Wait for the answer to a call.

        A CALLERROR with a message id that was never used counts as well: a reader who could not
        read the frame could not read its id either.

        @param unique_id: the message id; an answer with another JSON type is not its own.
        """
        key = json.dumps(unique_id)
        self._stray.clear()
        self._answers[key] = None

        def answer() -> Outcome | None:
            return self._answers[key] or (self._stray.popleft() if self._stray else None)

        def forget(outcome: Outcome) -> Outcome:
            self._answers.pop(key, None)
            return outcome

        return self.expect(answer, within_s).addCallback(forget)

    def expect(self, holds: Callable[[], Outcome | None], within_s: float) -> Deferred[Outcome]:
        """
        Wait until something is so.

        @param holds: looks whether it is so; asked again whenever something has come.
        @return: fires with what C{holds} says, or with C{CLOSED} or C{HUNG}.
        """
        expectation = _Expectation(holds, Deferred())
        expectation.timer = self._clock.callLater(within_s, self._give_up, expectation)
        self._expectations.append(expectation)
        self._look()
        return expectation.done

    def how_it_ended(self) -> str:
        """The end of the connection, in a few words."""
        socket = self.socket
        if socket.close_code is None:
            return socket.close_reason or "without a close frame"
        return f"{socket.close_code} {socket.close_reason}".strip()

    def _take_response(self, response: Response | None) -> None:
        self.response = response
        if response is not None:
            self._transcript.received(f"HTTP {response.status} {response.reason}")
            self._look()

    def _switched(self) -> Outcome | None:
        response = self.response
        if response is None:
            return None
        if response.switches:
            return Outcome(Reaction.TOLERATED, response.subprotocol or "no subprotocol")
        return Outcome(Reaction.REFUSED, f"HTTP {response.status} {response.reason}".strip())

    def _received(self, text: bytes) -> None:
        self._transcript.received(text)
        try:
            frame = json.loads(text)
        except (ValueError, RecursionError):
            self._transcript.remark("that is not JSON")
            return
        match frame:
            case [2, str() | int() | None as unique_id, str(action), dict(payload)]:
                self._take(Asked(action, payload, unique_id))
            case [3, str() | int() | None as unique_id, dict(payload), *_]:
                self._note(unique_id, Outcome(Reaction.TOLERATED, "", payload))
            case [4, str() | int() | None as unique_id, str(code), *_]:
                self._note(unique_id, Outcome(Reaction.REFUSED, code))
            case _:
                self._transcript.remark("that is not OCPP-J")
        self._look()

    def _take(self, asked: Asked) -> None:
        self.asked.append(asked)
        if self._held is None:
            self._answer(asked)
        else:
            self._held.append(asked)

    def _answer(self, asked: Asked) -> None:
        frame = encode_answer(asked, self._reply(asked))
        if frame is not None:
            self.send(frame)

    def _note(self, unique_id: Any, outcome: Outcome) -> None:
        key = json.dumps(unique_id)
        if key in self._answers:
            self._answers[key] = self._answers[key] or outcome
        elif outcome.reaction is Reaction.REFUSED:
            self._stray.append(outcome)
        else:
            self._transcript.remark("nothing was asked with that message id")

    def _look(self) -> None:
        for expectation in tuple(self._expectations):
            outcome = expectation.holds()
            if outcome is None and self.is_over:
                outcome = Outcome(Reaction.CLOSED, self.how_it_ended())
            if outcome is not None:
                self._end(expectation, outcome)

    def _give_up(self, expectation: _Expectation) -> None:
        expectation.timer = None
        self._end(expectation, Outcome(Reaction.HUNG, "no answer"))

    def _end(self, expectation: _Expectation, outcome: Outcome) -> None:
        if expectation not in self._expectations:
            return
        self._expectations.remove(expectation)
        if expectation.timer is not None:
            expectation.timer.cancel()
        expectation.done.callback(outcome)

    def _ended(self) -> None:
        self._transcript.remark(f"the connection has ended: {self.how_it_ended()}")
        self._look()
