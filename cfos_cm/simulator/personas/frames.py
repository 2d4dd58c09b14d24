"""
The frames of a WebSocket, right and wrong ones. RFC 6455, section 5.

An ordinary client library makes only right ones; what wallboxes send has to be made by hand.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from attrs import frozen

from cfos_cm.errors import RemoteProtocolError

__all__ = ["MAX_PAYLOAD_BYTES", "Frame", "FrameReader", "Opcode", "encode_frame"]

#: The longest frame that is read; no message of OCPP comes near it.
MAX_PAYLOAD_BYTES = 1024 * 1024

_SHORT, _TWO_BYTES, _EIGHT_BYTES = 125, 126, 127


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


@frozen
class Frame:
    """
    A frame that came.

    @ivar opcode: an L{Opcode}, or a number that nobody has specified.
    @ivar final: whether it is the last piece of its message.
    """

    opcode: int
    payload: bytes
    final: bool


def encode_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    mask: bytes = bytes(4),
    final: bool = True,
    reserved: int = 0,
) -> bytes:
    """
    A frame as a client sends it.

    @param mask: four bytes; zeros leave the payload as it is.
    @param reserved: the three reserved bits, 0 to 7; anything but 0 is wrong.
    """
    size = len(payload)
    first = (0x80 if final else 0) | reserved << 4 | opcode
    if size <= _SHORT:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, 0x80 | _TWO_BYTES, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | _EIGHT_BYTES, size)
    return head + mask + _masked(payload, mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    pad = (mask * (len(payload) // 4 + 1))[: len(payload)]
    xored = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
    return xored.to_bytes(len(payload), "big")


class FrameReader:
    """Takes bytes as they come, and gives the frames that are whole."""

    def __init__(self) -> None:
        self._unread = b""

    def feed(self, data: bytes) -> list[Frame]:
        """
        Some bytes have come.

        @return: what is whole now.
        @raise RemoteProtocolError: if a frame is announced that is longer than
            L{MAX_PAYLOAD_BYTES}.
        """
        self._unread += data
        frames = []
        while (size := self._size_of_next()) is not None:
            frames.append(self._take(*size))
        return frames

    def _size_of_next(self) -> tuple[int, int] | None:
        """How long the next frame's head and payload are; C{None} until it is whole."""
        if len(self._unread) < 2:
            return None
        length = self._unread[1] & 0x7F
        head = 2 + {_TWO_BYTES: 2, _EIGHT_BYTES: 8}.get(length, 0)
        if len(self._unread) < head:
            return None
        if length > _SHORT:
            length = int.from_bytes(self._unread[2:head], "big")
        # RFC 6455, 5.1: a server does not mask. One that does is understood all the same.
        head += 4 if self._unread[1] & 0x80 else 0
        if length > MAX_PAYLOAD_BYTES:
            raise RemoteProtocolError(
                f"a frame of {length} bytes; at most {MAX_PAYLOAD_BYTES} are read"
            )
        return (head, length) if len(self._unread) >= head + length else None

    def _take(self, head: int, length: int) -> Frame:
        first, second = self._unread[0], self._unread[1]
        payload = self._unread[head : head + length]
        if second & 0x80:
            payload = _masked(payload, self._unread[head - 4 : head])
        self._unread = self._unread[head + length :]
        return Frame(first & 0x0F, payload, bool(first & 0x80))
