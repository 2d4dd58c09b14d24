"""
Words of a peer's own, where OCPP 1.6 has a list of words.

L{cfos_cm.quirk.Quirk.OTHER_WORDS}. A word that is only spelled differently is understood. One
that nobody knows is replaced only where OCPP 1.6 has a word for "something else", or where it
can be left out. Left out, it must not turn a value into another one: without its unit, its
measurand, its phase or its format a sampled value would be misread, so all of it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum
from functools import cache
from typing import Final

from cfos_cm.v16.core import ChargePointErrorCode, Reason
from cfos_cm.v16.types import (
    Location,
    Measurand,
    Phase,
    ReadingContext,
    UnitOfMeasure,
    ValueFormat,
)

__all__ = ["Nothing", "meant_by"]


class Nothing(Enum):
    """What becomes of a value that cannot be used."""

    FIELD = "left out"
    """The field is read as if it were not there, or the element of a list."""
    OBJECT = "left out with the object that it is in"


def meant_by(found: str, words: type[StrEnum]) -> StrEnum | Nothing | None:
    """
    What a word means.

    @param words: those that are allowed.
    @return: one of them, or what is to be left out; C{None} if it could mean anything.
    """
    spelled = found.strip().casefold()
    known = _spellings(words).get(spelled)
    if known is not None:
        return known
    if not spelled and words in _CAN_BE_EMPTY:
        return Nothing.FIELD
    return _INSTEAD.get(words)


#: An empty text in the place of one of these says no more than no text. Without a measurand
#: the value would be an energy, which is too much to make of nothing.
_CAN_BE_EMPTY: Final = frozenset({ReadingContext, ValueFormat, Phase, Location, UnitOfMeasure})

_INSTEAD: Final[Mapping[type[StrEnum], StrEnum | Nothing]] = {
    ChargePointErrorCode: ChargePointErrorCode.OTHER_ERROR,
    Reason: Reason.OTHER,
    ReadingContext: Nothing.FIELD,
    Location: Nothing.FIELD,
    ValueFormat: Nothing.OBJECT,
    Measurand: Nothing.OBJECT,
    Phase: Nothing.OBJECT,
    UnitOfMeasure: Nothing.OBJECT,
}

_OTHER_SPELLINGS: Final[Mapping[type[StrEnum], Mapping[str, StrEnum]]] = {
    UnitOfMeasure: {
        "hz": UnitOfMeasure.HERTZ,
        "%": UnitOfMeasure.PERCENT,
        "°c": UnitOfMeasure.CELSIUS,
        # OCPP 1.5, UnitOfMeasure.
        "amp": UnitOfMeasure.A,
        "volt": UnitOfMeasure.V,
    },
}


@cache
def _spellings(words: type[StrEnum]) -> Mapping[str, StrEnum]:
    """Each word by what it is without regard to case; no two of a list are the same then."""
    return {word.casefold(): word for word in words} | dict(_OTHER_SPELLINGS.get(words, {}))
