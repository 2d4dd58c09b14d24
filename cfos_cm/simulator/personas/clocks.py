"""Oddities of time: Q19 to Q22."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from cfos_cm.quirk import Quirk
from cfos_cm.simulator.personas.asked import charging_schedule
from cfos_cm.simulator.personas.charging import charge, end
from cfos_cm.simulator.personas.payloads import (
    energy,
    meter_values,
    status_notification,
    timestamp,
)
from cfos_cm.simulator.personas.persona import Make, Persona
from cfos_cm.simulator.personas.wallbox import Wallbox

__all__ = ["CLOCKS"]


def _in_zone(at: datetime, hours: int) -> str:
    """A time with an offset that has no minutes."""
    local = at.astimezone(timezone(timedelta(hours=hours))).replace(tzinfo=None)
    return f"{local.isoformat(timespec='seconds')}{hours:+03d}"


def _forms(at: datetime) -> dict[str, str]:
    """One moment, as wallboxes write it."""
    naive = at.astimezone(UTC).replace(tzinfo=None)
    return {
        "as it should be": timestamp(at),
        "without a fraction": naive.isoformat(timespec="seconds") + "Z",
        "with microseconds": naive.isoformat(timespec="microseconds") + "Z",
        "with nanoseconds": naive.isoformat(timespec="microseconds") + "789Z",
        "with a small z": naive.isoformat(timespec="milliseconds") + "z",
        "with +00:00": naive.isoformat(timespec="milliseconds") + "+00:00",
        "with an offset without minutes": _in_zone(at, 2),
        "without a zone": naive.isoformat(timespec="milliseconds"),
        "from 1970": "1970-01-01T00:01:12Z",
        "two days old": timestamp(at - timedelta(days=2)),
    }


async def _forms_of_time(wallbox: Wallbox) -> None:
    await wallbox.connect()
    at = wallbox.stage.now()
    for what, text in _forms(at).items():
        wallbox.judge(f"writes a time {what}: {text}", await wallbox.status("Preparing", text))
    number = await wallbox.start(1000, _in_zone(at, 3))
    naive = at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    outcome = await wallbox.measure(number, energy(1500), at=naive)
    wallbox.judge("measures without a zone", outcome)
    await end(wallbox, number)


async def _disorder(wallbox: Wallbox) -> None:
    stage = wallbox.stage
    await wallbox.connect()
    number = await wallbox.start(1000)
    newer, older = wallbox.now(), timestamp(wallbox.ago(minutes=5))
    for what, at, wh in (
        ("says what it measures now", newer, 1500),
        ("then what it measured before", older, 1200),
        ("then something else of the same moment", newer, 1501),
    ):
        wallbox.judge(what, await wallbox.measure(number, energy(wh), at=at))
    await wallbox.judge_call(
        "says a status without a time: null",
        "StatusNotification",
        {**status_notification(stage.connector, "Charging"), "timestamp": None},
    )
    values = meter_values(stage.connector, number, newer, energy(1600))
    values["meterValue"][0]["timestamp"] = None
    await wallbox.judge_call("measures without a time: null", "MeterValues", values)
    await end(wallbox, number)


async def _old_status(wallbox: Wallbox) -> None:
    await wallbox.connect()
    number = await charge(wallbox)
    old = timestamp(wallbox.ago(days=2))
    wallbox.judge(
        "then tells that it was free two days ago", await wallbox.status("Available", old)
    )
    await wallbox.moment("after an old status")
    await wallbox.stop(number)
    wallbox.judge("is free", await wallbox.status("Available"))
    await wallbox.close()
    await wallbox.connect()
    number = await wallbox.start(2000)
    first = await wallbox.status("Charging", "1970-01-01T00:01:12Z")
    wallbox.judge("charges, by a clock that was never set", first)
    await wallbox.stop(number, 3000)
    later = await wallbox.status("Available", "1970-01-01T00:02:30Z")
    wallbox.judge("is free, by the same clock", later)
    await wallbox.moment("after a status from 1970")


def _read(text: object) -> datetime | None:
    """A time with a zone; C{None} if it is none."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


async def _literal_times(wallbox: Wallbox) -> None:
    await wallbox.connect()
    heartbeat = await wallbox.call("Heartbeat", {})
    if wallbox.judge("asks for the time", heartbeat):
        told = str(heartbeat.payload.get("currentTime"))
        good = told.endswith("Z") and _read(told) is not None
        wallbox.claim("gets one that ends in Z, the only form that it reads", good, told)
    await wallbox.status("Preparing")
    number = await wallbox.start()
    asked = await wallbox.must_be_asked("SetChargingProfile")
    begins = charging_schedule(asked).get("startSchedule")
    at = _read(begins)
    past = begins is None or (at is not None and at <= wallbox.ago(seconds=1))
    wallbox.claim(
        "gets a schedule that has begun: it ignores what begins a moment from now",
        past,
        "no startSchedule" if begins is None else str(begins),
    )
    await end(wallbox, number)


CLOCKS = (
    Persona(
        number="Q19",
        title="writes times in many forms, with or without a zone",
        boxes="AEFA (no zone), Alfen (statuses two days old) and others",
        why="A time that cannot be read must not cost a transaction.",
        evidence=(
            "https://github.com/monta-app/ocpp-emulator/issues/53",
            "https://github.com/monta-app/ocpp-emulator/issues/5",
            "https://github.com/lbbrhzn/ocpp/issues/337",
        ),
        make=Make("Vendor", "Many Clocks"),
        script=_forms_of_time,
    ),
    Persona(
        number="Q20",
        title="sends meter values out of order, of one moment, or without a time",
        boxes="not named",
        why="All of it is evidence; none of it may be refused for its order.",
        evidence=(
            "https://github.com/evcc-io/evcc/pull/15623",
            "https://github.com/evcc-io/evcc/pull/15641",
            "https://github.com/evcc-io/evcc/pull/15643",
        ),
        make=Make("Vendor", "No Order"),
        script=_disorder,
        needs=frozenset({Quirk.NULL_FIELDS}),
    ),
    Persona(
        number="Q21",
        title="tells an old status late, or has a clock that was never set",
        boxes="Alfen and others",
        why=(
            "An old status must not override a newer one, and a wrong clock must not "
            "freeze the wallbox out."
        ),
        evidence=("https://github.com/lbbrhzn/ocpp/issues/337",),
        make=Make("Vendor", "Old Statuses"),
        script=_old_status,
    ),
    Persona(
        number="Q22",
        title="reads times literally",
        boxes="not named",
        why=(
            "A schedule that begins some milliseconds from now is ignored, and charging "
            "unlimited."
        ),
        evidence=("https://github.com/evcc-io/evcc/pull/16430",),
        make=Make("Vendor", "Literal Times"),
        script=_literal_times,
    ),
)
