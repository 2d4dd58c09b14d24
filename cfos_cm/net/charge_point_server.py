"""
The WebSocket server that Charge Points connect to.

OCPP-J 1.6, "Connection": the client asks for C{/…/identity} with the subprotocol C{ocpp1.6}
and, from security profile 1 on, proves with HTTP Basic authentication that it is that identity.
Everything is decided before the handshake is answered; what is said afterwards goes to the
session.
"""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress

from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.counters import Counter
from cfos_cm.net.connection import ChargePointConnection
from cfos_cm.net.fast_lane import FastLane, may_take_fast_lane
from cfos_cm.net.lean_connect import LeanConnect, prepared
from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.listening import settle
from cfos_cm.net.quiet_log import QuietLog
from cfos_cm.net.reception import SUBPROTOCOL, Reception
from cfos_cm.net.rivals import Rivals
from cfos_cm.net.sockets import Sockets
from cfos_cm.net.speed import Speed
from cfos_cm.net.timers import Timers

__all__ = ["SUBPROTOCOL", "ChargePointConnection", "ChargePointServer"]


class _Fast(ChargePointConnection, FastLane):
    """With the short cut."""


class _Lean(ChargePointConnection, LeanConnect):
    """With less work at its beginning."""


class _FastAndLean(ChargePointConnection, FastLane, LeanConnect):
    """With both."""


class ChargePointServer(WebSocketServerFactory):
    """
    Makes the connections of Charge Points, and ends them.

    @ivar central_system: who the Charge Points talk to.
    @ivar limits: how much of everything a peer may have.
    @ivar quiet_log: what anybody can have us say.
    @ivar reception: decides about upgrade requests.
    @ivar rivals: decides between two connections with one identity.
    @ivar connections: all that are there, also those that are still shaking hands.
    """

    protocol = ChargePointConnection
    noisy = False

    def __init__(
        self,
        central_system: CentralSystem,
        reactor: Any,
        limits: ServerLimits | None = None,
        speed: Speed | None = None,
    ) -> None:
        super().__init__(protocols=[SUBPROTOCOL], server="", reactor=reactor)
        self.central_system = central_system
        self.limits = ServerLimits() if limits is None else limits
        self.quiet_log = QuietLog(reactor)
        self.reception = Reception(central_system, reactor, self.quiet_log)
        self.rivals = Rivals(self.limits, central_system.counters, reactor, self.quiet_log)
        self.connections: set[ChargePointConnection] = set()
        self._sockets: Sockets[ChargePointConnection] = Sockets(self.limits, reactor)
        self._ended: list[Deferred[None]] = []
        self._batched_timer = Timers(reactor)
        self._set_options()
        self.protocol = self._kind_of_connection(Speed() if speed is None else speed)

    def buildProtocol(self, addr: IAddress) -> ChargePointConnection | None:
        """A connection for a peer that has dialled; C{None}: it is not wanted."""
        if not self._sockets.has_room():
            self.central_system.counters.count(Counter.CONNECTIONS_REFUSED)
            return None
        connection: ChargePointConnection = super().buildProtocol(addr)
        return connection

    def close_all(self) -> Deferred[None]:
        """
        End every connection with the status 1001, "going away".

        @return: fires when the last one is gone, at the latest after C{close_timeout_s}.
        """
        ended: Deferred[None] = Deferred()
        if not self.connections:
            ended.callback(None)
            return ended
        self._ended.append(ended)
        for connection in tuple(self.connections):
            connection.going_away()
        return ended

    def connection_made(self, connection: ChargePointConnection, source: str) -> None:
        """A TCP connection is up, and begins to shake hands."""
        self.connections.add(connection)
        for leaving in self._sockets.came(connection, source):
            self.central_system.counters.count(Counter.CONNECTIONS_REFUSED)
            leaving.transport.abortConnection()

    def connection_held(self, connection: ChargePointConnection) -> None:
        """A connection has said who it is, and waits for our answer."""
        self._sockets.settled(connection)

    def reconsider(self) -> None:
        """Who is configured may be somebody else now: nobody who is waits with strangers."""
        serves = self.central_system.roster.serves
        for connection in self.connections:
            session = connection.session
            if session is not None and serves(session.identity):
                settle(connection.transport)

    def connection_opened(self, connection: ChargePointConnection) -> None:
        """A connection is open, and is the one of its Charge Point that counts."""
        self._sockets.settled(connection)
        self.rivals.opened(connection)

    def connection_ended(self, connection: ChargePointConnection) -> None:
        """A connection is gone for good."""
        self.connections.discard(connection)
        self._sockets.left(connection)
        self.rivals.left(connection)
        if not self.connections:
            waiting, self._ended = self._ended, []
            for ended in waiting:
                ended.callback(None)

    def _set_options(self) -> None:
        limits = self.limits
        self.setProtocolOptions(
            webStatus=False,
            utf8validateIncoming=False,
            maxMessagePayloadSize=limits.message_bytes,
            maxFramePayloadSize=limits.message_bytes,
            failByDrop=False,
            openHandshakeTimeout=limits.handshake_s,
            closeHandshakeTimeout=limits.close_timeout_s,
            autoPingInterval=limits.ping_interval_s,
            autoPingTimeout=limits.pong_timeout_s,
            autoPingRestartOnAnyTraffic=True,
            perMessageCompressionAccept=_no_compression,
            tcpNoDelay=True,
        )

    def _kind_of_connection(self, speed: Speed) -> type[ChargePointConnection]:
        fast = speed.fast_lane and may_take_fast_lane(self)
        if not speed.lean:
            return _Fast if fast else ChargePointConnection
        return prepared(_FastAndLean if fast else _Lean, self)


def _no_compression(_offers: object) -> None:
    """Not recommended by OCPP-J, and a small frame that unpacks to a large one is an attack."""
