"""
Frames of Modbus TCP: where one ends and the next begins.

"Messaging" is MODBUS Messaging on TCP/IP Implementation Guide V1.0b.
"""

from __future__ import annotations

from cfos_cm.errors import RemoteProtocolError

__all__ = ["HEADER_BYTES", "first_frame"]

#: Transaction id, protocol id, length; the unit id is counted in the length (Messaging 3.1.3).
HEADER_BYTES = 6
#: A PDU has at most 253 bytes (Application Protocol 4.1), beside the unit id.
_MAX_LENGTH = 254


def first_frame(received: bytes, min_length: int) -> bytes | None:
    """
    The first frame of what has come; C{None}: it is not whole yet.

    @param min_length: what each frame has after its length at least: unit id and function, and
        in an answer one byte more.
    @raise RemoteProtocolError: if this is no Modbus: nobody knows where the next frame begins.
    """
    if len(received) < HEADER_BYTES:
        return None
    protocol = int.from_bytes(received[2:4], "big")
    length = int.from_bytes(received[4:6], "big")
    if protocol:
        raise RemoteProtocolError(f"protocol id {protocol}; that of Modbus is 0")
    if not min_length <= length <= _MAX_LENGTH:
        raise RemoteProtocolError(
            f"a frame of {length} bytes; allowed: {min_length} to {_MAX_LENGTH}"
        )
    end = HEADER_BYTES + length
    return received[:end] if len(received) >= end else None
