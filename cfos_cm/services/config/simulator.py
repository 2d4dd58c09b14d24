"""The sections of C{tap.cfg} that make a site without hardware."""

# ruff: noqa: RUF009 - option() makes a field, as attrs.field() does, not a value

from __future__ import annotations

from attrs import frozen

from cfos_cm.services.config.options import Section, hidden, option
from cfos_cm.services.config.quantities import current, energy, factor, seconds, whole
from cfos_cm.services.config.values import (
    CHARGE_BOX_IDENTITY,
    ID_TAG,
    PASSWORD,
    WEBSOCKET_URL,
    choice,
    optional,
    shown_url,
)
from cfos_cm.services.config.words import SimulatorType

__all__ = ["SimulatorSection"]


@frozen(kw_only=True)
class SimulatorSection(Section):
    """A device or a backend that this program plays itself, to try a site without hardware."""

    type: SimulatorType = option(choice(SimulatorType), "What it plays.", restart=True)
    url: str = option(
        WEBSOCKET_URL,
        "The OCPP server that it connects to.",
        default="ws://127.0.0.1:19520/",
        restart=True,
        shown=shown_url,
    )
    address: str | None = option(
        optional(CHARGE_BOX_IDENTITY),
        "Its ChargeBox ID; a charge_point needs one.",
        default="",
        restart=True,
    )
    connector: int = option(
        whole(1, 100), "The connector where its car plugs in.", default="1", restart=True
    )
    password: str | None = option(
        optional(PASSWORD),
        "What it tells the OCPP server; empty: nothing.",
        default="",
        restart=True,
        shown=hidden,
    )
    id_tag: str | None = option(
        optional(ID_TAG),
        "The card that its driver shows; empty: none.",
        default="",
        restart=True,
    )
    arrives_after_s: float = option(
        seconds("0", "86400"),
        "When its car plugs in after the start (s).",
        name="arrives_after",
        default="2",
        restart=True,
    )
    car_max_current_ma: int = option(
        current("6", "80"),
        "What its car draws at most (A per phase).",
        name="car_max_current",
        default="16",
        restart=True,
    )
    car_phases: int = option(
        whole(1, 3), "How many phases its car charges with.", default="3", restart=True
    )
    car_needs_wh: int = option(
        energy("0.001", "1000"),
        "What its car takes until it is full (kWh).",
        name="car_needs",
        default="10",
        restart=True,
    )
    leaves_after_s: float = option(
        seconds("0", "86400"),
        "When its car leaves after it is full (s).",
        name="leaves_after",
        default="30",
        restart=True,
    )
    returns_after_s: float = option(
        seconds("0", "86400"),
        "When its car comes back after it has left (s); 0: never.",
        name="returns_after",
        default="0",
        restart=True,
    )
    meter_interval_s: float = option(
        seconds("1", "3600"),
        "The time between two of its MeterValues (s).",
        name="meter_interval",
        default="10",
        restart=True,
    )
    time_lapse: float = option(
        factor("1", "10000"),
        "How many times faster its car fills up than a real one; 1: real time.",
        default="1",
        restart=True,
    )
