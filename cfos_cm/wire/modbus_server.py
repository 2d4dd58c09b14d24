"""
Modbus on the wire, seen from a device: bytes that come in to requests, what it says to bytes.

The other side of L{cfos_cm.wire.modbus}. Framing and PDUs are pymodbus's; what is no request
that can be served is decided here, and answered as the Application Protocol (V1.1b3) has it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from attrs import frozen
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.framer.base import FramerBase
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterRequest,
    WriteSingleRegisterResponse,
)

from cfos_cm.errors import RemoteProtocolError
from cfos_cm.wire.mbap import first_frame
from cfos_cm.wire.modbus import MAX_RTU_BYTES, ExceptionCode, Framing, Read, Request, Write

__all__ = ["Outcome", "Responder"]

#: What was read, nothing for what was written, or why not.
Outcome = tuple[int, ...] | ExceptionCode

#: A unit id and a function: every request has at least these.
_MIN_LENGTH = 2
#: The bit that marks an answer as an exception: no request has it.
_EXCEPTION_BIT = 0x80

#: The functions that are served.
_REQUESTS: Final[Mapping[int, Callable[[], ModbusPDU]]] = MappingProxyType(
    {
        3: ReadHoldingRegistersRequest,
        6: WriteSingleRegisterRequest,
        16: WriteMultipleRegistersRequest,
    }
)


@frozen
class _Frame:
    """
    One frame.

    @ivar pdu: the function and what it says; at least one byte.
    """

    transaction_id: int
    unit: int
    pdu: bytes

    @property
    def function(self) -> int:
        return self.pdu[0]


class Responder:
    """
    A device's end of one connection.

    What is not one of the functions 3, 6 and 16 is answered with "illegal function", and what
    says of itself that it is longer or shorter than it is, or asks for more than there can be,
    with "illegal data value". A unit that is not here is, through a socket, one that a gateway
    does not reach; on a serial line it is somebody else's.
    """

    def __init__(
        self,
        framing: Framing,
        is_here: Callable[[int], bool],
        serve: Callable[[Request], Outcome],
    ) -> None:
        """
        @param is_here: whether a unit id is that of a device here.
        @param serve: does what was asked.
        """
        self._framing = framing
        self._is_here = is_here
        self._serve = serve
        decoder = DecodePDU(is_server=True)
        self._framer: FramerBase = (
            FramerSocket(decoder) if framing is Framing.TCP else FramerRTU(decoder)
        )
        self._received = b""

    def receive(self, data: bytes) -> Iterator[bytes]:
        """
        Serve what is whole now.

        @return: the answers, one by one; each request is served when its answer is taken.
        @raise RemoteProtocolError: by the iterator, if the connection cannot go on: for what
            comes is no Modbus, and nobody knows where the next request begins. With RTU that
            does not happen: what is damaged is dropped, and not answered.
        """
        self._received += data
        return self._answers()

    def _answers(self) -> Iterator[bytes]:
        is_tcp = self._framing is Framing.TCP
        while (frame := self._next_tcp() if is_tcp else self._next_rtu()) is not None:
            answer = self._answer(frame)
            if answer is not None:
                yield self._said(frame, answer)

    def _next_tcp(self) -> _Frame | None:
        frame = first_frame(self._received, _MIN_LENGTH)
        if frame is None:
            return None
        self._received = self._received[len(frame) :]
        _, unit, transaction_id, pdu = self._framer.decode(frame)
        return _Frame(transaction_id, unit, pdu)

    def _next_rtu(self) -> _Frame | None:
        received = self._received
        used, unit, _, pdu = self._framer.decode(received)
        self._received = received[used:][-MAX_RTU_BYTES:]
        return _Frame(0, unit, pdu) if pdu else None

    def _answer(self, frame: _Frame) -> ModbusPDU | None:
        """What is said to a frame; C{None}: nothing."""
        is_tcp = self._framing is Framing.TCP
        if frame.function & _EXCEPTION_BIT:
            if is_tcp:
                raise RemoteProtocolError(
                    f"function {frame.function}, which no request can have"
                )
            return None
        if not self._is_here(frame.unit):
            absent = ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND
            return ExceptionResponse(frame.function, absent) if is_tcp else None
        if frame.function not in _REQUESTS:
            return ExceptionResponse(frame.function, ExceptionCode.ILLEGAL_FUNCTION)
        request = _request(frame)
        if request is None:
            return ExceptionResponse(frame.function, ExceptionCode.ILLEGAL_DATA_VALUE)
        outcome = self._serve(request)
        if isinstance(outcome, ExceptionCode):
            return ExceptionResponse(frame.function, outcome)
        return _confirmation(frame.function, request, outcome)

    def _said(self, frame: _Frame, answer: ModbusPDU) -> bytes:
        answer.dev_id, answer.transaction_id = frame.unit, frame.transaction_id
        return self._framer.buildFrame(answer)


def _request(frame: _Frame) -> Request | None:
    """What a frame asks for; C{None}: it contradicts itself, or asks for too much."""
    pdu, size = _REQUESTS[frame.function](), len(frame.pdu)
    try:
        pdu.decode(frame.pdu[1:])
        if frame.function == 16:
            values = tuple(pdu.registers)
            is_whole = pdu.count == len(values) and size - 6 == frame.pdu[5] == 2 * pdu.count
            return Write(frame.unit, pdu.address, values) if is_whole else None
        if size != 5:
            return None
        if frame.function == 6:
            return Write(frame.unit, pdu.address, tuple(pdu.registers))
        return Read(frame.unit, pdu.address, pdu.count)
    except (ValueError, LookupError, struct.error):
        # What is too short, and too many registers.
        return None


def _confirmation(function: int, request: Request, read: tuple[int, ...]) -> ModbusPDU:
    if isinstance(request, Read):
        return ReadHoldingRegistersResponse(registers=read)
    if function == 6:
        return WriteSingleRegisterResponse(address=request.address, registers=request.values)
    return WriteMultipleRegistersResponse(address=request.address, count=len(request.values))
