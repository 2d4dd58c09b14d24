"""The timers of WebSocket connections."""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock, deferLater
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net import timers
from cfos_cm.net.backend_socket import SocketFactory
from cfos_cm.net.charge_point_server import ChargePointServer
from cfos_cm.net.timers import Timers, cancel_timers
from tests.central_system.world import World

from .peers import LIMITS, PING, PONG, ServerCase, Wire, frame


class TimersTests(SynchronousTestCase):
    """Timers of the reactor that was handed in."""

    def test_call_later(self) -> None:
        """A call is made when its time has come, by that reactor, with what it was given."""
        clock, calls = Clock(), []
        Timers(clock).call_later(0.3, lambda *a, **k: calls.append((a, k)), 1, 2, x=3)
        clock.advance(0.29)
        self.assertEqual([], calls)
        clock.advance(0.01)
        self.assertEqual([((1, 2), {"x": 3})], calls)

    def test_cancel(self) -> None:
        """It can be cancelled as Autobahn does it."""
        clock = Clock()
        call = Timers(clock).call_later(1, self.fail, "was called")
        self.assertTrue(call.active())
        call.cancel()
        self.assertEqual([], clock.getDelayedCalls())

    def test_autobahn(self) -> None:
        """Both sides of a WebSocket use them, in place of Autobahn's own."""
        clock = Clock()
        world = World()
        for factory in (
            ChargePointServer(world.system, clock),
            SocketFactory("ws://127.0.0.1:1/CP-1", None, None, clock),  # type: ignore[arg-type]
        ):
            call = factory._batched_timer.call_later(7, lambda: None)
            self.assertEqual([call], clock.getDelayedCalls())
            clock.advance(7)


class Holder:
    """Something that keeps timers where Autobahn keeps them."""


class CancelTests(SynchronousTestCase):
    """A connection that is gone."""

    def test_all(self) -> None:
        """Every timer that Autobahn may have left is cancelled."""
        clock, holder = Clock(), Holder()
        for name in timers._CALLS:
            setattr(holder, name, clock.callLater(1, self.fail, name))
        other = clock.callLater(1, lambda: None)
        cancel_timers(holder)
        self.assertEqual([other], clock.getDelayedCalls())

    def test_names(self) -> None:
        """They are the names of Autobahn's own: none of its timers is missing."""
        connection = ChargePointServer(World().system, Clock()).buildProtocol(None)
        connection.makeConnection(StringTransport())
        found = {name for name in vars(connection) if name.endswith("Call")}
        connection.connectionLost(Failure(ConnectionDone()))
        self.assertIn("openHandshakeTimeoutCall", found)
        self.assertLessEqual(found, set(timers._CALLS))

    def test_nothing_to_do(self) -> None:
        """One that was never set, has been called or was cancelled is no trouble."""
        clock, holder = Clock(), Holder()
        cancel_timers(holder)
        for number, name in enumerate(timers._CALLS):
            call = clock.callLater(number, lambda: None)
            setattr(holder, name, None if number == 0 else call)
        clock.callLater(0, lambda: None)
        clock.advance(1)
        holder.closeHandshakeTimeoutCall.cancel()  # type: ignore[attr-defined]
        cancel_timers(holder)
        cancel_timers(holder)
        self.assertEqual([], [call for call in clock.getDelayedCalls() if call.getTime() > 1])


class Left(ServerCase):
    """Connections that end without a word leave no timer, at whatever moment."""

    def timers(self) -> list[float]:
        """In how many seconds the timers of all connections expire."""
        clock = self.world.clock
        left_s = (call.getTime() - clock.seconds() for call in clock.getDelayedCalls())
        return sorted(round(one, 3) for one in left_s)

    async def dropped(self, wire: Wire) -> None:
        """A peer goes without a word, and the server has noticed."""
        wire.drop()
        while self.server.connections:
            await deferLater(reactor, 0)
        self.assertEqual([], self.timers())

    async def test_handshake(self) -> None:
        """In the middle of a handshake."""
        wire = await self.dial(b"GET /CP-1 HTTP/1.1\r\n")
        other = await self.dial(b"GET / HTTP/1.1\r\n\r\n")
        await other.closed()
        self.assertEqual([LIMITS.handshake_s], self.timers())
        await self.dropped(wire)

    async def test_open(self) -> None:
        """While it waits for the next ping."""
        wire = await self.opened()
        self.assertEqual([LIMITS.ping_interval_s], self.timers())
        await self.dropped(wire)

    async def test_ping(self) -> None:
        """While it waits for a pong."""
        wire = await self.opened()
        self.world.clock.advance(LIMITS.ping_interval_s)
        opcode, _ = await wire.frame()
        self.assertEqual((PING, [LIMITS.pong_timeout_s]), (opcode, self.timers()))
        await self.dropped(wire)

    async def test_pong(self) -> None:
        """After a pong, which is in time to the second."""
        wire = await self.opened()
        self.world.clock.advance(LIMITS.ping_interval_s)
        _, payload = await wire.frame()
        self.world.clock.advance(LIMITS.pong_timeout_s - 0.01)
        wire.say(frame(PONG, payload) + frame(PING, b"heard"))
        self.assertEqual((PONG, b"heard"), await wire.frame())
        self.assertEqual([LIMITS.ping_interval_s], self.timers())
        await self.dropped(wire)

    async def test_no_pong(self) -> None:
        """A peer that answers no ping is dropped."""
        wire = await self.opened()
        self.world.clock.advance(LIMITS.ping_interval_s)
        await wire.frame()
        self.world.clock.advance(LIMITS.pong_timeout_s)
        await wire.closed()
        self.assertEqual([], self.timers())

    async def test_closing(self) -> None:
        """While it waits for the peer's goodbye."""
        wire = await self.opened()
        session = self.world.system.session("CP-1")
        assert session is not None
        session.hang_up(1000, "enough")
        await wire.close_code()
        self.assertIn(LIMITS.close_timeout_s, self.timers())
        await self.dropped(wire)
