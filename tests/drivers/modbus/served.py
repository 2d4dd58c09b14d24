"""pymodbus's own server, as a process: C{python -m tests.drivers.modbus.served PORT}."""

from __future__ import annotations

import asyncio
import sys

from pymodbus.datastore import (
    ModbusDeviceContext,
    ModbusSequentialDataBlock,
    ModbusServerContext,
)
from pymodbus.server import ModbusTcpServer

#: The first register that it has; each holds its own address.
FIRST, REGISTERS = 8000, 200


async def serve(port: int) -> None:
    """Serve units 1 and 2 at a port, or at a free one for 0, and say which it is."""
    units = {
        unit: ModbusDeviceContext(
            hr=ModbusSequentialDataBlock(
                FIRST + 1, [FIRST + place for place in range(REGISTERS)]
            )
        )
        for unit in (1, 2)
    }
    server = ModbusTcpServer(
        ModbusServerContext(devices=units, single=False), address=("127.0.0.1", port)
    )
    await server.listen()
    assert server.transport is not None
    sys.stdout.write(f"{server.transport.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
