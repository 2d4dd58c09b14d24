"""Modbus frames: what goes out, what comes in, and what is none."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterResponse,
)
from twisted.trial.unittest import SynchronousTestCase

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.wire.modbus import (
    MAX_READ,
    MAX_WRITE,
    Answer,
    Codec,
    ExceptionCode,
    Framing,
    Read,
    Request,
    Write,
    objection,
)

_words = st.integers(0, 0xFFFF)
_units = st.integers(1, 247)
_reads = st.builds(Read, _units, _words, st.integers(1, MAX_READ), st.sampled_from((3, 4)))
_writes = st.builds(
    Write, _units, _words, st.lists(_words, min_size=1, max_size=MAX_WRITE).map(tuple)
)


class Device:
    """A device as pymodbus reads and says it, which answers what was asked."""

    def __init__(self, framing: Framing) -> None:
        kind = FramerSocket if framing is Framing.TCP else FramerRTU
        self.framer = kind(DecodePDU(is_server=True))

    def answered(self, frame: bytes) -> tuple[ModbusPDU, bytes]:
        """
        What it has understood, and its answer.

        A register holds its own address.
        """
        used, asked = self.framer.handleFrame(frame, 0, 0)
        assert asked is not None
        assert used == len(frame)
        read = [(asked.address + place) & 0xFFFF for place in range(asked.count)]
        answer: ModbusPDU
        if asked.function_code == 3:
            answer = ReadHoldingRegistersResponse(registers=read)
        elif asked.function_code == 4:
            answer = ReadInputRegistersResponse(registers=read)
        elif asked.function_code == 6:
            answer = WriteSingleRegisterResponse(
                address=asked.address, registers=asked.registers
            )
        else:
            answer = WriteMultipleRegistersResponse(address=asked.address, count=asked.count)
        return asked, self.said(answer, asked)

    def said(self, answer: ModbusPDU, asked: ModbusPDU) -> bytes:
        """An answer of the device that was asked."""
        answer.dev_id, answer.transaction_id = asked.dev_id, asked.transaction_id
        return self.framer.buildFrame(answer)


def tcp(text: str) -> list[Answer]:
    """What a connection makes of some bytes."""
    return Codec(Framing.TCP).receive(bytes.fromhex(text))


class Sent(SynchronousTestCase):
    """The bytes of a request."""

    def test_field_trace(self) -> None:
        """Reading whether a Power Brain may charge, as it was recorded on an RS-485 line."""
        sent = Codec(Framing.RTU).encode(Read(1, 8094, 1))
        self.assertEqual("01 03 1f 9e 00 01 e2 30", sent.hex(" "))

    def test_tcp(self) -> None:
        """Through a socket it has a transaction id and a length, and no checksum."""
        sent = Codec(Framing.TCP).encode(Read(1, 8094, 1), 0x1234)
        self.assertEqual("12 34 00 00 00 06 01 03 1f 9e 00 01", sent.hex(" "))

    def test_one_value(self) -> None:
        """One value goes by function 6: some devices know no other."""
        sent = Codec(Framing.TCP).encode(Write(1, 8093, (160,)), 7)
        self.assertEqual("00 07 00 00 00 06 01 06 1f 9d 00 a0", sent.hex(" "))

    def test_several_values(self) -> None:
        """Two registers of one value must not be written one after the other."""
        sent = Codec(Framing.TCP).encode(Write(1, 8083, (0, 300)), 8)
        expected = "00 08 00 00 00 0b 01 10 1f 93 00 02 04 00 00 01 2c"
        self.assertEqual(expected, sent.hex(" "))

    def test_impossible(self) -> None:
        """What no frame can say is not begun."""
        for make in (
            lambda: Read(1, 0, 0),
            lambda: Read(1, 0, MAX_READ + 1),
            lambda: Read(256, 0, 1),
            lambda: Read(1, 0x10000, 1),
            lambda: Read(1, 0, 1, 6),
            lambda: Write(1, 0, ()),
            lambda: Write(1, 0, (0,) * (MAX_WRITE + 1)),
        ):
            self.assertRaises(ValueError, make)

    @settings(max_examples=200)
    @given(st.sampled_from(Framing), st.one_of(_reads, _writes), _words)
    def test_understood(self, framing: Framing, request: Request, number: int) -> None:
        """A device made of pymodbus understands it, and its answer is one."""
        codec = Codec(framing)
        asked, frame = Device(framing).answered(codec.encode(request, number))
        said = (asked.dev_id, asked.function_code, asked.address)
        self.assertEqual(said, (request.unit, request.function, request.address))
        if isinstance(request, Write):
            self.assertEqual(list(request.values), list(asked.registers))
        (answer,) = codec.receive(frame)
        self.assertIsNone(objection(request, answer))
        self.assertEqual(number if framing is Framing.TCP else 0, answer.transaction_id)


class Received(SynchronousTestCase):
    """Bytes of a device."""

    @settings(max_examples=100)
    @given(st.lists(_reads, min_size=1, max_size=4), st.lists(st.integers(1, 40)))
    def test_in_pieces(self, requests: list[Read], cuts: list[int]) -> None:
        """However a stream is cut, the answers are the same."""
        codec, device = Codec(Framing.TCP), Device(Framing.TCP)
        frames = [device.answered(codec.encode(one, 1))[1] for one in requests]
        stream, answers = b"".join(frames), []
        for cut in [*cuts, len(stream)]:
            answers += codec.receive(stream[:cut])
            stream = stream[cut:]
        self.assertEqual([one.count for one in requests], [len(x.registers) for x in answers])

    def test_rtu_in_pieces(self) -> None:
        """A serial line hands on some bytes at a time."""
        codec, device = Codec(Framing.RTU), Device(Framing.RTU)
        _, frame = device.answered(codec.encode(Read(1, 8094, 2)))
        answers = [codec.receive(frame[place : place + 1]) for place in range(len(frame))]
        self.assertEqual([[]] * (len(frame) - 1), answers[:-1])
        self.assertEqual((8094, 8095), answers[-1][0].registers)

    def test_exception(self) -> None:
        """A device says why it does not do what it was asked."""
        (answer,) = tcp("0009 0000 0003 01 83 02")
        self.assertEqual(Answer(9, 1, 3, exception_code=2), answer)
        self.assertIsNone(objection(Read(1, 1, 1), answer))
        self.assertEqual("exception 2, illegal data address", ExceptionCode.words(2))
        self.assertEqual("exception 77", ExceptionCode.words(77))

    def test_rtu_exception(self) -> None:
        """So it does on a serial line."""
        codec, device = Codec(Framing.RTU), Device(Framing.RTU)
        asked, _ = device.answered(codec.encode(Read(9, 1, 1)))
        (answer,) = codec.receive(device.said(ExceptionResponse(3, 6), asked))
        self.assertEqual((9, 3, 6), (answer.unit, answer.function, answer.exception_code))

    def test_no_modbus(self) -> None:
        """Somebody else listens there: nobody could say where an answer begins."""
        for text, protocol in (
            (b"HTTP/1.1 400 Bad Request".hex(), 0x5450),
            ("0001 0001 0005 01 03 02 0001", 1),
        ):
            error = self.assertRaises(RemoteProtocolError, tcp, text)
            self.assertIn(f"protocol id {protocol};", str(error))

    def test_length(self) -> None:
        """A length that no frame has is seen before so many bytes are waited for."""
        for length in ("0000", "0002", "00ff", "ffff"):
            error = self.assertRaises(RemoteProtocolError, tcp, f"0001 0000 {length}")
            self.assertIn(str(int(length, 16)), str(error))

    def test_says_another_length(self) -> None:
        """Fewer or more registers than it says that it has."""
        for text in ("0007 0000 0005 01 03 04 0001", "0007 0000 0007 01 03 02 0001 0002"):
            self.assertRaises(RemoteProtocolError, tcp, text)

    def test_unknown_function(self) -> None:
        """Nobody asked for what function 0x63 could mean."""
        self.assertRaises(RemoteProtocolError, tcp, "0007 0000 0005 01 63 02 0001")

    @settings(max_examples=300)
    @given(st.binary(max_size=300), st.sampled_from(Framing))
    def test_noise(self, noise: bytes, framing: Framing) -> None:
        """Whatever comes, there are answers, or none, or an error that is named."""
        codec = Codec(framing)
        try:
            for answer in codec.receive(noise):
                objection(Read(1, 8092, 3), answer)
        except RemoteProtocolError:
            self.assertIs(Framing.TCP, framing)

    def test_bad_checksum(self) -> None:
        """A damaged frame is no answer, and the next one is."""
        codec, device = Codec(Framing.RTU), Device(Framing.RTU)
        _, frame = device.answered(codec.encode(Read(1, 8094, 1)))
        damaged = frame[:-1] + bytes([frame[-1] ^ 1])
        self.assertEqual([], codec.receive(damaged))
        codec.forget()
        self.assertEqual(1, len(codec.receive(frame)))

    def test_forgotten(self) -> None:
        """The first half of a late answer is no part of the next one."""
        codec, device = Codec(Framing.RTU), Device(Framing.RTU)
        _, late = device.answered(codec.encode(Read(1, 100, 2)))
        _, frame = device.answered(codec.encode(Read(1, 8094, 1)))
        codec.receive(late[:5])
        codec.forget()
        (answer,) = codec.receive(frame)
        self.assertEqual((8094,), answer.registers)


class Objections(SynchronousTestCase):
    """Answers that are to something else."""

    def check(self, request: Request, answer: Answer, words: str) -> None:
        """C{answer} is not that to C{request}, and C{words} say why."""
        self.assertIn(words, str(objection(request, answer)))

    def test_another_unit(self) -> None:
        """Behind one connection there may be several."""
        self.check(Read(1, 8092, 1), Answer(0, 2, 3, (1,)), "unit 2 has answered")

    def test_another_function(self) -> None:
        """Nor is an exception to another function one to this."""
        self.check(Read(1, 8092, 1), Answer(0, 1, 6, (1,), 8092), "function 6")
        self.check(Read(1, 8092, 1), Answer(0, 1, 6, exception_code=2), "function 6")

    def test_another_count(self) -> None:
        """The registers would be taken for others."""
        self.check(Read(1, 8092, 2), Answer(0, 1, 3, (1,)), "1 registers, and 2")
        self.check(Write(1, 8083, (0, 300)), Answer(0, 1, 16, address=8083, count=1), "1 reg")

    def test_another_place(self) -> None:
        """What was written went somewhere else."""
        self.check(Write(1, 8093, (160,)), Answer(0, 1, 6, (160,), 8094), "register 8094")

    def test_another_value(self) -> None:
        """Something else was written."""
        self.check(Write(1, 8093, (160,)), Answer(0, 1, 6, (60,), 8093), "repeats 60")
