"""
Every shape of a long message, in memory and over a real socket.

How long each takes is looked at by C{make fuzz}; a test that looks at a clock fails on a
machine that is busy. Here the calls are counted that a message costs, which are the same
everywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from types import FrameType
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.session import Session
from cfos_cm.net.limits import ServerLimits
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES

from ..net.peers import CLOSE, TEXT, ServerCase, frame
from .shapes import FORGIVING, SHAPES, USUAL, Siege, besiege
from .test_sockets import next_message

#: Two calls for each character are what a message of this length may cost. One that is read as
#: badly as can be costs nine tenths of that, and 50 ms.
MAX_CALLS = 2 * MAX_FRAME_BYTES


class CallCount:
    """
    A clock that goes on with every function, in Python or in C, that is called.

    @ivar calls: how many there were.
    """

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> float:
        """See L{calls}."""
        return self.calls

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what is called here."""
        before = sys.getprofile()
        sys.setprofile(self._noticed)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _noticed(self, _: FrameType, event: str, __: Any) -> None:
        self.calls += event in ("call", "c_call")


class ShapeTests(SynchronousTestCase):
    """In memory."""

    def test_as_long_as_allowed(self) -> None:
        """Each is as long as a message may be, or nearly; none is longer."""
        for name, shape in SHAPES.items():
            size = len(shape("1"))
            self.assertLessEqual(size, MAX_FRAME_BYTES, name)
            self.assertGreater(size, MAX_FRAME_BYTES - 500, name)

    def test_usual(self) -> None:
        """Each is answered as it has to be, and none is dear."""
        siege = besieged(USUAL)
        self.assertEqual([], siege.violations[:3])
        self.assertLess(siege.slowest()[0][1], MAX_CALLS, siege.slowest()[:3])

    def test_forgiving(self) -> None:
        """So is each of somebody who is forgiven everything."""
        siege = besieged(FORGIVING)
        self.assertEqual([], siege.violations[:3])
        self.assertLess(siege.slowest()[0][1], MAX_CALLS, siege.slowest()[:3])

    def test_dear(self) -> None:
        """One that is dear would be noticed."""
        received = Session.received

        def receive(one: Session, text: bytes) -> None:
            for _ in range(MAX_CALLS):
                len(text)
            received(one, text)

        self.patch(Session, "received", receive)
        self.assertGreater(besieged(USUAL, ["not UTF-8"]).slowest()[0][1], MAX_CALLS)


def besieged(policy: QuirkPolicy, names: Iterable[str] = SHAPES) -> Siege:
    """What came of it, and how many calls each shape cost."""
    clock = CallCount()
    with clock.running():
        return besiege(policy, names, clock, MAX_CALLS)


class SocketTests(ServerCase):
    """Over a socket."""

    timeout = 60
    limits = evolve(ServerLimits(), messages_per_s=1e9, message_burst=10**9)

    async def test_usual(self) -> None:
        """Behind each a Heartbeat is answered, or the connection was closed with it."""
        self.wire, closed = await self.opened(), set()
        for number, (name, shape) in zip(count(1), SHAPES.items(), strict=False):
            beat = f'[2,"beat-{number}","Heartbeat",{{}}]'.encode()
            self.wire.say(frame(TEXT, shape(f"shape-{number}")) + frame(TEXT, beat))
            if not await self.is_answered(f'"beat-{number}"'.encode()):
                closed.add(name)
                self.wire.drop()
                while self.server.connections:
                    await self.turn()
                self.wire = await self.opened()
        self.assertEqual({"not UTF-8"}, closed)

    async def is_answered(self, unique_id: bytes) -> bool:
        """Whether the call with this id is, and the connection is not closed."""
        while True:
            opcode, text = await next_message(self.wire)
            if opcode == CLOSE or unique_id in text:
                return opcode != CLOSE
