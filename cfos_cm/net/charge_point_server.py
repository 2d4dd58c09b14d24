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
from cfos_cm.net.front_door import FrontDoor
from cfos_cm.net.lean_connect import LeanConnect, prepared
from cfos_cm.net.limits import ServerLimits
from cfos_cm.net.listening import settle
from cfos_cm.net.quiet_log import QuietLog
from cfos_cm.net.reception import SUBPROTOCOL, Reception
from cfos_cm.net.rivals import Rivals
from cfos_cm.net.server_tls import ServerTls
from cfos_cm.net.sockets import Sockets, socket_below
from cfos_cm.net.speed import Speed
from cfos_cm.net.timers import Timers
from cfos_cm.net.tls_mode import TlsMode
from cfos_cm.source_address import source_of_peer

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

    It is listened for with its L{door}. Who listens with the server itself gets plain
    connections only, and looks at no first byte.

    @ivar door: what comes in, plain or encrypted.
    @ivar central_system: who the Charge Points talk to.
    @ivar limits: how much of everything a peer may have.
    @ivar quiet_log: what anybody can have us say.
    @ivar reception: decides about upgrade requests.
    @ivar rivals: decides between two connections with one identity.
    @ivar connections: all that are there, also those whose upgrade requests are not complete;
        before these have begun the L{door} has them.
    """

    protocol = ChargePointConnection
    noisy = False

    def __init__(
        self,
        central_system: CentralSystem,
        reactor: Any,
        limits: ServerLimits | None = None,
        speed: Speed | None = None,
        tls: ServerTls | None = None,
        mode: TlsMode = TlsMode.OFF,
    ) -> None:
        """
        @param limits: C{None}: the usual ones.
        @param speed: the short cuts that connections take; C{None}: all of them.
        @param tls: begins TLS; C{None}: nobody does.
        @param mode: whether Charge Points come encrypted.
        """
        super().__init__(protocols=[SUBPROTOCOL], server="", reactor=reactor)
        self.central_system = central_system
        self.limits = ServerLimits() if limits is None else limits
        self.quiet_log = QuietLog(reactor)
        self.reception = Reception(central_system, reactor, self.quiet_log)
        self.rivals = Rivals(self.limits, central_system.counters, reactor, self.quiet_log)
        self.connections: set[ChargePointConnection] = set()
        self._sockets: Sockets[Any] = Sockets(self.limits, reactor)
        self._ended: list[Deferred[None]] = []
        self._batched_timer = Timers(reactor)
        self._set_options()
        self.protocol = self._kind_of_connection(Speed() if speed is None else speed)
        self.door = FrontDoor(self, tls, mode)

    def set_mode(self, mode: TlsMode) -> None:
        """From now on whoever comes has to come like this; connections that are there stay."""
        self.door.mode = mode

    def buildProtocol(self, addr: IAddress | None) -> ChargePointConnection | None:
        """A connection for a peer that has dialled; C{None}: it is not wanted."""
        return self.connection(addr) if self.has_room() else None

    def connection(self, address: IAddress | None) -> ChargePointConnection:
        """A connection that will begin with an upgrade request."""
        connection: ChargePointConnection = super().buildProtocol(address)
        return connection

    def has_room(self) -> bool:
        """Whether another socket may come; if not, that is counted."""
        has_room = self._sockets.has_room()
        if not has_room:
            self.central_system.counters.count(Counter.CONNECTIONS_REFUSED)
        return has_room

    def came(self, socket: Any) -> None:
        """A TCP connection is up, and counts from now on."""
        for leaving in self._sockets.came(socket, source_of_peer(socket)):
            self.central_system.counters.count(Counter.CONNECTIONS_REFUSED)
            leaving.abortConnection()

    def gone(self, socket: Any) -> None:
        """A TCP connection is gone."""
        self._sockets.left(socket)
        if not self.connections and not self.door.openings:
            waiting, self._ended = self._ended, []
            for ended in waiting:
                ended.callback(None)

    def close_all(self) -> Deferred[None]:
        """
        End every connection with the status 1001, "going away".

        @return: fires when the last one is gone, at the latest after C{close_timeout_s}.
        """
        ended: Deferred[None] = Deferred()
        if not self.connections and not self.door.openings:
            ended.callback(None)
            return ended
        self._ended.append(ended)
        self.door.close()
        for connection in tuple(self.connections):
            connection.going_away()
        return ended

    def connection_made(self, connection: ChargePointConnection) -> None:
        """A connection begins with its upgrade request."""
        self.connections.add(connection)
        socket = socket_below(connection.transport)
        if not self._sockets.has(socket):
            self.came(socket)

    def connection_held(self, connection: ChargePointConnection) -> None:
        """A connection has said who it is, and waits for our answer."""
        self._sockets.settled(socket_below(connection.transport))

    def reconsider(self) -> None:
        """Who is configured may be somebody else now: nobody who is waits with strangers."""
        serves = self.central_system.roster.serves
        for connection in self.connections:
            session = connection.session
            if session is not None and serves(session.identity):
                settle(connection.transport)

    def connection_opened(self, connection: ChargePointConnection) -> None:
        """A connection is open, and is the one of its Charge Point that counts."""
        self._sockets.settled(socket_below(connection.transport))
        self.rivals.opened(connection)

    def connection_ended(self, connection: ChargePointConnection) -> None:
        """A connection is gone for good."""
        self.connections.discard(connection)
        self.rivals.left(connection)
        self.gone(socket_below(connection.transport))

    def _set_options(self) -> None:
        limits = self.limits
        self.setProtocolOptions(
            webStatus=False,
            # Whose page it is decides the reception.
            allowNullOrigin=True,
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
