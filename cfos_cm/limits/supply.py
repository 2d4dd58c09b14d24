"""What is left of each constraint while it is shared, and who takes from it."""

from __future__ import annotations

from collections.abc import Collection

from cfos_cm.electrical import CurrentSteps
from cfos_cm.limits.constraint import Constraint

__all__ = ["NEVER", "Group", "Path", "Riser", "Supply", "obstacle", "separate", "take"]

#: Above every level.
NEVER = 1 << 80


class Supply:
    """
    What is left of one constraint.

    @ivar free_ma: what nobody has taken. [mA]
    @ivar room_ma: what it has for those afloat, beside what they may be above the level. [mA]
    @ivar weight: how fast that is used up when the level rises.
    @ivar checked_at: the level at which it is looked at next.
    """

    __slots__ = ("checked_at", "constraint", "free_ma", "room_ma", "weight")

    def __init__(self, constraint: Constraint, free_ma: int) -> None:
        self.constraint = constraint
        self.free_ma = free_ma
        self.begin()

    def begin(self) -> None:
        """Nobody is afloat yet."""
        self.room_ma = self.free_ma
        self.weight = 0
        self.checked_at = NEVER


#: All that an EVSE is fed from, and how many mA of it each of its mA takes.
Path = tuple[tuple[Supply, int], ...]


def obstacle(path: Path, current_ma: int) -> Supply | None:
    """What has no room for C{current_ma} more; where several have none, the tightest."""
    for supply, times in path:
        if supply.free_ma < times * current_ma:
            return min(path, key=lambda row: row[0].free_ma // row[1])[0]
    return None


def take(path: Path, current_ma: int) -> None:
    """Take C{current_ma} from all of C{path}."""
    for supply, times in path:
        supply.free_ma -= times * current_ma


class Group:
    """
    Those of one priority class that are wired alike.

    Its path has three parts. What is wide has enough for all, and is not looked at until all
    is done. What is loose has enough up to some level; it is told from time to time what was
    taken. From what is tight each step is taken by itself, as there is little left.

    @ivar places: of its risers, in the order.
    @ivar asked_ma: what all ask for together. [mA]
    @ivar taken_ma: what is loose was not yet told of it. [mA]
    @ivar weight: of those who began to rise, without those who settled; what is loose was not
        yet told of them.
    @ivar room_ma: what is loose has more or less for it. [mA]
    """

    __slots__ = (
        "asked_ma", "loose", "path", "places", "room_ma", "taken_ma", "tight", "weight", "wide",
    )  # fmt: skip

    def __init__(self, path: Path) -> None:
        self.path = path
        self.places: list[int] = []
        self.asked_ma = 0
        self.wide: Path = path
        self.loose: Path = ()
        self.tight: Path = ()
        self.taken_ma = self.weight = self.room_ma = 0

    def tighten(self, supply: Supply) -> None:
        """From now on C{supply} is tight."""
        self.tight += tuple([row for row in self.loose if row[0] is supply])
        self.loose = tuple([row for row in self.loose if row[0] is not supply])

    def account(self) -> None:
        """Tell what is loose what has happened since it was told last."""
        if self.taken_ma:
            take(self.loose, self.taken_ma)
        weight, room_ma = self.weight, self.room_ma
        if weight or room_ma:
            for supply, times in self.loose:
                supply.weight += times * weight
                supply.room_ma += times * room_ma
        self.taken_ma = self.weight = self.room_ma = 0


def separate(groups: Collection[Group]) -> None:
    """Find what is wide for each group, and what may become too narrow: that is loose."""
    asked: dict[Supply, int] = {}
    for group in groups:
        for supply, times in group.path:
            asked[supply] = asked.get(supply, 0) + times * group.asked_ma
    scarce = {supply for supply, asked_ma in asked.items() if asked_ma > supply.free_ma}
    for supply in scarce:
        supply.begin()
    for group in groups:
        group.wide = tuple([row for row in group.path if row[0] not in scarce])
        group.loose = tuple([row for row in group.path if row[0] in scarce])


class Riser:
    """
    One that could use at least its minimum, and gets more and more.

    @ivar minimum_ma: the lowest of its steps that is of use to it. [mA per phase]
    @ivar top_ma: the highest of them. [mA per phase]
    @ivar current_ma: what it has got. [mA per phase]
    @ivar reserve_ma: how far it may be above the level. [mA per phase]
    @ivar is_afloat: it has begun to rise and not settled.
    @ivar bound_by: what had no room for its next step; C{None} at the top.
    @ivar left_ma: what was left there. [mA]
    @ivar place: in the order.
    """

    __slots__ = (
        "bound_by", "current_ma", "evse", "group", "is_afloat", "left_ma", "minimum_ma",
        "place", "reserve_ma", "steps", "top_ma", "weight",
    )  # fmt: skip

    def __init__(
        self,
        evse: str,
        group: Group,
        minimum_ma: int,
        top_ma: int,
        weight: int,
        steps: CurrentSteps,
    ) -> None:
        self.evse = evse
        self.group = group
        self.minimum_ma = self.current_ma = minimum_ma
        self.top_ma = top_ma
        self.weight = weight
        self.steps = steps
        # What is finer than a mA counts as one.
        self.reserve_ma = steps.widest_ma + 1
        self.is_afloat = False
        self.bound_by: Constraint | None = None
        self.left_ma = 0
        self.place = 0
