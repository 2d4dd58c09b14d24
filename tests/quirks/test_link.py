"""One connection of a persona, on a transport in memory and a clock."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.simulator.personas.asked import (
    Answer,
    Asked,
    Refusal,
    Verbatim,
    usual_answer,
)
from cfos_cm.simulator.personas.frames import FrameReader, Opcode, encode_frame
from cfos_cm.simulator.personas.link import Link
from cfos_cm.simulator.personas.persona import Outcome, Reaction
from cfos_cm.simulator.personas.transcript import Transcript
from cfos_cm.simulator.personas.upgrade import Upgrade

from .test_raw_websocket import SWITCHES, Transport


class LinkCase(SynchronousTestCase):
    """
    A test with a link that is open.

    @ivar answer: what it answers to everything.
    """

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        self.transcript = Transcript(self.clock.seconds)
        self.answer: Answer = {"status": "Accepted"}
        self.link = Link(self.clock, self.transcript, lambda _: self.answer)
        self.transport = Transport()
        self.link.socket.makeConnection(self.transport)
        asking = self.link.ask(Upgrade("/CP-1", "h"), 1.0)
        self.link.socket.dataReceived(SWITCHES)
        self.assertIs(Reaction.TOLERATED, self.successResultOf(asking).reaction)
        self.transport.clear()

    def tearDown(self) -> None:
        """Nobody waits for anything any more."""
        self.assertEqual([], self.clock.getDelayedCalls())

    def hear(self, frame: Any) -> None:
        """The Central System says something."""
        text = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
        self.link.socket.dataReceived(encode_frame(Opcode.TEXT, text))

    def said(self) -> list[Any]:
        """What was said since the last look."""
        frames = FrameReader().feed(self.transport.value())
        self.transport.clear()
        return [json.loads(frame.payload) for frame in frames]


class Answers(LinkCase):
    """What comes of a call."""

    def outcome(self, *heard: Any, unique_id: Any = "7") -> Outcome:
        """What a call comes to when something is heard."""
        waiting = self.link.expect_answer(unique_id, 1.0)
        for frame in heard:
            self.hear(frame)
        if not waiting.called:
            self.clock.advance(1.0)
        return self.successResultOf(waiting)

    def test_confirmed(self) -> None:
        """A confirmation comes with its payload."""
        expected = Outcome(Reaction.TOLERATED, "", {"a": 1})
        self.assertEqual(expected, self.outcome([3, "7", {"a": 1}]))

    def test_refused(self) -> None:
        """A CALLERROR comes with its code; one for an id that was never used is ours, too."""
        expected = Outcome(Reaction.REFUSED, "NotSupported")
        for unique_id in ("7", "-1", None):
            self.assertEqual(expected, self.outcome([4, unique_id, "NotSupported", "", {}]))

    def test_hung(self) -> None:
        """What is no answer to it does not count, nor does nonsense."""
        for frame in ([3, "8", {}], [3, 7, {}], [3, "7", []], [5, "7", {}], {}, b"{", b"\xff"):
            self.assertIs(Reaction.HUNG, self.outcome(frame).reaction)

    def test_number(self) -> None:
        """The answer to a number has the number."""
        self.assertIs(Reaction.TOLERATED, self.outcome([3, 7, {}], unique_id=7).reaction)
        self.assertIs(Reaction.HUNG, self.outcome([3, "7", {}], unique_id=7).reaction)

    def test_closed(self) -> None:
        """The end of the connection is the end of the waiting, with its code."""
        waiting = self.link.expect_answer("7", 1.0)
        goodbye = encode_frame(Opcode.CLOSE, (1008).to_bytes(2, "big") + b"enough")
        self.link.socket.dataReceived(goodbye)
        self.link.socket.connectionLost(Failure(ConnectionError()))
        self.assertEqual(Outcome(Reaction.CLOSED, "1008 enough"), self.successResultOf(waiting))

    def test_two(self) -> None:
        """Two calls at once get each its own answer."""
        first, second = (self.link.expect_answer(one, 1.0) for one in ("1", "2"))
        self.hear([4, "2", "NotSupported", "", {}])
        self.assertNoResult(first)
        self.assertIs(Reaction.REFUSED, self.successResultOf(second).reaction)
        self.hear([3, "1", {}])
        self.assertIs(Reaction.TOLERATED, self.successResultOf(first).reaction)


class IsAsked(LinkCase):
    """What comes of a call of the Central System."""

    def test_held(self) -> None:
        """It is answered when the wallbox has registered, in its order."""
        for number in ("1", "2"):
            self.hear([2, number, "ClearCache", {}])
        self.assertEqual([], self.said())
        self.link.serve()
        self.assertEqual([[3, one, {"status": "Accepted"}] for one in ("1", "2")], self.said())
        self.assertEqual([Asked("ClearCache", {}, one) for one in "12"], list(self.link.asked))

    def test_forms(self) -> None:
        """Any answer can be given, or none."""
        self.link.serve()
        for answer, said in (
            (Refusal("NotSupported", "no"), [[4, "1", "NotSupported", "no", {}]]),
            (Verbatim(b'{"odd":1}'), [{"odd": 1}]),
            (None, []),
        ):
            self.answer = answer
            self.hear([2, "1", "ClearCache", {}])
            self.assertEqual(said, self.said())

    def test_usual(self) -> None:
        """An ordinary wallbox accepts, knows no configuration key, and refuses the unknown."""
        self.assertEqual({"status": "Accepted"}, usual_answer(Asked("Reset", {})))
        self.assertEqual(
            {"configurationKey": [], "unknownKey": ["a"]},
            usual_answer(Asked("GetConfiguration", {"key": ["a"]})),
        )
        self.assertEqual(Refusal("NotSupported"), usual_answer(Asked("FlashLights", {})))


class Ping(LinkCase):
    """Waiting until everything was read."""

    def test_pong(self) -> None:
        """A pong says so; an old one does not."""
        for _ in range(2):
            waiting = self.link.ping(1.0)
            self.assertNoResult(waiting)
            self.link.socket.dataReceived(encode_frame(Opcode.PONG))
            self.assertIs(Reaction.TOLERATED, self.successResultOf(waiting).reaction)

    def test_none(self) -> None:
        """Who answers no ping is not waited for for ever."""
        waiting = self.link.ping(1.0)
        self.clock.advance(1.0)
        self.assertIs(Reaction.HUNG, self.successResultOf(waiting).reaction)


class Lines(LinkCase):
    """The transcript."""

    def test_lines(self) -> None:
        """It has what was said, by whom and when, without control characters."""
        self.clock.advance(1.5)
        self.link.send(b"[2,\x1b\xff]")
        self.assertEqual("   1.500 -> [2,·\\xff]", self.transcript.lines()[-1])

    def test_bounds(self) -> None:
        """It has an end, and so has each line."""
        for _ in range(3000):
            self.transcript.remark("x" * 5000)
        lines = self.transcript.lines()
        self.assertEqual(2000, len(lines))
        self.assertLess(len(lines[-1]), 2100)
