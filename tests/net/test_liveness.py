"""Peers that are gone without a word, and those that only do not answer pings."""

from __future__ import annotations

import socket
from typing import Any

from attrs import evolve
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.central_system.settings import ChargePointSettings
from cfos_cm.counters import Counter
from cfos_cm.net.liveness import Silence, keep_alive
from cfos_cm.net.speed import Speed
from cfos_cm.quirk import Quirk
from tests.central_system.world import BAY_1, SITE

from .peers import CONTINUATION, LIMITS, PING, TEXT, ServerCase, frame

HEARTBEAT = frame(TEXT, b'[2,"1","Heartbeat",{}]')


class SilenceTests(SynchronousTestCase):
    """Measuring silence."""

    def setUp(self) -> None:
        """It has just begun."""
        self.clock, self.fell = Clock(), 0
        self.silence = Silence(self.clock, 100, self._fell_silent)

    def _fell_silent(self) -> None:
        self.fell += 1

    def test_silent(self) -> None:
        """Exactly at its limit it is told of, once."""
        self.clock.advance(99.9)
        self.assertEqual(0, self.fell)
        self.clock.advance(0.1)
        self.assertEqual(1, self.fell)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_heard(self) -> None:
        """It counts from what came last."""
        self.clock.advance(60)
        self.silence.heard()
        self.clock.advance(99.9)
        self.assertEqual(0, self.fell)
        self.clock.advance(0.1)
        self.assertEqual(1, self.fell)

    def test_lasts(self) -> None:
        """It can be asked how long it has lasted."""
        self.clock.advance(60)
        self.assertEqual(60, self.silence.lasts_s())
        self.silence.heard()
        self.clock.advance(1)
        self.assertEqual(1, self.silence.lasts_s())

    def test_stop(self) -> None:
        """It leaves no timer."""
        self.silence.stop()
        self.silence.stop()
        self.assertEqual([], self.clock.getDelayedCalls())


class KeepAliveTests(SynchronousTestCase):
    """What the system itself does."""

    def test_unknown_transports(self) -> None:
        """A transport without a socket is no trouble."""
        transport: Any = StringTransport()
        for one in (transport, object(), None):
            keep_alive(one, LIMITS)


class Options(ServerCase):
    """On a real socket."""

    async def test_set(self) -> None:
        """The options are set that find a dead peer as soon as pings do."""
        await self.opened()
        (connection,) = self.server.connections
        handle: socket.socket = connection.transport.getHandle()
        self.assertTrue(handle.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_USER_TIMEOUT", 40_000)):
            if hasattr(socket, name):
                found = handle.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                self.assertEqual(value, found, name)


class Pings(ServerCase):
    """A Charge Point that can be pinged."""

    async def test_half_open(self) -> None:
        """One that is gone is found within 45 s, and counted."""
        wire = await self.opened()
        self.world.clock.pump([1] * 44)
        await wire.closed()
        self.assertEqual(1, self.world.system.counters[Counter.PONGS_MISSED])

    async def test_pieces(self) -> None:
        """Any byte is a sign of life, though no message is complete."""
        wire = await self.opened()
        wire.say(frame(TEXT, b"[", fin=False))
        for _ in range(4):
            self.world.clock.advance(LIMITS.ping_interval_s)
            self.assertEqual(PING, (await wire.frame())[0])
            wire.say(frame(CONTINUATION, b" ", fin=False))
            await self.settle()
            self.world.clock.advance(LIMITS.pong_timeout_s)
        self.assertFalse(wire.ended)

    async def settle(self) -> None:
        """What was said has been read."""
        (connection,) = self.server.connections
        while connection.autoPingTimeoutCall is not None:
            await self.turn()


class PiecesInTheSlowLane(Pings):
    """The same without short cuts."""

    speed = Speed(fast_lane=False, lean=False)


class NoPings(ServerCase):
    """A Charge Point that must not be pinged."""

    settings = evolve(
        SITE,
        heartbeat_interval_s=100,
        charge_points={
            "CP-1": ChargePointSettings(
                "CP-1", {1: BAY_1}, quirks=QuirkPolicy(named=frozenset({Quirk.NO_PING}))
            )
        },
    )

    async def test_silent(self) -> None:
        """It is not pinged, and given up when two heartbeats are missing."""
        wire = await self.opened()
        two_heartbeats_s = 2 * self.settings.heartbeat_interval_s
        silence_s = two_heartbeats_s + int(self.limits.silence_margin_s)
        self.world.clock.pump([1] * (silence_s - 1))
        await self.turn()
        self.assertEqual((b"", False), (wire.heard, wire.ended))
        self.world.clock.advance(1)
        await wire.closed()
        self.assertEqual(b"", wire.heard)
        self.assertEqual(1, self.world.system.counters[Counter.PONGS_MISSED])

    async def test_margin(self) -> None:
        """How much later the second heartbeat may be is a bound like others."""
        self.server.limits = evolve(self.limits, silence_margin_s=77)
        wire = await self.opened()
        self.world.clock.advance(2 * self.settings.heartbeat_interval_s + 76)
        self.assertEqual(0, self.world.system.counters[Counter.PONGS_MISSED])
        self.world.clock.advance(1)
        await wire.closed()

    async def test_heartbeats(self) -> None:
        """It stays for as long as it says something."""
        wire = await self.opened()
        for _ in range(5):
            self.world.clock.advance(200)
            wire.say(HEARTBEAT)
            self.assertEqual(TEXT, (await wire.frame())[0])
        self.assertFalse(wire.ended)


class LearnedLater(ServerCase):
    """A Charge Point of which it turns out when it is connected."""

    async def test_no_ping(self) -> None:
        """It is not pinged from then on."""
        wire = await self.opened()
        quirks = frozenset({Quirk.NO_PING})
        self.patch(self.world.system, "quirks_of", lambda _: quirks)
        self.world.clock.pump([10] * 10)
        wire.say(HEARTBEAT)
        self.assertEqual(TEXT, (await wire.frame())[0])
