"""
Sending at once what is written.

Twisted keeps what is written until its loop finds the socket ready, which costs a turn of the
loop and two calls of the system for each answer. A socket that nothing waits for takes a short
answer at once; what it does not take goes the usual way.
"""

from __future__ import annotations

from errno import EAGAIN, EINTR, ENOBUFS, EWOULDBLOCK

from twisted.internet import tcp
from twisted.internet.error import ConnectionDone
from twisted.internet.main import CONNECTION_LOST
from twisted.python.failure import Failure

__all__ = ["EagerClient", "EagerServer"]

#: What a socket says that takes nothing for the moment.
_TAKES_NOTHING = frozenset({EAGAIN, EWOULDBLOCK, EINTR, ENOBUFS})


class _Eager(tcp.Connection):
    """One end of a TCP connection that sends at once."""

    _is_broken = False

    def write(self, data: bytes) -> None:
        """Send bytes, or keep them until they can be sent."""
        if (
            type(data) is bytes
            and data
            and self.connected
            and not self._tempDataBuffer
            and not self.dataBuffer
            and not (self.disconnecting or self._aborting)
            and not (self._writeDisconnecting or self._writeDisconnected)
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


class EagerServer(_Eager, tcp.Server):
    """The server's end of a TCP connection that sends at once."""


class EagerClient(_Eager, tcp.Client):
    """The client's end of a TCP connection that sends at once."""
