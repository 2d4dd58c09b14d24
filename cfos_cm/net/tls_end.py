"""The server's end of TLS."""

from __future__ import annotations

from typing import Any
from typing import Protocol as TypingProtocol

from twisted.internet.interfaces import ISSLTransport, ITCPTransport, ITransport
from twisted.internet.protocol import Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from cfos_cm.net.tls_layer import TlsLayer

__all__ = ["TlsEnd", "Upper", "is_beginning_known"]

#: What Twisted's own makeConnection() names: if it is something else, it does something else.
_EXPECTED = (
    "factory", "_creatorCallable", "_tlsConnection", "_appSendBuffer", "providedBy",
    "directlyProvides", "Protocol", "makeConnection", "registerProtocol", "_connectWrapped",
    "ProtocolWrapper", "_checkHandshakeStatus",
)  # fmt: skip


def is_beginning_known() -> bool:
    """Whether Twisted begins TLS as it is known here."""
    code = getattr(TLSMemoryBIOProtocol.makeConnection, "__code__", None)
    return getattr(code, "co_names", None) == _EXPECTED


_IS_KNOWN = is_beginning_known()


class Upper(TypingProtocol):
    """Who goes on with what was encrypted: a protocol of Twisted's that minds what it costs."""

    def came_encrypted(self, size_bytes: int) -> None:
        """So much has come; what of it was TLS's own may have been answered, too."""


@implementer(ISSLTransport, ITCPTransport, ITransport)
class TlsEnd(TlsLayer):
    """
    What is between a TCP connection and who goes on with it, on a connection that is encrypted.

    What is written is sent at once, not in the next turn of the loop.

    @ivar certificate_names: whose certificate the peer has shown, one that was verified;
        C{None}: it has shown none, as far as is known.
    @ivar is_somebody_elses: it has shown a certificate that nobody known has signed, and that
        counts as none.
    @ivar objection: why TLS is not agreed upon, in plain words; C{None}: OpenSSL knows.
    @ivar whose: the certificate that the objection is about, in words that come from the peer.
    """

    certificate_names: tuple[str, ...] | None = None
    is_somebody_elses = False
    objection: str | None = None
    whose: str = ""

    def __init__(
        self, factory: TLSMemoryBIOFactory, listener: Upper, handshake_bytes: int
    ) -> None:
        """
        @param listener: is told when TLS is agreed upon, or the connection gone; it may then
            put somebody else in its place.
        @param handshake_bytes: what the peer may send until then. [B]
        """
        super().__init__(factory, listener, False)
        self._bytes_left = handshake_bytes

    def makeConnection(self, transport: ITransport) -> None:
        """The TCP connection is there, and the peer's first bytes are."""
        if not _IS_KNOWN:
            super().makeConnection(transport)
            return
        # Twisted would declare for each connection anew what its transport provides, which
        # costs as much as the rest of it, and look for a handshake that has not come yet.
        self._tlsConnection = self.factory._creatorCallable(self)
        self._appSendBuffer: list[bytes] = []
        Protocol.makeConnection(self, transport)
        self.factory.registerProtocol(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come."""
        if not self._handshakeDone:
            self._bytes_left -= len(data)
            if self._bytes_left < 0:
                self.objection = "it sends too much before TLS is agreed upon"
                self.abortConnection()
                return
        super().dataReceived(data)
        if not self._handshakeDone:
            # Twisted sends 32 KiB of an answer, and a chain of certificates may be longer.
            self._flushSendBIO()
            return
        upper: Any = self.wrappedProtocol
        if upper is not None:
            # OpenSSL answers some of what comes by itself, each attempt to shake hands again
            # for one, and a peer need not read that.
            upper.came_encrypted(len(data))
