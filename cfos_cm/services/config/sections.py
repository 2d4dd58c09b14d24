"""
The sections of C{tap.cfg} and their options: one field for each.

A new option is one field here. Reading it, its mistakes and its row in C{docs/tap.cfg.md}
follow from the declaration.
"""

# ruff: noqa: RUF009 - option() makes a field, as attrs.field() does, not a value

from __future__ import annotations

from attrs import frozen

from cfos_cm.central_system.settings import UnknownChargePoints
from cfos_cm.electrical import PhaseCurrents
from cfos_cm.services.config.device_sections import EvseSection, MeterSection
from cfos_cm.services.config.gateway_section import GatewaySection
from cfos_cm.services.config.options import Section, hidden, option
from cfos_cm.services.config.quantities import (
    current,
    phase_currents,
    power,
    seconds,
    whole,
)
from cfos_cm.services.config.simulator import SimulatorSection
from cfos_cm.services.config.values import (
    ADDRESSES,
    BOOLEAN,
    DATABASE_URL,
    FILE,
    FILES,
    HOST_NAMES,
    INTERFACE,
    PASSPHRASE,
    PASSWORD,
    choice,
    of_pattern,
    optional,
    reference,
    shown_url,
    text,
)
from cfos_cm.services.config.words import (
    ImbalanceOf,
    LoadManagement,
    OnDisable,
    Tls,
)
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.policy import Policy, Sharing

__all__ = [
    "NAMED_SECTIONS",
    "SINGLE_SECTIONS",
    "CircuitSection",
    "EvseSection",
    "GatewaySection",
    "ManagerSection",
    "MeterSection",
    "OcppServerSection",
    "WebSection",
]


@frozen(kw_only=True)
class ManagerSection(Section):
    """The site as a whole."""

    title: str = option(text(80), "What this site is called.", default="Charging site")
    load_management: LoadManagement = option(
        choice(LoadManagement),
        "on: set the EVSEs' currents; observe: read only, set nothing.",
        default="on",
    )
    on_disable: OnDisable = option(
        choice(OnDisable),
        "What a disabled EVSE is left with: no current, its minimum current, or no limit at "
        "all (which also clears its charging profiles).",
        default="block",
    )
    database: str = option(
        DATABASE_URL,
        "Where transactions and tags are kept. A relative file is sought beside tap.cfg.",
        default="sqlite:///var/cfos_cm.sqlite",
        restart=True,
        shown=shown_url,
    )
    state_directory: str = option(
        text(1000),
        "The folder for keys, certificates and backups; beside tap.cfg when it is relative.",
        default="var",
        restart=True,
    )
    cycle_s: float = option(
        seconds("0.1", "60"),
        "The longest time between two decisions (s); a change is acted on at once.",
        name="cycle",
        default="1.0",
    )
    sharing: Sharing = option(
        choice(Sharing),
        "What a higher priority means. strict: it gets all that it can use before a lower one "
        "gets anything; min_first: everybody gets his minimum, then they are filled.",
        default="strict",
    )
    min_pause_s: float = option(
        seconds("0", "3600"),
        "For so long at least an EVSE pauses that made room for others (s).",
        name="min_pause",
        default="300",
    )
    min_charge_time_s: float = option(
        seconds("0", "3600"),
        "For so long an EVSE that has begun to charge is not paused to let others take their "
        "turn (s); the fuse does not wait for it.",
        name="min_charge_time",
        default="300",
    )
    surplus_undercut_s: float = option(
        seconds("0", "3600"),
        "For so long an EVSE in mode surplus goes on with its minimum when there is less (s); "
        "then it pauses.",
        name="surplus_undercut",
        default="300",
    )
    phase_switch_delay_s: float = option(
        seconds("0", "3600"),
        "For so long there has to be enough for three phases before an EVSE that charges with "
        "one is switched to three (s).",
        name="phase_switch_delay",
        default="300",
    )

    def policy(self) -> Policy:
        """How the site shares what there is too little of."""
        return Policy(
            sharing=self.sharing,
            min_pause_s=self.min_pause_s,
            min_run_s=self.min_charge_time_s,
            surplus_undercut_s=self.surplus_undercut_s,
            phase_switch_s=self.phase_switch_delay_s,
        )


@frozen(kw_only=True)
class WebSection(Section):
    """The page and the HTTP interface. Where this section is not written there are none."""

    listen: str = option(
        of_pattern(r"[a-z][a-z0-9]{0,19}:\S{1,500}", "a Twisted endpoint, such as tcp:4712"),
        "Where the page is served. With TLS: ssl:4712:privateKey=KEY.pem:certKey=CHAIN.pem",
        default="tcp:4712",
        restart=True,
    )
    names: tuple[str, ...] = option(
        HOST_NAMES,
        "Under which names people reach the page, beside this computer's own name and its "
        "addresses; a request for any other name is refused.",
        default="",
        restart=True,
    )
    trusted_proxies: tuple[str, ...] = option(
        ADDRESSES,
        "The addresses of reverse proxies, whose word counts for where a request comes from.",
        default="",
        restart=True,
    )
    open_metrics: bool = option(
        BOOLEAN,
        "Whether anybody may read /metrics; else whoever does needs a token.",
        default="no",
        restart=True,
    )

    @property
    def is_served(self) -> bool:
        """Whether there is a page at all."""
        return self.origin.line > 0


@frozen(kw_only=True)
class OcppServerSection(Section):
    """The Central System that wallboxes connect to."""

    port: int = option(whole(1, 65535), "The TCP port for OCPP connections.", default="19520")
    interface: str | None = option(
        optional(INTERFACE), "The address to listen at; empty: all.", default=""
    )
    tls: Tls = option(
        choice(Tls),
        "off: plain connections only; on: encrypted ones only; detect: both.",
        default="detect",
    )
    password: str | None = option(
        optional(PASSWORD),
        "What wallboxes have to know; empty: nothing. An EVSE's own password goes before it.",
        default="",
        shown=hidden,
    )
    certificate: str | None = option(
        optional(FILE),
        "The server's certificate chain (PEM); empty: a self-signed one is made.",
        default="",
    )
    private_key: str | None = option(
        optional(FILE), "The certificate's private key (PEM).", default=""
    )
    ca_certificates: tuple[str, ...] = option(
        FILES,
        "Who may have signed the certificates of wallboxes (PEM), or those certificates "
        "themselves; given: wallboxes that come by TLS must have one.",
        default="",
    )
    signing_certificate: str | None = option(
        optional(FILE),
        "The certificate of the authority that signs for wallboxes that ask for a certificate "
        "of their own (PEM); empty: ca/ca.pem in the state_directory, if it is there.",
        default="",
    )
    signing_key: str | None = option(
        optional(FILE),
        "That authority's private key (PEM); empty: ca/ca.key in the state_directory.",
        default="",
    )
    signing_passphrase: str | None = option(
        optional(PASSPHRASE), "What unlocks that key.", default="", shown=hidden
    )
    unknown_charge_points: UnknownChargePoints = option(
        choice(UnknownChargePoints),
        "A wallbox that no EVSE section names: keep it waiting until somebody approves it, "
        "accept it, or refuse it.",
        default="ask",
    )


@frozen(kw_only=True)
class CircuitSection(Section):
    """A part of the wiring that one fuse protects."""

    parent: str | None = option(
        optional(reference("circuit")),
        "The circuit that feeds this one; empty: this is a main fuse.",
        default="",
    )
    max_current: PhaseCurrents = option(
        phase_currents("1", "10000"),
        "The fuse's rating (A per phase); three where it differs from phase to phase.",
    )
    max_power_w: int | None = option(
        # Less than 1 kW is no limit that lets a car charge, but kilowatts without their unit.
        optional(power(1000, 10_000_000)),
        "What all phases together may draw, such as by contract; empty: what the fuse allows.",
        name="max_power",
        default="",
    )
    reserve_ma: int = option(
        current("0", "10000"),
        "What is kept free below the rating (A per phase).",
        name="reserve",
        default="0",
    )
    max_imbalance_ma: int = option(
        current("0", "10000"),
        "How far two phases may differ (A); 0: any.",
        name="max_imbalance",
        default="0",
    )
    imbalance_of: ImbalanceOf = option(
        choice(ImbalanceOf),
        "Whose currents max_imbalance is about. evses: those of the EVSEs alone; all: all that "
        "the circuit carries.",
        default="evses",
    )
    meter: str | None = option(
        optional(reference("meter")),
        "The meter that measures the whole circuit, of role grid; empty: there is none.",
        default="",
    )
    assumed_load: PhaseCurrents = option(
        phase_currents("0", "10000"),
        "What it carries besides EVSEs where no meter says it (A per phase).",
        default="0",
    )
    failsafe_load: PhaseCurrents | None = option(
        optional(phase_currents("0", "10000")),
        "What it is taken to carry besides EVSEs while a meter that should say it is silent "
        "(A per phase); empty: so much that nothing is left for EVSEs.",
        default="",
    )
    priority: int = option(
        whole(0, 1000),
        "Of all its EVSEs against those beside it; a higher one is served first. An EVSE's own "
        "priority counts among those of the same circuit.",
        default="1",
    )

    def settings(self) -> CircuitSettings:
        """What the site has to know of it."""
        return CircuitSettings(
            name=self.name,
            max_current=self.max_current,
            parent=self.parent,
            reserve_ma=self.reserve_ma,
            max_imbalance_ma=self.max_imbalance_ma,
            meter=self.meter,
            max_power_w=self.max_power_w,
            assumed_load=self.assumed_load,
            failsafe_load=self.failsafe_load,
            imbalance_counts_load=self.imbalance_of is ImbalanceOf.ALL,
            priority=self.priority,
        )


#: The sections of which there is one each, by their headings.
SINGLE_SECTIONS: dict[str, type[Section]] = {
    "manager": ManagerSection,
    "web": WebSection,
    "ocpp server": OcppServerSection,
}

#: The sections that have a NAME, by the first word of their headings.
NAMED_SECTIONS: dict[str, type[Section]] = {
    "circuit": CircuitSection,
    "meter": MeterSection,
    "evse": EvseSection,
    "gateway": GatewaySection,
    "simulator": SimulatorSection,
}
