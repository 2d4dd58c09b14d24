"""
Where Charge Points come in: the first bytes of a connection tell whether it is encrypted.

A TLS handshake begins with 0x16 (RFC 8446, 5.1), and an upgrade request with C{GET }. What
begins with neither is nobody who has anything to do here. As soon as it is known what a
connection is, whoever goes on with it takes the place of what has waited here: a read costs no
more than without a front door.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from autobahn.twisted.util import peer2str
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHandshakeListener,
    ITCPTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from cfos_cm.counters import Counter
from cfos_cm.errors import LocalProtocolError
from cfos_cm.net.refusal import ENCRYPTED_ONLY
from cfos_cm.net.server_tls import ServerTls
from cfos_cm.net.server_tls_words import handshake_words
from cfos_cm.net.tls_end import TlsEnd
from cfos_cm.net.tls_mode import TlsMode
from cfos_cm.source_address import source_of_peer

if TYPE_CHECKING:
    from cfos_cm.net.charge_point_server import ChargePointServer

__all__ = ["Begun", "FrontDoor", "begun"]

#: RFC 8446, 5.1: the type of a record with a piece of a handshake.
_TLS_HANDSHAKE = 0x16
_REQUEST = b"GET "


class Begun(Enum):
    """What a connection begins as."""

    TLS = auto()
    HTTP = auto()
    NEITHER = auto()


def begun(data: bytes) -> Begun | None:
    """
    What begins with these bytes.

    @return: C{None}: that cannot be told yet.
    """
    if data[:1] == bytes([_TLS_HANDSHAKE]):
        return Begun.TLS
    if data.startswith(_REQUEST):
        return Begun.HTTP
    return None if _REQUEST.startswith(data) else Begun.NEITHER


class FrontDoor(Factory):
    """
    Listens for a L{ChargePointServer}.

    @ivar mode: whether Charge Points come encrypted; it may change while it runs, and counts
        for those who come.
    @ivar openings: the connections of which it is not known yet whose they are.
    """

    noisy = False

    def __init__(self, server: ChargePointServer, tls: ServerTls | None, mode: TlsMode) -> None:
        """@param tls: begins TLS; C{None}: nobody does."""
        self.server = server
        self.mode = mode
        self.openings: set[_Opening] = set()
        self.tls = ServerTls() if tls is None else tls
        self.tls_ends = TLSMemoryBIOFactory(self.tls, False, self, server.reactor)

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        """What a connection begins with; C{None}: it is not wanted."""
        return _Opening(self, addr) if self.server.has_room() else None

    def close(self) -> None:
        """Drop all of which it is not known yet whose they are."""
        for opening in tuple(self.openings):
            opening.drop()


@implementer(IHandshakeListener)
class _Opening(Protocol):
    """
    A connection until it is known what it is, and until TLS is agreed upon, if it is that.

    Its transport is the TCP connection all the time.
    """

    transport: ITCPTransport
    _timer: IDelayedCall
    _end: TlsEnd | None = None
    _data = b""
    _is_over = False

    def __init__(self, door: FrontDoor, address: IAddress | None) -> None:
        self._door = door
        self._address = address

    def connectionMade(self) -> None:
        """The TCP connection is up."""
        door = self._door
        door.openings.add(self)
        self._timer = door.server.reactor.callLater(
            door.server.limits.opening_s, self._too_late
        )
        door.server.came(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """The first bytes have come, or some more of them."""
        if self._is_over:
            return
        self._data += data
        what = begun(self._data)
        if what is None:
            return
        data, self._data = self._data, b""
        mode = self._door.mode
        if what is Begun.NEITHER:
            self._refuse(Counter.HANDSHAKES_FAILED, "it speaks neither HTTP nor TLS")
        elif what is Begun.HTTP:
            if mode is TlsMode.ON:
                self.transport.write(ENCRYPTED_ONLY)
                self._refuse(
                    Counter.PLAIN_REFUSED,
                    "it comes by ws://, and with tls = on it has to be wss://",
                )
            else:
                self._begin_plain(data)
        elif mode is TlsMode.OFF:
            self._refuse(
                Counter.TLS_REFUSED,
                "it comes encrypted (wss://), and tls = off in [ocpp server] takes ws:// only",
            )
        elif not self._door.tls.is_ready:
            self._refuse(
                Counter.TLS_REFUSED,
                "it comes encrypted (wss://), and the server has no certificate",
            )
        else:
            self._begin_tls(data)

    def _begin_plain(self, data: bytes) -> None:
        connection = self._door.server.connection(self._address)
        self._leave()
        self.transport.protocol = connection  # type: ignore[attr-defined]
        connection.makeConnection(self.transport)
        connection.dataReceived(data)

    def _begin_tls(self, data: bytes) -> None:
        limits = self._door.server.limits
        self._timer.reset(limits.tls_s)
        # Not connected with this one, which knows its transport: only told of what happens.
        self._end = end = TlsEnd(self._door.tls_ends, self, limits.tls_bytes)
        end.makeConnection(self.transport)
        # If that has failed this one is told of the end.
        self.transport.protocol = end  # type: ignore[attr-defined]
        end.dataReceived(data)

    def handshakeCompleted(self) -> None:
        """TLS is agreed upon; see L{IHandshakeListener}."""
        end, self._end = self._end, None
        assert end is not None
        try:
            end.certificate_names = self._door.tls.certificate_names(end.getHandle())
        except LocalProtocolError as error:
            self._refuse(Counter.TLS_FAILED, str(error))
            self.drop()
            return
        self._leave()
        connection = self._door.server.connection(self._address)
        end.wrappedProtocol = connection
        connection.makeConnection(end)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The TCP connection is gone."""
        end, self._end = self._end, None
        if end is not None and not self._is_over:
            why = end.objection or handshake_words(reason.value)
            self._tell(Counter.TLS_FAILED, why, end.whose)
        self._leave()
        self._door.server.gone(self.transport)

    def came_encrypted(self, size_bytes: int) -> None:
        """What waits is bounded by what may come until TLS is agreed upon, and so is this."""

    def drop(self) -> None:
        """End the connection without a word."""
        self._is_over = True
        self.transport.abortConnection()

    def _refuse(self, what: Counter, why: str) -> None:
        """It goes no further; what was written still goes."""
        self._is_over = True
        self._tell(what, why)
        self._timer.reset(self._door.server.limits.close_timeout_s)
        self.transport.loseConnection()

    def _too_late(self) -> None:
        if not self._is_over:
            what = Counter.HANDSHAKES_FAILED if self._end is None else Counter.TLS_FAILED
            self._door.server.central_system.counters.count(what)
        self.drop()

    def _leave(self) -> None:
        """Somebody else sees to the connection, or it is gone."""
        if self._timer.active():
            self._timer.cancel()
        self._door.openings.discard(self)

    def _tell(self, what: Counter, why: str, whose: str = "") -> None:
        server = self._door.server
        server.central_system.counters.count(what)
        log = server.quiet_log
        tell = log.info if what is Counter.HANDSHAKES_FAILED else log.warn
        tell(
            why,
            source_of_peer(self.transport),
            "{peer}: refused, {why}{whose}",
            peer=peer2str(self.transport),
            why=why,
            whose=whose and f" ({whose})",
        )
