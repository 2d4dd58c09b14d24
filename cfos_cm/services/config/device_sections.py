"""
The sections of C{tap.cfg} that are about devices: EVSEs and meters.

What a driver has to know of its section is L{EvseSection.device} and L{MeterSection.device}.
"""

# ruff: noqa: RUF009 - option() makes a field, as attrs.field() does, not a value

from __future__ import annotations

from attrs import evolve, frozen

from cfos_cm.central_system.quirks import QuirkPolicy
from cfos_cm.drivers.interfaces import EvseDevice, MeterDevice
from cfos_cm.drivers.modbus.place import PLACE_WORDS
from cfos_cm.drivers.registry import EVSE_MAKERS, METER_MAKERS
from cfos_cm.electrical import CurrentSteps, Phase
from cfos_cm.services.config.options import Section, hidden, option
from cfos_cm.services.config.quantities import (
    CURRENT_STEPS,
    current,
    or_zero,
    whole,
)
from cfos_cm.services.config.values import (
    BOOLEAN,
    ID_TAG,
    PASSWORD,
    PHASES,
    QUIRKS,
    choice,
    driver,
    optional,
    or_empty,
    reference,
    text,
)
from cfos_cm.services.config.words import (
    Authorisation,
    OnDisable,
)
from cfos_cm.site.evse import ChargingMode, EvseSettings
from cfos_cm.site.meter import MeterRole, MeterSettings
from cfos_cm.wire.registers import Order

__all__ = ["EvseSection", "MeterSection"]

_PARAMETERS = "What only a driver of another package understands; see its documentation."
_OF_METER = "What only its type of meter understands, such as inverted; see meters.md."
_WINDOW = (
    "How many Modbus requests it bears at once; many devices lose all but the last of several."
)


@frozen(kw_only=True)
class MeterSection(Section):
    """A meter."""

    type: str = option(driver(METER_MAKERS), "What it speaks.")
    address: str | None = option(
        optional(text(300)),
        f"Where it is: {PLACE_WORDS}; a simulated one needs none.",
        default="",
    )
    unit: int = option(whole(0, 255), "Its Modbus unit id.", default="1")
    window: int = option(whole(1, 16), _WINDOW, default="1")
    role: MeterRole = option(
        choice(MeterRole),
        "What it measures. grid: all that a circuit carries, which names it as its meter; "
        "consumption: a load besides the EVSEs; generation: what is fed in, such as by PV; "
        "evse: what one EVSE draws; display: nothing that anybody decides by.",
    )
    circuit: str | None = option(
        optional(reference("circuit")),
        "The circuit that its load or generation is part of; for the roles consumption and "
        "generation only, which need it.",
        default="",
    )
    evse: str | None = option(
        optional(reference("evse")),
        "The EVSE that it belongs to; for the role evse only, which needs it.",
        default="",
    )
    phases: tuple[Phase, ...] = option(
        PHASES,
        "The supply's phases in the order in which its terminals are wired.",
        default="L1 L2 L3",
    )
    definition: str | None = option(
        optional(text(300)),
        "For type modbus: the name of a meter that is known, or a file beside tap.cfg that "
        "says which registers it has; see meters.md.",
        default="",
    )
    registers: str | None = option(
        optional(text(2000)),
        "For type modbus: the registers themselves, such as power: 52 f32 W; see meters.md.",
        default="",
    )
    word_order: Order = option(
        choice(Order),
        "For registers: which word of a longer number comes first.",
        default="big",
    )
    byte_order: Order = option(
        choice(Order), "For registers: which byte of a word comes first.", default="big"
    )
    function: int = option(
        whole(3, 4),
        "For registers: 3 reads holding registers, 4 reads input registers.",
        default="3",
    )
    parameters: str | None = option(optional(text(1000)), _OF_METER, default="", shown=hidden)

    def device(self, folder: str = "") -> MeterDevice:
        """
        What its driver has to know.

        @param folder: where a relative path begins.
        """
        return MeterDevice(
            settings=self.settings(),
            address=self.address,
            unit=self.unit,
            window=self.window,
            phases=self.phases,
            definition=self.definition or "",
            registers=self.registers or "",
            word_order=self.word_order,
            byte_order=self.byte_order,
            function=self.function,
            parameters=self.parameters or "",
            folder=folder,
        )

    def settings(self) -> MeterSettings:
        """What the site has to know of it."""
        return MeterSettings(self.name, self.role, self.circuit, self.evse)


@frozen(kw_only=True)
class EvseSection(Section):
    """A place where one car charges."""

    type: str = option(driver(EVSE_MAKERS), "What it speaks.")
    address: str = option(
        evolve(text(300), allowed=f"a ChargeBox ID, or {PLACE_WORDS}"),
        f"ocpp16: its ChargeBox ID; cfos_power_brain: {PLACE_WORDS}.",
    )
    connector: int = option(
        whole(1, 100), "Its connector's number at that Charge Point.", default="1"
    )
    unit: int = option(whole(0, 255), "Its Modbus unit id.", default="1")
    window: int = option(whole(1, 16), _WINDOW, default="1")
    circuit: str = option(
        or_empty(reference("circuit")),
        "The circuit that feeds it; empty: the only one that there is.",
        default="",
    )
    enabled: bool = option(
        BOOLEAN, "A disabled EVSE is left with what on_disable says.", default="yes"
    )
    # IEC 61851-1: the least current that a pilot can offer is 6 A, the greatest 80 A.
    min_current_ma: int = option(
        current("6", "80"),
        "Below this its car does not charge (A); 6 is the least there is.",
        name="min_current",
        default="6",
    )
    max_current_ma: int = option(
        current("6", "80"), "Its rating (A per phase).", name="max_current", default="16"
    )
    current_steps: CurrentSteps = option(
        CURRENT_STEPS,
        "The currents that it can be set to (A): one is the step between two of them; several "
        "are all that there are, such as 6 8 10 13 16.",
        default="0.1",
    )
    phases: tuple[Phase, ...] = option(
        PHASES,
        "The supply's phases in the order in which its own are wired.",
        default="L1 L2 L3",
    )
    phase_switching: bool = option(
        BOOLEAN,
        "yes: it can be told to charge with one phase instead of three.",
        default="no",
    )
    priority: int = option(whole(0, 1000), "A higher one is served first.", default="1")
    weight: int = option(
        whole(1, 1000),
        "How much it gets against others of its priority when there is not enough for all: one "
        "of weight 2 gets twice as much as one of weight 1.",
        default="1",
    )
    mode: ChargingMode = option(
        choice(ChargingMode),
        "normal: it charges with all that its circuits leave it; surplus: only with what the "
        "site would feed into the grid.",
        default="normal",
    )
    failsafe_current_ma: int = option(
        current("0", "80"),
        "What it falls back to when contact is lost (A); 0: it pauses. With ocpp16 its wallbox "
        "is told; if it has a setting of its own for that, it has to be the same.",
        name="failsafe_current",
        default="0",
    )
    lease_s: int = option(
        or_zero(whole(60, 86_400)),
        "With ocpp16: for so long its wallbox obeys a limit without hearing from this program "
        "(s), and then falls back to failsafe_current; 0: as long as the transaction lasts.",
        name="lease",
        default="600",
    )
    failsafe_after_s: int = option(
        whole(10, 3600),
        "With cfos_power_brain: for so long (s) it hears nothing of this program before it "
        "falls back to failsafe_current; it is told so when it connects.",
        name="failsafe_after",
        default="180",
    )
    wake: bool = option(
        BOOLEAN,
        "With cfos_power_brain: a car that does not begin to draw after a pause is woken by "
        "interrupting its control pilot for some seconds, once for each pause.",
        default="yes",
    )
    authorisation: Authorisation = option(
        choice(Authorisation),
        "Of an EVSE without OCPP to this program. manager: its cards are looked up in the list "
        "of tags, and its fixed_tag may charge unless it is on it as blocked; device: whoever "
        "plugs in may charge as far as this program is concerned, for its device asks for "
        "itself, such as a backend of its own.",
        default="manager",
    )
    parameters: str | None = option(optional(text(1000)), _PARAMETERS, default="", shown=hidden)
    password: str | None = option(
        optional(PASSWORD),
        "What its wallbox has to know; empty: the OCPP server's password.",
        default="",
        shown=hidden,
    )
    certificate_name: str | None = option(
        optional(text(100)),
        "With ocpp16: the name in its wallbox's client certificate (CN or SAN), where that is "
        "neither its ChargeBox ID nor its serial number.",
        default="",
    )
    fixed_tag: str | None = option(
        optional(ID_TAG), "The idTag of a car whose driver showed no card.", default=""
    )
    quirks: QuirkPolicy = option(
        QUIRKS,
        "Which deviations from OCPP it is forgiven. auto: what its make is known for; none: "
        "only what harms nobody; strict: nothing at all.",
        default="auto",
    )

    def device(self, on_disable: OnDisable = OnDisable.BLOCK) -> EvseDevice:
        """
        What its driver has to know; of its settings only what concerns the device.

        @param on_disable: what it is left with when it is disabled.
        """
        is_left_alone = not self.enabled and on_disable is OnDisable.CANCEL_LIMITS
        return EvseDevice(
            settings=EvseSettings(
                name=self.name,
                circuit="",
                enabled=not is_left_alone,
                released_when_disabled=is_left_alone,
                min_current_ma=self.least_ma,
                max_current_ma=self.max_current_ma,
                phases=self.phases,
                failsafe_current_ma=self.failsafe_current_ma,
                can_switch_phases=self.phase_switching,
            ),
            address=self.address,
            connector=self.connector,
            unit=self.unit,
            window=self.window,
            lease_s=self.lease_s,
            failsafe_after_s=self.failsafe_after_s,
            wakes=self.wake,
            parameters=self.parameters or "",
        )

    def settings(
        self, needs_backend: bool, on_disable: OnDisable, metered_apart: bool = False
    ) -> EvseSettings:
        """
        What the site has to know of it.

        @param needs_backend: a backend decides who may charge.
        @param on_disable: what it is left with when it is disabled.
        @param metered_apart: a meter of its own says what it draws.
        """
        maker = EVSE_MAKERS.of(self.type)
        keeps_minimum = on_disable is OnDisable.MINIMUM
        return EvseSettings(
            name=self.name,
            circuit=self.circuit,
            enabled=self.enabled,
            disabled_current_ma=self.least_ma if keeps_minimum else 0,
            released_when_disabled=on_disable is OnDisable.CANCEL_LIMITS,
            min_current_ma=self.least_ma,
            max_current_ma=self.max_current_ma,
            phases=self.phases,
            priority=self.priority,
            failsafe_current_ma=self.failsafe_current_ma,
            fixed_tag=self.fixed_tag,
            needs_backend=needs_backend,
            weight=self.weight,
            steps=self.current_steps,
            mode=self.mode,
            can_switch_phases=self.phase_switching,
            keeps_limit=maker is not None and not maker.knows_transactions,
            open_to_all=self.authorisation is Authorisation.DEVICE,
            metered_apart=metered_apart,
        )

    @property
    def least_ma(self) -> int:
        """The lowest of its steps that its car charges with. [mA per phase]"""
        return self.current_steps.at_least(self.min_current_ma) or self.min_current_ma
