"""Devices in memory, which read and say frames with pymodbus's own framers."""

from __future__ import annotations

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    WriteSingleRegisterResponse,
)
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from cfos_cm.counters import Counters
from cfos_cm.drivers.modbus.line import Line
from cfos_cm.wire.modbus import Framing

__all__ = ["Devices"]


class Devices:
    """
    All that is at the other end of a line.

    @ivar line: the line, on a clock that is set by hand.
    @ivar asked: what has come and was not answered, in the order.
    """

    def __init__(
        self, framing: Framing = Framing.TCP, window: int = 1, gap_s: float = 0.0
    ) -> None:
        self.clock = Clock()
        self.lost: list[Line] = []
        self.counters = Counters()
        self.line = Line(
            self.clock, framing, window=window, gap_s=gap_s, counters=self.counters
        )
        self.line.lost = self.lost.append
        self.transport = StringTransport()
        self.line.makeConnection(self.transport)
        self.asked: list[ModbusPDU] = []
        decoder = DecodePDU(is_server=True)
        self._is_tcp = framing is Framing.TCP
        self._framer = FramerSocket(decoder) if self._is_tcp else FramerRTU(decoder)

    def hear(self) -> list[tuple[int, int]]:
        """Read what was sent since: the unit and the register of each request."""
        sent = self.transport.value()
        self.transport.clear()
        heard = []
        while sent:
            # On a serial line pymodbus drops all that comes after a frame; these have 8 bytes.
            part = sent if self._is_tcp else sent[:8]
            used, asked = self._framer.handleFrame(part, 0, 0)
            assert asked is not None
            sent = sent[used:]
            self.asked.append(asked)
            heard.append((asked.dev_id, asked.address))
        return heard

    def frame(self, asked: ModbusPDU, registers: list[int] | None = None) -> bytes:
        """An answer; a register holds its own address, unless it is said what it holds."""
        answer: ModbusPDU
        if asked.function_code == 6:
            answer = WriteSingleRegisterResponse(
                address=asked.address, registers=asked.registers
            )
        else:
            if registers is None:
                registers = [asked.address + place for place in range(asked.count)]
            answer = ReadHoldingRegistersResponse(registers=registers)
        return self._said(answer, asked)

    def exception(self, asked: ModbusPDU, code: int) -> bytes:
        """An exception instead."""
        return self._said(ExceptionResponse(asked.function_code, code), asked)

    def answer(self, number: int = 0) -> None:
        """Answer one of those that were not answered, with the registers' own addresses."""
        self.say(self.frame(self.asked.pop(number)))

    def say(self, data: bytes) -> None:
        """Some bytes."""
        self.line.dataReceived(data)

    def _said(self, answer: ModbusPDU, asked: ModbusPDU) -> bytes:
        answer.dev_id, answer.transaction_id = asked.dev_id, asked.transaction_id
        return self._framer.buildFrame(answer)
