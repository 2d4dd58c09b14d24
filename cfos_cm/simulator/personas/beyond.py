"""Oddities beyond the numbered list: types, lengths, data and a clock. X1 to X4."""

from __future__ import annotations

from typing import Any

from cfos_cm.quirk import Quirk
from cfos_cm.simulator.personas.asked import Answer, Asked
from cfos_cm.simulator.personas.payloads import (
    energy,
    start_transaction,
    status_notification,
    stop_transaction,
)
from cfos_cm.simulator.personas.persona import Make, Persona
from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = ["BEYOND"]

#: What the clock of X4 says some time after each of its starts.
_PLUGGED, _MEASURED, _UNPLUGGED = (f"2000-01-01T00:0{minute}:12Z" for minute in (1, 2, 5))


async def _loose_types(wallbox: Wallbox) -> None:
    stage = wallbox.stage
    wallbox.answer("GetConfiguration", _number_for_text)
    await wallbox.connect()
    at, connector = wallbox.now(), str(stage.connector)
    status = status_notification(stage.connector, "Preparing", at)
    await wallbox.judge_call(
        "writes a number as a text: its connector",
        "StatusNotification",
        {**status, "connectorId": connector},
    )
    start = start_transaction(stage.connector, stage.id_tag, 1000, at)
    outcome = await wallbox.call("StartTransaction", {**start, "meterStart": "1000"})
    number = wallbox.started(outcome)
    outcome = await wallbox.measure(number, {**energy(0), "value": 1500}, at=at)
    wallbox.judge("writes a text as a number: what it measures", outcome)
    stop = stop_transaction(number, 2000, wallbox.now())
    await wallbox.judge_call(
        "has a fraction where there is none: at its stop",
        "StopTransaction",
        {**stop, "meterStop": 2000.4},
    )
    await wallbox.may_be_asked("GetConfiguration", "has a number for the value of a key")
    await wallbox.goes_on()


def _number_for_text(_: Asked) -> Answer:
    key = {"key": "NumberOfConnectors", "readonly": "true", "value": 1}
    return {"configurationKey": [key]}


async def _long_texts(wallbox: Wallbox) -> None:
    await wallbox.knock()
    await wallbox.connect()
    stage = wallbox.stage
    status = status_notification(stage.connector, "Available", wallbox.now())
    much = {**status, "info": "all is well " * 5}
    await wallbox.judge_call("tells much beside a status", "StatusNotification", much)
    await wallbox.close()
    await wallbox.connect(Make("Schneider Electric", "EVlink Smart Wallbox in grey"))
    await wallbox.goes_on()


async def _data_as_object(wallbox: Wallbox) -> None:
    await wallbox.connect()
    data: dict[str, Any] = {"vendorId": "Growatt", "messageId": "frozenrecord"}
    for what, one in (
        ("an object", {"connectorId": wallbox.stage.connector, "chargemode": 1}),
        ("a list", [1, 2, 3]),
    ):
        what = f"sends {what} where a text should be"
        await wallbox.judge_call(what, "DataTransfer", {**data, "data": one})


async def _charge_in_2000(wallbox: Wallbox, meter_wh: int) -> int:
    wallbox.judge("has a car", await wallbox.status("Preparing", _PLUGGED))
    number = await wallbox.start(meter_wh, _PLUGGED)
    measured = await wallbox.measure(number, energy(meter_wh + 500), at=_MEASURED)
    wallbox.judge("measures in 2000", measured)
    stop = stop_transaction(number, meter_wh + 1000, _UNPLUGGED)
    await wallbox.judge_call("stops in 2000", "StopTransaction", stop)
    wallbox.judge("is free", await wallbox.status("Available", _UNPLUGGED))
    return number


async def _no_clock(wallbox: Wallbox) -> None:
    await wallbox.connect()
    first = await _charge_in_2000(wallbox, 1000)
    await wallbox.drop()
    await wallbox.connect()
    second = await _charge_in_2000(wallbox, 2000)
    wallbox.claim(
        "starts once more at the very time at which it had started: another transaction",
        first != second,
    )
    await wallbox.moment("free again in 2000")


BEYOND = (
    Persona(
        number="X1",
        title="writes numbers as texts, and texts as numbers",
        boxes="Scame and others",
        why="It is clear what is meant; refused, it looks as if nothing worked at all.",
        evidence=(
            "https://github.com/lbbrhzn/ocpp/issues/1499",
            "https://github.com/mobilityhouse/ocpp/pull/582",
        ),
        make=Make("Vendor", "Loose Types"),
        script=_loose_types,
        needs=frozenset({Quirk.LOOSE_TYPES}),
    ),
    Persona(
        number="X2",
        title="has texts that are longer than allowed",
        boxes="Schneider EVlink (serial numbers), Grizzl-E (model)",
        why="Refused for a long serial number, it never gets past its boot.",
        evidence=(
            "https://github.com/lbbrhzn/ocpp/issues/213",
            "https://github.com/lbbrhzn/ocpp/issues/1622",
            "https://github.com/lbbrhzn/ocpp/issues/899",
        ),
        make=Make(
            "Schneider Electric",
            "EVlink Smart Wallbox",
            "3.4.0.9",
            {
                "chargeBoxSerialNumber": "EVB1A22P2RI3N1823000000000000000E5",
                "chargePointSerialNumber": "3N182300000F2S1B7500000000",
            },
        ),
        script=_long_texts,
    ),
    Persona(
        number="X3",
        title="sends an object as the data of its DataTransfer",
        boxes="Growatt",
        why="Its data is for its maker only; refused for their form, it repeats them.",
        evidence=("https://github.com/mobilityhouse/ocpp/issues/101",),
        make=Make("Growatt", "THOR"),
        script=_data_as_object,
    ),
    Persona(
        number="X4",
        title="has no clock: whenever it starts, it is the first of January 2000",
        boxes="not named",
        why="What it says to have happened then happens now, and twice the same is not once.",
        evidence=(),
        make=Make("Vendor", "No Clock"),
        script=_no_clock,
        needs=frozenset({Quirk.NO_CLOCK}),
    ),
)
