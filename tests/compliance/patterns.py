"""
What a message must look like, written as data.

A pattern is JSON with a few values in it that stand for others: L{Kept} for what an earlier
step has kept, L{Moment} for a point in time, L{OneOf}, L{POSITIVE} and their like for whatever
fits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field, frozen

from cfos_cm.v16.timestamps import format_timestamp, parse_timestamp

__all__ = [
    "ABSENT",
    "POSITIVE",
    "TIME",
    "About",
    "Among",
    "AtMost",
    "Kept",
    "Memory",
    "Moment",
    "Near",
    "OnGrid",
    "OneOf",
    "Pattern",
    "filled",
    "objection",
]

#: JSON, with patterns in the place of some values.
Pattern = Any


@define
class Memory:
    """
    What a case remembers while it is played.

    @ivar began_at: the subject's time of day at the beginning; aware.
    @ivar kept: values of messages, by the names that the case has given them.
    """

    began_at: datetime
    kept: dict[str, Any] = field(factory=dict)


class _Stand(ABC):
    """A value that stands for others."""

    @abstractmethod
    def objection(self, found: Any, memory: Memory) -> str | None:
        """Why C{found} does not fit; C{None} if it does."""


class _Known(_Stand):
    """A value that the case knows when it comes to it, so that it can also be sent."""

    @abstractmethod
    def value(self, memory: Memory) -> Any:
        """What is sent."""

    def objection(self, found: Any, memory: Memory) -> str | None:
        """It must be that value."""
        return objection(self.value(memory), found, memory)


@frozen
class Kept(_Known):
    """
    What an earlier step has kept.

    @ivar entry: which one of a list; C{None}: all of it.
    """

    name: str
    entry: int | None = None

    def value(self, memory: Memory) -> Any:
        """What was kept."""
        kept = memory.kept[self.name]
        return kept if self.entry is None else kept[self.entry]


@frozen
class Moment(_Known):
    """So many seconds after the beginning of the case, in whole seconds; negative: before."""

    after_s: int

    def at(self, memory: Memory) -> datetime:
        """The same as an aware point in time."""
        return memory.began_at.replace(microsecond=0) + timedelta(seconds=self.after_s)

    def value(self, memory: Memory) -> Any:
        """The same as OCPP writes it."""
        return format_timestamp(self.at(memory))

    def objection(self, found: Any, memory: Memory) -> str | None:
        """It must be that moment, in whatever spelling or zone."""
        moment = parse_timestamp(found) if isinstance(found, str) else found
        return None if moment == self.at(memory) else f"{found!r} is not {self.at(memory)}"


@frozen(init=False)
class OneOf(_Stand):
    """Any of some values."""

    allowed: tuple[Any, ...]

    def __init__(self, *allowed: Any) -> None:
        self.__attrs_init__(allowed)

    def objection(self, found: Any, memory: Memory) -> str | None:
        """It must be one of them."""
        return None if found in self.allowed else f"{found!r} is none of {self.allowed}"


@frozen
class AtMost(_Stand):
    """A text of so many characters."""

    chars: int

    def objection(self, found: Any, memory: Memory) -> str | None:
        """It must not be longer."""
        fits = isinstance(found, str) and len(found) <= self.chars
        return None if fits else f"{found!r} is not a text of at most {self.chars} characters"


@frozen
class About(_Stand):
    """A time that is so many seconds after the beginning of the case, or nearly so."""

    after_s: float
    off_s: float = 15

    def objection(self, found: Any, memory: Memory) -> str | None:
        """It must not be farther off."""
        if not isinstance(found, str):
            return f"{found!r} is no time"
        after_s = (parse_timestamp(found) - memory.began_at).total_seconds()
        fits = abs(after_s - self.after_s) <= self.off_s
        return None if fits else f"{found} is {after_s} s after the beginning"


@frozen(init=False)
class Among(_Stand):
    """A list in which there is an entry for each of some patterns, whatever else is there."""

    entries: tuple[Any, ...]

    def __init__(self, *entries: Any) -> None:
        self.__attrs_init__(entries)

    def objection(self, found: Any, memory: Memory) -> str | None:
        """Each must fit one of them."""
        if not isinstance(found, list | tuple):
            return f"{found!r} is not a list"
        for entry in self.entries:
            if all(objection(entry, one, memory) is not None for one in found):
                return f"nothing in {found!r} is {entry!r}"
        return None


@frozen
class Near(_Stand):
    """A number that is not far from another one."""

    number: float
    off: float

    def objection(self, found: Any, memory: Memory) -> str | None:
        """It must not be farther off."""
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        fits = is_number and abs(found - self.number) <= self.off
        return None if fits else f"{found!r} is not {self.number} ± {self.off}"


@frozen
class OnGrid(_Stand):
    """A time that is a whole number of intervals after midnight. [s]"""

    interval_s: int

    def objection(self, found: Any, memory: Memory) -> str | None:
        """It must be one of these, to the second."""
        if not isinstance(found, str):
            return f"{found!r} is no time"
        at = parse_timestamp(found)
        second = at.hour * 3600 + at.minute * 60 + at.second
        fits = second % self.interval_s == 0
        return None if fits else f"{found} is not on a grid of {self.interval_s} s"


class _Positive(_Stand):
    def __repr__(self) -> str:
        return "POSITIVE"

    def objection(self, found: Any, memory: Memory) -> str | None:
        fits = type(found) is int and found > 0
        return None if fits else f"{found!r} is not a positive integer"


class _Time(_Stand):
    def __repr__(self) -> str:
        return "TIME"

    def objection(self, found: Any, memory: Memory) -> str | None:
        fits = isinstance(found, str) and found.endswith("Z")
        if not fits:
            return f"{found!r} is not a time that ends in Z"
        off_s = abs((parse_timestamp(found) - memory.began_at).total_seconds())
        return None if off_s < _SAME_TIME_S else f"{found!r} is not the time of day"


class _Absent(_Stand):
    def __repr__(self) -> str:
        return "ABSENT"

    def objection(self, found: Any, memory: Memory) -> str | None:
        return f"{found!r} should not be there"


#: No case takes as long as this, whichever clock it is played by. [s]
_SAME_TIME_S = 3600

#: An integer above zero.
POSITIVE = _Positive()
#: The time of day, in UTC and with the zone C{Z}.
TIME = _Time()
#: The field must not be there.
ABSENT = _Absent()


def filled(template: Pattern, memory: Memory) -> Any:
    """The JSON that is sent for C{template}: what was kept and when it is are filled in."""
    if isinstance(template, _Known):
        return template.value(memory)
    if isinstance(template, Mapping):
        return {name: filled(part, memory) for name, part in template.items()}
    if isinstance(template, list | tuple):
        return [filled(part, memory) for part in template]
    return template


def objection(pattern: Pattern, found: Any, memory: Memory, place: str = "$") -> str | None:
    """
    Why C{found} does not fit C{pattern}.

    An object may have fields that the pattern does not name; a list may have no other entries.

    @return: a sentence with its place in the message; C{None} if it fits.
    """
    if isinstance(pattern, _Stand):
        why = pattern.objection(found, memory)
        return None if why is None else f"{place}: {why}"
    if isinstance(pattern, Mapping):
        return _object_objection(pattern, found, memory, place)
    if isinstance(pattern, list | tuple):
        return _list_objection(pattern, found, memory, place)
    same = found == pattern and isinstance(found, bool) == isinstance(pattern, bool)
    return None if same else f"{place}: {found!r} is not {pattern!r}"


def _object_objection(
    pattern: Mapping[str, Pattern], found: Any, memory: Memory, place: str
) -> str | None:
    if not isinstance(found, Mapping):
        return f"{place}: {found!r} is not an object"
    for name, part in pattern.items():
        if name not in found:
            if part is ABSENT:
                continue
            return f"{place}.{name} is missing"
        why = objection(part, found[name], memory, f"{place}.{name}")
        if why is not None:
            return why
    return None


def _list_objection(
    pattern: list[Pattern] | tuple[Pattern, ...], found: Any, memory: Memory, place: str
) -> str | None:
    if not isinstance(found, list | tuple) or len(found) != len(pattern):
        return f"{place}: {found!r} is not a list of {len(pattern)}"
    for number, (part, one) in enumerate(zip(pattern, found, strict=True)):
        why = objection(part, one, memory, f"{place}[{number}]")
        if why is not None:
            return why
    return None
