"""Every bound of the server is reached, counted, and hurts nobody else."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults

from cfos_cm.central_system import central_system
from cfos_cm.counters import Counter
from cfos_cm.net.speed import Speed

from .peers import (
    BINARY,
    CLOSE,
    CONTINUATION,
    LIMITS,
    PING,
    PONG,
    TEXT,
    ServerCase,
    Wire,
    frame,
    upgrade,
)

HEARTBEAT = b'[2,"1","Heartbeat",{}]'


class Case(ServerCase):
    """Something that is counted."""

    def counted(self, what: Counter) -> int:
        """How often something has happened."""
        return self.world.system.counters[what]

    async def heartbeat(self, wire: Wire) -> None:
        """A heartbeat is answered."""
        wire.say(frame(TEXT, HEARTBEAT))
        self.assertEqual(TEXT, (await wire.frame())[0])


class Handshakes(Case):
    """Upgrade requests."""

    async def test_too_long(self) -> None:
        """One that is too long is cut off."""
        wire = await self.dial(b"GET /" + b"x" * LIMITS.handshake_bytes)
        await wire.closed()
        self.assertEqual(1, self.counted(Counter.HANDSHAKES_FAILED))

    async def test_too_slow(self) -> None:
        """One that takes too long, too."""
        wire = await self.dial(b"GET /")
        while not self.server.connections:
            await self.turn()
        self.world.clock.advance(LIMITS.handshake_s)
        await wire.closed()
        self.assertEqual(1, self.counted(Counter.HANDSHAKES_FAILED))

    async def test_no_upgrade(self) -> None:
        """So does what is none."""
        self.assertEqual(426, await self.status(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
        self.assertEqual(1, self.counted(Counter.HANDSHAKES_FAILED))


class Sockets(Case):
    """More connections than there may be."""

    limits = evolve(LIMITS, sockets=10, handshakes_per_source=50)

    async def test_slow_ones_go(self) -> None:
        """Those that never finish their handshakes keep nobody out."""
        for _ in range(40):
            await self.dial(b"GET /")
        wire = await self.opened()
        await self.heartbeat(wire)
        self.assertLessEqual(len(self.server.connections), 10)
        self.assertEqual(31, self.counted(Counter.CONNECTIONS_REFUSED))

    async def test_full(self) -> None:
        """When all are open, the next one is refused, until one has left."""
        wires = [await self.opened(f"/new-{number}") for number in range(10)]
        late = await self.dial(upgrade())
        await late.closed()
        self.assertEqual(b"", late.heard)
        self.assertEqual(1, self.counted(Counter.CONNECTIONS_REFUSED))
        wires[0].drop()
        while len(self.server.connections) == 10:
            await self.turn()
        await self.heartbeat(await self.opened())


class OneAddress(Case):
    """Many connections from one address."""

    limits = evolve(LIMITS, handshakes_per_source=3)

    async def test_slow_ones_go(self) -> None:
        """The oldest that are shaking hands go, when they have had their time."""
        slow = [await self.dial(b"GET /") for _ in range(3)]
        while len(self.server.connections) < 3:
            await self.turn()
        self.world.clock.advance(LIMITS.handshake_grace_s + 0.1)
        await self.heartbeat(await self.opened())
        await slow[0].closed()
        self.assertFalse(slow[1].ended)
        self.assertEqual(1, self.counted(Counter.CONNECTIONS_REFUSED))

    async def test_all_at_once(self) -> None:
        """A site of which all come back at once is served, and nobody is refused."""
        self.patch(central_system, "MAX_UNKNOWN_CHARGE_POINTS", 1000)
        paths = (f"/new-{number}" for number in range(300))
        await gatherResults([Deferred.fromCoroutine(self.opened(path)) for path in paths])
        self.assertEqual(300, len(self.world.system.sessions()))
        self.assertEqual(0, self.counted(Counter.CONNECTIONS_REFUSED))


class Dials(Case):
    """Somebody who dials without a break, behind the router or proxy of the Charge Points."""

    limits = evolve(LIMITS, sockets=40, handshakes_per_source=20)

    async def test_nobody_kept_out(self) -> None:
        """He keeps nobody out, though no Charge Point has connected from there before."""
        for _ in range(100):
            self.assertEqual(404, await self.status(upgrade("/..")))
        for _ in range(100):
            (await self.dial()).drop()
        self.assertEqual(0, self.counted(Counter.CONNECTIONS_REFUSED))
        await self.heartbeat(await self.opened())

    async def test_in_his_own_way(self) -> None:
        """When he has taken all sockets, those that he holds make room."""
        for _ in range(60):
            await self.dial(b"GET /")
        await self.heartbeat(await self.opened())
        self.assertLessEqual(len(self.server.connections), 40)
        self.assertEqual(21, self.counted(Counter.CONNECTIONS_REFUSED))


class Messages(Case):
    """What is sent over an open connection."""

    async def assertCloses(self, data: bytes, code: int, what: Counter) -> None:
        """Fail unless something ends a connection with a status, and is counted once."""
        before = self.counted(what)
        wire = await self.opened("/new")
        wire.say(data)
        self.assertEqual(code, await wire.close_code())
        self.assertEqual(before + 1, self.counted(what))
        wire.drop()
        while self.server.connections:
            await self.turn()

    async def test_too_big(self) -> None:
        """A message that is too long, or a part of it that says so."""
        for announced in (LIMITS.message_bytes + 1, 2**40):
            data = frame(TEXT, b"x", length=announced)
            await self.assertCloses(data, 1009, Counter.MESSAGES_TOO_BIG)
        half = b"x" * (LIMITS.message_bytes // 2 + 1)
        pieces = frame(TEXT, half, fin=False) + frame(CONTINUATION, half)
        await self.assertCloses(pieces, 1009, Counter.MESSAGES_TOO_BIG)

    async def test_too_many_pieces(self) -> None:
        """A message in too many pieces."""
        pieces = frame(CONTINUATION, b"", fin=False) * LIMITS.fragments
        data = frame(TEXT, b"", fin=False) + pieces
        await self.assertCloses(data, 1009, Counter.FRAGMENTS_TOO_MANY)

    async def test_not_text(self) -> None:
        """A message that is not text."""
        await self.assertCloses(frame(BINARY, b"x"), 1003, Counter.MESSAGES_NOT_TEXT)


class Small(Messages):
    """With other bounds."""

    limits = evolve(LIMITS, message_bytes=1000, fragments=10)


class SlowLane(Messages):
    """Without short cuts."""

    speed = Speed(fast_lane=False, lean=False)


class Pace(Case):
    """Somebody who sends too fast."""

    async def flood(self, data: bytes, path: str = "/CP-1") -> Wire:
        """A connection that is not read any more for the moment."""
        paused = self.counted(Counter.READING_PAUSED)
        wire = await self.opened(path)
        wire.say(data)
        while self.counted(Counter.READING_PAUSED) == paused:
            await self.turn()
        return wire

    async def answers(self, wire: Wire, number: int) -> None:
        """So many answers have come, and no more."""
        size = len(wire.heard) and 2 + wire.heard[1]
        await wire.until(lambda: size > 0 and len(wire.heard) >= number * size)
        for _ in range(5):
            await self.turn()
        self.assertEqual(number * size, len(wire.heard))

    async def test_burst(self) -> None:
        """After a burst nothing is read, and then as much as time is worth."""
        data = frame(TEXT, HEARTBEAT) * (LIMITS.message_burst + 35)
        wire = await self.flood(data)
        await wire.until(lambda: bool(wire.heard))
        await self.answers(wire, LIMITS.message_burst)
        for more in (10, 20, 30, 35):
            self.world.clock.advance(LIMITS.pause_s)
            await self.answers(wire, LIMITS.message_burst + more)
        await self.heartbeat_after(wire)

    async def heartbeat_after(self, wire: Wire) -> None:
        """When all is read, things are as before."""
        wire.heard = b""
        self.world.clock.advance(10)
        await self.heartbeat(wire)

    async def test_long_messages(self) -> None:
        """Long messages count for as many as they take time."""
        units = 60
        text = HEARTBEAT + b" " * (units * LIMITS.message_unit_bytes)
        wire = await self.flood(frame(TEXT, text) * 8)
        await self.answers(wire, 4)
        owed_s = (4 * (units + 1) - LIMITS.message_burst + 1) / LIMITS.messages_per_s
        for _ in range(50):
            self.world.clock.advance((owed_s - 0.01) / 50)
            await self.turn()
        await self.answers(wire, 4)
        self.world.clock.advance(0.02)
        await self.answers(wire, 5)
        wire.drop()

    async def test_others(self) -> None:
        """Others are served meanwhile."""
        flooding = await self.flood(frame(TEXT, HEARTBEAT) * 2000)
        other = await self.opened("/CP-2")
        for _ in range(50):
            await self.heartbeat(other)
        self.assertFalse(flooding.ended)

    async def test_back_pressure(self) -> None:
        """What is sent meanwhile stays with the sender; the server's memory does not grow."""
        wire = await self.flood(frame(TEXT, HEARTBEAT) * 1000)
        (connection,) = self.server.connections
        wire.say(frame(TEXT, HEARTBEAT) * 500_000)
        for _ in range(50):
            await self.turn()
        self.assertLess(len(connection.data), 300_000)
        wire.drop()

    async def test_control_frames(self) -> None:
        """Pings and pongs, which cost as much as messages, count as well."""
        for number, opcode in enumerate((PING, PONG)):
            wire = await self.flood(frame(opcode, b"x") * 250, f"/new-{number}")
            wire.drop()

    async def test_pieces(self) -> None:
        """So do the pieces of messages, though one of them less."""
        message = (
            frame(TEXT, b"[", fin=False)
            + frame(CONTINUATION, b"", fin=False) * 900
            + frame(CONTINUATION, b"]")
        )
        wire = await self.flood(message * 10)
        wire.drop()

    async def test_not_a_dead_one(self) -> None:
        """Nobody is taken for dead because he is not read."""
        wire = await self.flood(frame(TEXT, HEARTBEAT) * 2500)
        for _ in range(220):
            self.world.clock.advance(LIMITS.pause_s)
            await self.turn()
        self.assertFalse(wire.ended)
        self.assertEqual(0, self.counted(Counter.PONGS_MISSED))

    async def test_gone_meanwhile(self) -> None:
        """One that goes meanwhile leaves no timer."""
        wire = await self.flood(frame(TEXT, HEARTBEAT) * 300)
        wire.drop()
        self.world.clock.advance(LIMITS.pause_s)
        while self.server.connections:
            await self.turn()
            self.world.clock.advance(LIMITS.pause_s)
        self.assertEqual([], self.world.clock.getDelayedCalls())


class PaceInTheSlowLane(Pace):
    """The same without short cuts."""

    speed = Speed(fast_lane=False, lean=False)


class Patience(Case):
    """Somebody who is too fast all the time."""

    limits = evolve(LIMITS, message_burst=20, patience_s=5)

    async def test_hung_up(self) -> None:
        """In the end the connection is closed with 1008, and dropped."""
        wire = await self.opened()
        wire.say(frame(PONG) * 2000)
        for _ in range(30):
            await self.turn()
            self.world.clock.advance(LIMITS.pause_s)
        opcode, payload = await wire.frame()
        self.assertEqual((CLOSE, 1008), (opcode, int.from_bytes(payload[:2], "big")))
        self.assertEqual(1, self.counted(Counter.SENDERS_TOO_FAST))
        self.world.clock.advance(LIMITS.close_timeout_s)
        await wire.closed()


class SlowReaders(Case):
    """Somebody who does not read."""

    limits = evolve(LIMITS, send_buffer_bytes=100_000)

    async def test_dropped(self) -> None:
        """When too much waits for it, the connection is dropped."""
        wire = await self.opened()
        wire.transport.pauseProducing()  # type: ignore[union-attr]
        (connection,) = self.server.connections
        for _ in range(1000):
            connection._send_text(b"x" * 60_000)
        self.assertEqual(1, self.counted(Counter.READERS_TOO_SLOW))
        while self.server.connections:
            await self.turn()
        wire.drop()

    async def test_pongs(self) -> None:
        """So it is when only pongs are not read."""
        wire = await self.opened()
        (connection,) = self.server.connections
        wire.transport.pauseProducing()  # type: ignore[union-attr]
        connection.transport.write(bytes(20_000_000))
        wire.say(frame(PING, b"x"))
        while self.server.connections:
            await self.turn()
        self.assertEqual(1, self.counted(Counter.READERS_TOO_SLOW))
        wire.drop()

    async def test_after_goodbye(self) -> None:
        """Nor does one that has said goodbye and does not read hold its connection for ever."""
        wire = await self.opened()
        (connection,) = self.server.connections
        wire.transport.pauseProducing()  # type: ignore[union-attr]
        connection.transport.write(bytes(20_000_000))
        wire.say(frame(CLOSE, (1000).to_bytes(2, "big")))
        while connection.state != connection.STATE_CLOSED:
            await self.turn()
        self.world.clock.advance(LIMITS.close_timeout_s)
        while self.server.connections:
            await self.turn()
        wire.drop()


class Goodbye(Case):
    """Somebody who goes on after we have said goodbye."""

    async def test_cut_off(self) -> None:
        """What he sends is not looked through for as long as he sends it."""
        wire = await self.opened()
        (connection,) = self.server.connections
        steps = 0
        look = type(connection).processData

        def counted(self: object) -> bool:
            nonlocal steps
            steps += 1
            return look(self)  # type: ignore[arg-type]

        self.patch(type(connection), "processData", counted)
        wire.say(frame(BINARY, b"x") + frame(CONTINUATION, b"", fin=False) * 20_000)
        await wire.closed()
        self.assertLess(steps, 5000)
        self.assertEqual(set(), self.server.connections)
