"""
Sending at once what is written.

Twisted keeps what is written until its loop finds the socket ready, which costs a turn of the
loop and two calls of the system for each answer. A socket that nothing waits for takes a short
answer at once; what it does not take goes the usual way.
"""

from __future__ import annotations

from errno import EAGAIN, EINTR, ENOBUFS, EWOULDBLOCK
from typing import Any, cast

from twisted.internet import tcp
from twisted.internet.abstract import FileDescriptor
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.posixbase import PosixReactorBase
from twisted.python.failure import Failure

__all__ = ["EagerPort", "EagerServer", "can_write_eagerly", "eager_endpoint"]

_KINDS = ("tcp:", "tcp6:")
#: What a socket says that takes nothing for the moment.
_TAKES_NOTHING = frozenset({EAGAIN, EWOULDBLOCK, EINTR, ENOBUFS})
#: Twisted's own names for what waits to be sent, and for who is about to close.
_EXPECTED = ("dataBuffer", "_writeDisconnecting", "_writeDisconnected")


class EagerServer(tcp.Server):
    """The server's end of a TCP connection that sends at once."""

    _is_broken = False

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them until they can be sent."""
        if (
            type(data) is bytes
            and data
            and self.connected
            and not self._tempDataBuffer
            and not self.dataBuffer
            and not (self.disconnecting or self._writeDisconnecting or self._writeDisconnected)
            and not self.TLS
        ):
            try:
                sent = self.socket.send(data)
            except OSError as error:
                # The system says so once: Twisted, which asks later, hears of a plain end.
                self._is_broken = error.errno not in _TAKES_NOTHING
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        super().write(data)

    def connectionLost(self, reason: Failure) -> None:
        """The connection has ended."""
        if self._is_broken and reason.check(ConnectionDone):
            reason = Failure(CONNECTION_LOST)
        super().connectionLost(reason)


class EagerPort(tcp.Port):
    """A TCP port whose connections send at once."""

    transport = EagerServer


class _EagerReactor:
    """A reactor that listens with an L{EagerPort}, and is the one behind it in all else."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        """See L{twisted.internet.interfaces.IReactorTCP}."""
        listening = EagerPort(port, factory, backlog, interface, self._reactor)
        listening.startListening()
        return listening


def can_write_eagerly(reactor: object) -> bool:
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


def eager_endpoint(reactor: Any, description: str, eager: bool = True) -> IStreamServerEndpoint:
    """
    Where a server listens, as Twisted describes it.

    @param eager: send at once, where this is possible: with C{tcp:} and C{tcp6:}, and a reactor
        that L{can_write_eagerly}.
    @raise ValueError: if the description cannot be understood.
    """
    if eager and description.startswith(_KINDS) and can_write_eagerly(reactor):
        reactor = _EagerReactor(reactor)
    endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
    return endpoint
