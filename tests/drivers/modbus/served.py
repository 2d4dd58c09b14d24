"""
pymodbus's own server, as a process: C{python -m tests.drivers.modbus.served PORT}.

L{serve} is also what other processes with other registers serve by.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

__all__ = ["FIRST", "REGISTERS", "serve"]

#: The first register that it has; each holds its own address.
FIRST, REGISTERS = 8000, 200

#: What registers hold, by their addresses.
Words = Mapping[int, int]


def serve(units: Mapping[int, Words], port: int = 0) -> None:
    """
    Serve devices until the process is killed, and say at which port.

    @param units: what each has in its holding registers, which are its input registers, too.
    @param port: 0: a free one.
    """
    asyncio.run(_serve(units, port))


async def _serve(units: Mapping[int, Words], port: int) -> None:
    devices = [_device(unit, words) for unit, words in units.items()]
    server = ModbusTcpServer(devices, address=("127.0.0.1", port))
    await server.listen()
    assert server.transport is not None
    sys.stdout.write(f"{server.transport.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def _device(unit: int, words: Words) -> SimDevice:
    runs: list[SimData] = []
    for address in sorted(words):
        if runs and runs[-1].address + len(runs[-1].values) == address:
            runs[-1].values.append(words[address])
        else:
            runs.append(SimData(address, values=[words[address]], datatype=DataType.REGISTERS))
    return SimDevice(unit, simdata=runs)


if __name__ == "__main__":
    own = {address: address for address in range(FIRST, FIRST + REGISTERS)}
    serve({1: own, 2: own}, int(sys.argv[1]))
