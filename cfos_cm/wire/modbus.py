"""
Modbus on the wire: requests to bytes, bytes to answers.

Framing and PDUs are pymodbus's, and this is the only module that knows them. What they leave
open is decided here: what is no Modbus at all, what is damaged, and whether an answer is that
to a request. "Modbus Application Protocol" is MODBUS Application Protocol Specification V1.1b3,
"Messaging" is MODBUS Messaging on TCP/IP Implementation Guide V1.0b.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from attrs import field, frozen
from attrs.validators import and_, ge, in_, le, max_len, min_len
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.framer.base import FramerBase
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.wire.mbap import HEADER_BYTES, first_frame

__all__ = [
    "MAX_READ",
    "MAX_RTU_BYTES",
    "MAX_WRITE",
    "Answer",
    "Codec",
    "ExceptionCode",
    "Framing",
    "Read",
    "Request",
    "Write",
    "objection",
]

#: So many registers can be read at once (Application Protocol 6.3, 6.4),
MAX_READ = 125
#: and so many written (6.12).
MAX_WRITE = 123

#: A unit id, a function and one more byte: every answer has at least these.
_MIN_LENGTH = 3
#: The longest RTU frame (MODBUS over Serial Line 2.5.1). What is longer is noise.
MAX_RTU_BYTES = 256

_is_unit = and_(ge(0), le(255))
_is_address = and_(ge(0), le(0xFFFF))


class Framing(StrEnum):
    """How a PDU is wrapped."""

    TCP = "tcp"
    """With a transaction id, so that several requests may be under way."""
    RTU = "rtu"
    """With a checksum, on a serial line or through a socket; one request at a time."""


class ExceptionCode(IntEnum):
    """Why a device does not do what it was asked (Application Protocol 7)."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_DATA_ADDRESS = 2
    ILLEGAL_DATA_VALUE = 3
    SERVER_DEVICE_FAILURE = 4
    ACKNOWLEDGE = 5
    SERVER_DEVICE_BUSY = 6
    MEMORY_PARITY_ERROR = 8
    GATEWAY_PATH_UNAVAILABLE = 10
    GATEWAY_TARGET_FAILED_TO_RESPOND = 11

    @classmethod
    def words(cls, code: int) -> str:
        """A code for a person; devices have made up others."""
        try:
            name = cls(code).name
        except ValueError:
            return f"exception {code}"
        return f"exception {code}, {name.replace('_', ' ').lower()}"


@frozen
class Read:
    """
    A request for registers.

    @ivar unit: the device behind the connection.
    @ivar address: of the first register, as it stands on the wire.
    @ivar function: 3 for holding registers, 4 for input registers.
    """

    unit: int = field(validator=_is_unit)
    address: int = field(validator=_is_address)
    count: int = field(validator=and_(ge(1), le(MAX_READ)))
    function: int = field(default=3, validator=in_((3, 4)))


@frozen
class Write:
    """
    An order to hold values: by function 6 where it is one, by 16 where there are more.

    @ivar unit: the device behind the connection.
    @ivar address: of the first register, as it stands on the wire.
    """

    unit: int = field(validator=_is_unit)
    address: int = field(validator=_is_address)
    values: tuple[int, ...] = field(validator=and_(min_len(1), max_len(MAX_WRITE)))

    @property
    def function(self) -> int:
        """The function that says it."""
        return 6 if len(self.values) == 1 else 16


Request = Read | Write


@frozen
class Answer:
    """
    What a device has said.

    @ivar transaction_id: of the request that it says that it answers; 0 with RTU.
    @ivar function: that of the request, without the bit that marks an exception.
    @ivar registers: what was read, or has been written by function 6.
    @ivar address: where something has been written.
    @ivar count: how many registers have been written by function 16.
    @ivar exception_code: why not; C{None}: it has done what it was asked. It need not be an
        L{ExceptionCode}.
    """

    transaction_id: int
    unit: int
    function: int
    registers: tuple[int, ...] = ()
    address: int = 0
    count: int = 0
    exception_code: int | None = None


def objection(request: Request, answer: Answer) -> str | None:
    """
    Why an answer cannot be that to C{request}; C{None}: it is.

    An exception is an answer. Transaction ids are not compared: who keeps the requests that
    are under way finds them by these.
    """
    if answer.unit != request.unit:
        return f"unit {answer.unit} has answered, and unit {request.unit} was asked"
    if answer.function != request.function:
        return f"it is about function {answer.function}, and {request.function} was asked for"
    if answer.exception_code is not None:
        return None
    if isinstance(request, Read):
        if len(answer.registers) == request.count:
            return None
        return f"it has {len(answer.registers)} registers, and {request.count} were asked for"
    if answer.address != request.address:
        return f"it is about register {answer.address}, and {request.address} was written"
    if request.function == 6 and answer.registers != request.values:
        return f"it repeats {answer.registers[0]}, and {request.values[0]} was written"
    if request.function == 16 and answer.count != len(request.values):
        return f"it is about {answer.count} registers, and {len(request.values)} were written"
    return None


class Codec:
    """One side of a connection: what goes out, and what has come in and is not whole yet."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        decoder = DecodePDU(is_server=False)
        self._framer: FramerBase = (
            FramerSocket(decoder) if framing is Framing.TCP else FramerRTU(decoder)
        )
        self._received = b""

    def encode(self, request: Request, transaction_id: int = 0) -> bytes:
        """
        The bytes of a request.

        @param transaction_id: 0 to 65535; with RTU it is not sent.
        """
        return self._framer.buildFrame(_pdu(request, transaction_id))

    def forget(self) -> None:
        """
        What has come so far is no part of what comes next.

        With RTU nothing tells an answer from a late one before it; it has to be forgotten when
        the next request is sent.
        """
        self._received = b""

    def receive(self, data: bytes) -> list[Answer]:
        """
        What is whole now.

        @raise RemoteProtocolError: if the connection cannot go on, for nobody knows where the
            next answer begins. With RTU that does not happen: what is damaged is dropped, and
            the request is not answered.
        """
        self._received += data
        return self._tcp() if self._framing is Framing.TCP else self._rtu()

    def _tcp(self) -> list[Answer]:
        answers = []
        while (frame := self._next_tcp_frame()) is not None:
            answers.append(self._answer(frame, len(frame) - HEADER_BYTES - 1))
        return answers

    def _next_tcp_frame(self) -> bytes | None:
        frame = first_frame(self._received, _MIN_LENGTH)
        if frame is not None:
            self._received = self._received[len(frame) :]
        return frame

    def _rtu(self) -> list[Answer]:
        received = self._received
        try:
            used, pdu = self._framer.handleFrame(received, 0, 0)
        except ModbusException:
            used, pdu = len(received), None
        self._received = received[used:][-MAX_RTU_BYTES:]
        return [] if pdu is None else [_read(pdu)]

    def _answer(self, frame: bytes, pdu_bytes: int) -> Answer:
        try:
            _, pdu = self._framer.handleFrame(frame, 0, 0)
        except ModbusException as error:
            raise RemoteProtocolError(f"an answer that cannot be read: {error}") from error
        if pdu is None:
            raise RemoteProtocolError("an answer that cannot be read")
        answer = _read(pdu)
        if answer.exception_code is None and pdu_bytes != _size(answer):
            raise RemoteProtocolError(
                f"an answer of {pdu_bytes} bytes that says that it has {_size(answer)}"
            )
        return answer


def _pdu(request: Request, transaction_id: int) -> ModbusPDU:
    unit, address = request.unit, request.address
    if isinstance(request, Write):
        one, more = WriteSingleRegisterRequest, WriteMultipleRegistersRequest
        writes = one if request.function == 6 else more
        return writes(unit, transaction_id, address=address, registers=request.values)
    reads = ReadHoldingRegistersRequest if request.function == 3 else ReadInputRegistersRequest
    return reads(unit, transaction_id, address=address, count=request.count)


def _read(pdu: ModbusPDU) -> Answer:
    if isinstance(pdu, ExceptionResponse):
        function = pdu.function_code & 0x7F
        return Answer(
            pdu.transaction_id, pdu.dev_id, function, exception_code=int(pdu.exception_code)
        )
    return Answer(
        pdu.transaction_id,
        pdu.dev_id,
        pdu.function_code,
        tuple(pdu.registers),
        pdu.address,
        pdu.count,
    )


def _size(answer: Answer) -> int:
    """Of the PDU that says this. [bytes]"""
    return 2 + 2 * len(answer.registers) if answer.function in (3, 4) else 5
