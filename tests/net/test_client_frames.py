"""Text frames as a client sends them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.client_frames import MAX_SHORT_BYTES, ClientFrames


def read(frame: bytes) -> bytes:
    """The text in a frame; RFC 6455, 5.2 and 5.3, to the letter."""
    assert frame[0] == 0x81, "a whole message, text"
    assert frame[1] & 0x80, "a client masks"
    size, begin = frame[1] & 0x7F, 2
    if size == 126:
        size, begin = int.from_bytes(frame[2:4], "big"), 4
        assert size > 125, "as short as it can be"
    mask, masked = frame[begin : begin + 4], frame[begin + 4 :]
    assert len(masked) == size, "as long as it says"
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked))


class TextTests(SynchronousTestCase):
    """Frames of one connection."""

    def test_lengths(self) -> None:
        """A text of any length is in it."""
        frames = ClientFrames()
        for size in (*range(300), 4095, MAX_SHORT_BYTES):
            text = bytes(index * 7 & 0xFF for index in range(size))
            self.assertEqual(text, read(frames.text(text)))

    def test_too_long(self) -> None:
        """A text that is longer is for others."""
        self.assertRaises(AssertionError, ClientFrames().text, bytes(MAX_SHORT_BYTES + 1))

    def test_masks(self) -> None:
        """No two frames have the same mask, on this connection or on another."""
        frames, others = ClientFrames(), ClientFrames()
        masks = {one.text(b"")[2:6] for one in (frames, others) for _ in range(200)}
        # Two of 400 masks of 32 bits meet once in 50 000 times.
        self.assertGreaterEqual(len(masks), 399)
