"""
The forms that a charging profile can have, and the order in which they are tried.

Every form says the same: so much current from now on. But Charge Points refuse what others want
to have: amperes or watts, Absolute or Relative, one stack level or another, a purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from typing import Any

from attrs import evolve, frozen

from cfos_cm.v16.core import GetConfigurationConfirmation
from cfos_cm.v16.types import ChargingProfilePurpose

__all__ = [
    "ANNOUNCEMENTS",
    "SILENCE",
    "Announcement",
    "ProfileForm",
    "Steps",
    "other_forms",
    "rounder_forms",
]

_MAX_LEVEL = "ChargeProfileMaxStackLevel"
_RATE_UNITS = "ChargingScheduleAllowedChargingRateUnit"
_SWITCHES_PHASES = "ConnectorSwitch3to1PhaseSupported"

#: What a Charge Point is asked for, all at once: some restart when they are asked much.
ANNOUNCEMENTS = (_RATE_UNITS, _MAX_LEVEL, _SWITCHES_PHASES)

#: What is announced for each unit; the specification says Current and Power.
_UNITS = {"current": "A", "a": "A", "power": "W", "w": "W"}
_BLANK = " \t\"'"
_LEVEL = re.compile("[0-9]{1,3}")

#: The currents that the smallest wallboxes can be set to. [A]
_USUAL_SIZES_A = (80, 63, 50, 40, 32, 25, 20, 16, 13, 10, 8, 6)


class Steps(StrEnum):
    """Which currents a Charge Point takes."""

    TENTHS = "tenths"
    """OCPP 1.6, ChargingSchedulePeriod: one decimal."""
    WHOLE = "whole amperes"
    USUAL = "usual sizes"
    """6, 8, 10, 13, 16 A and so on."""

    def floor_ma(self, current_ma: int) -> int:
        """The highest of these currents that is not above C{current_ma}. [mA]"""
        match self:
            case Steps.TENTHS:
                return current_ma // 100 * 100
            case Steps.WHOLE:
                return current_ma // 1000 * 1000
            case _:
                return next((1000 * a for a in _USUAL_SIZES_A if 1000 * a <= current_ma), 0)


@frozen
class ProfileForm:
    """
    What a charging profile looks like.

    @ivar in_watts: the limits are in watts; else in amperes.
    @ivar relative: the kind is Relative; else it is Absolute.
    @ivar names_phases: it says on how many phases; left out it means three.
    @ivar steps: the limits are rounded down to these.
    """

    purpose: ChargingProfilePurpose
    in_watts: bool = False
    relative: bool = False
    stack_level: int = 0
    names_phases: bool = True
    steps: Steps = Steps.TENTHS

    def __str__(self) -> str:
        """For a person: C{TxProfile in A, Relative}."""
        words = [f"{self.purpose.value} in {'W' if self.in_watts else 'A'}"]
        if self.relative:
            words.append("Relative")
        if self.stack_level:
            words.append(f"at stack level {self.stack_level}")
        if not self.names_phases:
            words.append("without numberPhases")
        if self.steps is not Steps.TENTHS:
            words.append(f"in {self.steps.value}")
        return ", ".join(words)


@frozen
class Announcement:
    """
    What a Charge Point says of its smart charging in its configuration.

    @ivar units: those that it takes, of C{A} and C{W}; empty: it does not say.
    @ivar max_level: its highest stack level; C{None}: it does not say.
    @ivar switches_phases: whether it can go from three phases to one; C{None}: it does not say.
    """

    units: frozenset[str] = frozenset()
    max_level: int | None = None
    switches_phases: bool | None = None

    @classmethod
    def read(cls, confirmation: GetConfigurationConfirmation) -> Announcement:
        """What is in the answer to a GetConfiguration; what makes no sense is left out."""
        # Some write their keys in lower case, and their values in quotes.
        told = {
            one.key.casefold(): one.value.strip(_BLANK).casefold()
            for one in confirmation.configuration_key or ()
            if one.value is not None
        }
        units = (unit.strip(_BLANK) for unit in told.get(_RATE_UNITS.casefold(), "").split(","))
        level = told.get(_MAX_LEVEL.casefold(), "")
        return cls(
            units=frozenset(_UNITS[unit] for unit in units if unit in _UNITS),
            max_level=int(level) if _LEVEL.fullmatch(level) else None,
            switches_phases={"true": True, "false": False}.get(
                told.get(_SWITCHES_PHASES.casefold(), "")
            ),
        )

    def fitted(self, form: ProfileForm) -> ProfileForm:
        """C{form} in the unit that is announced, if that is only one."""
        return evolve(form, in_watts=self.units == {"W"}) if len(self.units) == 1 else form


#: Of one that announces nothing.
SILENCE = Announcement()


def rounder_forms(form: ProfileForm, current_ma: int) -> tuple[ProfileForm, ...]:
    """The same in coarser steps, as far as they round a current further down."""
    finer_ma = form.steps.floor_ma(current_ma)
    return tuple(
        evolve(form, steps=steps) for steps in Steps if steps.floor_ma(current_ma) < finer_ma
    )


def other_forms(
    first: ProfileForm,
    purposes: Sequence[ChargingProfilePurpose],
    announcement: Announcement,
    current_ma: int,
) -> tuple[ProfileForm, ...]:
    """
    What else to try when C{first} was refused.

    First what the Charge Point announces; then what differs from it in one thing, the likely
    ones before the others; then what differs in two.

    @param purposes: those that will do.
    @param current_ma: the current that is meant; steps that leave it as it is say nothing new.
    @return: at most some thirty, each once, without C{first}.
    """
    base = announcement.fitted(first)
    changes = tuple(_changes(base, purposes, announcement, current_ma))
    found = [base, *(evolve(base, **change) for change in changes)]
    found += (
        evolve(base, **one, **another)
        for one, another in combinations(changes, 2)
        if one.keys().isdisjoint(another)
    )
    return tuple(form for form in dict.fromkeys(found) if form != first)


def _changes(
    base: ProfileForm,
    purposes: Iterable[ChargingProfilePurpose],
    announcement: Announcement,
    current_ma: int,
) -> Iterator[Mapping[str, Any]]:
    coarser = [one.steps for one in rounder_forms(base, current_ma)]
    levels = [one for one in _levels(announcement) if one != base.stack_level]
    yield from ({"steps": steps} for steps in coarser[:1])
    if len(announcement.units) != 1:
        yield {"in_watts": not base.in_watts}
    yield {"relative": not base.relative}
    yield from ({"stack_level": level} for level in levels[:1])
    yield from ({"purpose": one} for one in purposes if one is not base.purpose)
    yield from ({"stack_level": level} for level in levels[1:])
    yield from ({"steps": steps} for steps in coarser[1:])
    yield {"names_phases": not base.names_phases}


def _levels(announcement: Announcement) -> tuple[int, ...]:
    """The stack levels that are worth a trial, each once."""
    if announcement.max_level is None:
        return (0, 1)
    return tuple(dict.fromkeys((0, announcement.max_level, min(1, announcement.max_level))))
