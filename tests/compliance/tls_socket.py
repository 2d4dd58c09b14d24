"""
A TLS socket that one thread may read while another one writes.

With TLS 1.3 Python's own loses what is written while the tickets of the server are being read;
C{websockets} reads and writes in threads of their own.
"""

from __future__ import annotations

from select import POLLIN, POLLOUT, poll
from socket import SHUT_RDWR
from ssl import SSLError, SSLSocket, SSLWantReadError, SSLWantWriteError
from threading import Lock
from typing import Any

__all__ = ["TlsSocket"]

#: How often it is looked whether somebody has closed it meanwhile. [s]
_LOOK_S = 0.2


class TlsSocket:
    """
    As much of a socket as C{websockets} uses.

    @ivar tls: what is below it; its handshake is over.
    @ivar error: what OpenSSL has said when it could not go on; C{None}: nothing.
    """

    def __init__(self, tls: SSLSocket) -> None:
        self.tls = tls
        self.error: SSLError | None = None
        self._turn = Lock()
        self._is_closed = False
        tls.setblocking(False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tls, name)

    def settimeout(self, seconds: float | None) -> None:
        """Nobody waits for ever: whoever uses it has a timer of his own."""

    def recv(self, size: int) -> bytes:
        """Wait for something to come; nothing: that was all."""
        while not self._is_closed:
            with self._turn:
                try:
                    return self.tls.recv(size)
                except (SSLWantReadError, SSLWantWriteError):
                    pass
                except SSLError as error:
                    self.error = error
                    raise
            self._wait(POLLIN)
        return b""

    def sendall(self, data: bytes) -> None:
        """Send all of it."""
        left = memoryview(data)
        with self._turn:
            while left and not self._is_closed:
                try:
                    left = left[self.tls.send(left) :]
                except SSLWantReadError:
                    self._wait(POLLIN)
                except SSLWantWriteError:
                    self._wait(POLLOUT)

    def shutdown(self, how: int = SHUT_RDWR) -> None:
        """End it in both directions."""
        self._is_closed = True
        self.tls.shutdown(how)

    def close(self) -> None:
        """Let go of it."""
        self._is_closed = True
        self.tls.close()

    def _wait(self, what: int) -> None:
        descriptor = self.tls.fileno()
        if descriptor >= 0:
            waiting = poll()
            waiting.register(descriptor, what)
            waiting.poll(_LOOK_S * 1000)
