"""The sections of C{tap.cfg} that make a site without hardware."""

# ruff: noqa: RUF009 - option() makes a field, as attrs.field() does, not a value

from __future__ import annotations

from attrs import frozen

from cfos_cm.services.config.options import Section, hidden, option
from cfos_cm.services.config.quantities import current, energy, factor, power, seconds, whole
from cfos_cm.services.config.values import (
    AUTHORITIES,
    BOOLEAN,
    CHARGE_BOX_IDENTITY,
    FILE,
    ID_TAG,
    INTERFACE,
    PASSWORD,
    TAG_PATTERNS,
    WEBSOCKET_URL,
    choice,
    of_pattern,
    optional,
    shown_url,
    text,
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
        "Its ChargeBox ID. A charge_point needs one; a power_brain without one does not speak "
        "OCPP, and is steered by Modbus alone.",
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
    ca_certificates: tuple[str, ...] = option(
        AUTHORITIES,
        "Who may have signed the OCPP server's certificate (PEM), or that certificate itself; "
        "system: whom this computer believes; empty: any is taken.",
        default="",
        restart=True,
    )
    certificate: str | None = option(
        optional(FILE),
        "The client certificate chain that it shows the OCPP server (PEM); of a backend: its "
        "own, so that it is called by wss://.",
        default="",
        restart=True,
    )
    private_key: str | None = option(
        optional(FILE), "That certificate's private key (PEM).", default="", restart=True
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
    modbus_port: int | None = option(
        optional(whole(1, 65_533)),
        "The TCP port where it is steered, or read, by Modbus; those of a power_brain's S0 "
        "meters are the two after it. Empty: 4701 for a power_brain, 1502 for a meter.",
        default="",
        restart=True,
    )
    interface: str | None = option(
        optional(INTERFACE),
        "The address of this machine where that port is, or a backend's; 0.0.0.0: all of them.",
        default="127.0.0.1",
        restart=True,
    )
    serial: str | None = option(
        optional(of_pattern(r"[!-~]{1,16}", "1 to 16 characters of ASCII, without a space")),
        "The serial number of a power_brain.",
        default="",
        restart=True,
    )
    has_phase_switching: bool = option(
        BOOLEAN,
        "Whether a power_brain's phases may be switched while a car is plugged in.",
        name="phase_switching",
        default="yes",
        restart=True,
    )
    max_current_ma: int | None = option(
        optional(current("6", "63")),
        "What a wallbox is made for (A per phase); empty: 16 for a power_brain, 32 for a "
        "charge_point.",
        name="max_current",
        default="",
        restart=True,
    )
    unit: int = option(
        whole(0, 255), "The Modbus unit id of a meter.", default="1", restart=True
    )
    has_reader: bool = option(
        BOOLEAN,
        "Whether a power_brain has a reader for cards.",
        name="reader",
        default="yes",
        restart=True,
    )
    fixed_tag: str | None = option(
        optional(ID_TAG),
        "The idTag that a power_brain without a reader tells the OCPP server.",
        default="",
        restart=True,
    )
    house: int = option(
        whole(1, 10_000),
        "Which house is behind a meter: each number is another day of another household. Its "
        "meter sees the simulated wallboxes, too.",
        default="1",
        restart=True,
    )
    solar_peak_w: int = option(
        power(0, 100_000),
        "What the house's solar panels give at noon at most.",
        name="solar_peak",
        default="0",
        restart=True,
    )
    backend_port: int = option(
        whole(1, 65_535),
        "The TCP port where Charge Points connect to a backend.",
        default="9210",
        restart=True,
    )
    price: float = option(
        factor("0", "1000"),
        "What a backend bills (EUR per kWh).",
        default="0.4",
        restart=True,
    )
    tags: tuple[str, ...] = option(
        TAG_PATTERNS,
        "Whose cards a backend knows: idTags with spaces between; * stands for anything.",
        default="*",
        restart=True,
    )
    book: str | None = option(
        optional(text(1000)),
        "The file where a backend keeps what it was told; beside tap.cfg when it is relative. "
        "Empty: backend-NAME.jsonl in the state_directory.",
        default="",
        restart=True,
    )
    time_lapse: float = option(
        factor("1", "10000"),
        "How many times faster its car fills up, or its house's day goes by; 1: real time.",
        default="1",
        restart=True,
    )
