"""
A short cut through Autobahn for the frames that OCPP-J is made of.

Nearly every message of a Charge Point is one masked text frame, and nearly every answer one
short text frame. These are read and written here; whatever else comes goes the usual way, with
everything that Autobahn checks. A peer cannot tell the difference, but for one: a text that is
not UTF-8 is left to whoever reads the message.
"""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketServerProtocol

from cfos_cm.net.masking import unmask

__all__ = ["FastLane", "may_take_fast_lane"]

#: The first byte of a frame: the last piece of a message, no reserved bit, text.
_WHOLE_TEXT = 0x81
#: The second byte: this bit, and the length, or one of two words for where to find it.
_MASKED = 0x80
_LENGTH_IN_2_BYTES = 126
#: Longer frames are not worth a short cut.
_MAX_BYTES = 0xFFFF

#: What would be left out on the way through: an option that is set keeps the lane closed.
_IN_THE_WAY = (
    "autoFragmentSize",
    "logFrames",
    "logOctets",
    "trackTimings",
    "utf8validateIncoming",
)


def may_take_fast_lane(options: Any) -> bool:
    """Whether a factory's options ask for nothing that the lane leaves out."""
    return (
        options.requireMaskedClientFrames
        and not options.maskServerFrames
        and options.applyMask
        and not any(getattr(options, name) for name in _IN_THE_WAY)
    )


class FastLane(WebSocketServerProtocol):
    """
    A server's WebSocket connection with a short cut.

    @ivar held_back: whether frames that are here already have to wait.
    """

    held_back = False
    # Autobahn sets them when the connection opens.
    current_frame: Any = None
    inside_message = False
    data: bytes

    def dataReceived(self, data: bytes) -> None:
        """Bytes have come."""
        if (
            self.state != self.STATE_OPEN
            or self.current_frame is not None
            or self.inside_message
            or self._perMessageCompress is not None
        ):
            self._dataReceived(data)
        else:
            self._read_frames(self.data + data if self.data else data)

    def _read_frames(self, data: bytes) -> None:
        """Read whole frames for as long as they are of the usual kind."""
        at, size = 0, len(data)
        longest = min(self.maxMessagePayloadSize or _MAX_BYTES, _MAX_BYTES)
        self.data = b""
        while size - at >= 6 and data[at] == _WHOLE_TEXT:
            length, start = data[at + 1] - _MASKED, at + 6
            if length == _LENGTH_IN_2_BYTES:
                if size - at < 8:
                    break
                length, start = data[at + 2] << 8 | data[at + 3], at + 8
                if length < _LENGTH_IN_2_BYTES:
                    break
            elif not 0 <= length < _LENGTH_IN_2_BYTES:
                break
            if length > longest:
                break
            end = start + length
            if end > size:
                # Only the end is missing: nothing could be said of it earlier.
                self.data = data[at:]
                return
            at = end
            self.onMessage(unmask(data[start - 4 : start], data[start:end]), False)
            if self.held_back or self.state != self.STATE_OPEN:
                break
        if at < size:
            self.data = data[at:]
            if not self.held_back:
                self.consumeData()

    def sendMessage(
        self,
        payload: bytes,
        isBinary: bool = False,
        fragmentSize: int | None = None,
        sync: bool = False,
        doNotCompress: bool = False,
    ) -> None:
        """Send a message."""
        size = len(payload)
        if (
            size > _MAX_BYTES
            or (0 < self.maxMessagePayloadSize < size)
            or isBinary
            or sync
            or fragmentSize is not None
            or self.state != self.STATE_OPEN
            or self.send_queue
            or self._perMessageCompress is not None
            or type(payload) is not bytes
        ):
            super().sendMessage(payload, isBinary, fragmentSize, sync, doNotCompress)
        elif size < _LENGTH_IN_2_BYTES:
            self.transport.write(b"\x81" + size.to_bytes(1, "big") + payload)
        else:
            self.transport.write(b"\x81\x7e" + size.to_bytes(2, "big") + payload)
