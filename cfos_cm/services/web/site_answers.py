"""
What is answered about the site as it is now: the site itself, its EVSEs and its gateways.

Currents are in mA and three to a list: those on L1, L2 and L3. What is not known is null.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

__all__ = [
    "ChargeLimit",
    "Circuit",
    "CircuitLimit",
    "Currents",
    "Device",
    "Evse",
    "EvseGateway",
    "EvseWarning",
    "Evses",
    "Flow",
    "Gateway",
    "Gateways",
    "LinkWord",
    "Meter",
    "ModeWord",
    "OccupancyWord",
    "OcppServer",
    "Release",
    "ReleaseWord",
    "SetReason",
    "SetTo",
    "Site",
    "SiteWarning",
    "Started",
]

#: On L1, L2 and L3. [mA]
Currents = tuple[int, int, int]

ModeWord = Literal["on", "observe"]
LinkWord = Literal["never", "online", "lost"]
OccupancyWord = Literal["unknown", "free", "plugged", "charging", "unavailable", "faulted"]
ReleaseWord = Literal["none", "pending", "confirmed", "refused"]


class OcppServer(Struct, frozen=True, kw_only=True):
    """
    Where Charge Points connect.

    @ivar interface: the address that is listened at; null: all.
    @ivar tls: C{off}, C{on} or C{detect}.
    @ivar urls: what a wallbox is told; its ChargeBox ID comes after it.
    """

    port: int
    interface: str | None
    tls: str
    urls: tuple[str, ...]


class Flow(Struct, frozen=True, kw_only=True):
    """
    Where power flows, as far as meters tell.

    @ivar grid_w: drawn from the grid, negative where it is fed in; null: not all main fuses
        have a meter that is believed. [W]
    @ivar house_w: what is drawn besides EVSEs: grid and generation without EVSEs; null: one of
        those is not known. [W]
    @ivar generation_w: what is generated; null: no meter tells. [W]
    @ivar chargers_w: what EVSEs draw, as far as it is measured; null: somebody charges, and
        nothing is measured. [W]
    """

    grid_w: int | None
    house_w: int | None
    generation_w: int | None
    chargers_w: int | None


class CircuitLimit(Struct, frozen=True, kw_only=True):
    """
    What somebody outside allows a circuit.

    @ivar by: who.
    @ivar max_power_w: all phases together. [W]
    @ivar all_loads: it is for all that the circuit draws; else for its EVSEs alone.
    @ivar until: when it ends by itself (UTC); null: when it is lifted.
    """

    by: str
    max_power_w: int
    all_loads: bool
    until: datetime | None


class Circuit(Struct, frozen=True, kw_only=True):
    """
    A circuit, and what it carries.

    @ivar parent: the circuit that feeds it; null: it is a main fuse.
    @ivar max_current_ma: the fuse's rating. [mA]
    @ivar reserve_ma: what the settings keep free of it. [mA per phase]
    @ivar usable_ma: what may flow now: the rating without what is kept free, which is more
        than the reserve where the house is restless or a fuse has to cool. [mA]
    @ivar meter: what measures all of it; null: nothing.
    @ivar load_ma: all that it carries, EVSEs too, negative where it feeds in; null: not known.
        [mA]
    @ivar evses_ma: what is measured at EVSEs in it, also by way of other circuits. [mA]
    @ivar headroom_ma: how much more may flow, negative where it is too much already; null: not
        known, and no EVSE gets any more. [mA]
    @ivar max_power_w: what all phases together may draw; null: what the fuse allows. [W]
    @ivar overdrawn_ma: how far it was above its fuse lately, which has to cool; null: it was
        not. [mA]
    """

    name: str
    parent: str | None
    max_current_ma: Currents
    reserve_ma: int
    usable_ma: Currents
    meter: str | None
    load_ma: Currents | None
    evses_ma: Currents
    headroom_ma: Currents | None
    max_power_w: int | None
    overdrawn_ma: Currents | None
    limits: tuple[CircuitLimit, ...]


class Meter(Struct, frozen=True, kw_only=True):
    """
    A meter that is no EVSE's own.

    @ivar role: C{grid}, C{consumption}, C{generation}, C{evse} or C{display}.
    @ivar circuit: what it measures, or is part of; null: none.
    @ivar evse: whose draw it measures; null: nobody's.
    @ivar is_read: it was heard, and not lost since.
    @ivar currents_ma: into a load or out of a generator, negative the other way. [mA]
    @ivar power_w: with the same sign. [W]
    @ivar energy_wh: its register. [Wh]
    """

    name: str
    role: str
    circuit: str | None
    evse: str | None
    is_read: bool
    currents_ma: Currents | None
    power_w: int | None
    energy_wh: int | None


class SiteWarning(Struct, frozen=True, kw_only=True):
    """
    Something about the site that somebody should look at; what is about one EVSE is there.

    @ivar code: C{observe_mode}, C{not_listening}, C{meter_silent}, C{meter_doubted},
        C{overdraft}, C{gateway_away}, C{dead_letters} or C{certificate}.
    @ivar text: a sentence for a person.
    @ivar subject: the name of what it is about; empty: the site.
    """

    code: str
    text: str
    subject: str


class Site(Struct, frozen=True, kw_only=True):
    """
    The site as a whole.

    @ivar version: of this program.
    @ivar mode: C{on}: it sets currents; C{observe}: it sets nothing.
    @ivar now: when this was so (UTC).
    @ivar started_at: when the site began to run (UTC).
    @ivar cycle_ms: how long the last decision took; null: nothing was decided yet. [ms]
    @ivar longest_cycle_ms: how long the longest one took. [ms]
    @ivar circuits: those that feed others stand before them.
    @ivar charging: how many cars charge.
    @ivar waiting_charge_points: how many ask to be let in.
    """

    title: str
    version: str
    mode: ModeWord
    now: datetime
    started_at: datetime
    cycle_ms: float | None
    longest_cycle_ms: float | None
    ocpp_server: OcppServer
    flow: Flow
    circuits: tuple[Circuit, ...]
    meters: tuple[Meter, ...]
    charging: int
    waiting_charge_points: int
    warnings: tuple[SiteWarning, ...]


class Device(Struct, frozen=True, kw_only=True):
    """What a device says of itself, in its own words."""

    vendor: str
    model: str
    serial_number: str | None
    firmware_version: str | None


class SetReason(Struct, frozen=True, kw_only=True):
    """
    Why somebody gets no more than he does.

    @ivar code: C{disabled}, C{not_connected}, C{faulted}, C{no_car}, C{no_transaction},
        C{tag_refused}, C{backend}, C{meter}, C{rating}, C{outside}, C{demand}, C{pause},
        C{surplus}, C{circuit} or C{decision_failed}.
    @ivar text: the same for a person.
    @ivar circuit: the circuit that binds; null: none does.
    @ivar phase: the phase of it that binds; null: none, or all together.
    """

    code: str
    text: str
    circuit: str | None
    phase: str | None


class SetTo(Struct, frozen=True, kw_only=True):
    """
    What an EVSE is to offer its car.

    @ivar current_ma: 0: it pauses. [mA per phase]
    @ivar phases: on how many phases.
    """

    current_ma: int
    phases: int
    reason: SetReason


class Started(Struct, frozen=True, kw_only=True):
    """
    A transaction that runs.

    @ivar id: its number.
    @ivar id_tag: who charges, shortened.
    @ivar verdict: C{Accepted}, C{Blocked}, C{Expired} or C{Invalid}.
    @ivar started_at: when it began (UTC).
    """

    id: int
    id_tag: str
    verdict: str
    started_at: datetime


class ChargeLimit(Struct, frozen=True, kw_only=True):
    """
    What somebody allows an EVSE.

    @ivar by: who.
    @ivar current_ma: at most. [mA per phase]
    """

    by: str
    current_ma: int


class Release(Struct, frozen=True, kw_only=True):
    """
    How far an EVSE that is disabled is rid of its limits.

    @ivar state: C{none}: it is not to be; C{pending}: it was not told, or has not answered;
        C{confirmed}; C{refused}: it did not confirm, and is asked again.
    @ivar why: why it did not; null: nothing is known.
    """

    state: ReleaseWord
    why: str | None


class EvseGateway(Struct, frozen=True, kw_only=True):
    """
    How a gateway that shows an EVSE to a backend stands.

    @ivar state: in words for a person.
    @ivar is_serving: the backend is there, and has let it in.
    @ivar waiting: messages that the backend is owed.
    @ivar dead: messages that it does not take.
    """

    name: str
    state: str
    is_serving: bool
    waiting: int
    dead: int


class EvseWarning(Struct, frozen=True, kw_only=True):
    """
    Something about an EVSE that somebody should look at.

    @ivar code: C{link_lost}, C{disobedient}, C{unsure}, C{faulted}, C{meter_silent},
        C{backend_objection} or C{release_refused}.
    @ivar text: a sentence for a person.
    """

    code: str
    text: str


class Evse(Struct, frozen=True, kw_only=True):
    """
    An EVSE: what is configured for it and what is known of it.

    @ivar circuit: what feeds it.
    @ivar enabled: whether it takes part.
    @ivar type: what it speaks.
    @ivar address: where it is; for C{ocpp16} its ChargeBox ID.
    @ivar connector: its connector's number there.
    @ivar unit: its Modbus unit id.
    @ivar priority: a higher one is served first.
    @ivar charging_mode: C{normal} or C{surplus}.
    @ivar min_current_ma: below it its car does not charge. [mA per phase]
    @ivar max_current_ma: its rating. [mA per phase]
    @ivar phases: the supply's phases in the order in which its own are wired.
    @ivar on_disable: what it is left with while it is disabled: C{block}, C{minimum} or
        C{cancel_limits}.
    @ivar link: whether it can be reached; C{never}: it was not since the program started.
    @ivar occupancy: what its car does.
    @ivar detail: its device's own word for that, such as C{SuspendedEV}; null: it has said
        none.
    @ivar fault: its error code; null: it is not faulted.
    @ivar identity: what its device says of itself; null: nothing yet.
    @ivar charge_point: the Charge Point that it is at; null: it speaks no OCPP.
    @ivar setpoint: what it is to give; null: nothing was decided yet.
    @ivar confirmed_ma: what it has accepted last; null: what it obeys is not known.
        [mA per phase]
    @ivar may_draw_ma: the most that it may be drawing, whatever was lost on the way.
        [mA per phase]
    @ivar currents_ma: what its meter sees. [mA]
    @ivar power_w: what its car draws. [W]
    @ivar energy_wh: its meter's register. [Wh]
    @ivar session_wh: what the transaction that runs has taken so far; null: none runs, or that
        is not known. [Wh]
    @ivar transaction: the one that runs; null: none.
    @ivar limits: what others allow it.
    @ivar paused: an operator has paused it.
    @ivar gateways: where it is shown to backends.
    """

    name: str
    circuit: str
    enabled: bool
    type: str
    address: str
    connector: int
    unit: int
    priority: int
    charging_mode: str
    min_current_ma: int
    max_current_ma: int
    phases: tuple[str, ...]
    on_disable: str
    link: LinkWord
    occupancy: OccupancyWord
    detail: str | None
    fault: str | None
    identity: Device | None
    charge_point: str | None
    setpoint: SetTo | None
    confirmed_ma: int | None
    may_draw_ma: int
    currents_ma: Currents | None
    power_w: int | None
    energy_wh: int | None
    session_wh: int | None
    transaction: Started | None
    limits: tuple[ChargeLimit, ...]
    paused: bool
    release: Release
    gateways: tuple[EvseGateway, ...]
    warnings: tuple[EvseWarning, ...]


class Evses(Struct, frozen=True, kw_only=True):
    """All EVSEs, in the order of the settings."""

    evses: tuple[Evse, ...]


class Gateway(Struct, frozen=True, kw_only=True):
    """
    How a gateway to a billing backend stands.

    @ivar key: names its queue, for as long as it is the same backend and the same identity.
    @ivar client_id: the identity that the backend knows.
    @ivar url: the backend's, without what may be secret in it.
    @ivar role: C{authority}: the backend decides; C{report}: it is told.
    @ivar outage: what happens while it is away: C{shield} or C{strict}.
    @ivar connectors: the EVSE of each connector that the backend sees, by its number.
    @ivar state: in words for a person.
    @ivar is_serving: the backend is there, and has let it in.
    @ivar since: when that began (UTC).
    @ivar registration: what it said to the last BootNotification; null: nothing yet.
    @ivar last_refusal: the last that it did not take, and why; empty: nothing.
    @ivar waiting: messages that it is owed.
    @ivar size_bytes: of those. [bytes]
    @ivar oldest_at: when the oldest of them was queued (UTC); null: none waits.
    @ivar dead: messages that it does not take.
    """

    name: str
    key: str
    client_id: str
    url: str
    role: str
    outage: str
    connectors: dict[str, str]
    state: str
    is_serving: bool
    since: datetime
    registration: str | None
    last_refusal: str
    waiting: int
    size_bytes: int
    oldest_at: datetime | None
    dead: int


class Gateways(Struct, frozen=True, kw_only=True):
    """All gateways."""

    gateways: tuple[Gateway, ...]
