"""Connections that begin with less work."""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.charge_point_server import ChargePointServer
from cfos_cm.net.lean_connect import LeanConnect, prepared
from cfos_cm.net.speed import Speed
from cfos_cm.net.timers import Timers
from tests.central_system.world import World

from .peers import ServerCase, upgrade

#: What is nobody's own in a lean connection, and differs by its nature.
SHARED = {"send_queue", "trafficStats", "utf8validator"}
OBJECTS = {"_transport_details", "is_open", "is_closed", "openHandshakeTimeoutCall"}
NOT_KEPT = {"_results", "_valid_events"}


def factory() -> WebSocketServerFactory:
    """Autobahn's, with its options set."""
    made = WebSocketServerFactory(protocols=["ocpp1.6"], reactor=Clock())
    made._batched_timer = Timers(made.reactor)
    made.setProtocolOptions(maxMessagePayloadSize=1234, perMessageCompressionAccept=len)
    return made


def begun(kind: type[WebSocketServerProtocol], made: WebSocketServerFactory) -> Any:
    """A connection that has just begun."""
    connection = kind()
    connection.factory = made
    connection.makeConnection(StringTransport())
    return connection


class Beginning(SynchronousTestCase):
    """The state that a connection begins in."""

    def test_same(self) -> None:
        """Every attribute of Autobahn's own is there, with the same value."""
        made = factory()
        stock = begun(WebSocketServerProtocol, made)
        lean = begun(prepared(LeanConnect, made), made)
        for name, value in vars(stock).items():
            if name not in SHARED | OBJECTS | NOT_KEPT | {"transport"}:
                self.assertEqual(value, getattr(lean, name), name)
        for name in SHARED | OBJECTS:
            self.assertTrue(hasattr(lean, name), name)
        self.assertEqual(2, made.countConnections)

    def test_options_are_functions(self) -> None:
        """A function among the options stays one."""
        made = factory()
        lean = begun(prepared(LeanConnect, made), made)
        self.assertEqual(3, lean.perMessageCompressionAccept("abc"))

    def test_own(self) -> None:
        """What one connection changes, no other one sees."""
        made = factory()
        kind = prepared(LeanConnect, made)
        one, other = begun(kind, made), begun(kind, made)
        one.data += b"x"
        one.state = 99
        self.assertEqual(
            (b"", WebSocketServerProtocol.STATE_CONNECTING), (other.data, other.state)
        )
        self.assertIsNot(one.openHandshakeTimeoutCall, other.openHandshakeTimeoutCall)

    def test_no_timer_left(self) -> None:
        """Preparing leaves no timer, and counts no connection."""
        made = factory()
        prepared(LeanConnect, made)
        self.assertEqual(([], 0), (made.reactor.getDelayedCalls(), made.countConnections))

    def test_unknown_state(self) -> None:
        """Where Autobahn begins with something new, its own way is taken."""
        made = factory()
        self.patch(
            prepared.__globals__["WebSocketServerProtocol"], "_connectionMade", _with_a_list
        )
        self.assertIs(LeanConnect, prepared(LeanConnect, made))
        connection = begun(LeanConnect, made)
        self.assertEqual([], connection.something_new)
        self.assertFalse(connection.is_prepared)


_stock = WebSocketServerProtocol._connectionMade


def _with_a_list(connection: Any) -> None:
    _stock(connection)
    connection.something_new = []


class Kinds(SynchronousTestCase):
    """What a server makes."""

    def test_speed(self) -> None:
        """Each short cut can be left out."""
        for fast in (False, True):
            for lean in (False, True):
                server = ChargePointServer(World().system, Clock(), None, Speed(fast, lean))
                kind = server.protocol
                self.assertEqual(
                    (fast, lean), (hasattr(kind, "_read_frames"), hasattr(kind, "is_prepared"))
                )


class Forgetting(ServerCase):
    """When the connection is open."""

    async def test_forgotten(self) -> None:
        """Nothing of the handshake is kept, and no password with it."""
        await self.opened("/CP-1", "Authorization: Basic Q1AtMTpzM2NyZXQ=", "X: " + "x" * 9000)
        (connection,) = self.server.connections
        kept = vars(connection)
        self.assertNotIn("Q1AtMTpzM2NyZXQ=", repr(kept))
        self.assertNotIn("xxxx", repr(kept))
        self.assertLess(len(kept), 30, sorted(kept))

    async def test_many_at_once(self) -> None:
        """Two handshakes do not get into each other's way."""
        one = await self.dial(upgrade("/CP-1")[:40])
        other = await self.dial(upgrade("/CP-2"))
        await other.head()
        one.say(upgrade("/CP-1")[40:])
        await one.head()
        for name in ("CP-1", "CP-2"):
            self.assertIsNotNone(self.world.system.session(name))
