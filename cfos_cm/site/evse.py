"""An EVSE: a place where one car charges; what is configured for it and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from operator import attrgetter

from attrs import field, fields, frozen

from cfos_cm.electrical import ALL_PHASES, OCPP_STEPS, CurrentSteps, Phase, PhaseCurrents
from cfos_cm.site.measured import NOTHING_MEASURED, Measured
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.transaction import Transaction

__all__ = [
    "NOT_ASKED",
    "ChargingMode",
    "DeviceIdentity",
    "Evse",
    "EvseSettings",
    "Link",
    "Occupancy",
]


#: What a backend objects to before it has said anything.
NOT_ASKED = "has not been asked yet"


class Link(StrEnum):
    """Whether an EVSE can be reached."""

    NEVER = "never seen"
    """Not since this program started: what the EVSE does is not known."""
    ONLINE = "online"
    LOST = "lost"
    """It was reachable, and is not any more."""


class Occupancy(StrEnum):
    """What an EVSE says about its car."""

    UNKNOWN = "unknown"
    FREE = "free"
    PLUGGED = "plugged in"
    """A car is there and does not charge: it, or the EVSE, pauses."""
    CHARGING = "charging"
    UNAVAILABLE = "out of service"
    FAULTED = "faulted"


class ChargingMode(StrEnum):
    """What an EVSE charges with."""

    NORMAL = "normal"
    """With whatever the circuits leave it."""
    SURPLUS = "surplus"
    """Only with what the site would feed into the grid."""


@frozen
class EvseSettings:
    """
    What is configured for one EVSE.

    @ivar name: unique in the site.
    @ivar circuit: the circuit that feeds it.
    @ivar enabled: whether it takes part; see C{disabled_current_ma}.
    @ivar min_current_ma: below it a car does not charge; at least 6 A, IEC 61851-1. [mA]
    @ivar max_current_ma: its rating. [mA]
    @ivar phases: the supply's phases in the order in which its own are wired; 1 to 3.
    @ivar priority: higher is served first.
    @ivar failsafe_current_ma: what it falls back to when contact is lost. [mA]
    @ivar fixed_tag: the idTag of a car whose driver showed no card before it was plugged in.
    @ivar needs_backend: a billing backend must allow each charge.
    @ivar disabled_current_ma: the most that it gets while it is disabled. [mA]
    @ivar released_when_disabled: it gets no limits at all while it is disabled: all that were
        set are cleared, so that it can be used alone.
    @ivar weight: how much it gets against others of its priority when it is not enough for all.
    @ivar steps: the currents that it can be set to.
    @ivar mode: what it charges with.
    @ivar can_switch_phases: it can be told to charge with one phase instead of three.
    @ivar keeps_limit: what it was told holds until it is told something else, whatever
        transaction begins or ends, and however its car pauses.
    @ivar open_to_all: this program asks nobody who may charge there; its device may.
    @ivar metered_apart: what it draws is what a meter of its own says, and not what it says
        itself.
    """

    name: str
    circuit: str
    enabled: bool = True
    min_current_ma: int = 6000
    max_current_ma: int = 16000
    phases: tuple[Phase, ...] = ALL_PHASES
    priority: int = 1
    failsafe_current_ma: int = 0
    fixed_tag: str | None = None
    needs_backend: bool = False
    disabled_current_ma: int = 0
    released_when_disabled: bool = False
    weight: int = 1
    steps: CurrentSteps = OCPP_STEPS
    mode: ChargingMode = ChargingMode.NORMAL
    can_switch_phases: bool = False
    keeps_limit: bool = False
    open_to_all: bool = False
    metered_apart: bool = False


@frozen
class DeviceIdentity:
    """What a device says about itself."""

    vendor: str
    model: str
    serial_number: str | None = None
    firmware_version: str | None = None


@frozen
class Evse:
    """
    Everything that is known about one EVSE.

    @ivar identity: who made it; C{None} until it has said so.
    @ivar fault: its error code while it is faulted.
    @ivar transaction: the one that runs.
    @ivar target: what the last decision wants it to have.
    @ivar ordered: the order that it was given last and has not answered yet.
    @ivar unanswered_ma: the highest of the orders that were given up without an answer, since
        the last one that it accepted; any of them may have arrived. [mA]
    @ivar confirmed: the last order that it accepted; C{None}: what it obeys is not known.
    @ivar forbids_by_default: it has accepted that it gives no current outside a transaction,
        and nothing says that it may have forgotten it.
    @ivar stale: it has to be told again.
    @ivar unsure: it may have forgotten all that it accepted, and has accepted nothing since.
    @ivar was_unsure: so it was when it was lost: it may have forgotten what it was told for the
        time that it is on its own, too.
    @ivar disobedient: it did not take its last order, so that nobody can count on its taking
        the next one.
    @ivar released: it has confirmed that it obeys no limit of ours.
    @ivar outside_ma: what others allow it, by who they are. [mA per phase]
    @ivar backend_objection: why the backend that bills it does not let it charge, if it has
        one; C{None}: it does.
    @ivar meter: what its meter says.
    """

    settings: EvseSettings
    link: Link = Link.NEVER
    identity: DeviceIdentity | None = None
    occupancy: Occupancy = Occupancy.UNKNOWN
    fault: str | None = None
    transaction: Transaction | None = None
    target: Setpoint | None = None
    ordered: Setpoint | None = None
    unanswered_ma: int = 0
    confirmed: Setpoint | None = None
    forbids_by_default: bool = False
    stale: bool = True
    unsure: bool = True
    was_unsure: bool = False
    disobedient: bool = False
    released: bool = False
    outside_ma: Mapping[str, int] = field(factory=dict)
    backend_objection: str | None = NOT_ASKED
    meter: Measured = NOTHING_MEASURED

    @property
    def name(self) -> str:
        """The name in its settings."""
        return self.settings.name

    @property
    def is_left_alone(self) -> bool:
        """Whether it is to obey no limit of ours, nor any other that we know of."""
        return self.settings.released_when_disabled and not self.settings.enabled

    @property
    def measured(self) -> PhaseCurrents | None:
        """The currents that its meter sees; C{None}: not known. [mA]"""
        return self.meter.currents

    @property
    def energy_wh(self) -> int | None:
        """Its meter's register, not the session; C{None}: not known. [Wh]"""
        return self.meter.energy_wh

    @property
    def power_w(self) -> int | None:
        """What the car draws; C{None}: not known. [W]"""
        return self.meter.power_w

    def with_meter(self, meter: Measured) -> Evse:
        """
        The same with another C{meter}; itself if it is the one that it has.

        It is what C{attrs.evolve} does, in a fifth of the time: each MeterValues.req ends here.
        """
        if meter is self.meter:
            return self
        return Evse(*(*_all_but_the_meter(self), meter))

    @property
    def active_transaction_id(self) -> int | None:
        """
        The transaction that a limit can be set for.

        None where the EVSE says that it is free: it has ended the transaction then, whatever
        it still has to tell of it.
        """
        if self.transaction is None or self.occupancy is Occupancy.FREE:
            return None
        return self.transaction.transaction_id

    @property
    def granted_ma(self) -> int:
        """
        The highest of what it was ordered and may obey; 0 when nothing is known of it.

        [mA per phase]
        """
        if self.confirmed is None:
            return 0
        return self._told_ma

    @property
    def may_draw_ma(self) -> int:
        """
        The most that it may be drawing now, whatever was lost on the way. [mA per phase]

        A fuse is safe when these fit, not when the orders do: an order that is not confirmed
        may not have arrived, one that was may be forgotten, and what is not known counts as
        the rating.
        """
        if self.link is Link.NEVER and not self.settings.enabled and self.transaction is None:
            # Its owner says that it is out of use, and nothing says otherwise.
            return 0
        if self.is_left_alone:
            return self.settings.max_current_ma
        is_there = self.link is Link.ONLINE
        found_ma = self._told_ma
        if self.confirmed is None or (self.unsure if is_there else self.was_unsure):
            # Some drop their limits when they start, connect or resume, and say nothing of it.
            found_ma = max(found_ma, self.settings.max_current_ma)
        if not is_there or self.disobedient or self._is_charging_unknown:
            # On its own it obeys what its owner says that it does; and what it was told may
            # have ended by itself, as it does when nothing is heard of us.
            found_ma = max(found_ma, self.settings.failsafe_current_ma)
        return found_ma

    @property
    def _is_charging_unknown(self) -> bool:
        """It is in a transaction that we do not know of, with what it has by default."""
        return self.transaction is None and self.occupancy is Occupancy.CHARGING

    @property
    def _told_ma(self) -> int:
        """The highest of all that it was told and may have taken. [mA per phase]"""
        return max(
            self.unanswered_ma,
            0 if self.confirmed is None else self.confirmed.current_ma,
            0 if self.ordered is None else self.ordered.current_ma,
        )


# The meter is the last field, so that all others can be handed on in their order.
_all_but_the_meter = attrgetter(*[one.name for one in fields(Evse) if one.name != "meter"])
