"""Masks on WebSocket frames."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.net.masking import unmask, unmask_by_integer

MASKS = st.binary(min_size=4, max_size=4)


def by_hand(mask: bytes, payload: bytes) -> bytes:
    """RFC 6455, 5.3, to the letter."""
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


class UnmaskTests(SynchronousTestCase):
    """Both ways of doing it."""

    @given(MASKS, st.binary(max_size=600))
    def test_any(self, mask: bytes, payload: bytes) -> None:
        """Any payload is as the RFC has it."""
        self.assertEqual(by_hand(mask, payload), unmask(mask, payload))
        self.assertEqual(by_hand(mask, payload), unmask_by_integer(mask, payload))

    def test_lengths(self) -> None:
        """So is one of every length, around all sizes that a processor likes."""
        for size in (*range(300), 4095, 4096, 65_535):
            payload = bytes(index * 7 & 0xFF for index in range(size))
            for way in (unmask, unmask_by_integer):
                self.assertEqual(
                    by_hand(b"\x01\x80\xff\x5a", payload), way(b"\x01\x80\xff\x5a", payload)
                )

    def test_not_in_place(self) -> None:
        """What came is left as it is: other frames are read from the same bytes."""
        payload = b"x" * 500
        unmask(b"\x01\x02\x03\x04", payload)
        self.assertEqual(b"x" * 500, payload)
