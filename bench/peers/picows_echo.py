"""
The least that a server in Python can do: picows and uvloop, which are C, and msgspec.

A CALL is read into typed Structs, so that it is checked, and answered with an empty
confirmation. Nothing is dispatched, kept or known.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal

import msgspec
import uvloop
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from bench.peers import control


class _SampledValue(msgspec.Struct, forbid_unknown_fields=True):
    value: str
    context: str | None = None
    format: Literal["Raw", "SignedData"] | None = None
    measurand: str | None = None
    phase: str | None = None
    location: Literal["Body", "Cable", "EV", "Inlet", "Outlet"] | None = None
    unit: str | None = None


class _MeterValue(msgspec.Struct, forbid_unknown_fields=True):
    timestamp: datetime
    sampledValue: list[_SampledValue]


class _MeterValues(msgspec.Struct, forbid_unknown_fields=True):
    connectorId: int
    meterValue: list[_MeterValue]
    transactionId: int | None = None


_read_call = msgspec.json.Decoder(tuple[int, str, str, msgspec.Raw]).decode
_read_meter_values = msgspec.json.Decoder(_MeterValues).decode
_write = msgspec.json.Encoder().encode


class _Echo(WSListener):
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            _, unique_id, action, payload = _read_call(frame.get_payload_as_memoryview())
            if action == "MeterValues":
                _read_meter_values(payload)
            transport.send(WSMsgType.TEXT, _write((3, unique_id, {})))
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()


def _listener(_: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
    response = WSUpgradeResponse.create_101_response(
        extra_headers={"Sec-WebSocket-Protocol": "ocpp1.6"}
    )
    return WSUpgradeResponseWithListener(response, _Echo())


async def _main() -> None:
    options = control.parse(__spec__.name)
    server = await ws_create_server(_listener, "127.0.0.1", options.port, backlog=1024)
    control.ready()
    async with server:
        await asyncio.Future()


if __name__ == "__main__":
    uvloop.run(_main())
