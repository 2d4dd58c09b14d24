"""
What a garage is like and what happens to it, as values.

Times are seconds since the beginning, in whole numbers; so one scenario and one seed are always
the same garage.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import Factory, frozen

from cfos_cm.site.evse import ChargingMode
from cfos_cm.site.policy import DEFAULT_POLICY, Policy

__all__ = [
    "MAIN",
    "METER",
    "Band",
    "Burst",
    "Cars",
    "CarsLimited",
    "Delays",
    "EvsesLimited",
    "House",
    "LinksLost",
    "MainLimited",
    "MeterFault",
    "MeterWrong",
    "Restart",
    "Scenario",
    "Sun",
    "Trouble",
    "Wires",
    "Wiring",
]

#: The main fuse, and the meter behind it.
MAIN = "house"
METER = "grid"


class Wiring(StrEnum):
    """How the bays are connected."""

    AS_THE_CAR = "as the car"
    """Each with as many phases as its car uses."""
    THREE_PHASES = "three phases"
    """All with three, rotated from one to the next; what a car uses has to be found out."""


@frozen
class Wires:
    """
    What the garage's fuses carry.

    @ivar main_ma: the main fuse. [mA per phase]
    @ivar boards: so many distribution boards feed the bays in turn.
    @ivar board_ma: the fuse of each of them. [mA per phase]
    @ivar reserve_ma: what is kept free on the main fuse. [mA per phase]
    @ivar max_imbalance_ma: how far the bays may load the phases differently; 0: any. [mA]
    @ivar failsafe_load_ma: what the house is taken to draw while its meter is silent. [mA]
    @ivar wrong_every: each so many bays are wired to the phases otherwise than configured.
    @ivar priorities: of the bays, in turn.
    @ivar board_priorities: of the boards, in turn.
    """

    main_ma: int = 250_000
    boards: int = 10
    board_ma: int = 63_000
    reserve_ma: int = 10_000
    max_imbalance_ma: int = 0
    failsafe_load_ma: int = 130_000
    wiring: Wiring = Wiring.AS_THE_CAR
    wrong_every: int = 0
    priorities: tuple[int, ...] = (1,)
    board_priorities: tuple[int, ...] = (1,)


@frozen
class Burst:
    """
    Cars that come nearly together.

    @ivar cars: so many; all others come at their own time.
    """

    at_s: int
    within_s: int
    cars: int


@frozen
class Cars:
    """
    Who wants to charge: one car for each bay, which stays.

    @ivar count: so many bays, each with its car.
    @ivar three_phase: the share of those that charge with three phases.
    @ivar strong: the share of bays that give 32 A; all others give 16 A.
    @ivar three_phase_ma: what cars with three phases take at most, each equally often.
        [mA per phase]
    @ivar single_phase_ma: the same for those with one phase. [mA]
    @ivar need_kwh: the least and the most that one needs.
    @ivar come_until: when the last ones come, as a share of the whole time; most come in the
        first minutes.
    @ivar burst: those who come together.
    @ivar mode: what they charge with.
    @ivar can_switch_phases: bays with three phases can give their car only one.
    """

    count: int = 100
    three_phase: float = 0.6
    strong: float = 0.4
    three_phase_ma: tuple[int, ...] = (16_000, 16_000, 32_000, 13_000, 10_000)
    single_phase_ma: tuple[int, ...] = (32_000, 16_000, 16_000, 20_000)
    need_kwh: tuple[float, float] = (5.0, 20.0)
    come_until: float = 0.6
    burst: Burst | None = None
    mode: ChargingMode = ChargingMode.NORMAL
    can_switch_phases: bool = False


@frozen
class House:
    """
    What the house draws besides the cars.

    @ivar base_ma: the least and the most of what each phase carries at the beginning. [mA]
    @ivar wander_ma: how far it wanders in a second, one standard deviation. [mA]
    @ivar steps_ma: what is switched on, each equally often; empty: nothing is. [mA]
    @ivar step_every_s: the mean time between two that are switched on. [s]
    @ivar step_lasts_s: how long one is on, in the mean. [s]
    """

    base_ma: tuple[float, float] = (20_000, 40_000)
    wander_ma: float = 400
    steps_ma: tuple[int, ...] = (6_000, 8_000, 10_000, 16_000, 16_000, 25_000)
    step_every_s: float = 120
    step_lasts_s: float = 240


@frozen
class Sun:
    """
    A photovoltaic system on the roof, and clouds above it.

    @ivar peak_ma: what it gives at noon, which is in the middle of the time. [mA per phase]
    @ivar cloud_every_s: the mean time between two clouds. [s]
    @ivar cloud_lasts_s: how long one takes, in the mean. [s]
    @ivar cloud_leaves: what a cloud leaves of it.
    """

    peak_ma: float = 120_000
    cloud_every_s: float = 600
    cloud_lasts_s: float = 180
    cloud_leaves: float = 0.3


@frozen
class Delays:
    """
    How long things take.

    @ivar meter_s: how old a reading of the house's meter is when it is heard. [s]
    @ivar reading_s: how old that of an EVSE is. [s]
    @ivar reading_every_s: how often an EVSE says what its car draws. [s]
    @ivar orders_s: how long an order takes, each equally often. [s]
    @ivar notice_s: how long it takes until a lost link is noticed. [s]
    @ivar meter_patience_s: how long nothing is heard of a meter before it counts as lost. [s]
    """

    meter_s: int = 3
    reading_s: int = 4
    reading_every_s: int = 1
    orders_s: tuple[int, ...] = (0, 1, 1, 2)
    notice_s: int = 0
    meter_patience_s: int = 6


@frozen
class LinksLost:
    """The bays from C{first} up to C{last}, without it, cannot be reached."""

    from_s: int
    until_s: int
    first: int
    last: int


class MeterFault(StrEnum):
    """What a meter does wrong."""

    SILENT = "silent"
    FROZEN = "frozen"
    REVERSED = "reversed"


@frozen
class MeterWrong:
    """The house's meter says nothing, or something wrong."""

    from_s: int
    until_s: int
    fault: MeterFault = MeterFault.SILENT


@frozen
class MainLimited:
    """The whole house may draw no more than this for a time. [mA per phase]"""

    from_s: int
    until_s: int
    max_ma: int


@frozen
class CarsLimited:
    """The grid operator allows all cars together no more than this for a time. [W]"""

    from_s: int
    until_s: int
    max_w: int


@frozen
class EvsesLimited:
    """A backend allows the bays from C{first} up to C{last} no more than this for a time."""

    from_s: int
    until_s: int
    first: int
    last: int
    max_ma: int


@frozen
class Restart:
    """The manager ends at C{from_s}, and is back with an empty memory at C{until_s}."""

    from_s: int
    until_s: int


Trouble = LinksLost | MeterWrong | MainLimited | CarsLimited | EvsesLimited | Restart


@frozen
class Band:
    """
    What is expected of the control loop in a scenario, for the median of the seeds.

    @ivar over_as: A·s above a limit, of all fuses and phases together.
    @ivar longest_s: the longest time above a limit, of all seeds. [s]
    @ivar reaction_s: until a lower limit is kept, of all seeds. [s]
    @ivar energy: at least so much of what who knows all delivers.
    @ivar orders: for each EVSE and hour.
    @ivar starts: how often a car begins to charge.
    """

    over_as: float = 1720.0
    longest_s: float = 10.0
    reaction_s: float = 10.0
    energy: float = 0.92
    orders: float = 60.0
    starts: float = 6.0


@frozen
class Scenario:
    """
    A garage, and what happens to it.

    @ivar name: such as C{S3-5}; what stands before the hyphen is its group.
    @ivar title: what it is about, for people.
    @ivar hours: how long it takes where nothing else is asked for.
    @ivar failsafe_ma: what a bay falls back to when it has heard nothing for a minute. [mA]
    @ivar expected: of the control loop.
    """

    name: str
    title: str
    hours: float = 8.0
    wires: Wires = Wires()
    cars: Cars = Cars()
    house: House = House()
    sun: Sun | None = None
    delays: Delays = Delays()
    troubles: tuple[Trouble, ...] = ()
    policy: Policy = DEFAULT_POLICY
    failsafe_ma: int = 6_000
    expected: Band = Factory(Band)

    @property
    def group(self) -> str:
        """All scenarios of one group are run together."""
        return self.name.partition("-")[0]
