"""The device's end of a Modbus connection: what is served, what is refused and how."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.wire.modbus import (
    MAX_READ,
    MAX_WRITE,
    Codec,
    ExceptionCode,
    Framing,
    Read,
    Request,
    Write,
    objection,
)
from cfos_cm.wire.modbus_server import Outcome, Responder

UNIT = 1

_words = st.integers(0, 0xFFFF)
_reads = st.builds(Read, st.just(UNIT), _words, st.integers(1, MAX_READ))
_writes = st.builds(
    Write, st.just(UNIT), _words, st.lists(_words, min_size=1, max_size=MAX_WRITE).map(tuple)
)


class Device:
    """
    A device whose registers hold their own address.

    @ivar served: what it was asked.
    @ivar refusal: what it answers instead.
    """

    def __init__(self, framing: Framing = Framing.TCP) -> None:
        self.served: list[Request] = []
        self.refusal: ExceptionCode | None = None
        self.responder = Responder(framing, lambda unit: unit == UNIT, self.serve)

    def serve(self, request: Request) -> Outcome:
        """Do what was asked."""
        self.served.append(request)
        if self.refusal is not None:
            return self.refusal
        if isinstance(request, Write):
            return ()
        return tuple((request.address + place) & 0xFFFF for place in range(request.count))

    def said(self, data: bytes) -> bytes:
        """All that it answers to some bytes."""
        return b"".join(self.responder.receive(data))


def answered(text: str, refusal: ExceptionCode | None = None) -> str:
    """What a device says to some bytes through a socket."""
    device = Device()
    device.refusal = refusal
    return device.said(bytes.fromhex(text)).hex(" ")


class Served(SynchronousTestCase):
    """Requests that are all right."""

    def test_field_trace(self) -> None:
        """A read as it was recorded on an RS-485 line is answered there."""
        device = Device(Framing.RTU)
        said = device.said(bytes.fromhex("01 03 1f 9e 00 01 e2 30"))
        self.assertEqual([Read(1, 8094, 1)], device.served)
        self.assertEqual("01 03 02 1f 9e 31 dc", said.hex(" "))

    def test_read(self) -> None:
        """Through a socket the answer has the transaction id of the request."""
        said = answered("12 34 00 00 00 06 01 03 1f 9e 00 02")
        self.assertEqual("12 34 00 00 00 07 01 03 04 1f 9e 1f 9f", said)

    def test_write_one(self) -> None:
        """Function 6 is repeated."""
        said = answered("00 07 00 00 00 06 01 06 1f 9d 00 a0")
        self.assertEqual("00 07 00 00 00 06 01 06 1f 9d 00 a0", said)

    def test_write_several(self) -> None:
        """Function 16 is answered with where, and how many."""
        said = answered("00 08 00 00 00 0b 01 10 1f 93 00 02 04 00 00 01 2c")
        self.assertEqual("00 08 00 00 00 06 01 10 1f 93 00 02", said)

    def test_write_one_by_16(self) -> None:
        """One register may be written by function 16, and is confirmed by it."""
        said = answered("00 08 00 00 00 09 01 10 1f 9e 00 01 02 00 01")
        self.assertEqual("00 08 00 00 00 06 01 10 1f 9e 00 01", said)

    def test_pieces(self) -> None:
        """A request may come byte by byte, and several at once."""
        frame = bytes.fromhex("00 01 00 00 00 06 01 03 1f 40 00 01")
        device = Device()
        self.assertEqual(b"", b"".join(device.said(bytes([one])) for one in frame[:-1]))
        self.assertEqual(11, len(device.said(frame[-1:])))
        self.assertEqual(22, len(device.said(frame + frame)))

    @settings(max_examples=150)
    @given(st.sampled_from(Framing), st.one_of(_reads, _writes), _words)
    def test_our_own_client(self, framing: Framing, request: Request, number: int) -> None:
        """Whatever a client asks comes in as it was asked, and its answer fits."""
        device, client = Device(framing), Codec(framing)
        said = device.said(client.encode(request, number))
        self.assertEqual([request], device.served)
        (answer,) = client.receive(said)
        self.assertIsNone(objection(request, answer))
        self.assertEqual(number if framing is Framing.TCP else 0, answer.transaction_id)


class Refused(SynchronousTestCase):
    """Requests that are answered with an exception."""

    def test_by_the_device(self) -> None:
        """A device's own refusal is said with the function that it is about."""
        said = answered(
            "00 01 00 00 00 06 01 03 1f 9e 00 01", ExceptionCode.ILLEGAL_DATA_ADDRESS
        )
        self.assertEqual("00 01 00 00 00 03 01 83 02", said)

    def test_other_functions(self) -> None:
        """Of all functions but 3, 6 and 16 there is none here, however long they are."""
        for function in {*range(128)} - {3, 6, 16}:
            for more in (b"", bytes(4), bytes(250)):
                frame = b"\0\1\0\0" + bytes([0, 2 + len(more), UNIT, function]) + more
                device = Device()
                self.assertEqual(
                    bytes([0, 1, 0, 0, 0, 3, UNIT, function | 0x80, 1]), device.said(frame)
                )
                self.assertEqual([], device.served)

    def test_other_unit(self) -> None:
        """A unit that is not here is one that a gateway does not reach, whatever is asked."""
        for function in ("03", "04"):
            said = answered(f"00 01 00 00 00 06 02 {function} 1f 9e 00 01")
            self.assertEqual(f"00 01 00 00 00 03 02 8{function[1]} 0b", said)

    def test_other_unit_on_a_line(self) -> None:
        """On a serial line somebody else answers for another unit."""
        device = Device(Framing.RTU)
        frame = Codec(Framing.RTU).encode(Read(2, 8094, 1))
        self.assertEqual(b"", device.said(frame))
        self.assertEqual([], device.served)

    def test_contradictions(self) -> None:
        """What is not as long as it says, or asks for too much, is not served."""
        for pdu in (
            "03",
            "03 1f 9e 00",
            "03 1f 9e 00 00",
            "03 1f 9e 00 7e",
            "03 1f 9e 00 01 00",
            "06 1f 9e 00",
            "06 1f 9e 00 01 00",
            "10 1f 9e 00 01 02",
            "10 1f 9e 00 00 00",
            "10 1f 9e 00 01 02 00",
            "10 1f 9e 00 01 02 00 01 00",
            "10 1f 9e 00 02 02 00 01",
            "10 1f 9e 00 01 03 00 01",
            "10 1f 9e 00 01 04 00 01 00 02",
            "10 1f 9e 00 01 05 00 01",
            "10 1f 9e 00 7c f8" + " 00" * 246,
        ):
            body = bytes([UNIT]) + bytes.fromhex(pdu)
            device = Device()
            said = device.said(b"\0\1\0\0\0" + bytes([len(body)]) + body)
            self.assertEqual(f"0001000000030{UNIT}", said[:7].hex(), pdu)
            self.assertEqual([body[1] | 0x80, 3], [*said[7:]], pdu)
            self.assertEqual([], device.served, pdu)


class Hostile(SynchronousTestCase):
    """What is no Modbus."""

    def test_no_modbus(self) -> None:
        """A protocol id or a length that cannot be ends the connection, at once."""
        for text, why in (
            ("47 45 54 20 2f 20", "protocol id 21536"),
            ("00 01 00 00 00 01", "a frame of 1 bytes"),
            ("00 01 00 00 00 ff", "a frame of 255 bytes"),
            ("00 01 00 00 00 03 01 83 02", "function 131"),
        ):
            with self.assertRaises(RemoteProtocolError) as caught:
                answered(text)
            self.assertIn(why, str(caught.exception))

    def test_answers_before(self) -> None:
        """What was asked before the nonsense is answered."""
        responses = Device().responder.receive(
            bytes.fromhex("00 01 00 00 00 06 01 03 1f 40 00 01") + b"GET / HTTP/1.1\r\n"
        )
        self.assertEqual("00 01 00 00 00 05 01 03 02 1f 40", next(responses).hex(" "))
        self.assertRaises(RemoteProtocolError, next, responses)

    @settings(max_examples=300)
    @given(st.lists(st.binary(max_size=300), max_size=8))
    def test_noise_on_a_line(self, pieces: list[bytes]) -> None:
        """Noise on a serial line raises nothing, and is not hoarded; the line recovers."""
        device = Device(Framing.RTU)
        for piece in pieces:
            device.said(piece)
            self.assertLessEqual(len(device.responder._received), 256)
        request = Read(UNIT, 8094, 1)
        device.served.clear()
        for _ in range(256):
            device.said(Codec(Framing.RTU).encode(request))
            if request in device.served:
                break
        else:
            self.fail("a line that was noisy once is deaf")

    def test_endless_noise(self) -> None:
        """Of noise in which no frame could begin, no more is kept than a frame may have."""
        device = Device(Framing.RTU)
        for _ in range(100):
            device.said(b"A" * 100)
        self.assertEqual(256, len(device.responder._received))

    @settings(max_examples=300)
    @given(st.binary(max_size=600))
    def test_noise_through_a_socket(self, data: bytes) -> None:
        """Through a socket there is no other error than that, and little is kept."""
        device = Device()
        try:
            device.said(data)
        except RemoteProtocolError:
            return
        self.assertLess(len(device.responder._received), 260)
