"""The same damaged messages over a real socket and in memory: it makes no difference."""

from __future__ import annotations

import json
from itertools import count
from random import Random

from attrs import evolve

from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.speed import Speed
from cfos_cm.site.events import EvseLost, SiteEvent

from ..central_system.world import World
from ..net.peers import CLOSE, CONTINUATION, PING, PONG, TEXT, ServerCase, Wire, frame
from ..net.streams import split
from .life import Life
from .mutation import Mutator

#: In all; between them there are calls that are right.
INPUTS = 2_000
#: How many are sent without waiting for an answer.
_AT_ONCE = 10


class _Twin:
    """
    A connection in memory to a world that is like the server's.

    @ivar sent: what the server has to send.
    @ivar hung_up: the status that it has to close with; C{None}: it keeps the connection.
    """

    def __init__(self, world: World) -> None:
        self.sent: list[bytes] = []
        self.hung_up: int | None = None
        self._world = world
        self._session = world.system.open("CP-1", "127.0.0.1", self._send, self._hang_up)

    def say(self, text: bytes) -> None:
        """Say something."""
        if self.hung_up is None:
            self._session.received(text)

    def lose(self) -> None:
        """The connection is gone."""
        self._world.system.closed(self._session, "closed")

    def _send(self, text: bytes) -> None:
        if self.hung_up is None:
            self.sent.append(text)

    def _hang_up(self, code: int, why: str) -> None:
        if self.hung_up is None:
            self.hung_up = int(code)


class SocketTests(ServerCase):
    """Messages cut into frames, and frames into pieces, anywhere."""

    timeout = 60
    limits = evolve(ServerLimits(), messages_per_s=1e9, message_burst=10**9)

    async def test_same_as_in_memory(self) -> None:
        """The same frames come back, in the same order, and the same connections are closed."""
        random, mutator = Random(1), Mutator(1)
        life, numbers = Life(random), count(1)
        twins = World(self.settings)
        wire, twin = await self.opened(), _Twin(twins)
        closed = 0
        for _ in range(INPUTS // _AT_ONCE):
            texts = [mutator.frame() for _ in range(_AT_ONCE)]
            for where in (3, 7):
                call = [2, f"right-{next(numbers)}", *life.call()]
                texts.insert(where, json.dumps(call).encode())
            texts.append(json.dumps([2, f"right-{next(numbers)}", "Heartbeat", {}]).encode())
            for text in texts:
                twin.say(text)
            for piece in split(random, b"".join(_in_frames(random, text) for text in texts)):
                wire.say(piece)
                if random.random() < 0.3:
                    await self.turn()
            await self.assertSame(wire, twin)
            if twin.hung_up is not None:
                closed += 1
                wire.drop()
                while self.server.connections:
                    await self.turn()
                twin.lose()
                wire, twin = await self.opened(), _Twin(twins)
        self.assertGreater(closed, 20)
        self.assertEqual(self.world.ledger.rows, twins.ledger.rows)
        self.assertEqual(self.world.ledger.meter_values, twins.ledger.meter_values)
        self.assertEqual(_but_losses(self.world), _but_losses(twins))
        self.assertEqual(self.world.system.counters.all(), twins.system.counters.all())

    async def assertSame(self, wire: Wire, twin: _Twin) -> None:
        """Fail unless the socket says what the twin says."""
        expected, twin.sent = twin.sent, []
        for text in expected:
            self.assertEqual((TEXT, text), await next_message(wire))
        if twin.hung_up is not None:
            opcode, payload = await next_message(wire)
            self.assertEqual((CLOSE, twin.hung_up), (opcode, int.from_bytes(payload[:2])))


class SlowLaneTests(SocketTests):
    """Without short cuts."""

    speed = Speed(fast_lane=False, lean=False, eager=False)


def _but_losses(world: World) -> list[SiteEvent]:
    """What the site was told, but for the reasons why connections were lost."""
    return [event for event in world.events if not isinstance(event, EvseLost)]


def _in_frames(random: Random, text: bytes) -> bytes:
    """A message, mostly in one frame."""
    if random.random() < 0.8:
        return _masked(random, TEXT, text)
    cut = random.randint(0, len(text))
    return (
        _masked(random, TEXT, text[:cut], fin=False)
        + _masked(random, PING, b"?")
        + _masked(random, CONTINUATION, text[cut:])
    )


def _masked(random: Random, opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A frame under a mask that is not only zeros."""
    plain = frame(opcode, payload, fin=fin)
    mask, start = random.randbytes(4), len(plain) - len(payload)
    mixed = bytes(byte ^ mask[at & 3] for at, byte in enumerate(payload))
    return plain[: start - 4] + mask + mixed


async def next_message(wire: Wire) -> tuple[int, bytes]:
    """The next frame that is no pong, taken."""
    while True:
        await wire.until(lambda: wire.ended or _whole_bytes(wire.heard) > 0)
        size = _whole_bytes(wire.heard)
        assert size, "the connection is gone"
        first, wire.heard = wire.heard[:size], wire.heard[size:]
        if first[0] & 15 != PONG:
            return first[0] & 15, first[_head_bytes(first) :]


def _head_bytes(data: bytes) -> int:
    return {126: 4, 127: 10}.get(data[1], 2)


def _whole_bytes(data: bytes) -> int:
    """How long the first frame is; 0: not all of it is there."""
    if len(data) < 2 or len(data) < _head_bytes(data):
        return 0
    start = _head_bytes(data)
    size = start + (data[1] if start == 2 else int.from_bytes(data[2:start]))
    return size if len(data) >= size else 0
