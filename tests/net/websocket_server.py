"""What a server answers to an upgrade request, made by hand."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha1

__all__ = ["accepted"]

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accepted(request: bytes, *headers: bytes, subprotocol: bytes = b"ocpp1.6") -> bytes:
    """
    An upgrade is granted.

    @param subprotocol: what is chosen; empty: nothing.
    """
    found = re.search(rb"Sec-WebSocket-Key: (\S+)", request)
    assert found is not None, request
    key = b64encode(sha1(found[1] + _MAGIC).digest())
    chosen = [b"Sec-WebSocket-Protocol: " + subprotocol] if subprotocol else []
    lines = (
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + key,
        *chosen,
        *headers,
        b"",
        b"",
    )
    return b"\r\n".join(lines)
