"""
A MeterValues.req with twelve sampled values: read, checked, dispatched, answered.

Both contenders get the text of one WebSocket message and produce the text of the answer;
nothing is stored. The peer is mobilityhouse's `ocpp`, which checks with the JSON schemas.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from bench.measure import compare, table
from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.environment import Environment
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.site.evse import EvseSettings

MEASURANDS = [
    ("Energy.Active.Import.Register", None, "Wh"),
    ("Power.Active.Import", None, "W"),
    *[(name, phase, unit)
      for name, unit in (("Current.Import", "A"), ("Voltage", "V"), ("Power.Factor", None))
      for phase in ("L1", "L2", "L3")],
    ("Temperature", None, "Celsius"),
]  # fmt: skip


def message() -> bytes:
    """The message that is measured."""
    sampled = []
    for index, (measurand, phase, unit) in enumerate(MEASURANDS):
        value = {
            "value": f"{index}.25",
            "context": "Sample.Periodic",
            "measurand": measurand,
            "location": "Outlet",
        }
        if phase:
            value["phase"] = phase
        if unit:
            value["unit"] = unit
        sampled.append(value)
    payload = {
        "connectorId": 1,
        "transactionId": 1234567,
        "meterValue": [{"timestamp": "2026-01-02T03:04:05.678Z", "sampledValue": sampled}],
    }
    call = [2, "0f8fad5b-d9cb-469f-a165-70867728950e", "MeterValues", payload]
    return json.dumps(call, separators=(",", ":")).encode()


class _Nowhere:
    """A ledger that keeps nothing, so that the message alone is measured."""

    def add_meter_values(self, *_: Any) -> Deferred[None]:
        return succeed(None)


def ours() -> tuple[Any, list[bytes]]:
    """Our session, and what it sends."""
    sent: list[bytes] = []
    environment = Environment(
        clock=Clock(),
        now=lambda: datetime.now(UTC),
        report=lambda _: None,
        ledger=_Nowhere(),  # type: ignore[arg-type]
        tags=None,  # type: ignore[arg-type]
        register=None,  # type: ignore[arg-type]
        new_unique_id=lambda: "1",
    )
    charge_point = ChargePointSettings("CP-1", {1: EvseSettings("bay-1", "garage")})
    system = CentralSystem(environment, CentralSystemSettings({"CP-1": charge_point}))
    session = system.open("CP-1", "here", sent.append, lambda *_: None)
    return session, sent


class _Peer(ChargePoint):
    @on("MeterValues")
    def meter_values(self, **_: Any) -> call_result.MeterValues:
        return call_result.MeterValues()


class _Wire:
    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, text: str) -> None:
        self.sent.append(text)


def run(calls: int, rounds: int) -> str:
    """Measure, and describe the result."""
    text = message()
    session, sent = ours()
    wire = _Wire()
    peer = _Peer("CP-1", wire)
    loop = asyncio.new_event_loop()
    as_text = text.decode()

    def our_turn() -> None:
        sent.clear()
        session.received(text)
        assert sent[0].startswith(b"[3,"), sent

    def their_turn() -> None:
        wire.sent.clear()
        loop.run_until_complete(peer.route_message(as_text))
        assert wire.sent[0].startswith("[3,"), wire.sent

    rows = compare(
        {"cfos_cm session": our_turn, "mobilityhouse ocpp": their_turn}, calls, rounds
    )
    loop.close()
    return table(f"MeterValues.req, 12 values, {len(text)} bytes: read, check, answer", rows)
