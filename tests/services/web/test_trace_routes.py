"""Tests of what is shown of the messages of both legs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.services.web.trace_routes import AT_ONCE, COMMENT_S, LOOK_S, trace_routes
from cfos_cm.services.web.trace_view import MAX_BYTES_AT_ONCE, FrameQuery
from cfos_cm.trace import Direction, Leg, Trace
from cfos_cm.web.answer import Json, Stream
from cfos_cm.web.role import Caller, Role
from cfos_cm.web.route import Asked

OPERATOR = Caller("op", Role.OPERATOR, "127.0.0.1")


class Outlet:
    """Somebody who reads a stream."""

    def __init__(self) -> None:
        self.octets = b""
        self.ended = False
        self.is_there = True
        self.is_slow = False
        self.acts: list[Callable[[], None]] = []

    def write(self, octets: bytes) -> bool:
        """Read it."""
        self.octets += octets
        return self.is_there

    def when_room(self, act: Callable[[], None]) -> None:
        """There is always room for who reads fast."""
        if self.is_slow:
            self.acts.append(act)
        else:
            act()

    def end(self) -> None:
        """There is no more."""
        self.ended = True


class TraceCase(SynchronousTestCase):
    """A trace with two legs."""

    def setUp(self) -> None:
        """A clock, and an office that shows the trace."""
        self.clock = Clock()
        self.trace = Trace(lambda: 1_800_000_000.0)
        self.some, self.live = trace_routes(self.trace, self.clock)

    def say(self, who: str, direction: Direction, *frame: object) -> None:
        """Note a message of a Charge Point, or of the gateway C{bay}."""
        leg = Leg.BACKEND if who == "bay" else Leg.CHARGER
        self.trace.note(leg, who, direction, json.dumps(frame).encode())

    def charge(self) -> None:
        """A Charge Point asks, and we ask its backend."""
        self.say("CP-1", Direction.IN, 2, "1", "Authorize", {"idTag": "A"})
        self.say("bay", Direction.OUT, 2, "9", "Authorize", {"idTag": "A"})
        self.say("bay", Direction.IN, 3, "9", {"idTagInfo": {}})
        self.say("CP-1", Direction.OUT, 3, "1", {"idTagInfo": {}})
        self.say("CP-2", Direction.IN, 2, "1", "Heartbeat", {})
        self.say("CP-2", Direction.OUT, 4, "1", "InternalError", "", {})

    def asked(self, **query: Any) -> Any:
        """What is answered; a mapping as a program reads it, or a stream."""
        asked = Asked(OPERATOR, {}, FrameQuery(**query))
        answer = self.successResultOf(ensureDeferred(self.some.handle(asked)))
        if isinstance(answer, Stream):
            return answer
        assert isinstance(answer, Json)
        return msgspec.json.decode(msgspec.json.encode(answer.value))

    def numbers(self, **query: Any) -> list[int]:
        """Which messages are shown."""
        return [one["number"] for one in self.asked(**query)["frames"]]


class Shown(TraceCase):
    """What a program is answered."""

    def test_frames(self) -> None:
        """Each one with its leg, its way, its kind, and the action that an answer answers."""
        self.charge()
        frames = self.asked()["frames"]
        shown = [(f["leg"], f["who"], f["direction"], f["kind"], f["action"]) for f in frames]
        self.assertEqual(
            [
                ("charger", "CP-1", "in", "call", "Authorize"),
                ("backend", "bay", "out", "call", "Authorize"),
                ("backend", "bay", "in", "result", "Authorize"),
                ("charger", "CP-1", "out", "result", "Authorize"),
                ("charger", "CP-2", "in", "call", "Heartbeat"),
                ("charger", "CP-2", "out", "error", "Heartbeat"),
            ],
            shown,
        )
        self.assertEqual("2027-01-15T08:00:00Z", frames[0]["at"])

    def test_filters(self) -> None:
        """A leg, a part of a name, and an action with its answers."""
        self.charge()
        self.assertEqual([2, 3], self.numbers(leg="backend"))
        self.assertEqual([5, 6], self.numbers(who="cp-2"))
        self.assertEqual([1, 2, 3, 4], self.numbers(action="Authorize"))
        self.assertEqual([], self.numbers(action="Reset"))

    def test_newest(self) -> None:
        """Without more words it is the newest."""
        self.charge()
        self.assertEqual([5, 6], self.numbers(limit=2))
        self.assertEqual(6, self.asked(limit=2)["next"])

    def test_going_on(self) -> None:
        """Whoever goes on with what was said as next misses none, and sees none twice."""
        self.charge()
        seen, after = [], 0
        while True:
            answer = self.asked(after=after, limit=2, leg="charger")
            after = answer["next"]
            if not answer["frames"]:
                break
            seen += [one["number"] for one in answer["frames"]]
        self.assertEqual([1, 4, 5, 6], seen)
        self.assertEqual(6, after)
        self.assertEqual(99, self.asked(after=99)["next"])

    def test_late_answer(self) -> None:
        """The action of an answer is known also where its call is not asked for."""
        self.charge()
        (frame,) = self.asked(after=3, limit=1)["frames"]
        self.assertEqual((4, "Authorize"), (frame["number"], frame["action"]))

    def test_same_id_of_others(self) -> None:
        """An id of another peer, or of the other direction, is another call."""
        self.say("CP-1", Direction.IN, 2, "1", "Authorize", {})
        self.say("CP-1", Direction.OUT, 2, "1", "Reset", {})
        self.say("CP-2", Direction.OUT, 3, "1", {})
        self.say("CP-1", Direction.IN, 3, "1", {})
        actions = [one["action"] for one in self.asked()["frames"]]
        self.assertEqual(["Authorize", "Reset", None, "Reset"], actions)

    def test_unreadable(self) -> None:
        """What is no OCPP-J is shown all the same."""
        for text in (b"\xff\x00", b"", b"[9]", b'[7, "1"]'):
            self.trace.note(Leg.CHARGER, "CP-1", Direction.IN, text)
        self.assertEqual(["other"] * 4, [one["kind"] for one in self.asked()["frames"]])

    def test_secret(self) -> None:
        """A secret is not shown, nor in the file."""
        self.say("CP-1", Direction.OUT, 2, "1", "ChangeConfiguration",
                 {"key": "AuthorizationKey", "value": "hunter2"})  # fmt: skip
        self.assertNotIn("hunter2", json.dumps(self.asked()))
        self.assertNotIn(b"hunter2", self.file())

    def file(self) -> bytes:
        """All of it, as a file."""
        outlet = Outlet()
        self.asked(format="ndjson").begin(outlet)
        while not outlet.ended:
            self.clock.advance(0)
        self.assertEqual([], self.clock.getDelayedCalls())
        return outlet.octets

    def test_file(self) -> None:
        """The file has all of them, a line for each, however many there are."""
        for number in range(1, 1001):
            self.say("CP-1", Direction.IN, 2, str(number), "Heartbeat", {})
        lines = self.file().splitlines()
        self.assertEqual(list(range(1, 1001)), [json.loads(line)["number"] for line in lines])

    def test_slow_reader(self) -> None:
        """Long messages are written no faster than they are read; what comes is not awaited."""
        outlet = Outlet()
        outlet.is_slow = True
        for _ in range(40):
            self.say("CP-1", Direction.IN, 2, "1", "DataTransfer", {"data": "x" * 50_000})
        self.asked(format="ndjson").begin(outlet)
        for _ in range(10):
            for _ in range(7):
                self.say("CP-1", Direction.IN, 2, "1", "DataTransfer", {"data": "x" * 50_000})
            before = len(outlet.octets)
            self.clock.advance(0)
            acts, outlet.acts = outlet.acts, []
            self.clock.advance(1)
            self.assertLess(len(outlet.octets) - before, 2 * MAX_BYTES_AT_ONCE)
            for act in acts:
                act()
        self.assertTrue(outlet.ended)
        self.assertGreaterEqual(outlet.octets.count(b"\n"), 40)

    def test_long_ones(self) -> None:
        """Of long messages there are fewer at once; who goes on sees all of them."""
        for _ in range(20):
            self.say("CP-1", Direction.IN, 2, "1", "DataTransfer", {"data": "x" * 50_000})
        self.assertEqual(list(range(15, 21)), self.numbers(limit=1000))
        first = self.asked(after=0, limit=1000)
        self.assertEqual(6, first["next"])
        self.assertEqual(list(range(7, 13)), self.numbers(after=6, limit=1000))


class Live(TraceCase):
    """What a page is told as it happens."""

    def follow(self, **query: Any) -> Outlet:
        """Begin to follow; C{self.end} ends it."""
        outlet = Outlet()
        asked = Asked(OPERATOR, {}, FrameQuery(**query))
        stream = self.successResultOf(ensureDeferred(self.live.handle(asked)))
        assert isinstance(stream, Stream)
        self.end = stream.begin(outlet)
        self.addCleanup(self.end)
        self.clock.advance(0)
        return outlet

    def told(self, outlet: Outlet) -> list[int]:
        """The numbers of the messages that were told."""
        events = [
            one for one in outlet.octets.split(b"\n\n") if one.startswith(b"event: frames")
        ]
        return [f["number"] for one in events for f in json.loads(one.split(b"data: ")[1])]

    def test_news(self) -> None:
        """Only what comes from now on, and only what is wanted."""
        self.charge()
        outlet = self.follow(leg="charger")
        self.charge()
        self.clock.advance(LOOK_S)
        self.assertEqual([7, 10, 11, 12], self.told(outlet))

    def test_from_before(self) -> None:
        """Who says what he has seen is told what came after it."""
        self.charge()
        self.assertEqual([5, 6], self.told(self.follow(after=4)))

    def test_many_from_before(self) -> None:
        """However many there are from before, they are told at once, piece after piece."""
        for _ in range(AT_ONCE * 2 + 1):
            self.say("CP-1", Direction.IN, 2, "1", "Heartbeat", {})
        outlet = self.follow(after=0)
        self.assertEqual(list(range(1, AT_ONCE * 2 + 2)), self.told(outlet))

    def test_quiet(self) -> None:
        """Where nothing is said he is told that the connection is alive."""
        outlet = self.follow()
        self.clock.pump([LOOK_S] * int(COMMENT_S / LOOK_S))
        self.assertEqual(b": \n\n", outlet.octets)

    def test_gone(self) -> None:
        """Nothing is left when he has gone, or does not read."""
        self.follow()
        self.end()
        self.assertEqual([], self.clock.getDelayedCalls())
        outlet = self.follow()
        outlet.is_there = False
        self.charge()
        self.clock.advance(LOOK_S)
        self.assertEqual([], self.clock.getDelayedCalls())
