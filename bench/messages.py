"""
A MeterValues.req with twelve sampled values: read, checked, dispatched, answered.

Both contenders get the text of one WebSocket message and produce the text of the answer;
nothing is stored. The peer is mobilityhouse's `ocpp`, which checks with the JSON schemas.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from bench import frames
from bench.measure import compare, table
from bench.world import empty_world
from cfos_cm.central_system.central_system import CentralSystem
from cfos_cm.central_system.settings import CentralSystemSettings, ChargePointSettings
from cfos_cm.site.evse import EvseSettings

#: So many that no memory of message ids reaches back from one turn to the next.
_MESSAGES = 5000


def messages() -> list[bytes]:
    """The messages that are measured; each has an id of its own, as a wallbox's have."""
    payloads = [frames.meter_values(1234567, variant) for variant in range(16)]
    return [
        frames.call(number, "MeterValues", payloads[number % 16]) for number in range(_MESSAGES)
    ]


class _Nowhere:
    """A ledger that keeps nothing, so that the message alone is measured."""

    def add_meter_values(self, *_: Any) -> Deferred[None]:
        return succeed(None)


def ours() -> tuple[Any, list[bytes]]:
    """Our session, and what it sends."""
    sent: list[bytes] = []
    environment = empty_world(
        clock=Clock(), report=lambda _: None, ledger=_Nowhere(), new_unique_id=lambda: "1"
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
    texts = messages()
    session, sent = ours()
    wire = _Wire()
    peer = _Peer("CP-1", wire)
    loop = asyncio.new_event_loop()
    for_us = itertools.cycle(texts)
    for_them = itertools.cycle([text.decode() for text in texts])

    def our_turn() -> None:
        sent.clear()
        session.received(next(for_us))
        assert sent[0].startswith(b"[3,"), sent

    def their_turn() -> None:
        wire.sent.clear()
        loop.run_until_complete(peer.route_message(next(for_them)))
        assert wire.sent[0].startswith("[3,"), wire.sent

    rows = compare(
        {"cfos_cm session": our_turn, "mobilityhouse ocpp": their_turn}, calls, rounds
    )
    loop.close()
    return table(
        f"MeterValues.req, 12 values, {len(texts[0])} bytes: read, check, answer", rows
    )
