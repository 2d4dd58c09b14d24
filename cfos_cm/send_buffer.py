"""How much waits to be sent on a connection."""

from __future__ import annotations

from twisted.internet.abstract import FileDescriptor
from twisted.protocols.policies import ProtocolWrapper

__all__ = ["waiting_bytes"]


def waiting_bytes(transport: object) -> int:
    """
    What a transport has taken and has not been able to send yet.

    Twisted knows, and does not say: only a registered producer is told, and one that is
    registered keeps a connection from being closed. Of a transport that is not known here
    nothing seems to wait.

    @param transport: a TCP connection, or TLS on one.
    @return: with TLS, some of it is not encrypted yet. [B]
    """
    if isinstance(transport, FileDescriptor):
        listed: int = getattr(transport, "_tempDataLen", 0)
        return listed + len(transport.dataBuffer) - transport.offset
    if isinstance(transport, ProtocolWrapper):
        return _not_encrypted(transport) + waiting_bytes(transport.transport)
    return 0


def _not_encrypted(wrapper: ProtocolWrapper) -> int:
    # Not getattr(): a wrapper answers with the attributes of what it wraps.
    own = vars(wrapper)
    collected = vars(own["_aggregator"]) if "_aggregator" in own else {}
    parts = (*own.get("_appSendBuffer", ()), *collected.get("_buffer", ()))
    return sum(map(len, parts))
