"""TLS of Twisted, without what it makes of a goodbye that comes too early."""

from __future__ import annotations

from OpenSSL import SSL
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure

__all__ = ["TlsLayer"]


class TlsLayer(TLSMemoryBIOProtocol):
    """What is between a TCP connection and who goes on with it, on one that is encrypted."""

    def _tlsShutdownFinished(self, reason: Failure | None) -> None:
        if reason is not None and reason.check(SSL.ZeroReturnError):
            # A goodbye (RFC 8446, 6.1) in the middle of the handshake. Twisted looks for
            # OpenSSL's words, which there are none of, and breaks down.
            reason = None
        super()._tlsShutdownFinished(reason)
