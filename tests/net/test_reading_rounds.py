"""Reading in rounds, on real sockets and beside Twisted's own way."""

from __future__ import annotations

import socket
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet import reactor, tcp
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from cfos_cm.net import reading_rounds
from cfos_cm.net.listening import listening_endpoint, settle
from cfos_cm.net.reading_rounds import ReadingRounds
from cfos_cm.net.speed import Speed

from .peers import Wire


class _Kept(Protocol):
    """A server's end that notes what it hears."""

    factory: Any
    do: Callable[[], object] | None = None

    def connectionMade(self) -> None:
        self.heard = b""
        self.ended: Deferred[type] = Deferred()
        self.factory.made.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data
        if self.do is not None:
            self.do()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.ended.callback(reason.type)


class Case(TestCase):
    """A server and its peers."""

    timeout = 30

    async def listen(self, speed: Speed) -> Any:
        """The server's factory, with its port."""
        factory: Any = Factory.forProtocol(_Kept)
        factory.made = []
        endpoint = listening_endpoint(reactor, "tcp:0:interface=127.0.0.1", speed)
        factory.port = await endpoint.listen(factory)
        self.addCleanup(maybeDeferred, factory.port.stopListening)
        return factory

    async def connect(self, factory: Any) -> tuple[Any, Any]:
        """Both ends of one more connection."""
        before = len(factory.made)
        peer = await TCP4ClientEndpoint(
            reactor, "127.0.0.1", factory.port.getHost().port
        ).connect(Factory.forProtocol(Wire))
        await self.until(lambda: len(factory.made) > before)
        return factory.made[-1], peer

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the loop turn until something is so."""
        while not condition():
            await deferLater(reactor, 0)


BOTH = (Speed(rounds=False), Speed(rounds=True), Speed(rounds=True, eager=False))


class SameAsTwisted(Case):
    """A protocol cannot tell by whom its socket is read."""

    async def test_stream(self) -> None:
        """All bytes arrive in their order, on many connections at once."""
        random = Random(3)
        pieces = [random.randbytes(random.choice([1, 50, 70_000])) for _ in range(60)]
        for speed in BOTH:
            factory = await self.listen(speed)
            pairs = [await self.connect(factory) for _ in range(5)]
            for piece in pieces:
                for _, peer in pairs:
                    peer.say(piece)
                await deferLater(reactor, 0)
            whole = b"".join(pieces)
            size = len(whole)
            for server, peer in pairs:
                await self.until(lambda server=server, size=size: len(server.heard) == size)
                self.assertEqual(whole, server.heard)
                peer.drop()
                await server.ended

    async def test_pause(self) -> None:
        """Who is paused hears nothing, and everything afterwards."""
        for speed in BOTH:
            factory = await self.listen(speed)
            server, peer = await self.connect(factory)
            server.transport.pauseProducing()
            server.transport.pauseProducing()
            peer.say(b"later")
            for _ in range(20):
                await deferLater(reactor, 0.001)
            self.assertEqual(b"", server.heard)
            settle(server.transport)
            server.transport.resumeProducing()
            server.transport.resumeProducing()
            await self.until(lambda server=server: server.heard == b"later")
            peer.drop()
            await server.ended

    async def test_ends(self) -> None:
        """However a connection ends, it ends with the same reason."""

        def shut_down(server: Any, peer: Any) -> None:
            peer.transport.loseConnection()

        def reset(server: Any, peer: Any) -> None:
            peer.transport.abortConnection()

        def close(server: Any, peer: Any) -> None:
            server.transport.loseConnection()

        def abort(server: Any, peer: Any) -> None:
            server.transport.abortConnection()

        def fail(server: Any, peer: Any) -> None:
            server.do = lambda: 1 // 0
            peer.say(b"x")

        def abort_and_fail(server: Any, peer: Any) -> None:
            server.do = lambda: (server.transport.abortConnection(), 1 // 0)
            peer.say(b"x")

        for way, why in (
            (shut_down, ConnectionDone),
            (reset, ConnectionLost),
            (close, ConnectionDone),
            (abort, ConnectionAborted),
            (fail, ZeroDivisionError),
            (abort_and_fail, ZeroDivisionError),
        ):
            for speed in BOTH:
                factory = await self.listen(speed)
                server, peer = await self.connect(factory)
                way(server, peer)
                self.assertIs(why, await server.ended, (way, speed))
                await peer.closed()
        self.assertEqual({ZeroDivisionError}, {one.type for one in self.flushLoggedErrors()})

    async def test_one_fails(self) -> None:
        """A protocol that fails costs nobody else a word."""
        for speed in BOTH:
            factory = await self.listen(speed)
            pairs = [await self.connect(factory) for _ in range(10)]
            pairs[4][0].do = lambda: 1 // 0
            for _, peer in pairs:
                peer.say(b"hello")
            await pairs[4][0].ended
            for number, (server, peer) in enumerate(pairs):
                if number != 4:
                    await self.until(lambda server=server: server.heard == b"hello")
                    peer.drop()
                    await server.ended
        self.assertEqual(3, len(self.flushLoggedErrors(ZeroDivisionError)))

    async def test_fails_at_its_end(self) -> None:
        """Nor does one that fails when it is told of its end, or with what is no error."""

        def refuse(_: object) -> None:
            raise ValueError("not now")

        def leave() -> None:
            raise GeneratorExit

        for speed in BOTH:
            factory = await self.listen(speed)
            pairs = [await self.connect(factory) for _ in range(10)]
            self.patch(pairs[2][0], "connectionLost", refuse)
            pairs[3][0].do = leave
            pairs[2][1].drop()
            for _, peer in pairs[3:]:
                peer.say(b"hello")
            await pairs[3][0].ended
            for server, peer in pairs[4:]:
                await self.until(lambda server=server: server.heard == b"hello")
                peer.drop()
                await server.ended
            for server, peer in pairs[:2]:
                peer.drop()
                await server.ended
        self.assertEqual(3, len(self.flushLoggedErrors(ValueError)))
        self.assertEqual(3, len(self.flushLoggedErrors(GeneratorExit)))

    async def test_gone_in_the_round(self) -> None:
        """Who ends another one that is ready as well, ends it."""
        factory = await self.listen(Speed())
        (first, one), (second, other) = [await self.connect(factory) for _ in range(2)]
        first.do = second.transport.abortConnection
        second.do = first.transport.abortConnection
        one.say(b"x")
        other.say(b"x")
        await self.until(lambda: first.heard or second.heard)
        if first.heard:
            loser, winner, peer = second, first, one
        else:
            loser, winner, peer = first, second, other
        self.assertIs(ConnectionAborted, await loser.ended)
        self.assertEqual(b"", loser.heard)
        peer.drop()
        await winner.ended


class OnTheLoop(Case):
    """What the loop sees of it."""

    async def test_nothing_left(self) -> None:
        """Without connections there is nothing to be read, and no handle is open."""
        factory = await self.listen(Speed())
        port = factory.port
        for settled in (False, True):
            server, peer = await self.connect(factory)
            if settled:
                settle(server.transport)
            rounds = port.guests if settled else port.strangers
            other = port.strangers if settled else port.guests
            self.assertIn(rounds, reactor.getReaders())
            self.assertNotIn(other, reactor.getReaders())
            self.assertNotIn(server.transport, reactor.getReaders())
            peer.drop()
            await server.ended
            self.assertNotIn(rounds, reactor.getReaders())
            self.assertEqual(-1, rounds.fileno())

    async def test_end_of_the_loop(self) -> None:
        """When the loop ends, all connections end."""
        factory = await self.listen(Speed())
        server, peer = await self.connect(factory)
        factory.port.strangers.connectionLost(Failure(ConnectionLost()))
        self.assertIs(ConnectionLost, await server.ended)
        await peer.closed()

    async def test_one_does_not_end(self) -> None:
        """One that fails then leaves the others read, and those who come."""
        factory = await self.listen(Speed())
        pairs = [await self.connect(factory) for _ in range(3)]

        def refuse(_: object) -> None:
            raise ValueError("not now")

        for server, _ in pairs[:2]:
            self.patch(server.transport, "connectionLost", refuse)
        rounds = factory.port.strangers
        reactor.removeReader(rounds)
        rounds.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(2, len(self.flushLoggedErrors(ValueError)))
        await pairs[2][0].ended
        pairs.append(await self.connect(factory))
        for server, peer in (*pairs[:2], pairs[3]):
            peer.say(b"still there")
            await self.until(lambda server=server: server.heard == b"still there")
        for server, _ in pairs[:2]:
            del server.transport.connectionLost
        for server, peer in (*pairs[:2], pairs[3]):
            peer.drop()
            await server.ended

    async def test_no_handle_left(self) -> None:
        """Without a handle for it nobody is settled, and is read all the same."""
        factory = await self.listen(Speed())
        server, peer = await self.connect(factory)

        def fail() -> None:
            raise OSError(24, "too many open files")

        self.patch(reading_rounds.select, "epoll", fail)
        settle(server.transport)
        self.assertRaises(OSError, factory.port.guests.add, server.transport)
        peer.say(b"x")
        await self.until(lambda: server.heard)
        peer.drop()
        await server.ended

    async def test_settle_elsewhere(self) -> None:
        """Transports of other kinds take no notice."""
        factory = await self.listen(Speed(rounds=False))
        server, peer = await self.connect(factory)
        settle(server.transport)
        peer.say(b"x")
        await self.until(lambda: server.heard)
        peer.drop()
        await server.ended

    async def test_many_newcomers(self) -> None:
        """However many are waiting, only some are accepted in one turn."""
        factory = await self.listen(Speed())
        peers = [
            socket.create_connection(("127.0.0.1", factory.port.getHost().port))
            for _ in range(40)
        ]
        accepted = []
        while len(factory.made) < 40:
            before = len(factory.made)
            factory.port.doRead()
            accepted.append(len(factory.made) - before)
        self.assertEqual([16, 16, 8], accepted)
        for peer in peers:
            peer.close()
        for server in factory.made:
            await server.ended


class _Transport:
    """Something to read that takes its time."""

    def __init__(self, clock: list[float], takes_s: float, read: list[Any]) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.fileno = self.ours.fileno
        self._clock, self._takes_s, self._read = clock, takes_s, read
        self.theirs.send(b"x")

    def doRead(self) -> None:
        """It stays ready, because nothing is taken."""
        self._clock[0] += self._takes_s
        self._read.append(self)

    def close(self) -> None:
        """Leave nothing behind."""
        self.ours.close()
        self.theirs.close()


class _Loop:
    """Where one adds and removes what is to be read."""

    def __init__(self) -> None:
        self.readers: list[object] = []

    def addReader(self, reader: object) -> None:
        """One more."""
        self.readers.append(reader)

    def removeReader(self, reader: object) -> None:
        """One less."""
        self.readers.remove(reader)


class Fair(SynchronousTestCase):
    """A round ends, and nobody is forgotten."""

    def setUp(self) -> None:
        """Ten are ready all the time, and each takes 1 ms."""
        self.clock, self.read, self.loop = [0.0], [], _Loop()
        self.rounds = ReadingRounds(self.loop, 0.0035, lambda: self.clock[0])  # type: ignore[arg-type]
        self.transports = [_Transport(self.clock, 0.001, self.read) for _ in range(10)]
        for transport in self.transports:
            self.addCleanup(transport.close)
            self.rounds.add(transport)

    def test_time_is_up(self) -> None:
        """A round takes no longer than it should, but for the last one in it."""
        self.rounds.doRead()
        self.assertEqual(4, len(self.read))

    def test_everybody(self) -> None:
        """Whoever had no time in a round is first in the next one."""
        for _ in range(6):
            self.rounds.doRead()
        self.assertEqual({2}, {self.read.count(one) for one in self.transports})

    def test_removed(self) -> None:
        """Who has been removed is not read, even if it was ready before."""
        self.rounds.doRead()
        left = [one for one in self.transports if one not in self.read]
        for one in left:
            self.rounds.remove(one)
            self.rounds.remove(one)
        del self.read[:]
        self.rounds.doRead()
        self.assertEqual(set(), set(left) & set(self.read))

    def test_empty(self) -> None:
        """When the last one has gone, the loop has nothing more to look at."""
        self.assertEqual([self.rounds], self.loop.readers)
        for one in self.transports:
            self.rounds.remove(one)
        self.assertEqual([], self.loop.readers)
        self.rounds.doRead()
        self.assertEqual([], self.read)

    def test_last_one_in_the_round(self) -> None:
        """So it is when they go while they are read."""
        for one in self.transports:
            one.doRead = lambda one=one: self.rounds.remove(one)  # type: ignore[method-assign]
        self.rounds.doRead()
        self.assertEqual([], self.loop.readers)


class Twisteds(SynchronousTestCase):
    """What is used of Twisted that it does not promise."""

    def test_server(self) -> None:
        """A server's connection is read and left alone by these."""
        for name in ("startReading", "stopReading", "readConnectionLost", "doRead"):
            self.assertTrue(callable(getattr(tcp.Server, name)))
