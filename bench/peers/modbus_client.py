"""
A Modbus client that asks one device as fast as it answers, for so long, and says what it took.

C{cfos_cm}: ours. C{pymodbus}: pymodbus's own asyncio client, which asks one thing at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

#: What is asked for: the state of a box.
ADDRESS, COUNT = 8090, 24


class Pace:
    """Counts until the time is over; the first part of it is not counted."""

    def __init__(self, seconds: float) -> None:
        now_s = time.monotonic()
        self._begins_s, self._ends_s = now_s + seconds / 5, now_s + seconds * 6 / 5
        self._cpu_s = 0.0
        self._since_s = 0.0
        self.requests = 0

    def goes_on(self) -> bool:
        """Whether it is asked once more; one more has been answered."""
        now_s = time.monotonic()
        if self._since_s:
            self.requests += 1
        elif now_s >= self._begins_s:
            self._since_s, self._cpu_s = now_s, time.process_time()
        return now_s < self._ends_s

    def result(self) -> dict[str, float]:
        """Requests in a second, and what each cost. [1/s, us]"""
        passed_s = time.monotonic() - self._since_s
        cpu_s = time.process_time() - self._cpu_s
        return {
            "per_s": self.requests / passed_s,
            "cpu_us": cpu_s / max(1, self.requests) * 1e6,
        }


def _with_cfos_cm(port: int, callers: int, window: int, seconds: float) -> dict[str, float]:
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred, gatherResults

    from cfos_cm.drivers.modbus.buses import Buses
    from cfos_cm.drivers.modbus.place import SocketPlace
    from cfos_cm.wire.modbus import Read

    bus = Buses(reactor).bus(SocketPlace("127.0.0.1", port), window)
    found: list[dict[str, float]] = []

    async def ask(pace: Pace) -> None:
        while pace.goes_on():
            await bus.ask(Read(1, ADDRESS, COUNT))

    async def run() -> None:
        pace = Pace(seconds)
        await gatherResults([Deferred.fromCoroutine(ask(pace)) for _ in range(callers)])
        found.append(pace.result())
        reactor.stop()

    def opened(is_open: bool) -> None:
        if is_open:
            Deferred.fromCoroutine(run()).addErrback(lambda failure: failure.printTraceback())

    bus.changed = opened
    reactor.run()
    return found[0]


def _with_pymodbus(port: int, callers: int, window: int, seconds: float) -> dict[str, float]:
    from pymodbus.client import AsyncModbusTcpClient

    async def ask(client: AsyncModbusTcpClient, pace: Pace) -> None:
        while pace.goes_on():
            answer = await client.read_holding_registers(ADDRESS, count=COUNT, device_id=1)
            assert len(answer.registers) == COUNT

    async def run() -> dict[str, float]:
        client = AsyncModbusTcpClient("127.0.0.1", port=port)
        await client.connect()
        pace = Pace(seconds)
        await asyncio.gather(*(ask(client, pace) for _ in range(callers)))
        client.close()
        return pace.result()

    ran: Callable[[Coroutine[Any, Any, dict[str, float]]], dict[str, float]] = asyncio.run
    return ran(run())


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=("cfos_cm", "pymodbus"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--callers", type=int, default=1)
    parser.add_argument("--window", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    measure = _with_cfos_cm if options.client == "cfos_cm" else _with_pymodbus
    result = measure(options.port, options.callers, options.window, options.seconds)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
