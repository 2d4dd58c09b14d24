"""Every shape of a long message, in memory and over a real socket."""

from __future__ import annotations

import time
from itertools import count

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.limits import ServerLimits
from cfos_cm.wire.ocppj import MAX_FRAME_BYTES

from ..net.peers import CLOSE, TEXT, ServerCase, frame
from .sessions import MAX_S, no_garbage_collection
from .shapes import FORGIVING, LOOKS, SHAPES, USUAL, besiege
from .test_sockets import next_message


class ShapeTests(SynchronousTestCase):
    """In memory."""

    def test_as_long_as_allowed(self) -> None:
        """Each is as long as a message may be, or nearly; none is longer."""
        for name, shape in SHAPES.items():
            size = len(shape("1"))
            self.assertLessEqual(size, MAX_FRAME_BYTES, name)
            self.assertGreater(size, MAX_FRAME_BYTES - 500, name)

    def test_usual(self) -> None:
        """Each is answered as it has to be, and makes nobody wait."""
        siege = besiege(USUAL)
        self.assertEqual([], siege.violations[:3])
        self.assertLess(siege.slowest()[0][1], MAX_S, siege.slowest()[:3])

    def test_forgiving(self) -> None:
        """So is each of somebody who is forgiven everything."""
        siege = besiege(FORGIVING)
        self.assertEqual([], siege.violations[:3])
        self.assertLess(siege.slowest()[0][1], MAX_S, siege.slowest()[:3])


class SocketTests(ServerCase):
    """Over a socket, whose other end is here too: its work counts with the server's."""

    timeout = 60
    limits = evolve(ServerLimits(), messages_per_s=1e9, message_burst=10**9)

    async def test_usual(self) -> None:
        """Behind each a Heartbeat is answered soon, or the connection was closed with it."""
        took_s = {}
        self.wire, self.closed, self.ids = await self.opened(), set[str](), count(1)
        with no_garbage_collection():
            for name in SHAPES:
                took_s[name] = await self.said_s(name)
                for _ in range(1, LOOKS):
                    if took_s[name] >= MAX_S:
                        took_s[name] = min(took_s[name], await self.said_s(name))
        slowest = sorted(took_s.items(), key=lambda one: -one[1])
        self.assertLess(slowest[0][1], MAX_S, slowest[:3])
        self.assertEqual({"not UTF-8"}, self.closed)

    async def said_s(self, name: str) -> float:
        """Say it; how long the processor worked until the next one could be said. [s]"""
        number = next(self.ids)
        beat = f'[2,"beat-{number}","Heartbeat",{{}}]'.encode()
        said = frame(TEXT, SHAPES[name](f"shape-{number}")) + frame(TEXT, beat)
        start_s = time.process_time()
        self.wire.say(said)
        is_open = await self.is_answered(f'"beat-{number}"'.encode())
        took_s = time.process_time() - start_s
        if not is_open:
            self.closed.add(name)
            self.wire.drop()
            while self.server.connections:
                await self.turn()
            self.wire = await self.opened()
        return took_s

    async def is_answered(self, unique_id: bytes) -> bool:
        """Whether the call with this id is, and the connection is not closed."""
        while True:
            opcode, text = await next_message(self.wire)
            if opcode == CLOSE or unique_id in text:
                return opcode != CLOSE
