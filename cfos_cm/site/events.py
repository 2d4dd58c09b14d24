"""
What can happen on a site.

Devices and peers report these; L{cfos_cm.site.state.fold} makes the next state of each, and
everybody who watches the site (the journal, the page, a gateway) sees the same ones.
"""

from __future__ import annotations

from attrs import frozen

from cfos_cm.electrical import Phase, PhaseCurrents
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import DeviceIdentity, EvseSettings, Occupancy
from cfos_cm.site.meter import MeterSettings
from cfos_cm.site.outside_limit import OutsideLimit
from cfos_cm.site.policy import DEFAULT_POLICY, Policy
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

__all__ = [
    "BackendSpoke",
    "CardShown",
    "CircuitLimitMet",
    "CircuitLimited",
    "CircuitOverdrawn",
    "CircuitReleased",
    "DeviceBooted",
    "EvseConnected",
    "EvseLimited",
    "EvseLost",
    "EvseMeasured",
    "EvseUnproven",
    "FailsafeAssumed",
    "LimitsCancelled",
    "MeterLost",
    "MeterMeasured",
    "OccupancyReported",
    "ProfilesMeddled",
    "SetpointConfirmed",
    "SetpointDecided",
    "SetpointFailed",
    "SetpointOrdered",
    "SettingsChanged",
    "SiteEvent",
    "TagJudged",
    "TransactionJudged",
    "TransactionResumed",
    "TransactionStarted",
    "TransactionStopped",
]


@frozen
class SettingsChanged:
    """The configuration was read, at the start or again."""

    title: str
    observe_only: bool
    circuits: tuple[CircuitSettings, ...]
    evses: tuple[EvseSettings, ...]
    meters: tuple[MeterSettings, ...] = ()
    policy: Policy = DEFAULT_POLICY


@frozen
class EvseConnected:
    """An EVSE can be reached; C{origin} is where it connected from, for people."""

    evse: str
    origin: str


@frozen
class EvseLost:
    """An EVSE cannot be reached any more; C{why} is for people."""

    evse: str
    why: str


@frozen
class DeviceBooted:
    """An EVSE's device has started and said what it is."""

    evse: str
    identity: DeviceIdentity


@frozen
class OccupancyReported:
    """
    An EVSE said what its car does.

    @ivar detail: its own word for it, such as C{SuspendedEV}.
    @ivar fault: its error code when it is faulted.
    """

    evse: str
    occupancy: Occupancy
    detail: str
    fault: str | None = None


@frozen
class ProfilesMeddled:
    """
    Somebody beside the control loop has changed what an EVSE obeys.

    He has set or cleared its charging profiles, or had its Charge Point started anew: what it
    was told may not hold any more, and it is told again.

    @ivar by: who, for people.
    """

    evse: str
    by: str


@frozen
class FailsafeAssumed:
    """
    An EVSE has been away for so long that it has fallen back by itself.

    @ivar current_ma: what it gives now at most: its fail-safe current, or what its car drew
        last where that was more. [mA per phase]
    """

    evse: str
    current_ma: int


@frozen
class CardShown:
    """Somebody held a card before the reader of an EVSE that asks nobody about it."""

    evse: str
    id_tag: str


@frozen
class TagJudged:
    """
    Somebody showed a tag.

    @ivar place: the EVSE, or the Charge Point when it does not say at which connector.
    """

    place: str
    id_tag: str
    verdict: Verdict


@frozen
class TransactionStarted:
    """A transaction has begun and is on disk."""

    evse: str
    transaction: Transaction


@frozen
class TransactionResumed:
    """A transaction was still open on disk when the program started."""

    evse: str
    transaction: Transaction


@frozen
class TransactionStopped:
    """A transaction has ended and is on disk. C{energy_wh} is C{None} where it is not known."""

    evse: str
    transaction_id: int
    energy_wh: int | None
    reason: str


@frozen
class TransactionJudged:
    """Who asked for a transaction that runs may charge after all, or may not."""

    evse: str
    transaction_id: int
    verdict: Verdict


@frozen
class BackendSpoke:
    """
    Whether the backend that bills an EVSE lets it charge.

    @ivar objection: why not, in words that complete "its billing backend …"; C{None}: it does.
    """

    evse: str
    objection: str | None


@frozen
class EvseMeasured:
    """
    What an EVSE's meter says; C{None} where it says nothing.

    @ivar currents: per phase of the supply. [mA]
    @ivar energy_wh: the register, not the session. [Wh]
    @ivar is_partial: C{currents} are not those of all phases that the EVSE is wired to: where
        they are 0 nothing was said.
    """

    evse: str
    currents: PhaseCurrents | None = None
    energy_wh: int | None = None
    power_w: int | None = None
    is_partial: bool = False


@frozen
class SetpointDecided:
    """The decision for an EVSE is another one than before."""

    evse: str
    setpoint: Setpoint


@frozen
class SetpointOrdered:
    """An EVSE is being told to obey a setpoint."""

    evse: str
    setpoint: Setpoint


@frozen
class SetpointConfirmed:
    """
    An EVSE has accepted the setpoint that it was ordered.

    @ivar forbids_by_default: whether it has accepted with it that it gives no current outside a
        transaction; C{None}: that was no part of the order, and is as it was.
    """

    evse: str
    setpoint: Setpoint
    forbids_by_default: bool | None = None


@frozen
class SetpointFailed:
    """
    An EVSE did not accept a setpoint.

    @ivar refused: it said so; otherwise it did not answer, and may obey it or not.
    @ivar ignored: it accepted it, and says itself that it gives more.
    @ivar why: for people.
    """

    evse: str
    setpoint: Setpoint
    refused: bool
    why: str
    ignored: bool = False


@frozen
class EvseUnproven:
    """
    An EVSE may have forgotten what it was told, and takes its time to confirm anything.

    It may still do so; until then nobody counts on it.
    """

    evse: str


@frozen
class LimitsCancelled:
    """
    An EVSE that is disabled was told to drop all its limits, so that it can be used alone.

    @ivar why: for people, why it did not confirm that; C{None}: it did.
    """

    evse: str
    why: str | None = None


@frozen
class EvseLimited:
    """
    Somebody outside allows an EVSE no more than this.

    @ivar by: who, for people; each has one limit for each EVSE.
    @ivar current_ma: C{None}: he limits it no more. [mA per phase]
    """

    evse: str
    by: str
    current_ma: int | None


@frozen
class MeterMeasured:
    """
    What a meter says; C{None} where it says nothing.

    @ivar currents: into a load, or out of a generator; negative the other way. [mA]
    @ivar power_w: over all phases, with the same sign. [W]
    @ivar energy_wh: its register. [Wh]
    @ivar at_s: when that was true, by the control loop's clock; C{None}: now. [s]
    """

    meter: str
    currents: PhaseCurrents | None = None
    power_w: int | None = None
    energy_wh: int | None = None
    at_s: float | None = None


@frozen
class MeterLost:
    """Nothing was heard of a meter for too long; C{why} is for people."""

    meter: str
    why: str


@frozen
class CircuitLimited:
    """Somebody outside limits a circuit, anew or otherwise than before."""

    limit: OutsideLimit


@frozen
class CircuitReleased:
    """A limit from outside has ended; C{why} is for people."""

    circuit: str
    by: str
    why: str


@frozen
class CircuitLimitMet:
    """
    All that may be drawn fits a limit from outside now.

    @ivar booked_w: what may be drawn at most. [W]
    """

    circuit: str
    by: str
    booked_w: int


@frozen
class CircuitOverdrawn:
    """
    A phase of a circuit carries more than its fuse is made for.

    @ivar by_ma: how much more. [mA]
    @ivar highest_ma: the most that it ever was. [mA]
    """

    circuit: str
    phase: Phase
    by_ma: int
    highest_ma: int


SiteEvent = (
    SettingsChanged
    | BackendSpoke
    | CardShown
    | FailsafeAssumed
    | EvseConnected
    | EvseLost
    | DeviceBooted
    | OccupancyReported
    | ProfilesMeddled
    | TagJudged
    | TransactionStarted
    | TransactionResumed
    | TransactionStopped
    | TransactionJudged
    | EvseMeasured
    | SetpointDecided
    | SetpointOrdered
    | SetpointConfirmed
    | SetpointFailed
    | EvseUnproven
    | LimitsCancelled
    | EvseLimited
    | MeterMeasured
    | MeterLost
    | CircuitLimited
    | CircuitReleased
    | CircuitLimitMet
    | CircuitOverdrawn
)
