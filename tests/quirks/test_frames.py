"""WebSocket frames by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.simulator.personas.frames import (
    MAX_PAYLOAD_BYTES,
    Frame,
    FrameReader,
    Opcode,
    encode_frame,
)


class Encode(SynchronousTestCase):
    """What goes out."""

    def test_specification(self) -> None:
        """The masked "Hello" of RFC 6455, 5.7, comes out byte for byte."""
        frame = encode_frame(Opcode.TEXT, b"Hello", mask=bytes.fromhex("37fa213d"))
        self.assertEqual(bytes.fromhex("818537fa213d7f9f4d5158"), frame)

    def test_lengths(self) -> None:
        """The length takes one, three or nine bytes."""
        for size, head in ((125, "81fd"), (126, "81fe007e"), (65536, "81ff0000000000010000")):
            frame = encode_frame(Opcode.TEXT, b"x" * size)
            self.assertEqual(bytes.fromhex(head), frame[: len(head) // 2])

    def test_wrong_bits(self) -> None:
        """Reserved bits can be set, and a message left open."""
        self.assertEqual(0xC1, encode_frame(Opcode.TEXT, reserved=4)[0])
        self.assertEqual(0x01, encode_frame(Opcode.TEXT, final=False)[0])


class Read(SynchronousTestCase):
    """What comes in."""

    @given(
        st.lists(
            st.tuples(st.sampled_from(Opcode), st.binary(max_size=300), st.booleans()),
            max_size=5,
        ),
        st.binary(min_size=4, max_size=4),
        st.integers(min_value=1, max_value=400),
    )
    def test_any_cut(
        self, said: list[tuple[Opcode, bytes, bool]], mask: bytes, size: int
    ) -> None:
        """However the bytes are cut, the same frames come out; one that is masked, too."""
        stream = b"".join(
            encode_frame(opcode, payload, mask=mask, final=final)
            for opcode, payload, final in said
        )
        reader, frames = FrameReader(), []
        for start in range(0, len(stream), size):
            frames += reader.feed(stream[start : start + size])
        self.assertEqual([Frame(*one) for one in said], frames)

    def test_unmasked(self) -> None:
        """As a server sends them."""
        self.assertEqual([Frame(1, b"Hello", True)], FrameReader().feed(b"\x81\x05Hello"))

    def test_bound(self) -> None:
        """One that is announced too long is refused before it has come."""
        head = b"\x81\x7f" + (MAX_PAYLOAD_BYTES + 1).to_bytes(8, "big")
        with self.assertRaisesRegex(RemoteProtocolError, "1048577 bytes; at most 1048576"):
            FrameReader().feed(head)
