"""
Where the server listens, and what its sockets are made of.

With a reactor whose TCP is Twisted's own, on a platform that can, the sockets are Twisted's
with two short cuts: L{cfos_cm.net.eager_write} and L{cfos_cm.net.reading_rounds}.
"""

from __future__ import annotations

from typing import Any, cast

from twisted.internet import tcp
from twisted.internet.abstract import FileDescriptor
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.posixbase import PosixReactorBase

from cfos_cm.net.eager_write import EagerServer
from cfos_cm.net.reading_rounds import CAN_READ_IN_ROUNDS, ReadingRounds
from cfos_cm.net.speed import Speed

__all__ = ["are_sockets_known", "listening_endpoint", "settle"]

_KINDS = ("tcp:", "tcp6:")
#: Twisted's own names for what waits to be sent, and for who is about to close.
_EXPECTED = ("dataBuffer", "_writeDisconnecting", "_writeDisconnected")

#: Those who have said who they are get most of the time. [s]
_GUESTS_ROUND_S = 0.010
#: Those who have not: there may be any number of them, and each costs as much as ten messages
#: of a Charge Point. [s]
_STRANGERS_ROUND_S = 0.002
#: So many connections are accepted before everybody else has a turn.
_ACCEPTED_AT_ONCE = 16


class _InRounds(tcp.Server):
    """The server's end of a TCP connection that is read in rounds: first as a stranger."""

    #: Nearly all that comes is far shorter, and Twisted would have 64 KiB ready for it.
    bufferSize = 16 * 1024
    server: _Port
    _rounds: ReadingRounds | None = None

    def startReading(self) -> None:
        """Read what comes."""
        if self._rounds is None:
            self._rounds = self.server.strangers
        self._rounds.add(self)

    def stopReading(self) -> None:
        """Leave what comes to the system."""
        if self._rounds is not None:
            self._rounds.remove(self)

    def settle(self) -> None:
        """It is known who this is: no stranger stands in its way any more."""
        strangers, guests = self.server.strangers, self.server.guests
        if self._rounds is not strangers:
            return
        if strangers.has(self):
            try:
                guests.add(self)
            except OSError:
                # There is no handle left. It is read all the same.
                return
            strangers.remove(self)
        self._rounds = guests


class _EagerInRounds(_InRounds, EagerServer):
    """With both short cuts."""


class _Port(tcp.Port):
    """
    A TCP port whose connections take short cuts.

    @ivar strangers: reads those that are still shaking hands.
    @ivar guests: reads all others.
    """

    def __init__(self, speed: Speed, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.strangers = ReadingRounds(self.reactor, _STRANGERS_ROUND_S)
        self.guests = ReadingRounds(self.reactor, _GUESTS_ROUND_S)
        self.transport = _kind_of_socket(speed)

    def doRead(self) -> None:
        """Accept those who wait."""
        # Twisted begins with more, and takes more each time as long as there are more.
        self.numberAccepts = min(self.numberAccepts, _ACCEPTED_AT_ONCE)
        super().doRead()


def _kind_of_socket(speed: Speed) -> type[tcp.Server]:
    if speed.rounds and CAN_READ_IN_ROUNDS:
        return _EagerInRounds if speed.eager else _InRounds
    return EagerServer if speed.eager else tcp.Server


class _Listening:
    """A reactor that listens with a L{_Port}, and is the one behind it in all else."""

    def __init__(self, reactor: Any, speed: Speed) -> None:
        self._reactor = reactor
        self._speed = speed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """See L{twisted.internet.interfaces.IReactorTCP}."""
        listening = _Port(self._speed, port, factory, backlog, interface, self._reactor)
        listening.startListening()
        return listening


def are_sockets_known(reactor: object) -> bool:
    """Whether a reactor's TCP ports are Twisted's own, and these are as they are known here."""
    if not isinstance(reactor, PosixReactorBase):
        return False
    sample: Any = FileDescriptor(cast(Any, reactor))
    return (
        type(reactor).listenTCP is PosixReactorBase.listenTCP
        and tcp.Port.transport is tcp.Server
        and hasattr(tcp.Server, "TLS")
        and all(hasattr(FileDescriptor, name) for name in _EXPECTED)
        and vars(sample).get("_tempDataBuffer") == []
    )


def listening_endpoint(
    reactor: Any, description: str, speed: Speed | None = None
) -> IStreamServerEndpoint:
    """
    Where a server listens, as Twisted describes it.

    @param speed: the short cuts that its sockets take where this is possible: with C{tcp:} and
        C{tcp6:}, and a reactor of which L{are_sockets_known}; C{None}: all of them.
    @raise ValueError: if the description cannot be understood.
    """
    speed = Speed() if speed is None else speed
    wanted = speed.eager or speed.rounds
    if wanted and description.startswith(_KINDS) and are_sockets_known(reactor):
        reactor = _Listening(reactor, speed)
    endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
    return endpoint


def settle(transport: Any) -> None:
    """It is known who is at the other end of a transport: it is not read as a stranger's."""
    # Transports that take no short cut know nothing of this.
    known = getattr(transport, "settle", None)
    if known is not None:
        known()
