"""
pymodbus's RTU frames at the end of a line that is open already.

As a process: C{python -m tests.drivers.modbus.serial_served FD}. Units 1 and 2 hold, in each
register, its own address.
"""

from __future__ import annotations

import os
import sys

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    WriteSingleRegisterResponse,
)


def answer(asked: ModbusPDU, written: dict[tuple[int, int], int]) -> ModbusPDU:
    """What a device says to a request."""
    said: ModbusPDU
    if asked.function_code == 6:
        written[asked.dev_id, asked.address] = asked.registers[0]
        said = WriteSingleRegisterResponse(address=asked.address, registers=asked.registers)
    else:
        addresses = range(asked.address, asked.address + asked.count)
        said = ReadHoldingRegistersResponse(
            registers=[written.get((asked.dev_id, one), one) for one in addresses]
        )
    said.dev_id = asked.dev_id
    return said


def serve(line: int) -> None:
    """Answer until the line is closed."""
    framer = FramerRTU(DecodePDU(is_server=True))
    written: dict[tuple[int, int], int] = {}
    received = b""
    while data := os.read(line, 256):
        received += data
        used, asked = framer.handleFrame(received, 0, 0)
        received = received[used:]
        if asked is not None and asked.dev_id in (1, 2):
            os.write(line, framer.buildFrame(answer(asked, written)))


if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    serve(int(sys.argv[1]))
