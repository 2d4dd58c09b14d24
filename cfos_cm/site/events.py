"""
What can happen on a site.

Devices and peers report these; L{cfos_cm.site.state.fold} makes the next state of each, and
everybody who watches the site (the journal, the page, a gateway) sees the same ones.
"""

from __future__ import annotations

from attrs import frozen

from cfos_cm.electrical import PhaseCurrents
from cfos_cm.site.circuit import CircuitSettings
from cfos_cm.site.evse import DeviceIdentity, EvseSettings, Occupancy
from cfos_cm.site.setpoint import Setpoint
from cfos_cm.site.tag import Verdict
from cfos_cm.site.transaction import Transaction

__all__ = [
    "DeviceBooted",
    "EvseConnected",
    "EvseLost",
    "EvseMeasured",
    "EvseUnproven",
    "OccupancyReported",
    "ProfilesMeddled",
    "SetpointConfirmed",
    "SetpointDecided",
    "SetpointFailed",
    "SetpointOrdered",
    "SettingsChanged",
    "SiteEvent",
    "TagJudged",
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
class EvseMeasured:
    """
    What an EVSE's meter says; C{None} where it says nothing.

    @ivar currents: per phase of the supply. [mA]
    @ivar energy_wh: the register, not the session. [Wh]
    """

    evse: str
    currents: PhaseCurrents | None = None
    energy_wh: int | None = None
    power_w: int | None = None


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
    @ivar why: for people.
    """

    evse: str
    setpoint: Setpoint
    refused: bool
    why: str


@frozen
class EvseUnproven:
    """
    An EVSE may have forgotten what it was told, and takes its time to confirm anything.

    It may still do so; until then nobody counts on it.
    """

    evse: str


SiteEvent = (
    SettingsChanged
    | EvseConnected
    | EvseLost
    | DeviceBooted
    | OccupancyReported
    | ProfilesMeddled
    | TagJudged
    | TransactionStarted
    | TransactionResumed
    | TransactionStopped
    | EvseMeasured
    | SetpointDecided
    | SetpointOrdered
    | SetpointConfirmed
    | SetpointFailed
    | EvseUnproven
)
