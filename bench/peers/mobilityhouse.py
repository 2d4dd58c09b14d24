"""mobilityhouse's C{ocpp} on C{websockets}: read, checked with the JSON schemas, answered."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from datetime import UTC, datetime
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.peers import control

_transaction_ids = itertools.count(1)


def _now() -> str:
    return datetime.now(UTC).isoformat()


class _Station(ChargePoint):
    @on("BootNotification")
    def boot_notification(self, **_: Any) -> call_result.BootNotification:
        return call_result.BootNotification(_now(), 300, "Accepted")

    @on("StatusNotification")
    def status_notification(self, **_: Any) -> call_result.StatusNotification:
        return call_result.StatusNotification()

    @on("Heartbeat")
    def heartbeat(self, **_: Any) -> call_result.Heartbeat:
        return call_result.Heartbeat(_now())

    @on("MeterValues")
    def meter_values(self, **_: Any) -> call_result.MeterValues:
        return call_result.MeterValues()

    @on("StartTransaction")
    def start_transaction(self, **_: Any) -> call_result.StartTransaction:
        return call_result.StartTransaction(next(_transaction_ids), {"status": "Accepted"})

    @on("StopTransaction")
    def stop_transaction(self, **_: Any) -> call_result.StopTransaction:
        return call_result.StopTransaction()


async def _serve(connection: ServerConnection) -> None:
    assert connection.request is not None
    with contextlib.suppress(ConnectionClosed):
        await _Station(connection.request.path.strip("/"), connection).start()


async def _main() -> None:
    options = control.parse(__spec__.name)
    logging.disable(logging.INFO)
    # No pings and no compression: whatever it may do less of, it need not do here.
    server = serve(
        _serve, "127.0.0.1", options.port, subprotocols=["ocpp1.6"], compression=None,
        ping_interval=None, backlog=1024,
    )  # fmt: skip
    async with server:
        control.ready()
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(_main())
